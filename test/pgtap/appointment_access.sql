-- Access to an appointment: the result of every function for each caller, and forged identities.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE ROLE access_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE access_forger NOINHERIT LOGIN IN ROLE appt_agent, appt_supervisor, appt_client_service, appt_customer;
CREATE ROLE access_service LOGIN IN ROLE appt_service;
CREATE ROLE access_nobody LOGIN;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Own', agent_scope => 'OWN') AS own \gset
SELECT appt.create_application(:'organization', 'Foreign', agent_scope => 'OWN') AS foreign \gset
SELECT id, conference_id FROM appt.schedule_appointment(:'own', now() + '1 day', '1 hour', '{"username": "customer"}',
	organizer_id => 'owner') \gset
INSERT INTO appt.participant (application_id, appointment_id, id, type) VALUES (:'own', :'id', 'helper', 'AGENT');
SELECT id AS customer FROM appt.participant WHERE appointment_id = :'id' AND type = 'CUSTOMER' \gset
SELECT conference_id AS other_conference FROM appt.schedule_appointment(:'own', now() + '1 day', '1 hour',
	organizer_id => 'somebody') \gset

CREATE TEMPORARY TABLE caller (name text, role text, claims jsonb);
INSERT INTO caller VALUES
	('the organizer', 'appt_agent', jsonb_build_object('sub', 'owner', 'application_id', :'own')),
	('an agent attending', 'appt_agent', jsonb_build_object('sub', 'helper', 'application_id', :'own')),
	('another agent', 'appt_agent', jsonb_build_object('sub', 'other', 'application_id', :'own')),
	('a foreign agent', 'appt_agent', jsonb_build_object('sub', 'owner', 'application_id', :'foreign')),
	('an agent named as a customer', 'appt_agent', jsonb_build_object('sub', :'customer', 'application_id', :'own')),
	('the supervisor', 'appt_supervisor', jsonb_build_object('sub', 'boss', 'application_id', :'own')),
	('a foreign supervisor', 'appt_supervisor', jsonb_build_object('sub', 'boss', 'application_id', :'foreign')),
	('the organizing service', 'appt_client_service', jsonb_build_object('sub', 'owner', 'application_id', :'own')),
	('an attending service', 'appt_client_service', jsonb_build_object('sub', 'helper', 'application_id', :'own')),
	('a foreign service', 'appt_client_service', jsonb_build_object('sub', 'owner', 'application_id', :'foreign')),
	('the customer', 'appt_customer', jsonb_build_object('sub', :'customer', 'application_id', :'own', 'conference_id', :'conference_id')),
	('another customer', 'appt_customer', jsonb_build_object('sub', :'customer', 'application_id', :'own', 'conference_id',
		:'other_conference')),
	('a foreign customer', 'appt_customer', jsonb_build_object('sub', :'customer', 'application_id', :'foreign', 'conference_id',
		:'conference_id')),
	('an admin', 'appt_admin', jsonb_build_object('sub', 'admin', 'organization_id', :'organization')),
	('anybody', 'appt_anonymous', '{}'),
	('an agent without claims', 'appt_agent', '{}'),
	('an agent without a sub', 'appt_agent', jsonb_build_object('application_id', :'own')),
	('an agent of nonsense', 'appt_agent', '{"sub": "owner", "application_id": "nonsense"}'),
	('a customer without a conference', 'appt_customer', jsonb_build_object('sub', :'customer', 'application_id', :'own'));

-- What each gets with agent_scope OWN: y for an answer, n for PT404, - for 42501; in the order of the callers above.
CREATE TEMPORARY TABLE expectation (statement text, answers text);
INSERT INTO expectation VALUES
	('get_appointment(ID)',                              'yynnnynyynynn------'),
	('update_appointment(ID, ''x'')',                    'ynnnnynyyn---------'),
	('reschedule_appointment(ID, NULL, ''30 min'')',     'ynnnnynyyn---------'),
	('cancel_appointment(ID)',                           'ynnnnynyyn---------'),
	('delete_appointment(ID)',                           'ynnnnynyyn---------'),
	('add_customer(ID, ''{}'')',                         'ynnnnyn------------'),
	('add_agent(ID, ''x'')',                             'ynnnnyn------------'),
	('reassign_appointment(ID, ''x'')',                  'ynnnnyn------------'),
	('remove_participant(ID, ''helper'')',               'ynnnnyn------------'),
	('end_appointment(ID)',                              'ynnnn--------------'),
	('activate_appointment(ID)',                         '-------yyn---------'),
	('record_join(ID, CUSTOMER)',                        '-------yynynn------'),
	('record_leave(ID, CUSTOMER)',                       '-------yynynn------'),
	('record_join(ID, ''helper'')',                      '-------yynnnn------'),
	('schedule_appointment(OWN, now(), ''1 hour'')',     'yyyny--yyn---------'),
	('count_overlapping(OWN, now(), ''1 hour'')',        'yyyyyyyyyyyyyyy----');
UPDATE expectation SET statement = replace(replace(replace(statement, 'ID,', quote_literal(:'id') || ','), 'ID)',
	quote_literal(:'id') || ')'), 'OWN', quote_literal(:'own'));
UPDATE expectation SET statement = replace(statement, 'CUSTOMER', quote_literal(:'customer'));

-- Calls as a role with claims, and undoes what the call did.
CREATE FUNCTION pg_temp.answer(role text, claims jsonb, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT appt.' || statement;
	RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	RETURN CASE state WHEN 'UNDO0' THEN 'y' WHEN 'PT404' THEN 'n' WHEN '42501' THEN '-' ELSE state END;
END $$;
CREATE TEMPORARY TABLE given (login text, name text, statement text, answer text);
GRANT ALL ON caller, expectation, given TO access_login, access_forger, access_service, access_nobody;
SET LOCAL SESSION AUTHORIZATION access_login;
INSERT INTO given SELECT session_user, name, statement, pg_temp.answer(role, claims, statement) FROM caller, expectation;
SET LOCAL SESSION AUTHORIZATION access_forger;
INSERT INTO given SELECT session_user, name, statement, pg_temp.answer(role, claims, statement) FROM caller, expectation
	WHERE role NOT IN ('appt_anonymous', 'appt_admin');
SET LOCAL SESSION AUTHORIZATION access_service;
INSERT INTO given SELECT session_user, name, statement,
	pg_temp.answer('access_service', claims, replace(statement, 'now(), ''1 hour'')', 'now(), ''1 hour'', organizer_id => ''x'')'))
	FROM (SELECT * FROM caller LIMIT 1) one, expectation WHERE statement NOT LIKE 'count%';
SET LOCAL SESSION AUTHORIZATION access_nobody;
INSERT INTO given SELECT session_user, name, statement, pg_temp.answer('access_nobody', claims, statement) FROM caller, expectation;
RESET SESSION AUTHORIZATION;

SELECT is(g.answer, substr(e.answers, c.place::int, 1), format('%s: %s', c.name, e.statement))
	FROM given g JOIN expectation e USING (statement) JOIN (SELECT row_number() OVER () AS place, * FROM caller) c USING (name)
		WHERE login = 'access_login';
SELECT is(string_agg(DISTINCT answer, ''), '-', 'a login that is no member of appt_authenticator is believed nothing') FROM given
	WHERE login = 'access_forger';
SELECT is(string_agg(DISTINCT answer, ''), 'y', 'an SQL application may do everything') FROM given WHERE login = 'access_service';
SELECT is(string_agg(DISTINCT answer, ''), '-', 'who has no role may do nothing') FROM given WHERE login = 'access_nobody';
SELECT is(count(*), (SELECT count(*) FROM caller, expectation), 'all were asked') FROM given WHERE login = 'access_login';

-- With agent_scope APPLICATION every agent of the application gets what the organizer gets, a foreign one nothing.
UPDATE appt.application SET agent_scope = 'APPLICATION';
DELETE FROM given;
SET LOCAL SESSION AUTHORIZATION access_login;
INSERT INTO given SELECT session_user, name, statement, pg_temp.answer(role, claims, statement) FROM caller, expectation
	WHERE name ~ 'organizer$|agent (att|nam)|(another|foreign) agent' AND statement ~ :'id';
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'OWN';
SELECT is(answer, CASE WHEN name = 'a foreign agent' THEN translate(left(answers, 1), 'y', 'n') ELSE left(answers, 1) END,
	format('%s, agent_scope APPLICATION: %s', name, statement))
	FROM given JOIN expectation USING (statement);
SELECT is(count(DISTINCT name), 5::bigint, 'all agents were asked') FROM given;

-- A customer who organizes is no agent of the same name.
UPDATE appt.appointment SET organizer_id = :'customer', organizer_type = 'CUSTOMER' WHERE id = :'id';
DELETE FROM given;
SET LOCAL SESSION AUTHORIZATION access_login;
INSERT INTO given SELECT session_user, 'an agent', statement,
	pg_temp.answer('appt_agent', jsonb_build_object('sub', :'customer', 'application_id', :'own'), statement)
FROM expectation WHERE statement ~ :'id';
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(DISTINCT answer, ''), '-n', format('%s named as the organizing customer gets nothing of it', name)) FROM given
	GROUP BY name;

-- Who organizes.
CREATE FUNCTION pg_temp.organizer(role text, claims jsonb, organizer text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	result := (appt.schedule_appointment((claims->>'application_id')::uuid, now(), '1 hour', organizer_id => organizer)).organizer->>'id';
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
CREATE TEMPORARY TABLE organizing (role text, named text, expected text, organizer text);
INSERT INTO organizing VALUES ('appt_agent', NULL, 'me'), ('appt_agent', 'me', 'me'), ('appt_agent', 'another', '22023'),
	('appt_client_service', NULL, 'me'), ('appt_client_service', 'another', 'another'), ('appt_client_service', '', '22023');
GRANT ALL ON organizing TO access_login;
SELECT jsonb_build_object('sub', 'me', 'application_id', :'own') AS claims \gset
SET LOCAL SESSION AUTHORIZATION access_login;
UPDATE organizing SET organizer = pg_temp.organizer(role, :'claims', named);
RESET SESSION AUTHORIZATION;
SELECT is(organizer, expected, format('%s naming %s', role, coalesce(quote_literal(named), 'nobody'))) FROM organizing;

-- A foreign appointment looks like one that does not exist.
CREATE FUNCTION pg_temp.refusal(role text, claims jsonb, statement text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
CREATE TEMPORARY TABLE refused (message text, detail text);
GRANT ALL ON refused TO access_login;
SET LOCAL SESSION AUTHORIZATION access_login;
INSERT INTO refused SELECT r.message, replace(r.detail, asked::text, 'X')
	FROM unnest(ARRAY[:'id', '00000000-0000-0000-0000-000000000000']) asked,
	pg_temp.refusal('appt_agent', '{"sub": "owner", "application_id": "11111111-1111-1111-1111-111111111111"}',
		format('get_appointment(%L)', asked)) r;
RESET SESSION AUTHORIZATION;
SELECT is(count(DISTINCT (message, detail)), 1::bigint, 'both refusals read the same') FROM refused;

SELECT * FROM finish();
ROLLBACK;
