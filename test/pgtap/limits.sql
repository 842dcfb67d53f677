-- Token buckets, circuit breakers and the sharing of slots, with a clock that the test sets.
BEGIN;
SELECT * FROM no_plan();

-- A bucket holds one token and the tokens of a tenth of a second.
SELECT is(trim(appt_test.bucket_run(VARIADIC string_to_array(steps, ', '))), tokens, steps) FROM (VALUES
	('?', 'all'),
	('rate 1, ?', '1 full'),
	('rate 1, take 1, ?', 'in 0.900000'),
	('rate 1, take 1, at 0.9, ?', '1'),
	('rate 1, take 1, at 1, ?', '1 full'),
	('rate 1, take 1, at 3600, ?, take 1, ?', '1 full in 0.900000'),
	('rate 1, take 1, at 0.95, take 1, ?', 'in 0.950000'),
	('rate 5, take 1, at 0.1, ?, take 1, at 0.25, ?, at 0.3, ?', '1 in 0.050000 1'),
	('rate 10, ?, take 2, ?, at 0.1, ?, at 0.2, ?', '2 full in 0.100000 1 2 full'),
	('rate 1000, ?, take 101, ?, at 0.0005, ?, at 0.001, ?, at 0.1, ?', '101 full in 0.001000 in 0.000500 1 100'),
	('rate 0.001, ?, take 1, ?', '1 full in 999.899999'),
	('rate 0.000001, take 1, ?', 'in 86400.000000'),
	('rate 1000000, take 100001, ?', 'in 0.000001'),
	-- A new rate keeps the tokens, as far as they fit.
	('rate 0.001, take 1, ?, rate 10, ?, at 0.1, ?', 'in 999.899999 in 0.099990 1'),
	('rate 1000, ?, rate 10, ?, rate 1000, ?', '101 full 2 full 2'),
	('rate 10, take 2, rate 0, ?', 'all'),
	('rate 0, take 1000, rate 10, ?', '2 full'),
	-- After the clock was set back the bucket neither gains nor loses tokens.
	('at 1000, rate 1, take 1, at 0, ?, at 0.9, ?', 'in 0.900000 in 0.900000'),
	('at 1000, rate 1, take 1, at 0, take 0, at 0.9, ?', '1'),
	-- After taking too many, the debt is paid first.
	('rate 10, take 5, ?', 'in 0.400000')) AS bucket (steps, tokens);

-- A rate is never exceeded. No token is lost if each is taken as soon as it is there.
SELECT ok(excess[2] <= 1 + 0.1 * rate + 1e-6, format('rate %s, naps up to %s s: never over', rate, nap))
FROM unnest('{0.1,0.7,1,3,7.3,10,99,1000,12345.6}'::float8[]) rate, unnest('{0,0.003,0.5}'::float8[]) nap,
	appt_test.bucket_excess(rate, 20, nap) excess;
SELECT ok(excess[1] >= floor(rate * 20) AND excess[1] <= 1 + rate * 20.1, format('rate %s: no token lost', rate))
FROM unnest('{0.1,0.7,1,3,7.3,10,99,1000,12345.6}'::float8[]) rate, appt_test.bucket_excess(rate, 20, 0) excess;

-- Circuits: ten failures in a row open one; probes follow after 1, 2, 4 .. 30 s; any success closes it.
SELECT is(trim(appt_test.circuit_run(VARIADIC string_to_array(
		replace(replace(steps, '9 bad', trim(trailing ', ' from repeat('bad, ', 9))), 'OPEN', repeat('bad, ', 10) || '?'), ', '))),
	states, steps) FROM (VALUES
	('?', 'all'),
	('9 bad, ?', 'all'),
	('9 bad, good, 9 bad, ?', 'all'),
	('9 bad, bad, ?', 'opened in 1'),
	('OPEN, bad, bad, at 0.5, ?', 'opened in 1 in 0.5'),
	('OPEN, at 1, ?, start, ?, start, ?', 'opened in 1 1 probes wait wait'),
	('OPEN, at 1, start, probe bad, ?, at 3, ?, start, at 4, probe bad, ?', 'opened in 1 probes failed in 2 1 probes failed in 4'),
	('OPEN, at 1, start, probe bad, at 3, start, probe bad, at 7, start, probe bad, at 15, start, probe bad, at 31, start, probe '
		'bad, ?, at 61, start, probe bad, ?',
	 'opened in 1 probes failed probes failed probes failed probes failed probes failed in 30 probes failed in 30'),
	('OPEN, at 1, start, probe good, ?, 9 bad, ?', 'opened in 1 probes closed all all'),
	-- A message that was in flight when it opened may close it, but does not keep it open.
	('OPEN, at 0.5, good, ?', 'opened in 1 closed all'),
	('OPEN, at 1, start, bad, ?, at 2, bad, ?', 'opened in 1 probes wait wait'),
	('OPEN, at 1, start, good, ?, probe bad, ?', 'opened in 1 probes closed all all'),
	-- A probe without a finding is repeated.
	('OPEN, at 1, start, probe nothing, ?, at 2, ?, start, probe bad, ?', 'opened in 1 probes in 1 1 probes failed in 2'),
	('nothing, ?', 'all'),
	-- A probe at once; then the waits begin with the first.
	('OPEN, at 1, start, probe bad, at 1.5, probe now, ?, start, probe bad, ?', 'opened in 1 probes failed 1 probes failed in 2'),
	('probe now, ?', 'all'),
	-- The clock is set back.
	('at 1000, OPEN, at 0, ?', 'opened in 1 1')) AS circuit (steps, states);

-- Tenants get slots in turn, however many lanes they have; so do the lanes of each tenant.
CREATE FUNCTION pg_temp.lanes(application bigint, first bigint, last bigint, destination text = 'http://a:80') RETURNS void LANGUAGE sql AS
$$SELECT appt_test.lane_refresh(lane, application, destination) FROM generate_series(first, last) lane$$;
CREATE FUNCTION pg_temp.slots(granted text, first bigint, last bigint) RETURNS bigint LANGUAGE sql AS
$$SELECT coalesce(sum(split_part(lane, ':', 2)::int), 0) FROM unnest(string_to_array(granted, ' ')) lane WHERE split_part(lane,
	':', 1)::bigint BETWEEN first AND last$$;
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 500), pg_temp.lanes(2, 501, 501), pg_temp.lanes(3, 601, 602) \g /dev/null
SELECT appt_test.lanes_allot(0, 60, 256) AS granted \gset
SELECT is(ARRAY[pg_temp.slots(:'granted', 1, 500), pg_temp.slots(:'granted', 501, 501), pg_temp.slots(:'granted', 601, 602)], '{20,20,20}',
	'500 lanes of one get as much as one lane of another');
SELECT ok(:'granted' LIKE '%601:10 602:10', 'and lanes of one tenant as much as each other');
SELECT appt_test.lanes_allot(0, 1, 196) || ',' || appt_test.lanes_allot(0, 1, 195) || ',' || appt_test.lanes_allot(0, 1,
	194) AS granted \gset
SELECT is(:'granted'::text, '21:1,501:1,601:1', 'the next time the next in turn');

-- Lanes whose messages need no transfer get theirs in turn, without slots and limits.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 2), appt_test.lane_refresh(11, 1, '', 1, 0.001, local => true),
	appt_test.lane_refresh(12, 2, '', local => true) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 0, 0, local => 5), '11:3 12:2', 'no slot is free: each lane has its part');
SELECT is(appt_test.lanes_allot(0, 0, 0, local => 5), '11:2 12:3', 'and the other one more the next time');
SELECT is(appt_test.lanes_allot(0, 4, 256, local => 3), '1:1 11:2 12:1', 'a limit of the application holds for transfers alone');
SELECT is(appt_test.lanes_allot(0, 4, 256, local => 3), '11:1 12:2', 'also once it is reached');
SELECT appt_test.lane_drain(11) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 0, 0, local => 5), '12:5', 'what one does not need the other gets');
SELECT appt_test.lane_drain(12) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 0, 0, local => 5), '', 'nothing is left');

-- One tenant takes at most four fifths of the slots; there is a slot for a tenant that has none.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 8, 8), '1:6', 'of 8 slots one may have 6');
SELECT is(appt_test.lanes_allot(0, 2, 2), '', 'and no more');
SELECT pg_temp.lanes(2, 2, 2) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 2, 2), '2:1', 'another one of those left');
SELECT pg_temp.lanes(3, 3, 3) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 1, 1), '3:1', 'a third the last');
SELECT is(appt_test.lanes_finish(1, 2), 2, 'two of the first end');
SELECT is(appt_test.lanes_allot(0, 2, 2), '2:1', 'and go to who has few');
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 256, 256), '1:204', '204 of 256');
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 1, 1), '1:1', '1 of 1');
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1), pg_temp.lanes(2, 2, 2) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 100, 100), '1:44 2:44', 'two have four ninths each');

-- Alone, a tenant whose transfers are quick takes all but a few; with these a newcomer begins, and gets what comes back.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 32, 32), '1:25', '25 of 32 before it has shown that');
SELECT is(appt_test.lanes_finish(1, 25, 0.02), 25, 'they take 20 ms');
SELECT is(appt_test.lanes_allot(0.02, 32, 32), '1:31', 'then 31');
SELECT is(appt_test.lanes_allot(0.02, 1, 1), '', 'and no more');
SELECT pg_temp.lanes(2, 2, 2), pg_temp.lanes(3, 3, 3) \g /dev/null
SELECT is(appt_test.lanes_allot(0.02, 1, 1), '2:1', 'one that comes has the last');
SELECT is(appt_test.lanes_finish(1, 1, 0.04), 1, 'one of the first ends');
SELECT is(appt_test.lanes_allot(0.04, 1, 1), '3:1', 'for who has none');
SELECT is(appt_test.lanes_finish(1, 9, 0.04), 9, 'more of the first end');
SELECT is(appt_test.lanes_allot(0.04, 9, 9), '1:1 2:3 3:3', 'most for those who have few, and two are left');
SELECT appt_test.lane_drain(2), appt_test.lane_drain(3) \g /dev/null
SELECT is(appt_test.lanes_finish(2, 4, 0.04) + appt_test.lanes_finish(3, 4, 0.04), 8, 'they have no more');
SELECT is(appt_test.lanes_allot(0.04, 10, 10), '1:9', 'then the first is alone again');
SELECT is(appt_test.lanes_finish(1, 1, 15), 1, 'one takes 15 s');
SELECT is(appt_test.lanes_allot(15, 1, 2), '', 'so its slots may come back late');
SELECT is(appt_test.lanes_finish(1, 30, 15), 30, 'as all of them did');
SELECT is(appt_test.lanes_allot(15, 32, 32), '1:25', 'it has four fifths again');
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 256, 256), '1:204', '204 of 256');
SELECT is(appt_test.lanes_finish(1, 204), 204, 'they are quick');
SELECT is(appt_test.lanes_allot(0, 256, 256), '1:248', 'then 248');

-- A tenant leaves a slot at a host that it has to itself, and more at one that it shares.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 2) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 100, 256, 10), '1:5 2:4', 'a host of its own');
SELECT is(appt_test.lanes_allot(0, 100, 247, 10), '', 'and no more');
SELECT pg_temp.lanes(2, 3, 3) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 100, 247, 10), '3:1', 'a slot for who comes then');
SELECT is(appt_test.lanes_finish(1, 1), 1, 'one ends');
SELECT is(appt_test.lanes_allot(0, 100, 247, 10), '', 'and is left free');
SELECT is(appt_test.lanes_finish(1, 4), 4, 'more of them end');
SELECT is(appt_test.lanes_allot(0, 100, 251, 10), '1:1 2:1 3:2', 'and are shared, but for one');
SELECT is(appt_test.lanes_finish(2, 4), 4, 'all of those end');
SELECT is(appt_test.lanes_allot(0, 100, 251, 10), '1:1 2:1 3:1', 'both have four of ten');
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 100, 256, 7), '1:7', 'of few slots nothing is left');

-- A full host does not delay others.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1), pg_temp.lanes(1, 2, 2, 'http://b:80') \g /dev/null
SELECT is(appt_test.lanes_allot(0, 20, 256, 4, '{http://a:80,http://b:80}'), '1:4 2:4', 'each host its own');
SELECT is(appt_test.lanes_finish(2, 4), 4, 'one is quick');
SELECT is(appt_test.lanes_allot(0, 20, 252, 4, '{http://a:80,http://b:80}'), '2:4', 'and is served again');

-- Many tenants with many lanes wait for one host: they get it in turn.
SELECT appt_test.lanes_reset() \g /dev/null
SELECT count(pg_temp.lanes(tenant, tenant * 100, tenant * 100 + 9)) FROM generate_series(1, 5) tenant \g /dev/null
SELECT is(appt_test.lanes_allot(0, 20, 256, 4), '100:1 200:1 300:1 400:1', 'four slots');
SELECT is(appt_test.lanes_allot(0, 20, 252, 4), '', 'then it is full');
SELECT is(appt_test.lanes_finish(200, 1), 1, 'one ends');
SELECT is(appt_test.lanes_allot(0, 20, 253, 4), '500:1', 'the fifth had none');
SELECT is(appt_test.lanes_finish(300, 1) + appt_test.lanes_finish(400, 1), 2, 'two end');
SELECT pg_temp.slots(appt_test.lanes_allot(0, 20, 254, 4), 1, 1000) AS granted \gset
SELECT is(:granted, 2, 'and are given again');

-- Limits of concurrency: an application's for all its lanes together, a provider's for its lane.
SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, 'http://a:80', 3), appt_test.lane_refresh(2, 1, 'http://b:80', 3),
	appt_test.lane_refresh(3, 2) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 10, 256, 1000, '{http://a:80,http://b:80,http://a:80}'), '1:2 2:1 3:7', 'an application''s 3');
SELECT is(appt_test.lanes_allot(0, 10, 246, 1000, '{http://a:80,http://b:80,http://a:80}'), '3:10', 'no more');
SELECT is(appt_test.lanes_finish(1, 1), 1, 'one ends');
SELECT is(appt_test.lanes_allot(0, 4, 237, 1000, '{http://a:80,http://b:80,http://a:80}'), '2:1 3:3', 'one more');
SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, own_concurrency => 1), appt_test.lane_refresh(2, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 10, 256), '1:1 2:9', 'a provider''s 1');
SELECT is(appt_test.lanes_finish(1, 1), 1, 'it ends');
SELECT is(appt_test.lanes_allot(0, 4, 247), '1:1 2:3', 'one more of it');
SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, application_concurrency => 0) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 10, 256), '', 'a worker that has no part of a limit sends nothing');
SELECT is(appt_test.lanes_next_wake(), NULL::float8, 'and does not wake for it');

-- Limits of rate: the lane sleeps until there is a token.
SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, own_rate => 4) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 10, 256), '1:1', 'a token');
SELECT is(appt_test.lanes_allot(0.01, 10, 255), '', 'none is left');
SELECT is(appt_test.lanes_next_wake(), 0.15::float8, 'it wakes when there is one');
SELECT is(appt_test.lanes_allot(0.149, 10, 255), '', 'not before');
SELECT is(appt_test.lanes_allot(0.15, 10, 255), '1:1', 'and has it then');
SELECT is(appt_test.lanes_allot(0.5, 10, 254, start => false), '1:1', 'what is allotted');
SELECT is(appt_test.lanes_allot(0.5, 10, 254), '1:1', 'and not used is there still');
SELECT is(appt_test.lanes_finish(1, 3), 3, 'an end of a transfer is no token');
SELECT is(appt_test.lanes_allot(0.5, 10, 256), '', 'so it sleeps on');

-- The clock is set back: the loop refreshes all lanes, and none waits until the old time has come again.
SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, application_rate => 4, own_rate => 4, at => 1000) \g /dev/null
SELECT is(appt_test.lanes_allot(1000, 10, 256), '1:1', 'a token');
SELECT is(appt_test.lanes_allot(1000, 10, 255), '', 'none is left');
SELECT appt_test.lane_refresh(1, 1, application_rate => 4, own_rate => 4, at => 0) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 10, 255), '', 'nor when the clock is set back');
SELECT is(appt_test.lanes_allot(0.15, 10, 255), '1:1', 'but soon');

SELECT appt_test.lanes_reset(), appt_test.lane_refresh(1, 1, application_rate => 30),
	appt_test.lane_refresh(2, 1, application_rate => 30) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 100, 256), '1:2 2:2', 'an application''s tokens are for all its lanes');
SELECT is(appt_test.lanes_allot(0, 100, 252), '', 'and used up by all');
SELECT round(appt_test.lanes_next_wake() * 1e6) AS next_wake \gset
SELECT is(:next_wake, 33334, 'one alarm for them all');
SELECT appt_test.lane_refresh(1, 1, application_rate => 1000, at => 0.001),
	appt_test.lane_refresh(2, 1, application_rate => 1000, at => 0.001) \g /dev/null
SELECT is(appt_test.lanes_allot(0.002, 100, 252), '1:1', 'another limit holds at once');
SELECT appt_test.lane_refresh(1, 1, at => 0.003) \g /dev/null
SELECT is(appt_test.lanes_allot(0.003, 100, 251), '1:50 2:50', 'none at all too');

-- Circuits of lanes: an open one sends one message at a time; other lanes are not affected.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 2), pg_temp.lanes(2, 3, 3) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 40, 256), '1:10 2:10 3:20', 'all at work');
SELECT appt_test.lanes_finish(1, 10, 1, 'BAD', 'GOOD') \g /dev/null
SELECT is(appt_test.open_circuits(), 'lane to http://a:80 10', 'ten failures open it');
SELECT is(appt_test.lanes_allot(1, 10, 226), '2:5 3:5', 'it is passed over');
SELECT is(appt_test.lanes_allot(2, 10, 216), '1:1 2:4 3:5', 'one message probes');
SELECT is(appt_test.lanes_allot(2.5, 10, 206), '2:5 3:5', 'one');
SELECT appt_test.lanes_finish(1, 1, 3, 'BAD', 'GOOD') \g /dev/null
SELECT is(appt_test.lanes_allot(4.9, 10, 197), '2:5 3:5', 'two seconds later');
SELECT is(appt_test.lanes_allot(5, 4, 187, start => false), '1:1 2:1 3:2', 'the next');
SELECT is(appt_test.lanes_allot(5, 4, 187), '1:1 2:1 3:2', 'if there was nothing to send, again');
SELECT appt_test.lanes_finish(1, 1, 6) \g /dev/null
SELECT is(appt_test.open_circuits(), '', 'a success closes it');
SELECT appt_test.lanes_finish(2, 100, 6), appt_test.lanes_finish(3, 100, 6) \g /dev/null
SELECT is(pg_temp.slots(appt_test.lanes_allot(6, 40, 256), 1, 1), 10::bigint, 'and it has its share again');
-- A changed destination is probed at once.
SELECT appt_test.lanes_finish(1, 10, 7, 'BAD', 'GOOD'), appt_test.lane_refresh(1, 1, at => 7.1) \g /dev/null
SELECT is(pg_temp.slots(appt_test.lanes_allot(7.1, 10, 226), 1, 1), 0::bigint, 'refreshed and nothing changed: it is passed over');
SELECT appt_test.lane_refresh(1, 1, at => 7.1, version => 2) \g /dev/null
SELECT is(pg_temp.slots(appt_test.lanes_allot(7.1, 10, 216), 1, 1), 1::bigint, 'what leads there was changed: it is tried');

-- Circuits of hosts: all lanes together send one message at a time.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1), pg_temp.lanes(2, 2, 2), pg_temp.lanes(2, 3, 3, 'http://b:80') \g /dev/null
SELECT is(appt_test.lanes_allot(0, 20, 256, 1000, '{http://a:80,http://a:80,http://b:80}'), '1:10 2:5 3:5', 'all at work');
SELECT appt_test.lanes_finish(1, 5, 1, 'NONE', 'BAD'), appt_test.lanes_finish(2, 5, 1, 'NONE', 'BAD') \g /dev/null
SELECT is(appt_test.open_circuits(), 'http://a:80 10', 'ten failures of any lane open it');
SELECT is(appt_test.lanes_allot(1, 10, 246, 1000, '{http://a:80,http://a:80,http://b:80}'), '3:10', 'all that go there are passed over');
SELECT is(appt_test.lanes_next_wake(), 2::float8, 'until the probe');
SELECT appt_test.lanes_allot(2, 4, 236, 1000, '{http://a:80,http://a:80,http://b:80}') AS granted \gset
SELECT is(ARRAY[pg_temp.slots(:'granted', 1, 2), pg_temp.slots(:'granted', 3, 3)], '{1,3}', 'one of them probes');
SELECT is(appt_test.lanes_allot(2.1, 4, 232, 1000, '{http://a:80,http://a:80,http://b:80}'), '3:4', 'one');
SELECT appt_test.lanes_finish(CASE WHEN :'granted' LIKE '1:%' THEN 1 ELSE 2 END, 100, 3) \g /dev/null
SELECT is(appt_test.open_circuits(), '', 'a success closes it');
SELECT is(pg_temp.slots(appt_test.lanes_allot(3, 10, 240, 1000, '{http://a:80,http://a:80,http://b:80}'), 1, 2) > 2, true,
	'and both are served again');

-- While no lane may send, only what ends that wakes the worker.
SELECT appt_test.lanes_reset(), pg_temp.lanes(1, 1, 1) \g /dev/null
SELECT is(appt_test.lanes_allot(0, 1, 256, 1), '1:1', 'the host''s only slot');
SELECT is(appt_test.lanes_allot(0, 1, 255, 1), '', 'is taken');
SELECT is(appt_test.lanes_next_wake(), NULL::float8, 'no alarm');
SELECT appt_test.lanes_finish(1, 1, 1, 'NONE', 'BAD') \g /dev/null
SELECT is(appt_test.lanes_allot(1, 1, 256, 1), '1:1', 'its end is enough');

-- 20,000 lanes that may not send cost nothing: parked, held, full.
SELECT appt_test.lanes_reset() \g /dev/null
SELECT count(appt_test.lane_refresh(lane, lane % 100, 'http://full:80')) FROM generate_series(1, 10000) lane \g /dev/null
SELECT count(appt_test.lane_refresh(lane, 1000, 'http://b:80', application_rate => 1)) FROM generate_series(10001, 15000) lane \g /dev/null
SELECT count(appt_test.lane_refresh(lane, 1001, 'http://c:80', application_concurrency => 1))
	FROM generate_series(15001, 20000) lane \g /dev/null
SELECT is(pg_temp.slots(appt_test.lanes_allot(0, 200, 1000, 10,
	ARRAY(SELECT CASE WHEN lane <= 10000 THEN 'http://full:80' WHEN lane <= 15000 THEN 'http://b:80' ELSE 'http://c:80' END
	FROM generate_series(1, 20000) lane)), 1, 20000), 12::bigint, 'ten, one and one of 20,000 lanes may');
SELECT is(appt_test.lanes_allot(0.1, 200, 988, 10), '', 'none of them may');
SELECT appt_test.lane_refresh(30000, 3000, 'http://free:80') \g /dev/null
SELECT cmp_ok(appt_test.lanes_visits(0.2, 10), '<', 5::float8, 'and a slot is given past them in no time');

-- Random calls in random order: limits hold, and each lane is served in the end.
SELECT is(string_agg(seed || ': ' || mistake, ', '), NULL, '300 random lives of forty lanes')
FROM generate_series(1, 300) seed, appt_test.lanes_churn(seed, 400) mistake WHERE mistake IS NOT NULL;

-- A change of one tenant's configuration refreshes its lanes and the one whose owner could not be loaded (12); no others.
SELECT is((SELECT string_agg(l, ' ' ORDER BY l::int) FROM string_to_table(trim(appt_test.lanes_invalidated(1)), ' ') AS l),
	'1 7 12', 'the lanes of one of six tenants');
SELECT is(appt_test.lanes_invalidated(99), ' 12', 'of one that has none');

SELECT * FROM finish();
ROLLBACK;
