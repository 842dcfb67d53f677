-- The appointment of a ticket, for whom and until when.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', room_url => 'https://video.example/q') AS application \gset
SELECT appt.create_application(:'organization', 'Foreign') AS foreign \gset
SELECT id, room_access->>'ticket' AS ticket FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', '{}',
	organizer_id => 'ann', title => 'T') \gset
SELECT is(to_jsonb(r), to_jsonb(g), 'the appointment as it is') FROM appt.resolve_room(:'ticket') r, appt.get_appointment(:'id') g;
SELECT is(r.room_access->>'url', 'https://video.example/q/' || :'ticket', 'with its room') FROM appt.resolve_room(:'ticket') r;

CREATE FUNCTION pg_temp.resolved(ticket text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	RETURN (appt.resolve_room(ticket)).state;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
SELECT is(pg_temp.resolved(said), expected, format('%L', said))
	FROM (VALUES (:'ticket', 'ACTIVATED'), (upper(:'ticket'), 'PT404'), (:'ticket' || ' ', 'PT404'), ('%', 'PT404'), ('', '22023'),
	(NULL, '22023'), (repeat('x', 2000), '22023')) t (said, expected);

-- Until when.
UPDATE appt.room_access SET expires = now() + interval '1 microsecond';
SELECT is(pg_temp.resolved(:'ticket'), 'ACTIVATED', 'to the last moment');
UPDATE appt.room_access SET expires = now();
SELECT is(pg_temp.resolved(:'ticket'), 'PT404', 'but not at its expiry');
SELECT appt.reschedule_appointment(:'id', now() + '2 days', '1 hour') AS ignored \gset
SELECT is(pg_temp.resolved(:'ticket'), 'ACTIVATED', 'a move takes the expiry along');
SELECT is((r.room_access->>'expires')::timestamptz, now() + '2 days 2 hours', 'to an hour after the new end')
	FROM appt.resolve_room(:'ticket') r;
SELECT id AS ended, room_access->>'ticket' AS ended_ticket
	FROM appt.schedule_appointment(:'application', now(), '1 hour', '{}', organizer_id => 'ann') \gset
SELECT appt.end_appointment(:'ended') AS ignored \gset
SELECT is(pg_temp.resolved(:'ended_ticket'), 'ENDED', 'one that was ended before is still found');
SELECT appt.cancel_appointment(:'id') AS ignored \gset
SELECT is(pg_temp.resolved(:'ticket'), 'PT404', 'one that is cancelled is not');
SELECT appt.delete_appointment(:'ended') AS ignored \gset
SELECT is(pg_temp.resolved(:'ended_ticket'), 'PT404', 'nor one that is gone');

-- For whom: knowing the ticket is enough within the application.
SELECT room_access->>'ticket' AS ticket FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', '{}',
	organizer_id => 'ann') \gset
CREATE ROLE room_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE TEMPORARY TABLE caller (role text, sub text, application uuid, expected text, answer text);
GRANT ALL ON caller TO room_login;
INSERT INTO caller (role, sub, application, expected) VALUES ('appt_client_service', 'ann', :'application', 'ACTIVATED'),
	('appt_client_service', 'other', :'application', 'ACTIVATED'), ('appt_client_service', 'ann', :'foreign', 'PT404'),
	('appt_agent', 'ann', :'application', '42501'), ('appt_supervisor', 'ann', :'application', '42501'),
		('appt_customer', 'ann', :'application', '42501'), ('appt_admin', 'ann', :'application', '42501'),
		('appt_anonymous', '', NULL, '42501');
CREATE FUNCTION pg_temp.resolved_as(role text, claims jsonb, ticket text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT (appt.resolve_room($1)).state' INTO result USING ticket;
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
SELECT :'organization' AS organization, set_config('test.ticket', :'ticket', true) AS ignored \gset
SET LOCAL SESSION AUTHORIZATION room_login;
UPDATE caller SET answer = pg_temp.resolved_as(role,
	jsonb_build_object('sub', sub, 'application_id', application, 'organization_id', :'organization', 'conference_id',
	:'organization'), current_setting('test.ticket'));
RESET SESSION AUTHORIZATION;
SELECT is(answer, expected, format('%s %s of %s', role, sub, application)) FROM caller;

SELECT * FROM finish();
ROLLBACK;
