-- Who may call render_template: agents, supervisors, client services and admins with their tenant's claim, and whoever is
-- unrestricted; no customer, no anonymous caller.
BEGIN;
SELECT plan(9);

CREATE ROLE template_login NOINHERIT LOGIN IN ROLE appt_authenticator, appt_agent, appt_supervisor, appt_client_service,
	appt_customer, appt_admin, appt_anonymous;
CREATE ROLE template_service LOGIN IN ROLE appt_service;
CREATE FUNCTION pg_temp.as_role(role text, claims jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	state text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	result := appt.render_template('{{a}}', '{"a": "b"}');
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	RESET ROLE;
	RETURN state;
END $$;

\set tenant '{"sub": "agent-1", "application_id": "bf8215e5-a39e-490a-a0e2-07df6a3d8c1f", "organization_id": "bf8215e5-a39e-490a-a0e2-07df6a3d8c1f", "conference_id": "bf8215e5-a39e-490a-a0e2-07df6a3d8c1f"}'
CREATE TEMP TABLE seen (role text, claims jsonb, result text);
GRANT ALL ON seen TO template_login, template_service;
SET LOCAL SESSION AUTHORIZATION template_login;
INSERT INTO seen SELECT role, claims::jsonb, pg_temp.as_role(role, claims::jsonb)
  FROM (VALUES ('appt_agent', :'tenant'), ('appt_supervisor', :'tenant'), ('appt_client_service', :'tenant'), ('appt_admin', :'tenant'),
	('appt_customer', :'tenant'), ('appt_anonymous', '{}'), ('appt_agent', '{}'),
		('appt_agent', '{"application_id": "nonsense"}')) calls (role, claims);
RESET SESSION AUTHORIZATION;

SELECT is(result, expected, format('%s with %s', seen.role, claims))
  FROM seen JOIN (VALUES ('appt_agent', true, 'b'), ('appt_supervisor', true, 'b'), ('appt_client_service', true, 'b'),
  	('appt_admin', true, 'b'),
	('appt_customer', true, '42501'), ('appt_anonymous', false, '42501'), ('appt_agent', false, '42501')) wanted (role, has_tenant,
		expected)
    ON wanted.role = seen.role AND has_tenant = (claims ? 'sub');

SET LOCAL SESSION AUTHORIZATION template_service;
SELECT appt.render_template('{{a}}', '{"a": "b"}') AS service_result \gset
RESET SESSION AUTHORIZATION;
SELECT is(:'service_result'::text, 'b', 'a service needs no claim');

SELECT * FROM finish();
ROLLBACK;
