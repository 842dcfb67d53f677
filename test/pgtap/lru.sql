-- The cache of values that are used again: what is made, found and evicted. After the first | what the caller's memory held, after
-- the second what the cache held.
BEGIN;
SELECT * FROM no_plan();

SELECT is(appt_test.lru(keys, max_entries, max_bytes, max_entry_bytes), expected, what) FROM (VALUES
	('{}'::text[], 2, 0, 0, '| | 0 |', 'an empty cache'),
	('{a,a,b,a}', 2, 0, 0, '+a =a +b =a | | 2 | ~b ~a', 'a value is made once'),
	('{a,b,a,c,a,b}', 2, 0, 0, '+a +b =a +c ~b =a +b ~c | | 2 | ~b ~a', 'the least recently used goes first'),
	('{a,b,c,a}', 1, 0, 0, '+a +b ~a +c ~b +a ~c | | 1 | ~a', 'one entry'),
	('{-a,-a,b}', 2, 0, 0, 'no -a no -a +b | | 1 | ~b', 'a key without a value is not remembered'),
	('{a,#b,#b,a}', 2, 0, 50000, '+a +#b +#b =a | ~#b ~#b | 1 | ~a', 'a large value is the caller''s'),
	('{#a,#b,#c,#a}', 9, 300000, 0, '+#a +#b +#c ~#a +#a ~#b | | 2 | ~#a ~#c', 'bytes are bounded'),
	('{a,!b}', 2, 0, 0, '+a error | | 1 | ~a', 'an error while a value is made leaves nothing')) cases (keys, max_entries,
		max_bytes, max_entry_bytes, expected, what);

SELECT * FROM finish();
ROLLBACK;
