-- appointment.created_by and updated_by: who scheduled it and who changed it last, by every function and caller.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE ROLE names_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE names_service LOGIN IN ROLE appt_service;
CREATE ROLE names_agent NOLOGIN IN ROLE appt_agent;
GRANT names_agent TO names_login;

SELECT appt.create_application(appt.create_organization('Acme'), 'Sales', auto_activate => false,
	room_activates => true) AS application \gset
CREATE TEMP TABLE tenant AS SELECT id, organization_id FROM appt.application;
GRANT SELECT ON tenant TO PUBLIC;
CREATE FUNCTION pg_temp.claim(sub text, extra jsonb = '{}') RETURNS text LANGUAGE sql AS $$
	SELECT set_config('request.jwt.claims', (jsonb_build_object('application_id', a.id, 'organization_id', a.organization_id)
		|| coalesce(jsonb_build_object('sub', sub), '{}') || extra)::text, true) FROM tenant a $$;
CREATE TEMP TABLE booked (name text, id uuid);
CREATE FUNCTION pg_temp.booked(name text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM booked WHERE booked.name = $1 $$;
GRANT ALL ON booked TO PUBLIC;
CREATE FUNCTION pg_temp.schedule(name text, organizer text = NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO booked SELECT name, (appt.schedule_appointment((current_setting('request.jwt.claims')::jsonb->>'application_id')::uuid,
		now() + '2 days', '1 hour', '{}', organizer_id => organizer)).id $$;
SELECT count(pg_temp.claim('agent-7')) AS ignored \gset

-- Who schedules.
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_agent;
SELECT pg_temp.schedule('by an agent') \g /dev/null
SET LOCAL ROLE names_agent;
SELECT pg_temp.schedule('by a role of one') \g /dev/null
SET LOCAL ROLE appt_client_service;
SELECT pg_temp.schedule('by a client service') \g /dev/null
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION names_service;
SELECT pg_temp.schedule('by a login', 'agent-7') \g /dev/null
SET LOCAL ROLE appt_service;
SELECT pg_temp.schedule('by a login as another role', 'agent-7') \g /dev/null
RESET SESSION AUTHORIZATION;
INSERT INTO appt.appointment (application_id, id, organizer_id, title, start_at, end_at, timezone, locale, notifications_active)
SELECT :'application', gen_random_uuid(), 'agent-7', 'directly', now(), now() + '1 hour', 'UTC', 'en', true;
SELECT is(created_by, expected, 'scheduled ' || name) FROM booked JOIN appt.appointment USING (id)
	JOIN (VALUES ('by an agent', 'appt_agent:agent-7'),
	('by a role of one', 'names_agent:agent-7'), ('by a client service', 'appt_client_service:agent-7'),
		('by a login', 'login:names_service'),
	('by a login as another role', 'login:names_service')) e (name, expected) USING (name);
SELECT is(created_by, 'login:' || session_user, 'inserted directly') FROM appt.appointment WHERE title = 'directly';
SELECT is(count(*), 6::bigint, 'until something happens to it, who changed it last is who scheduled it') FROM appt.appointment
	WHERE updated_by = created_by;

-- Who changes: each function, by another caller than the one before.
CREATE FUNCTION pg_temp.changed(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || replace(call, 'ID', quote_literal(pg_temp.booked('by an agent')));
	RETURN call;
END $$;
CREATE FUNCTION pg_temp.is_changed_by(expected text, call text) RETURNS text LANGUAGE sql AS $$
	SELECT is(updated_by, expected, call || ' tells who') FROM appt.appointment WHERE id = pg_temp.booked('by an agent') $$;
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_supervisor;
SELECT pg_temp.claim('sue') \g /dev/null
SELECT pg_temp.changed('update_appointment(ID, title => ''x'')') AS call \gset
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('appt_supervisor:sue', :'call');
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_supervisor;
SELECT pg_temp.claim(NULL) \g /dev/null
SELECT pg_temp.changed('reschedule_appointment(ID, now() + ''3 days'', NULL)') AS call \gset
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('appt_supervisor', :'call' || ' without a sub');
SELECT pg_temp.is_changed_by('login:' || session_user, pg_temp.changed(call)) FROM (VALUES ('add_agent(ID, ''other'')')) c (call);
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_supervisor;
SELECT pg_temp.claim('sue') \g /dev/null
SELECT pg_temp.changed('reassign_appointment(ID, ''agent-8'')') AS call \gset
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('appt_supervisor:sue', :'call');
SELECT pg_temp.is_changed_by('login:' || session_user, pg_temp.changed('add_customer(ID, ''{}'')'));
SET LOCAL SESSION AUTHORIZATION names_service;
SELECT pg_temp.changed('activate_appointment(ID)') AS call \gset
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('login:names_service', :'call');
SELECT p.id AS customer, a.conference_id AS conference FROM appt.participant p JOIN appt.appointment a ON a.id = p.appointment_id
WHERE a.id = pg_temp.booked('by an agent') AND p.type = 'CUSTOMER' ORDER BY 1 LIMIT 1 \gset
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_customer;
SELECT pg_temp.claim(:'customer', jsonb_build_object('conference_id', :'conference')) \g /dev/null
SELECT pg_temp.changed(format('record_join(ID, %L)', :'customer')) \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('appt_customer:' || :'customer', 'the customer who comes first');
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_agent;
SELECT pg_temp.claim('agent-8') \g /dev/null
SELECT pg_temp.changed('end_appointment(ID)') AS call \gset
RESET SESSION AUTHORIZATION;
SELECT pg_temp.is_changed_by('appt_agent:agent-8', :'call');
UPDATE booked SET id = pg_temp.booked('by a client service') WHERE name = 'by an agent';
SELECT pg_temp.is_changed_by('login:' || session_user, pg_temp.changed('cancel_appointment(ID)'));

-- Claims are believed only in sessions of PostgREST, and an invalid sub counts as none.
CREATE ROLE names_forger LOGIN NOINHERIT IN ROLE appt_service;
SELECT pg_temp.claim('forged') \g /dev/null
SET LOCAL SESSION AUTHORIZATION names_forger;
SET LOCAL ROLE appt_service;
SELECT pg_temp.schedule('forged', 'agent-7') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is(created_by, 'login:names_forger', 'a login that names a token stays a login') FROM booked JOIN appt.appointment USING (id)
	WHERE name = 'forged';
GRANT appt_service TO names_login;
SET LOCAL SESSION AUTHORIZATION names_login;
SET LOCAL ROLE appt_service;
SELECT pg_temp.schedule('by a trusted token', 'agent-7') \g /dev/null
SELECT pg_temp.claim(repeat('x', 2000)) \g /dev/null
SELECT pg_temp.schedule('by a long sub', 'agent-7') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(created_by, ' ' ORDER BY name DESC), 'appt_service:forged appt_service',
	'a token of a trusted role has its sub, if that can be one')
FROM booked JOIN appt.appointment USING (id) WHERE name IN ('by a trusted token', 'by a long sub');

SELECT * FROM finish();
ROLLBACK;
