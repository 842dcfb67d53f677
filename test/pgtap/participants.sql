-- The details of a participant, to whom they are shown and until when; and who joined and left.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', agent_scope => 'OWN') AS application \gset
SELECT appt.create_application(:'organization', 'Foreign') AS foreign \gset
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;

-- Every field, and those that nobody gave.
SELECT id, conference_id FROM appt.schedule_appointment(:'application', now() + '1 hour', '1 hour',
	'{"name": {"firstName": "Bobby", "lastName": "Ewing"},
	"contact": {"primaryEmail": "user@provider.net", "primaryPhone": "+302102234988"}, "metadata": {"refNo": "CS-9838"}, '
		'"username": "ewingb@myorg.com", "locale": "en-GB", "preferredChannel": "SMS"}', organizer_id => 'ann') \gset
SELECT id AS customer FROM appt.participant WHERE appointment_id = :'id' AND type = 'CUSTOMER' \gset
SELECT is(to_jsonb(p), jsonb_build_object('id', :'customer', 'type', 'CUSTOMER', 'username', 'ewingb@myorg.com', 'name',
	'{"firstName": "Bobby", "lastName": "Ewing"}'::jsonb,
	'contact', '{"primaryEmail": "user@provider.net", "primaryPhone": "+302102234988"}'::jsonb, 'metadata',
		'{"refNo": "CS-9838"}'::jsonb), 'a customer, as the seed shows it') FROM appt.get_participant(:'id', :'customer') p;
SELECT is(to_jsonb(p), '{"id": "ann", "type": "AGENT", "username": null, "name": {}, "contact": {}, "metadata": {}}', 'an agent')
	FROM appt.get_participant(:'id', 'ann') p;
CREATE FUNCTION pg_temp.kept(application uuid, customer jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	a appt.appointment_details := appt.schedule_appointment(application, now(), '1 hour', customer, 'ann');
BEGIN
	RETURN to_jsonb(appt.get_participant(a.id, jsonb_path_query_first(a.participant_ids,
		'$[*] ? (@.type == "CUSTOMER").id') #>> '{}')) - 'id' - 'type';
END $$;
SELECT is(k, (customer || '{"username": null, "metadata": {}}') - 'locale', 'what is known of it: ' || customer::text)
	FROM (VALUES ('{"name": {"firstName": "A"}, "contact": {"primaryPhone": "+4930123456"}}'::jsonb),
	('{"name": {"lastName": "B"}, "contact": {"primaryEmail": "a@b.example"}, "locale": "de"}'),
		('{"name": {}, "contact": {}}')) person (customer), pg_temp.kept(:'application', customer) k;

-- No such one.
SELECT is(ROW(r.state, r.message)::text, expected, statement) FROM (VALUES
		(format('get_participant(%L, ''nobody'')', :'id'), '(PT404,"participant not found")'),
			(format('get_participant(%L, NULL)', :'id'), '(22023,"a required argument is missing")'),
		(format('get_participant(%L, '''')', :'id'), '(22023,"a required argument is empty")'),
			(format('get_participant(NULL, %L)', :'customer'), '(22023,"a required argument is missing")'),
		(format('get_participant(gen_random_uuid(), %L)', :'customer'), '(PT404,"appointment not found")')) wrong (statement,
			expected), pg_temp.refusal(statement) r;

-- To whom: y for an answer, n for PT404, - for 42501; of the organizing agent, of one attending, of a customer.
SELECT appt.add_agent(:'id', 'bob') AS ignored \gset
SELECT conference_id AS other_conference FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour',
	organizer_id => 'cleo') \gset
CREATE ROLE participants_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE TEMPORARY TABLE caller (name text, role text, claims jsonb, expected text, answer text);
INSERT INTO caller (name, role, expected, claims) VALUES
	('the organizer', 'appt_agent', 'yyy', jsonb_build_object('sub', 'ann', 'application_id', :'application')),
	('an agent attending', 'appt_agent', 'yyy', jsonb_build_object('sub', 'bob', 'application_id', :'application')),
	('another agent', 'appt_agent', 'nnn', jsonb_build_object('sub', 'cleo', 'application_id', :'application')),
	('a foreign agent', 'appt_agent', 'nnn', jsonb_build_object('sub', 'ann', 'application_id', :'foreign')),
	('the supervisor', 'appt_supervisor', 'yyy', jsonb_build_object('sub', 'boss', 'application_id', :'application')),
	('a foreign supervisor', 'appt_supervisor', 'nnn', jsonb_build_object('sub', 'boss', 'application_id', :'foreign')),
	('the organizing service', 'appt_client_service', '---', jsonb_build_object('sub', 'ann', 'application_id', :'application')),
	('the customer', 'appt_customer', 'nny', jsonb_build_object('sub', :'customer', 'application_id', :'application',
		'conference_id', :'conference_id')),
	('another of its customers', 'appt_customer', 'nny',
		jsonb_build_object('sub', 'x', 'application_id', :'application', 'conference_id', :'conference_id')),
	('a customer of another', 'appt_customer', 'nnn',
		jsonb_build_object('sub', :'customer', 'application_id', :'application', 'conference_id', :'other_conference')),
	('a foreign customer', 'appt_customer', 'nnn',
		jsonb_build_object('sub', :'customer', 'application_id', :'foreign', 'conference_id', :'conference_id')),
	('an admin', 'appt_admin', '---', jsonb_build_object('sub', 'a', 'organization_id', :'organization')),
	('anybody', 'appt_anonymous', '---', '{}');
GRANT ALL ON caller TO participants_login;
CREATE FUNCTION pg_temp.answer(role text, claims jsonb, id uuid, participant text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT (appt.get_participant($1, $2)).id = $2' USING id, participant;
	RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	RETURN CASE state WHEN 'UNDO0' THEN 'y' WHEN 'PT404' THEN 'n' WHEN '42501' THEN '-' ELSE state END;
END $$;
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE caller SET answer = pg_temp.answer(role, claims, :'id', 'ann') || pg_temp.answer(role, claims, :'id',
	'bob') || pg_temp.answer(role, claims, :'id', :'customer');
RESET SESSION AUTHORIZATION;
SELECT is(answer, expected, name) FROM caller;
UPDATE appt.application SET agent_scope = 'APPLICATION';
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE caller SET answer = pg_temp.answer(role, claims, :'id', 'ann') || pg_temp.answer(role, claims, :'id',
	'bob') || pg_temp.answer(role, claims, :'id', :'customer');
RESET SESSION AUTHORIZATION;
SELECT is(answer, CASE WHEN name = 'another agent' THEN 'yyy' ELSE expected END, name || ', agent_scope APPLICATION') FROM caller;

-- Until when: customers no longer once it is over, agents and supervisors always.
CREATE TEMPORARY TABLE moment (name text, role text, claims jsonb, said text, expected text, answer text);
GRANT ALL ON moment TO participants_login;
INSERT INTO moment (name, role, claims, said, expected) SELECT name, role, claims, said, CASE WHEN role = 'appt_customer' THEN shown
	ELSE 'y' END
	FROM caller, (VALUES ('while it lasts', 'y'), ('at its end', 'n'), ('long after', 'n'), ('ended early', 'n'),
		('cancelled', 'n'), ('not activated', 'y')) times (said, shown)
	WHERE name IN ('the organizer', 'the supervisor', 'the customer');
CREATE PROCEDURE pg_temp.put(id uuid, start_at timestamptz, state text) LANGUAGE sql AS $$
	UPDATE appt.appointment a SET start_at = $2, end_at = $2 + interval '1 hour', state = $3 WHERE a.id = $1 $$;
CALL pg_temp.put(:'id', now() - interval '59 minutes', 'ACTIVATED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'while it lasts';
RESET SESSION AUTHORIZATION;
CALL pg_temp.put(:'id', now() - interval '60 minutes', 'ACTIVATED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'at its end';
RESET SESSION AUTHORIZATION;
CALL pg_temp.put(:'id', now() - interval '2 days', 'ACTIVATED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'long after';
RESET SESSION AUTHORIZATION;
CALL pg_temp.put(:'id', now() - interval '10 minutes', 'ENDED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'ended early';
RESET SESSION AUTHORIZATION;
CALL pg_temp.put(:'id', now() - interval '-2 days', 'CANCELLED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'cancelled';
RESET SESSION AUTHORIZATION;
CALL pg_temp.put(:'id', now() - interval '-2 days', 'SCHEDULED');
SET LOCAL SESSION AUTHORIZATION participants_login;
UPDATE moment SET answer = pg_temp.answer(role, claims, :'id', :'customer') WHERE said = 'not activated';
RESET SESSION AUTHORIZATION;
SELECT is(answer, expected, format('%s, %s', name, said)) FROM moment;

-- Leaving: once, and by who has come.
SELECT id AS call FROM appt.schedule_appointment(:'application', now(), '1 hour', '{}', organizer_id => 'ann') \gset
SELECT appt.record_leave(:'call', 'ann');
SELECT is(ROW(joined_at, left_at)::text, '(,)', 'who never came has not left') FROM appt.participant WHERE appointment_id = :'call'
	AND id = 'ann';
SELECT appt.record_join(:'call', 'ann');
SELECT appt.record_leave(:'call', 'ann');
SELECT is(left_at, now(), 'who came has') FROM appt.participant WHERE appointment_id = :'call' AND id = 'ann';
UPDATE appt.participant SET joined_at = now() - interval '2 minutes', left_at = now() - interval '1 minute'
	WHERE appointment_id = :'call' AND id = 'ann';
SELECT appt.record_leave(:'call', 'ann');
SELECT is(left_at, now() - interval '1 minute', 'who is told to have left again left then') FROM appt.participant
	WHERE appointment_id = :'call' AND id = 'ann';
SELECT appt.record_join(:'call', 'ann');
SELECT is(ROW(joined_at, left_at)::text, ROW(now() - interval '2 minutes', NULL)::text,
	'and is in again after coming back, since it first came') FROM appt.participant WHERE appointment_id = :'call' AND id = 'ann';
SELECT is(a.interaction->>'state', 'PENDING', 'all of which starts no call') FROM appt.get_appointment(:'call') a;

SELECT * FROM finish();
ROLLBACK;
