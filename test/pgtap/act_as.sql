-- act_as: which login may act as whom, for how long, and that nothing that a request runs can act for others.
SET client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Own') AS own, appt.create_application(:'organization', 'Other') AS other \gset
SELECT id FROM appt.schedule_appointment(:'own', now() + '1 day', '1 hour', organizer_id => 'ann') \gset
SELECT format('{"sub": "ann", "application_id": "%s"}', :'own'::uuid) AS claims \gset

-- The logins: of the router, and others to whom it was granted by mistake.
CREATE ROLE act_tokens LOGIN NOINHERIT IN ROLE appt_authenticator;
CREATE ROLE act_heir LOGIN INHERIT IN ROLE appt_authenticator;
CREATE ROLE act_service LOGIN IN ROLE appt_service;
CREATE ROLE act_both LOGIN IN ROLE appt_authenticator, appt_service;
CREATE ROLE act_agent LOGIN IN ROLE appt_agent;
CREATE ROLE act_nobody LOGIN;
CREATE ROLE act_super LOGIN SUPERUSER IN ROLE appt_authenticator;
CREATE ROLE act_ungranted LOGIN NOINHERIT IN ROLE appt_authenticator;
GRANT USAGE ON SCHEMA appt TO act_tokens, act_heir, act_service, act_both, act_agent, act_nobody, act_ungranted;
GRANT EXECUTE ON FUNCTION appt.act_as TO act_tokens, act_heir, act_service, act_both, act_agent, act_nobody;

-- The role that a login has become, or why it has not.
CREATE FUNCTION pg_temp.became(role text, claims text DEFAULT NULL, method text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM appt.act_as(role, claims, NULL, method);
	RETURN current_user;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE role (name text, is_of_tokens boolean);
INSERT INTO role SELECT rolname, rolname NOT IN ('appt_service', 'appt_authenticator') FROM pg_roles WHERE rolname ~ '^appt_'
	UNION ALL SELECT r, false FROM unnest('{act_super,act_nobody,act_tokens,act_service,pg_monitor,none,no_such_role,APPT_AGENT}'::text[]) r
	UNION ALL SELECT rolname, false FROM pg_roles WHERE oid = 10;
CREATE TEMP TABLE answer (login text, role text, became text);
GRANT ALL ON role, answer TO PUBLIC;
-- In a subtransaction that is undone: a role that was taken stays until its end.
CREATE FUNCTION pg_temp.try(login text, role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	became text;
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
	became := pg_temp.became(role);
	RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = became;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
	RETURN SQLERRM;
END $$;
INSERT INTO answer SELECT l, name, pg_temp.try(l, name)
FROM role, unnest('{act_tokens,act_heir,act_service,act_both,act_agent,act_nobody,act_super,act_ungranted}'::text[]) l;
SELECT is(became, CASE WHEN login IN ('act_tokens', 'act_heir') AND is_of_tokens THEN role ELSE '42501' END, format('%s as %L', login, role)) FROM answer JOIN role ON name = role;
SELECT is(count(*), 8::bigint * (SELECT count(*) FROM role), '(all of them)') FROM answer;
SELECT is(pg_temp.try('act_tokens', none), '22023', 'a role must be named') FROM unnest(ARRAY[NULL, '']) none;

-- For a token.
SET SESSION AUTHORIZATION act_tokens;
SELECT throws_ok(format('SELECT appt.get_appointment(%L)', :'id'), '42501', NULL, 'the login itself may nothing');
SELECT set_config('request.jwt.claims', '{"sub": "left behind"}', false), set_config('request.method', 'POST', false) \g /dev/null
BEGIN;
SELECT appt.act_as('appt_agent', :'claims', '{"x-forwarded-for": "192.0.2.1"}', 'POST');
SELECT is(current_user::text, 'appt_agent', 'it becomes the role');
SELECT is(current_setting('request.jwt.claims'), :'claims', 'with its claims');
SELECT is(current_setting('request.headers') || current_setting('request.method'), '{"x-forwarded-for": "192.0.2.1"}POST', 'headers and method');
SELECT is(state, 'ACTIVATED', 'reads what is its tenant''s') FROM appt.get_appointment(:'id');
SELECT throws_ok(format('SELECT appt.schedule_appointment(%L, now(), ''1 hour'', organizer_id => ''ann'')', :'other'), 'PT404', NULL,
	'and not what is another''s');
SELECT lives_ok(format('SELECT appt.update_appointment(%L, title => ''new'')', :'id'), 'and writes');
SELECT throws_ok('SELECT appt.act_as(''appt_admin'')', '42501', NULL, 'from there it cannot act as another');
COMMIT;
SELECT is(current_user::text, 'act_tokens', 'when the transaction has ended it is itself again');
SELECT is(current_setting('request.jwt.claims'), '{"sub": "left behind"}', 'and the claims are gone');
BEGIN;
SELECT appt.act_as('appt_anonymous');
SELECT is(current_setting('request.jwt.claims') || current_setting('request.headers') || current_setting('request.method'), '',
	'what is not given is empty, whatever the session had');
COMMIT;
BEGIN;
SAVEPOINT before;
SELECT appt.act_as('appt_agent', :'claims');
ROLLBACK TO before;
SELECT is(current_user || current_setting('request.jwt.claims'), 'act_tokens{"sub": "left behind"}', 'a savepoint takes it back');
COMMIT;

-- Reading.
BEGIN;
SELECT appt.act_as('appt_agent', :'claims', NULL, 'GET');
SELECT is(state, 'ACTIVATED', 'GET reads') FROM appt.get_appointment(:'id');
SELECT throws_ok(format('SELECT appt.update_appointment(%L, title => ''newer'')', :'id'), '25006', NULL, 'and does not write');
SELECT throws_ok('SET TRANSACTION READ WRITE', '25001', NULL, 'nor can that be undone');
COMMIT;
BEGIN;
SELECT appt.act_as('appt_agent', :'claims', NULL, 'HEAD');
SELECT is(current_setting('transaction_read_only'), 'on', 'HEAD likewise');
COMMIT;
BEGIN;
SELECT appt.act_as('appt_agent', :'claims', NULL, 'POST');
SELECT is(current_setting('transaction_read_only'), 'off', 'POST writes');
COMMIT;

RESET SESSION AUTHORIZATION;

-- Whoever has a role already, even if it could execute the function.
GRANT EXECUTE ON FUNCTION appt.act_as TO appt_agent, appt_anonymous, appt_service, appt_authenticator;
CREATE FUNCTION public.act_definer(role text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	PERFORM appt.act_as(role);
	RETURN current_user;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
ALTER FUNCTION public.act_definer OWNER TO act_heir;
GRANT CREATE ON SCHEMA public TO act_heir;
SET SESSION AUTHORIZATION act_tokens;
BEGIN;
SELECT appt.act_as('appt_agent', :'claims');
SELECT is(pg_temp.became(name), '42501', format('a tenant does not become %L', name)) FROM role;
SELECT is(public.act_definer('appt_admin'), '42501', 'nor by a function that runs as its owner');
SELECT is(current_user || current_setting('request.jwt.claims'), 'appt_agent' || :'claims', 'and is what it was');
COMMIT;
BEGIN;
SET LOCAL ROLE appt_agent;
SELECT is(pg_temp.became('appt_admin'), '42501', 'nor after SET ROLE');
RESET ROLE;
SELECT is(public.act_definer('appt_admin'), '42501', 'a function that runs as its owner takes no role');
COMMIT;
RESET SESSION AUTHORIZATION;
DROP FUNCTION public.act_definer;
REVOKE CREATE ON SCHEMA public FROM act_heir;
REVOKE EXECUTE ON FUNCTION appt.act_as FROM appt_agent, appt_anonymous, appt_service, appt_authenticator;

-- In the end nothing of it is left.
DROP OWNED BY act_tokens, act_heir, act_service, act_both, act_agent, act_nobody, act_ungranted, act_super;
DROP ROLE act_tokens, act_heir, act_service, act_both, act_agent, act_nobody, act_ungranted, act_super;
SELECT * FROM finish();
