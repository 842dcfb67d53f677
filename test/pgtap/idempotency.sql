-- A repeated call with its key: its result, the owner of the key, and its lifetime.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application, appt.create_application(:'organization', 'Support') AS support,
	appt.create_application(:'organization', 'Narrow', agent_scope => 'OWN') AS narrow \gset
SELECT appt.create_subscription(:'application', 'https://hooks.example/') \g /dev/null
SELECT now() + interval '2 days' AS start_at \gset

-- Schedules for an application with these further arguments.
CREATE FUNCTION pg_temp.call(application uuid, arguments text,
	organizer text = 'ann') RETURNS appt.appointment_details LANGUAGE plpgsql AS $$
DECLARE
	result appt.appointment_details;
BEGIN
	EXECUTE format('SELECT * FROM appt.schedule_appointment(%L, now() + interval ''2 days'', ''1 hour'', %s%s)', application,
		CASE WHEN organizer IS NOT NULL THEN format('organizer_id => %L, ', organizer) END, arguments) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

/* ---- the same call again ---- */

SELECT id FROM pg_temp.call(:'application', $$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A',
	idempotency_key => 'key'$$) \gset
SELECT count(*) AS planned FROM appt.notification \gset
SELECT is(a, (SELECT g FROM appt.get_appointment(:'id') g), 'the same call again gets the appointment')
FROM pg_temp.call(:'application', $$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A',
	idempotency_key => 'key'$$) a;
SELECT is(a.id, :'id', 'in the same statement, too')
FROM generate_series(1, 2), LATERAL pg_temp.call(:'application',
	$$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A', idempotency_key => 'key'$$) a;
SELECT is(count(*), 1::bigint, 'and nothing is booked') FROM appt.appointment;
SELECT is(count(*), :planned::bigint, 'nor planned') FROM appt.notification;
SELECT cmp_ok(:planned, '>', 1, 'more than what the first has planned');
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL intervalstyle = 'sql_standard';
SELECT is(a.id, :'id', 'whatever the session''s settings are')
FROM pg_temp.call(:'application', $$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A',
	idempotency_key => 'key'$$) a;
RESET timezone;
RESET datestyle;
RESET intervalstyle;

-- It gets the current state of the appointment.
SELECT id AS changing FROM pg_temp.call(:'application', $$idempotency_key => 'changing'$$) \gset
SELECT appt.update_appointment(:'changing', 'Another title') \g /dev/null
SELECT appt.add_customer(:'changing', '{"username": "bobby"}') \g /dev/null
SELECT appt.reassign_appointment(:'changing', 'zoe') \g /dev/null
SELECT is(a, (SELECT g FROM appt.get_appointment(:'changing') g), 'as it is now')
	FROM pg_temp.call(:'application', $$idempotency_key => 'changing'$$) a;
SELECT is(a.title, 'Another title', 'with its new title') FROM pg_temp.call(:'application', $$idempotency_key => 'changing'$$) a;
SELECT appt.cancel_appointment(:'changing') \g /dev/null
SELECT is(ROW(a.id, a.state), ROW(:'changing'::uuid, 'CANCELLED'::text), 'cancelled, if it was')
	FROM pg_temp.call(:'application', $$idempotency_key => 'changing'$$) a;

-- Later changes do not refuse it.
SELECT appt.create_application(:'organization', 'Full', max_overlap => 1, organizer_exclusive => true) AS full \gset
SELECT id AS full_id FROM pg_temp.call(:'full', $$idempotency_key => 'key'$$) \gset
SELECT throws_ok(format('SELECT pg_temp.call(%L, %L)', :'full', $$idempotency_key => 'another'$$), 'PT409',
	'too many appointments at that time', 'there is no place left for another');
UPDATE appt.application SET max_duration = '1 minute' WHERE id = :'full';
SELECT is(a.id, :'full_id', 'a repeated call needs no place, and keeps the rules of its day')
	FROM pg_temp.call(:'full', $$idempotency_key => 'key'$$) a;

/* ---- other arguments ---- */

SELECT is(ROW(r.state, r.message, r.detail, r.hint)::text,
	'(PT409,"the idempotency key belongs to another call","A call of ""schedule_appointment"" with other arguments was carried out '
		'under ""key"".","Repeat a call with exactly the same arguments, and use a new key for every other call.")',
	arguments)
FROM (VALUES ($$idempotency_key => 'key'$$), ($$title => 'A', idempotency_key => 'key'$$),
	($$customer => '{"contact": {"primaryEmail": "b@example.org"}}', title => 'A', idempotency_key => 'key'$$),
	($$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A', notes => 'n', idempotency_key => 'key'$$),
	($$customer => '{"contact": {"primaryEmail": "a@example.org"}}', notes => 'A', idempotency_key => 'key'$$),
	($$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'a', idempotency_key => 'key'$$),
	($$customer => '{"contact": {"primaryEmail": "a@example.org"}}', title => 'A', notification_headers => '{"X-A": "1"}',
		idempotency_key => 'key'$$)) other (arguments),
	pg_temp.refusal(format('SELECT pg_temp.call(%L, %L)', :'application', arguments)) r;
SELECT is(r.state, 'PT409', 'another start, another duration, another organizer: ' || arguments)
FROM (VALUES ('now() + interval ''3 days'', ''1 hour'', organizer_id => ''ann'''),
	('now() + interval ''2 days'', ''2 hours'', organizer_id => ''ann'''),
	('now() + interval ''2 days'', ''1 hour'', organizer_id => ''zoe''')) other (arguments),
	pg_temp.refusal(format('SELECT appt.schedule_appointment(%L, %s, customer => ''{"contact": {"primaryEmail": '
		'"a@example.org"}}'', title => ''A'', idempotency_key => ''key'')', :'application', arguments)) r;
SELECT id AS sound FROM pg_temp.call(:'application', $$metadata => '{"a": 1, "b": [true, null, 1e2]}', idempotency_key => 'json'$$) \gset
SELECT is(a.id, :'sound', 'JSON counts by its value, not by how it is written')
	FROM pg_temp.call(:'application', $$metadata => '{ "b":[true,null,100],  "a":1 }', idempotency_key => 'json'$$) a;

-- A failed call does not use up the key.
SELECT is(r.state, '22023', 'a malformed call') FROM pg_temp.refusal(format('SELECT pg_temp.call(%L, %L)', :'application',
	$$timezone => 'Mars/Phobos', idempotency_key => 'mended'$$)) r;
SELECT isnt(a.id, NULL, 'does not use the key up') FROM pg_temp.call(:'application', $$idempotency_key => 'mended'$$) a;

/* ---- keys ---- */

SELECT isnt((pg_temp.call(:'application', 'idempotency_key => ' || key)).id,
	(pg_temp.call(:'application', 'idempotency_key => ' || key)).id, 'no key: ' || key) FROM (VALUES ('NULL'), ('''''')) none (key);
SELECT isnt((pg_temp.call(:'application', 'idempotency_key => ''a''')).id,
	(pg_temp.call(:'application', 'idempotency_key => ''' || key || '''')).id, format('"%s" is not "a"', key))
	FROM unnest('{A,aa," a","a ",ä}'::text[]) key;
SELECT is((pg_temp.call(:'application', format('idempotency_key => %L', key))).id,
	(pg_temp.call(:'application', format('idempotency_key => %L', key))).id,
	format('%s characters of %s bytes', length(key), octet_length(key)))
FROM (VALUES (repeat('x', 255)), (repeat(U&'\+01F511', 255)),
	((SELECT string_agg(chr(33 + (i * i * 7919) % 94), '') FROM generate_series(1, 255) i)), (E'\x01'), ('''')) long (key);
SELECT is(ROW(r.state, r.message, r.detail)::text,
	'(22023,"idempotency key too long","The key has 256 characters, more than 255.")', 'one more')
	FROM pg_temp.refusal(format('SELECT pg_temp.call(%L, %L)', :'application', format('idempotency_key => %L', repeat('ä', 256)))) r;
SELECT is(r.state, '22023', '1 MB') FROM pg_temp.refusal(format('SELECT pg_temp.call(%L, %L)', :'application',
	format('idempotency_key => %L', repeat('x', 1000000)))) r;

/* ---- callers ---- */

CREATE ROLE key_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE key_service LOGIN IN ROLE appt_service;
CREATE ROLE key_other_service LOGIN IN ROLE appt_service;
CREATE TEMP TABLE caller (name text, login name, role text, claims jsonb, application uuid, organizer text);
INSERT INTO caller VALUES
	('ann', 'key_login', 'appt_agent', jsonb_build_object('sub', 'ann', 'application_id', :'application'), :'application', NULL),
	('bob', 'key_login', 'appt_agent', jsonb_build_object('sub', 'bob', 'application_id', :'application'), :'application', NULL),
	('a client service of ann''s name', 'key_login', 'appt_client_service',
		jsonb_build_object('sub', 'ann', 'application_id', :'application'), :'application', NULL),
	('ann of another application', 'key_login', 'appt_agent', jsonb_build_object('sub', 'ann', 'application_id', :'support'),
		:'support', NULL),
	('an agent named as a login', 'key_login', 'appt_agent',
		jsonb_build_object('sub', 'login:key_service', 'application_id', :'application'), :'application', NULL),
	('an SQL application', 'key_service', 'key_service', '{}', :'application', 'ann'),
	('the same for another application', 'key_service', 'key_service', '{}', :'support', 'ann'),
	('another SQL application', 'key_other_service', 'key_other_service', '{}', :'application', 'ann');
CREATE TEMP TABLE booked (name text, round int, id uuid);
CREATE FUNCTION pg_temp.act(c caller, headers text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', c.claims::text, true), set_config('request.headers', headers, true);
	EXECUTE format('SET LOCAL ROLE %I', c.role);
	result := (pg_temp.call(c.application, arguments, c.organizer)).id;
	PERFORM set_config('role', 'none', true), set_config('request.headers', '', true);
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE round (number int, headers text, arguments text);
INSERT INTO round VALUES (1, '', 'idempotency_key => ''mine'''), (2, '', 'idempotency_key => ''mine''');
GRANT ALL ON caller, booked, round TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION key_login;
INSERT INTO booked SELECT name, number, pg_temp.act(caller, headers, arguments)::uuid FROM caller, round WHERE login = session_user;
SET LOCAL SESSION AUTHORIZATION key_service;
INSERT INTO booked SELECT name, number, pg_temp.act(caller, headers, arguments)::uuid FROM caller, round WHERE login = session_user;
SET LOCAL SESSION AUTHORIZATION key_other_service;
INSERT INTO booked SELECT name, number, pg_temp.act(caller, headers, arguments)::uuid FROM caller, round WHERE login = session_user;
RESET SESSION AUTHORIZATION;
SELECT is(count(DISTINCT id), 1::bigint, name || ' gets its own again') FROM booked GROUP BY name;
SELECT is(count(DISTINCT id), (SELECT count(*) FROM caller), 'and nobody another''s') FROM booked;

/* ---- the header ---- */

CREATE TEMP TABLE headed (place int, name text, headers text, arguments text, answer text);
INSERT INTO headed (place, name, headers, arguments)
SELECT place, name, headers, arguments FROM caller, (VALUES
	(1, '{"idempotency-key": "head"}', ''), (2, '{"idempotency-key": "head"}', ''), (3, '', 'idempotency_key => ''head'''),
	(4, '{"accept": "x", "idempotency-key": "head"}', 'idempotency_key => ''head'''),
		(5, '{"idempotency-key": "head"}', 'idempotency_key => '''''),
	(6, '{"idempotency-key": ""}', 'idempotency_key => ''head'''), (7, '{"idempotency-key": "head"}', 'idempotency_key => ''other'''),
	(8, '{"idempotency-key": ""}', ''), (9, '{"idempotency-key": "' || repeat('x', 256) || '"}', ''),
		(10, '{"x": {"idempotency-key": "head"}}', ''), (11, '{"idempotency-key": "head"', '')) h (place, headers, arguments)
WHERE name IN ('bob', 'an SQL application');
UPDATE headed SET arguments = 'title => NULL' WHERE arguments = '';
GRANT ALL ON headed TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION key_login;
UPDATE headed h SET answer = pg_temp.act(caller, h.headers, h.arguments) FROM caller WHERE caller.name = h.name AND h.name = 'bob'
	AND place = 1;
UPDATE headed h SET answer = pg_temp.act(caller, h.headers, h.arguments) FROM caller WHERE caller.name = h.name AND h.name = 'bob'
	AND place > 1;
SET LOCAL SESSION AUTHORIZATION key_service;
UPDATE headed h SET answer = pg_temp.act(caller, h.headers, h.arguments) FROM caller WHERE caller.name = h.name
	AND h.name = 'an SQL application';
RESET SESSION AUTHORIZATION;
SELECT is(count(DISTINCT answer), 1::bigint, 'a request''s header counts as the argument, together or alone') FROM headed
	WHERE name = 'bob' AND place <= 6;
SELECT is(answer, '22023', 'one that differs from the argument does not') FROM headed WHERE name = 'bob' AND place = 7;
SELECT is(answer, '22023', 'nor one that is too long') FROM headed WHERE name = 'bob' AND place = 9;
SELECT is(count(DISTINCT answer), 4::bigint, 'an empty one is none, nor is one elsewhere, nor one that is no JSON') FROM headed
	WHERE name = 'bob' AND (place IN (8, 10, 11) OR place = 1);
SELECT is(count(DISTINCT answer), 9::bigint, 'an SQL application''s setting of that name is none') FROM headed
	WHERE name = 'an SQL application';
SELECT ok(answer ~ '-', 'and in nothing''s way') FROM headed WHERE name = 'an SQL application' AND place = 7;

/* ---- how long ---- */

SELECT id AS gone FROM pg_temp.call(:'application', $$idempotency_key => 'again'$$) \gset
SELECT appt.delete_appointment(:'gone') \g /dev/null
SELECT is(count(*), 0::bigint, 'the key goes with the appointment') FROM appt.idempotency_key WHERE key = 'again';
SELECT id AS new FROM pg_temp.call(:'application', $$title => 'Other arguments', idempotency_key => 'again'$$) \gset
SELECT isnt(:'new'::uuid, :'gone'::uuid, 'and is free for another');
SAVEPOINT undone;
SELECT id AS undone FROM pg_temp.call(:'application', $$idempotency_key => 'undone'$$) \gset
ROLLBACK TO undone;
SELECT isnt(a.id, :'undone'::uuid, 'what was rolled back has no key') FROM pg_temp.call(:'application', $$idempotency_key => 'undone'$$) a;
SELECT is(count(*), 0::bigint, 'no key is without its appointment') FROM appt.idempotency_key WHERE appointment_id IS NULL;
SELECT is(count(*), 0::bigint, 'a call without a key leaves none') FROM appt.idempotency_key
	JOIN headed ON answer = appointment_id::text WHERE place IN (8, 10, 11);

-- A caller who lost access does not get the appointment.
CREATE TEMP TABLE mine (answer text, scope text);
INSERT INTO caller VALUES ('an agent of its own', 'key_login', 'appt_agent',
	jsonb_build_object('sub', 'ann', 'application_id', :'narrow'), :'narrow', NULL);
GRANT ALL ON mine TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION key_login;
SELECT pg_temp.act(caller, '', 'idempotency_key => ''mine''') AS mine FROM caller WHERE name = 'an agent of its own' \gset
RESET SESSION AUTHORIZATION;
SELECT appt.reassign_appointment(:'mine', 'zoe') \g /dev/null
SET LOCAL SESSION AUTHORIZATION key_login;
INSERT INTO mine SELECT pg_temp.act(caller, '', 'idempotency_key => ''mine'''), 'OWN' FROM caller WHERE name = 'an agent of its own';
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE id = :'narrow';
SET LOCAL SESSION AUTHORIZATION key_login;
INSERT INTO mine SELECT pg_temp.act(caller, '', 'idempotency_key => ''mine'''), 'APPLICATION' FROM caller
	WHERE name = 'an agent of its own';
RESET SESSION AUTHORIZATION;
SELECT is(answer, CASE scope WHEN 'OWN' THEN 'PT404' ELSE :'mine' END, 'reassigned since, agent_scope ' || scope) FROM mine;

SELECT * FROM finish();
ROLLBACK;
