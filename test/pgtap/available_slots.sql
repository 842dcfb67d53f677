-- available_slots agrees with a check of every single slot, at any length, step and change of clocks.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;
SET timezone = 'UTC';

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Two places', max_overlap => 2, max_duration => '200 days') AS two \gset
SELECT appt.create_application(:'organization', 'No limit', max_duration => '200 days') AS unlimited \gset
SELECT appt.create_application(:'organization', 'Hours', max_overlap => 1, max_duration => '1 hour') AS hours \gset
DELETE FROM appt.rule;

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;
-- "12:00+2": from then on two places, "12:00" where there is no limit.
CREATE FUNCTION pg_temp.slots(application uuid, range tstzrange, duration interval, step interval,
	organizer text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(to_char(start_at, 'HH24:MI') || coalesce('+' || remaining, ''), ' ' ORDER BY start_at), 'none')
	FROM appt.available_slots(application, range, duration, step, organizer) WHERE end_at - start_at = duration$$;

SELECT id AS gone FROM appt.schedule_appointment(:'two', '2031-01-01 09:00+00', '8 hours', organizer_id => 'a') \gset
SELECT state AS ignored FROM appt.cancel_appointment(:'gone') \gset
SELECT id AS ignored FROM appt.schedule_appointment(:'two', '2031-01-01 10:15+00', '30 minutes', organizer_id => 'a') \gset
SELECT id AS ignored FROM appt.schedule_appointment(:'two', '2031-01-01 10:30+00', '30 minutes', organizer_id => 'b') \gset
SELECT id AS ignored FROM appt.schedule_appointment(:'two', '2031-01-01 11:45+00', '1 hour', organizer_id => 'a') \gset

SELECT is(pg_temp.slots(:'two', range::tstzrange, duration::interval, step::interval, organizer), slots,
	format('%s, %s every %s%s', range, duration, step, ' for ' || organizer))
	FROM (VALUES
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes', NULL,
			'10:00+2 10:15+1 10:45+1 11:00+2 11:15+2 11:30+2 11:45+1'),
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '30 minutes', '15 minutes', NULL, '10:00+1 10:45+1 11:00+2 11:15+2 11:30+1'),
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '30 minutes', '30 minutes', NULL, '10:00+1 11:00+2 11:30+1'),
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '10 minutes', '1 hour', NULL, '10:00+2 11:00+2'),
		('[2031-01-01 10:07+00, 2031-01-01 11:00+00)', '20 minutes', '20 minutes', NULL, '10:07+1'),
		-- An excluded lower bound is no start; whether the upper one is included plays no role.
		('(2031-01-01 11:00+00, 2031-01-01 11:30+00)', '15 minutes', '15 minutes', NULL, '11:15+2'),
		('[2031-01-01 11:00+00, 2031-01-01 11:30+00]', '15 minutes', '15 minutes', NULL, '11:00+2 11:15+2'),
		('[2031-01-01 11:00+00, 2031-01-01 11:14:59.999999+00)', '15 minutes', '15 minutes', NULL, 'none'),
		('[2031-01-01 11:00+00, 2031-01-01 11:15+00)', '15 minutes', '3 days', NULL, '11:00+2'),
		-- Only appointments of this organizer count.
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes', 'a', '10:00+2 10:45+1 11:00+2 11:15+2 11:30+2'),
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes', 'b', '10:00+2 10:15+1 11:00+2 11:15+2 11:30+2 11:45+1'),
		('[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes', 'nobody',
			'10:00+2 10:15+1 10:45+1 11:00+2 11:15+2 11:30+2 11:45+1')) cases (range, duration, step, organizer, slots);
SELECT is(pg_temp.slots(:'unlimited', '[2031-01-01 10:00+00, 2031-01-01 11:00+00)', '30 minutes', '15 minutes'),
	'10:00 10:15 10:30', 'without a limit nothing remains to be told');
SELECT id AS ignored FROM appt.schedule_appointment(:'unlimited', '2031-01-01 10:20+00', '10 minutes', organizer_id => 'a') \gset
SELECT is(pg_temp.slots(:'unlimited', '[2031-01-01 10:00+00, 2031-01-01 11:00+00)', '15 minutes', '15 minutes', 'a'),
	'10:00 10:30 10:45', 'but an organizer is busy all the same');
-- A customer who organizes keeps no agent of the same id busy.
INSERT INTO appt.appointment (application_id, organizer_id, organizer_type, state, start_at, end_at, timezone, locale,
	notifications_active)
	VALUES (:'unlimited', 'a', 'CUSTOMER', 'SCHEDULED', '2031-01-01 10:00+00', '2031-01-01 10:15+00', 'UTC', 'en', true);
SELECT is(pg_temp.slots(:'unlimited', '[2031-01-01 10:00+00, 2031-01-01 11:00+00)', '15 minutes', '15 minutes', 'a'),
	'10:00 10:30 10:45', 'a customer of the same id is somebody else');
-- Exactly the offered slots can be booked.
SELECT is(count(booked.id), 7::bigint, 'every slot that is offered can be booked')
	FROM appt.available_slots(:'two', '[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes') s,
	LATERAL appt.schedule_appointment(:'two', s.start_at, '15 minutes', organizer_id => 'c') booked;
SELECT is(pg_temp.slots(:'two', '[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes'),
	'10:00+1 11:00+1 11:15+1 11:30+1', 'and then is one less');
UPDATE appt.application SET max_overlap = 1 WHERE id = :'two';
SELECT is(pg_temp.slots(:'two', '[2031-01-01 10:00+00, 2031-01-01 12:00+00)', '15 minutes', '15 minutes'), 'none',
	'where more than the limit are there, nothing is free');

-- What is past can't be booked.
SELECT is(array_agg(start_at - now()), ARRAY['-00:01'::interval, '00:00', '00:01', '00:02'], 'a slot may have started up to a minute ago')
	FROM appt.available_slots(:'two', tstzrange(now() - interval '10 minutes', now() + interval '3 minutes'), '1 minute', '1 minute');
SELECT is(array_agg(start_at - now()), ARRAY['00:00:00'::interval], 'and no longer')
	FROM appt.available_slots(:'two', tstzrange(now() - interval '61 seconds', now() + interval '1 minute'), '1 second', '61 seconds');
SELECT is(count(*), 0::bigint, 'a range that is over has none')
	FROM appt.available_slots(:'two', '[2001-01-01 10:00+00, 2001-01-01 11:00+00)', '15 minutes', '15 minutes');

-- Elapsed time: a day has 24 hours also where it has 23 or 25.
SET timezone = 'Europe/Athens';
SELECT is(string_agg(to_char(start_at, 'DD HH24:MI'), ' ' ORDER BY start_at), '27 12:00 28 13:00 29 13:00',
	'days over a change to summer time')
	FROM appt.available_slots(:'two', '[2032-03-27 12:00, 2032-03-30 12:59)', '1 hour', '1 day');
SELECT is(string_agg(to_char(start_at, 'HH24:MI'), ' ' ORDER BY start_at), '02:00 02:30 04:00 04:30',
	'half hours over the one that is left out')
	FROM appt.available_slots(:'two', '[2032-03-28 02:00, 2032-03-28 05:00)', '30 minutes', '30 minutes');
SELECT is(string_agg(to_char(start_at, 'HH24:MI TZH'), ' ' ORDER BY start_at), '02:00 +03 02:45 +03 03:30 +03 03:15 +02 04:00 +02',
	'and over the one that comes twice')
	FROM appt.available_slots(:'two', '[2032-10-31 02:00, 2032-10-31 05:00)', '45 minutes', '45 minutes');
SET timezone = 'UTC';

-- What is refused.
SELECT is(concat_ws(' ', state, message), expected, format('%s, %s every %s', range, duration, step))
	FROM (VALUES
		(NULL, '1 hour', '1 hour', '22023 a required argument is missing'),
		('[2031-01-01, 2031-01-02)', NULL, '1 hour', '22023 a required argument is missing'),
		('[2031-01-01, 2031-01-02)', '1 hour', NULL, '22023 a required argument is missing'),
		('empty', '1 hour', '1 hour', '22023 a range must not be empty'),
		('[2031-01-01,)', '1 hour', '1 hour', '22023 a range must be finite'),
		('(,2031-01-01)', '1 hour', '1 hour', '22023 a range must be finite'),
		('[2031-01-01,infinity)', '1 hour', '1 hour', '22023 a range must be finite'),
		('[-infinity,2031-01-01)', '1 hour', '1 hour', '22023 a range must be finite'),
		('[2031-01-01, 2031-01-02)', '0', '1 hour', '22023 a duration must be longer than 0'),
		('[2031-01-01, 2031-01-02)', '-1 hour', '1 hour', '22023 a duration must be longer than 0'),
		('[2031-01-01, 2031-01-02)', '1 hour', '0', '22023 a duration must be longer than 0'),
		('[2031-01-01, 2031-01-02)', '1 hour', '-1 second', '22023 a duration must be longer than 0'),
		('[2031-01-01, 2031-01-02)', '1 month', '1 hour', '22023 a duration must not contain months'),
		('[2031-01-01, 2031-01-02)', '1 hour', '1 year', '22023 a duration must not contain months'),
		('[2031-01-01, 2031-01-02)', '1 hour 1 microsecond', '1 hour', '22023 an appointment must not be this long'),
		('[2031-01-01 00:00+00, 2031-01-02 03:46:41+00)', '1 second', '1 second', '22023 too many slots'),
		('[2031-01-01 00:00+00, 2031-01-02 03:46:40+00)', '1 second', '1 second', ''),
		('[2031-01-01, 294276-01-01)', '1 hour', '1 microsecond', '22023 too many slots'),
		('[4714-12-01 BC, 294276-12-31)', '1 hour', '36500 days', '22023 a range must not be this long'),
		('[2031-01-01, 294276-12-31)', '1 hour', '36500 days', '')) cases (range, duration, step, expected),
	pg_temp.refusal(format('SELECT count(*) FROM appt.available_slots(%L, %L, %L, %L)', :'hours', range, duration, step));
SELECT is((pg_temp.refusal('SELECT * FROM appt.available_slots(gen_random_uuid(), ''[2031-01-01, 2031-01-02)'', ''1 hour'', ''1 '
	'hour'')')).state, 'PT404', 'an unknown application is not found');
SELECT is((pg_temp.refusal('SELECT * FROM appt.available_slots(NULL, ''[2031-01-01, 2031-01-02)'', ''1 hour'', ''1 hour'')')).state,
	'22023', 'none is none');
SELECT is((pg_temp.refusal(format('SELECT * FROM appt.available_slots(%L, ''[2031-01-01, 2031-01-02)'', ''1 hour'', ''1 '
	'hour'', '''')', :'two'))).state, '22023', 'nobody is no organizer');
SELECT is(count(*), 100000::bigint, 'a hundred thousand are given')
	FROM appt.available_slots(:'hours', '[2031-01-01 00:00+00, 2031-01-02 03:46:40+00)', '1 second', '1 second');

-- As anonymous sees it, through PostgREST.
CREATE ROLE slots_authenticator;
GRANT appt_authenticator TO slots_authenticator;
SET SESSION AUTHORIZATION slots_authenticator;
SET LOCAL ROLE appt_anonymous;
SELECT count(*) AS seen FROM appt.available_slots(:'unlimited', '[2031-01-01 10:00+00, 2031-01-01 11:00+00)', '15 minutes',
	'15 minutes') \gset
RESET SESSION AUTHORIZATION;
SELECT is(:seen, 4, 'anybody may ask');

/*
 * 10,000 random requests: durations and steps from seconds to days, ranges of up to 30 steps with every kind of bounds, around changes of
 * clocks and around now, for an organizer or none, among appointments from minutes to months, in applications with one to four places and
 * with none, whose organizers are exclusive or not. What they are compared with counts one by one how many run from each instant on
 * at which anything starts or ends, and looks for the most of those that a slot meets.
 */
SET timezone = 'America/New_York';
SELECT setseed(0.42) AS ignored \gset
CREATE TEMP TABLE tenant AS SELECT i, nullif(i % 5, 0) AS max_overlap,
	appt.create_application(:'organization', 'Random', max_overlap => nullif(i % 5, 0), organizer_exclusive => i > 5,
	max_duration => '200 days') AS id FROM generate_series(1, 10) i;
CREATE FUNCTION pg_temp.near_a_change(chance float8, minutes float8) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT (ARRAY['2032-03-14', '2032-10-31', '2032-11-07', date_trunc('minute',
		now())]::timestamptz[])[1 + floor(chance * 4)] + make_interval(mins => (5 * floor(minutes / 5))::int) $$;
-- From seconds to many, as often of each order of magnitude.
CREATE FUNCTION pg_temp.length(chance float8, shortest float8, longest float8) RETURNS interval LANGUAGE sql IMMUTABLE AS
	$$SELECT make_interval(secs => ceil(shortest * (longest / shortest) ^ chance))$$;
INSERT INTO appt.appointment (application_id, organizer_id, organizer_type, state, start_at, end_at, timezone, locale,
	notifications_active)
	SELECT id, 'agent-' || floor(random() * 4), (ARRAY['AGENT', 'AGENT', 'AGENT', 'CUSTOMER'])[1 + floor(4 * random())],
		(ARRAY['SCHEDULED', 'ACTIVATED', 'ACTIVATED', 'ENDED', 'CANCELLED'])[1 + floor(5 * random())], start_at,
		start_at + CASE WHEN random() < 0.03 THEN pg_temp.length(random(), 1, 8000000)
			ELSE make_interval(mins => 5 * ceil(random() * 12)::int) END, 'UTC', 'en', true
	FROM (SELECT 1 + r % 10 AS i, pg_temp.near_a_change(random(), random() * 20000 - 10000) AS start_at
		FROM generate_series(1, 8000) r) starts JOIN tenant USING (i);
ANALYZE appt.appointment;
CREATE TEMP TABLE request AS
	SELECT number, id AS application_id, max_overlap, duration, step, organizer_id,
		tstzrange(start_at, start_at + step * steps + duration, bounds) AS range
	FROM (SELECT number, 1 + number % 10 AS i, pg_temp.near_a_change(random(), random() * 20000 - 10000) AS start_at,
		random() * 30 AS steps, (ARRAY['[)', '[]', '()', '(]'])[1 + floor(random() * 4)] AS bounds,
			pg_temp.length(random(), 1, CASE WHEN random() < 0.9 THEN 7200 ELSE 700000 END) AS duration,
				pg_temp.length(random(), 20, CASE WHEN random() < 0.9 THEN 10000 ELSE 200000 END) AS step,
			CASE WHEN random() < 0.5 THEN 'agent-' || floor(random() * 5) END AS organizer_id
				FROM generate_series(1, 10000) number) requests JOIN tenant USING (i);

CREATE TEMP TABLE open AS SELECT application_id, start_at, end_at, CASE organizer_type WHEN 'AGENT' THEN organizer_id
	END AS agent_id FROM appt.appointment WHERE state IN ('SCHEDULED', 'ACTIVATED');
CREATE INDEX ON open (application_id);
-- Of each agent, and (agent_id '') of whoever organizes.
CREATE TEMP TABLE level AS SELECT application_id, agent_id, at, (SELECT count(*) FROM open o
		WHERE o.application_id = edge.application_id AND edge.agent_id IN ('', o.agent_id) AND o.start_at <= at
			AND o.end_at > at) AS running
	FROM (SELECT application_id, agent_id, at FROM open, unnest(ARRAY[start_at, end_at]) at WHERE agent_id IS NOT NULL UNION
		SELECT application_id, '', at FROM open, unnest(ARRAY[start_at, end_at]) at) edge;
CREATE UNIQUE INDEX ON level (application_id, agent_id, at);
CREATE TEMP TABLE slot AS SELECT number, application_id, coalesce(organizer_id, 'nobody') AS agent_id, max_overlap, s AS start_at,
	s + duration AS end_at FROM request, generate_series(lower(range), upper(range), step) s
	WHERE tstzrange(s, s + duration) <@ range AND s >= now() - interval '1 minute';
ANALYZE open, level, slot;
CREATE TEMP TABLE expected AS SELECT number, string_agg(concat_ws(' ', start_at, end_at, max_overlap - everybody.peak), ', '
	ORDER BY start_at) AS slots FROM slot,
	LATERAL (SELECT coalesce(max(running), 0) AS peak FROM level l WHERE l.application_id = slot.application_id AND l.agent_id = ''
		AND at < slot.end_at
		AND at >= coalesce((SELECT max(b.at) FROM level b WHERE b.application_id = slot.application_id AND b.agent_id = ''
			AND b.at <= slot.start_at), '-infinity')) everybody,
	LATERAL (SELECT coalesce(max(running), 0) AS peak FROM level l WHERE l.application_id = slot.application_id
		AND l.agent_id = slot.agent_id AND at < slot.end_at
		AND at >= coalesce((SELECT max(b.at) FROM level b WHERE b.application_id = slot.application_id
			AND b.agent_id = slot.agent_id AND b.at <= slot.start_at), '-infinity')) organizer
	WHERE (everybody.peak >= max_overlap) IS NOT TRUE AND organizer.peak = 0 GROUP BY number;
CREATE TEMP TABLE compared AS SELECT request.*, actual.slots, expected.slots AS expected, actual.offered FROM request LEFT
	JOIN expected USING (number), LATERAL (
	SELECT count(*) AS offered, string_agg(concat_ws(' ', start_at, end_at, remaining), ', ' ORDER BY start_at) AS slots
		FROM appt.available_slots(application_id, range, justify_hours(duration), justify_hours(step), organizer_id)) actual;
SELECT is(min(number), NULL, 'random requests are answered as if every slot were looked at by itself') FROM compared
	WHERE slots IS DISTINCT FROM expected;
SELECT cmp_ok(min(offered), '>', 1000::numeric, format('%s slots of %s requests were offered: ', sum(offered),
	sum(requests)) || string_agg(format('%s of %s, %s', offered, requests, what), '; ' ORDER BY what))
	FROM (SELECT concat_ws(' and ', CASE WHEN max_overlap > 1 THEN 'several places' WHEN max_overlap = 1 THEN 'one place'
		ELSE 'no limit' END, CASE WHEN organizer_id IS NULL THEN 'any organizer' ELSE 'one organizer' END) AS what,
		sum(offered) AS offered, count(*) AS requests FROM compared GROUP BY 1) kinds;
SELECT * FROM finish();
ROLLBACK;
