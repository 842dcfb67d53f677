-- Malformed request.jwt.claims: never a result that the plain claims would not get, never a crash.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Own', agent_scope => 'OWN') AS own \gset
SELECT id FROM appt.schedule_appointment(:'own', now() + '1 day', '1 hour', organizer_id => 'owner') \gset

-- The title of the appointment, or the SQLSTATE.
CREATE FUNCTION pg_temp.answer(claims text, id uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	SET LOCAL ROLE appt_agent;
	state := (appt.get_appointment(id)).state;
	RESET ROLE;
	RETURN state;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;

CREATE TEMPORARY TABLE token (what text, claims text, answer text);
INSERT INTO token VALUES
	('plain', '{"sub": "owner", "application_id": "APP"}', 'ACTIVATED'),
	('in capitals', '{"sub": "owner", "application_id": "' || upper(:'own') || '"}', 'ACTIVATED'),
	('escaped', '{"s\u0075b": "\u006fwner", "application_id": "APP"}', 'ACTIVATED'),
	('with more beside', '{"x": {"sub": "other"}, "sub": "owner", "y": [{"sub": "other"}, "sub"], "application_id": "APP", "z": '
		'null}', 'ACTIVATED'),
	('empty', '', '42501'), ('blank', ' ', '42501'), ('no JSON', 'sub=owner', '42501'),
		('cut', '{"sub": "owner", "application_id": "APP"', '42501'),
	('with a tail', '{"sub": "owner", "application_id": "APP"} {}', '42501'), ('null', 'null', '42501'),
		('a text', '"sub"', '42501'), ('a number', '1e999999', '42501'),
	('a list', '[]', '42501'), ('in a list', '[{"sub": "owner", "application_id": "APP"}]', '42501'),
		('a list of names', '["sub", "owner", "application_id", "APP"]', '42501'),
	('one level down', '{"claims": {"sub": "owner", "application_id": "APP"}}', '42501'),
	('sub is null', '{"sub": null, "application_id": "APP"}', '42501'),
		('sub is a number', '{"sub": 1, "application_id": "APP"}', '42501'),
	('sub is true', '{"sub": true, "application_id": "APP"}', '42501'), ('sub is empty', '{"sub": "", "application_id": "APP"}', '42501'),
	('sub is a list', '{"sub": ["owner"], "application_id": "APP"}', '42501'),
		('sub is an object', '{"sub": {"sub": "owner"}, "application_id": "APP"}', '42501'),
	('sub is endless', '{"sub": "' || repeat('x', 1025) || '", "application_id": "APP"}', '42501'),
		('sub is long', '{"sub": "' || repeat('x', 1024) || '", "application_id": "APP"}', 'PT404'),
	('sub is another', '{"sub": "owner2", "application_id": "APP"}', 'PT404'),
		('in other case', '{"sub": "Owner", "application_id": "APP"}', 'PT404'),
	('sub ends in a blank', '{"sub": "owner ", "application_id": "APP"}', 'PT404'),
		('sub is a pattern', '{"sub": "%", "application_id": "APP"}', 'PT404'),
	('sub holds a NUL', '{"sub": "owner\u0000", "application_id": "APP"}', '42501'),
		('half a surrogate', '{"sub": "owner\ud83d", "application_id": "APP"}', '42501'),
	('given twice', '{"sub": "other", "sub": "owner", "application_id": "APP"}', 'ACTIVATED'),
	('taken back', '{"sub": "owner", "sub": null, "application_id": "APP"}', '42501'),
		('replaced by a list', '{"sub": "owner", "sub": ["owner"], "application_id": "APP"}', '42501'),
	('replaced by an object', '{"sub": "owner", "application_id": "APP", "application_id": {}}', '42501'),
	('another tenant', '{"sub": "owner", "application_id": "00000000-0000-0000-0000-000000000000"}', 'PT404'),
	('a tenant in braces', '{"sub": "owner", "application_id": "{APP}"}', '42501'),
		('without hyphens', '{"sub": "owner", "application_id": "' || replace(:'own', '-', '') || '"}', '42501'),
	('a list of tenants', '{"sub": "owner", "application_id": ["APP"]}', '42501'),
	('a long sub', '{"sub": "' || repeat('owner', 1000000) || '", "application_id": "APP"}', '42501'),
	('many claims', '{' || repeat('"sub": "other", ', 300000) || '"sub": "owner", "application_id": "APP"}', 'ACTIVATED'),
	('deep ones', '{"sub": "owner", "application_id": "APP", "x": ' || repeat('[', 1000000) || repeat(']', 1000000) || '}', '54001'),
	('deep objects', repeat('{"sub":', 1000000) || '1' || repeat('}', 1000000), '54001');
SELECT is(pg_temp.answer(replace(claims, 'APP', :'own'), :'id'), answer, 'claims: ' || what) FROM token;

-- Settings by another path do not bypass this either.
SELECT is(pg_temp.answer('{"sub": "owner", "role": "appt_service", "application_id": "' || gen_random_uuid() || '"}', :'id'),
	'PT404', 'a role among the claims counts for nothing');

-- Parallel workers believe the same claims as their leader.
SELECT set_config(name, 'on', true) AS forced FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
CREATE FUNCTION pg_temp.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN plan->0->'Plan'->>'Node Type';
END $$;
SELECT set_config('request.jwt.claims', json_build_object('sub', 'owner', 'application_id', :'own')::text, true) AS ignored \gset
SET LOCAL ROLE appt_agent;
SELECT state AS owner_sees FROM appt.get_appointment(:'id') \gset
SELECT count AS owner_counts FROM appt.count_overlapping(:'own', now(), '2 days') \gset
SELECT set_config('request.jwt.claims', json_build_object('sub', 'other', 'application_id', :'own')::text, true) AS ignored \gset
PREPARE look AS SELECT state FROM appt.get_appointment($1);
SAVEPOINT before;
\set QUIET on
\set ON_ERROR_STOP off
EXECUTE look(:'id');
\set other_gets :SQLSTATE
\set ON_ERROR_STOP on
ROLLBACK TO before;
RESET ROLE;
SELECT is(pg_temp.plan(format('SELECT state FROM appt.get_appointment(%L)', :'id')), 'Gather', 'a parallel worker reads');
SELECT is(:'owner_sees'::text, 'ACTIVATED', 'the organizer sees it');
SELECT is(:owner_counts, 1, 'and counts it');
SELECT is(:'other_gets'::text, 'PT404', 'another does not');

SELECT * FROM finish();
ROLLBACK;
