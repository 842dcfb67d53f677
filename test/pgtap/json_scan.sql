-- One value out of an answer in JSON that may be anything.
BEGIN;
SELECT no_plan();

SELECT is(appt_test.json_path_problem(path), NULL, 'a path: ' || path) FROM unnest(ARRAY[
	'sid', 'message-id', '$.sid', 'a.b.c', 'messages[0].status', '$.messages[12].status', '[0]', '$[0][1]', '$', '0', 'a b.ü',
		'a.$.b', repeat('a.', 15) || 'a']) AS path;
SELECT ok(appt_test.json_path_problem(path) IS NOT NULL, 'no path: ' || quote_literal(path)) FROM unnest(ARRAY[
	'', '$.', '.', 'a.', '.a', 'a..b', 'a[', 'a[]', 'a[x]', 'a[-1]', 'a[1', 'a]', 'a[0]b', 'a[1234567]', 'a.[0]', '$$.[', '[0].',
		repeat('a.', 16) || 'a']) AS path;

CREATE TEMPORARY TABLE answer (path text, json text, found text);
INSERT INTO answer VALUES
	('a', '{"a": "x"}', 'x'), ('a', '{"b": 1, "a": 2.50}', '2.50'), ('a', '{"a": true}', 'true'), ('a', '{"a": false}', 'false'),
		('a', '{"a": null}', NULL),
	('a', '{"a": {"a": 1}}', NULL), ('a', '{"b": {"a": 1}}', NULL), ('a', '{"b": {"a": 1}, "a": 2}', '2'),
		('a', '[{"a": 1}]', NULL), ('a', '"a"', NULL), ('a', '', NULL),
	('a', '{"a": "x", "a": "y"}', 'x'), ('a', '{"a": "\u00e9\n\ud83d\ude00\/"}', E'é\n😀/'), ('$.a', '{"a": ""}', ''),
		('ü', '{"\u00fc": 1}', '1'), ('ü', '{"ü": 1}', '1'),
	('a.b', '{"a": {"c": [1], "b": 2}}', '2'), ('a.b', '{"a": [{"b": 2}]}', NULL), ('a.b', '{"a": {"a": {"b": 1}}, "b": 3}', NULL),
		('a.b', '{"c": {"b": 1}, "a": {"b": 2}}', '2'),
	('a[0]', '{"a": ["x", "y"]}', 'x'), ('a[1]', '{"a": ["x", "y"]}', 'y'), ('a[2]', '{"a": ["x", "y"]}', NULL),
		('a[0]', '{"a": {"0": 1}}', NULL), ('[1].a', '[{"a": 1}, {"a": 2}]', '2'),
	('[1][1]', '[[1, 2], [3, 4]]', '4'), ('[2]', '[[1, 2, 3], [4, 5, 6], 7]', '7'),
		('[1][2]', '[[1, 2, 3], [4, 5], [6, 7, 8]]', NULL),
		('m[0].s[1].c', '{"m": [{"s": [{"c": 1}, {"c": 2}]}, {"s": [{"c": 3}, {"c": 4}]}]}', '2'),
	-- Cut off, or wrong later on: what came before counts, for it was there.
	('a', '{"a": "x", "b": "cut', 'x'), ('a', '{"b": "x", "a": "cut', NULL), ('a', '{"a": 1', '1'), ('a', '{"a": 1} rubbish', '1'),
		('a', '{"a" 1}', NULL), ('a', '{a: 1}', NULL), ('a', 'null', NULL);
SELECT is(appt_test.json_scalar_at(convert_to(json, 'UTF8'), path), found, path || ' of ' || json) FROM answer;

SELECT is(appt_test.json_scalar_at(bytes, 'a'), found, 'of bytes: ' || bytes::text) FROM (VALUES
	('\xff'::bytea, NULL), ('{"a": "x", "b": "'::bytea || '\xff227d'::bytea, 'x'), ('{"b": "'::bytea || '\xc3227d'::bytea, NULL),
		('\xc328'::bytea, NULL)) AS b (bytes, found);
SELECT is(appt_test.json_scalar_at(convert_to('{"a": "\u0000", "b": 1}', 'UTF8'), 'a'), NULL, 'no NUL');
SELECT is(appt_test.json_scalar_at(convert_to(repeat('[', 1000000), 'UTF8'), 'a'), NULL, 'too deep to be looked at');
SELECT is(appt_test.json_scalar_at(convert_to(repeat('["]",', 100000), 'UTF8'), 'a'), NULL,
	'brackets in strings do not hide how deep it is');
SELECT is(appt_test.json_scalar_at(convert_to('{"b": "' || repeat('[', 1000) || '\"' || repeat('{', 1000) || '", "a": 1}', 'UTF8'),
	'a'), '1', 'nor make it deeper');
SELECT is(appt_test.json_scalar_at(convert_to(repeat('{"a":', 64) || '1' || repeat('}', 64), 'UTF8'), 'a.a'), NULL, 'no scalar there');

SELECT ok(appt_test.json_is_valid(convert_to(json, 'UTF8')), 'JSON: ' || json)
	FROM unnest(ARRAY['{}', '[1, "a", null]', '"x"', ' {"a": {"b": []}} ']) AS json;
SELECT ok(NOT appt_test.json_is_valid(convert_to(json, 'UTF8')), 'no JSON: ' || json)
	FROM unnest(ARRAY['', '{', '{}}', '{"a": +1}', '{"a": x}', 'to=1', '{"a": "b"} x']) AS json;
SELECT ok(NOT appt_test.json_is_valid('\x22ff22'), 'nor text of another encoding');
SELECT * FROM finish();
ROLLBACK;
