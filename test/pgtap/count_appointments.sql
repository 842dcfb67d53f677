-- How many start when, as plain SQL counts them; and what could be activated.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT appt.create_application(:'organization', 'Other', auto_activate => false) AS other \gset
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;

-- Two at the same time, one of them longer, one in another timezone, and which count.
SELECT count(appt.schedule_appointment(:'application', start_at::timestamptz, duration::interval, organizer_id => 'a',
	timezone => timezone)) AS ignored FROM (VALUES
	('2031-01-31 19:00+00', '5 minutes', 'Europe/Berlin'), ('2031-01-31 19:00+00', '5 minutes', 'Europe/Berlin'),
		('2031-01-31 19:00+00', '10 minutes', 'Europe/Berlin'), ('2031-01-31 19:00+00', '5 minutes', 'Europe/Athens'),
	('2031-01-31 20:00+00', '1 day', 'UTC'), ('2031-02-01 05:00+00', '5 minutes', 'UTC')) a (start_at, duration, timezone) \gset
CREATE FUNCTION pg_temp.counted(application uuid, start_at text, time_frame text) RETURNS text LANGUAGE sql SET timezone = 'UTC'
	SET intervalstyle = 'iso_8601' AS $$
	SELECT string_agg(format('%s-%s %s %s %s', to_char(c.start_at, 'DD HH24:MI'), to_char(c.end_at, 'HH24:MI'), c.duration,
		c.timezone, c.count), ', ' ORDER BY c.ordinality)
	FROM appt.count_appointments(application, start_at::timestamptz, time_frame::interval) WITH ORDINALITY c $$;
SELECT is(pg_temp.counted(:'application', start_at, time_frame), expected, format('%s for %s', start_at, time_frame)) FROM (VALUES
	('2031-01-31 19:00+00', 'PT10H', '31 19:00-19:05 PT5M Europe/Athens 1, 31 19:00-19:05 PT5M Europe/Berlin 2, 31 19:00-19:10 '
		'PT10M Europe/Berlin 1, 31 20:00-20:00 PT24H UTC 1'),
	('2031-01-31 19:00+00', 'PT10H0.000001S', '31 19:00-19:05 PT5M Europe/Athens 1, 31 19:00-19:05 PT5M Europe/Berlin 2, 31 '
		'19:00-19:10 PT10M Europe/Berlin 1, 31 20:00-20:00 PT24H UTC 1, 01 05:00-05:05 PT5M UTC 1'),
	('2031-01-31 19:00:00.000001+00', 'PT59M', NULL),
		('2031-01-31 19:59+00', 'P1D', '31 20:00-20:00 PT24H UTC 1, 01 05:00-05:05 PT5M UTC 1'),
		('2031-01-31 18:00+00', 'PT1H', NULL)) frame (start_at, time_frame, expected);
SELECT appt.cancel_appointment(c.id) AS ignored FROM appt.find_appointments(:'application', duration => '{P1D}') p,
	unnest(p.content) c \gset
SELECT appt.end_appointment(c.id) AS ignored FROM appt.find_appointments(:'application', duration => '{PT10M}') p,
	unnest(p.content) c \gset
SELECT is(pg_temp.counted(:'application', '2031-01-31 19:00+00', 'PT10H'),
	'31 19:00-19:05 PT5M Europe/Athens 1, 31 19:00-19:05 PT5M Europe/Berlin 2', 'what is cancelled or ended does not count');
SELECT is(pg_temp.counted(:'other', '2031-01-31 19:00+00', 'PT10H'), NULL, 'another application has none');
SELECT is(pg_temp.counted('00000000-0000-0000-0000-000000000000', '2031-01-31 19:00+00', 'PT10H'), NULL, 'an unknown one neither');
SELECT is(to_jsonb(c), '{"start_at": "2031-01-31T19:00:00+00:00", "end_at": "2031-01-31T19:05:00+00:00", "duration": "00:05:00", '
	'"timezone": "Europe/Berlin", "count": 2}', 'a row as JSON')
	FROM (SELECT set_config('timezone', 'UTC', true)) utc, appt.count_appointments(:'application', '2031-01-31 19:00+00', 'PT1H') c
		WHERE c.count = 2;
SELECT is(r.state, '22023', arguments || ' is refused')
	FROM (VALUES ('NULL, now(), ''1 hour'''), ('gen_random_uuid(), NULL, ''1 hour'''), ('gen_random_uuid(), now(), NULL'),
	('gen_random_uuid(), now(), ''0'''),
		('gen_random_uuid(), now(), ''-1 hour'''), ('gen_random_uuid(), now(), ''1 month'''),
			('gen_random_uuid(), ''infinity'', ''1 hour'''), ('gen_random_uuid(), ''-infinity'', ''1 hour''')) wrong (arguments),
	pg_temp.refusal('count_appointments(' || arguments || ')') r;

-- Random appointments that often coincide, random time frames.
SELECT setseed(0.42) AS ignored \gset
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT (ARRAY[:'application', :'other'])[1 + floor(2 * random())]::uuid, 'a',
		(ARRAY['SCHEDULED', 'ACTIVATED', 'ACTIVATED', 'ENDED', 'CANCELLED'])[1 + floor(5 * random())], start_at,
		start_at + make_interval(mins => (ARRAY[15, 30, 1440, 1441])[1 + floor(4 * random())]),
			(ARRAY['UTC', 'Europe/Athens', 'America/New_York'])[1 + floor(3 * random())], 'en', true
	FROM (SELECT '2032-03-20'::timestamptz + make_interval(mins => (15 * floor(random() * 1500))::int) AS start_at
		FROM generate_series(1, 2500)) random_starts;
CREATE TEMPORARY TABLE frames AS SELECT i, (ARRAY[:'application', :'other'])[1 + floor(2 * random())]::uuid AS application_id,
	'2032-03-20'::timestamptz + make_interval(mins => (15 * floor(random() * 1500))::int) AS start_at,
	(ARRAY[interval '1 microsecond', '15 minutes', '1 hour', '1 day', '23 hours 59 minutes 59.999999 seconds',
		'3 days'])[1 + floor(6 * random())] AS time_frame FROM generate_series(1, 2000) i;
CREATE TEMPORARY TABLE answers AS
	SELECT f.i, (SELECT array_agg(ROW(c.start_at, c.end_at, c.timezone, c.count)::text ORDER BY c.ordinality)
		FROM appt.count_appointments(f.application_id, f.start_at, f.time_frame) WITH ORDINALITY c) AS counted,
		(SELECT array_agg(ROW(g.start_at, g.end_at, g.timezone, g.count)::text ORDER BY g.start_at, g.end_at,
			g.timezone COLLATE "C") FROM (SELECT a.start_at, a.end_at, a.timezone, count(*) FROM appt.appointment a
			WHERE a.application_id = f.application_id AND a.state IN ('SCHEDULED', 'ACTIVATED')
				AND extract(epoch FROM a.start_at) >= extract(epoch FROM f.start_at)
				AND extract(epoch FROM a.start_at) < extract(epoch FROM f.start_at) + extract(epoch FROM f.time_frame)
					GROUP BY a.start_at, a.end_at, a.timezone) g) AS by_plain_sql
	FROM frames f;
SELECT is(count(*) FILTER (WHERE counted IS NOT NULL) > 1200, true, 'most time frames have some') FROM answers;
SELECT is(string_agg(i::text, ' '), NULL, 'and as many as plain SQL counts, in order') FROM answers WHERE counted IS DISTINCT
	FROM by_plain_sql;

-- What could be activated: all that is SCHEDULED, however long ago it should have been.
INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
	SELECT :'other', 'a', start_at, start_at + '1 hour', 'UTC', 'en', true
		FROM generate_series('2020-01-01'::timestamptz, '2020-03-01', '1 hour') start_at;
SELECT is(count(*), 0::bigint, 'what is in order stays so')
	FROM (SELECT e.start_at, e.id, lag(ROW(e.start_at, e.id)) OVER (ORDER BY ordinality) AS before
	FROM appt.appointments_eligible_for_activation() WITH ORDINALITY e) e WHERE ROW(e.start_at, e.id) < before;
SELECT results_eq('SELECT id FROM appt.appointments_eligible_for_activation()',
	'SELECT id FROM appt.appointment WHERE state = ''SCHEDULED'' ORDER BY start_at, id', 'an SQL application gets all');
SELECT is(count(*) > 1000, true, 'more than are held in memory at a time') FROM appt.appointments_eligible_for_activation();
SELECT results_eq(format('SELECT id FROM appt.appointments_eligible_for_activation(%L)', said),
	'SELECT id FROM appt.appointment WHERE state = ''SCHEDULED'' ORDER BY start_at, id', said || ' makes no difference')
	FROM (VALUES ('PT1S'), ('P1D'), (NULL)) frame (said);
SELECT is(r.state, '22023', said || ' is refused all the same') FROM (VALUES ('PT0S'), ('PT-1H'), ('P1M')) wrong (said),
	pg_temp.refusal(format('appointments_eligible_for_activation(%L)', said)) r;
-- None to eleven participants, some added at the same time, whose ids sort otherwise in the database's collation.
INSERT INTO appt.participant (application_id, appointment_id, id, type, created_at)
	SELECT application_id, id, (ARRAY['a', 'B', 'ä', '_'])[1 + n % 4] || n, (ARRAY['AGENT', 'CUSTOMER'])[1 + n % 2],
		'2032-01-01'::timestamptz + make_interval(secs => n * 7 % 3)
		FROM appt.appointment, generate_series(1, get_byte(uuid_send(id), 11) % 12) n;
SELECT is(count(*) > 1000, true, 'many have participants')
	FROM appt.appointments_eligible_for_activation() e WHERE jsonb_array_length(participant_ids) > 2;
SELECT is(count(*), 0::bigint, 'each is what get_appointment says')
	FROM (SELECT * FROM appt.appointments_eligible_for_activation() LIMIT 2000) e WHERE e IS DISTINCT
	FROM (SELECT g FROM appt.get_appointment(e.id) g);
DELETE FROM appt.appointment;
SELECT id AS mine FROM appt.schedule_appointment(:'other', now() + '2 days', '1 hour', '{}', organizer_id => 'me') \gset
SELECT id AS next FROM appt.schedule_appointment(:'other', now() + '1 day', '1 hour', '{}', organizer_id => 'me') \gset
SELECT id AS attended FROM appt.schedule_appointment(:'other', now() + '1 day', '1 hour', '{}', organizer_id => 'you') \gset
SELECT appt.add_agent(:'attended', 'me') AS ignored \gset
-- A customer who organizes under that name is somebody else.
SELECT id AS customers FROM appt.schedule_appointment(:'other', now() + '1 day', '1 hour', '{}', organizer_id => 'me') \gset
UPDATE appt.appointment SET organizer_type = 'CUSTOMER' WHERE id = :'customers';
SELECT id AS active FROM appt.schedule_appointment(:'other', now() + '1 day', '1 hour', '{}', organizer_id => 'me') \gset
SELECT appt.activate_appointment(:'active') AS ignored \gset
CREATE ROLE count_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE TEMPORARY TABLE eligible (role text, application uuid, sub text, answer text);
GRANT ALL ON eligible TO count_login;
CREATE FUNCTION pg_temp.eligible_as(role text, claims jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT string_agg(id::text, '' '') FROM appt.appointments_eligible_for_activation()' INTO result;
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
INSERT INTO eligible VALUES ('appt_client_service', :'other', 'me'), ('appt_client_service', :'application', 'me'),
	('appt_client_service', :'other', 'nobody'), ('appt_agent', :'other', 'me'), ('appt_supervisor', :'other', 'me');
SET LOCAL SESSION AUTHORIZATION count_login;
UPDATE eligible SET answer = pg_temp.eligible_as(role, jsonb_build_object('sub', sub, 'application_id', application));
RESET SESSION AUTHORIZATION;
SELECT is(answer, CASE WHEN role <> 'appt_client_service' THEN '42501' WHEN application = :'other'
	THEN (SELECT string_agg(id::text, ' ' ORDER BY start_at, id)
	FROM appt.appointment WHERE id IN (:'next', :'mine', :'attended', :'customers')) END,
		format('%s %s of %s: those of its application, by start', role, sub, application)) FROM eligible;

SELECT * FROM finish();
ROLLBACK;
