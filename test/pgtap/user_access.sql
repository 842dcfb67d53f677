/*
 * What agents, supervisors, client services and admins do for themselves and for others: each sees and changes its own profile,
 * preferences, subscriptions and notifications, an admin those of its organization. (Who may call what: function_access.sql;
 * who reads which rows: row_security.sql.)
 */
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE ROLE user_login NOINHERIT LOGIN IN ROLE appt_authenticator;
SELECT appt.create_organization('Acme') AS acme, appt.create_organization('Globex') AS globex \gset
SELECT appt.create_application(:'acme', 'own') AS own, appt.create_application(:'globex', 'foreign') AS foreign \gset
SELECT count(appt.set_provider(id, 'SMS', 'HTTP', 'https://sms.example')) FROM appt.application \g /dev/null
INSERT INTO appt.user_profile (application_id, id, email) SELECT a, u, u || '@example.com'
	FROM unnest(ARRAY[:'own', :'foreign']::uuid[]) a, unnest('{ann,zoe,sue,ada}'::text[]) u;
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'own', 'anns', 'ann'), (:'own', 'zoes', 'zoe'),
	(:'own', 'common', NULL),
	(:'foreign', 'elsewhere', NULL);
SELECT id AS mine FROM appt.line WHERE name = 'anns' \gset
SELECT id AS zoes FROM appt.line WHERE name = 'zoes' \gset
SELECT id AS common FROM appt.line WHERE name = 'common' \gset
SELECT id AS elsewhere FROM appt.line WHERE name = 'elsewhere' \gset
SELECT (appt.schedule_appointment(:'own', now() + '2 days', '1 hour', '{"contact": {"primaryEmail": "c@example.com"}}',
	organizer_id => 'ann')).id AS appointment \gset
-- A failed message to ann and one to zoe, about ann's appointment and about none.
INSERT INTO appt.notification (application_id, appointment_id, organizer_id, recipient_kind, recipient_id, type, channel,
	due_at, lane, address,
	state, reason, settled_at, attempt_count, title)
SELECT :'own', CASE WHEN about THEN :'appointment'::uuid END, CASE WHEN about THEN 'ann' END, 'USER', u, 'VOICEMAIL', 'EMAIL',
	now(), 1,
	u || '@example.com', 'FAILED', 'REJECTED', now(), 1, concat_ws(' ', u, CASE WHEN about THEN 'about' END)
FROM unnest('{ann,zoe}'::text[]) u, unnest('{true,false}'::boolean[]) about;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient)
SELECT application_id, id, 1, now(), now(), 'FAILED', address FROM appt.notification WHERE state = 'FAILED';

-- The result of an expression as a role with a token, or the SQLSTATE; what it changed stays.
CREATE FUNCTION pg_temp.by(role text, claims jsonb, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT ' || expression INTO result;
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TEMP TABLE caller (name text, role text, claims jsonb);
INSERT INTO caller VALUES
	('an agent', 'appt_agent', jsonb_build_object('sub', 'ann', 'application_id', :'own')),
	('a client service', 'appt_client_service', jsonb_build_object('sub', 'ann', 'application_id', :'own')),
	('a supervisor', 'appt_supervisor', jsonb_build_object('sub', 'ann', 'application_id', :'own')),
	('a supervisor without sub', 'appt_supervisor', jsonb_build_object('application_id', :'own')),
	('an admin', 'appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme')),
	('an admin without sub', 'appt_admin', jsonb_build_object('organization_id', :'acme')),
	('another admin', 'appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'globex'));

/*
 * Of each caller in the order above; "self": agent, client service and supervisor alike.
 */
CREATE TEMP TABLE expectation (place serial, expression text, self text, nameless text, admin text, nameless_admin text,
	other_admin text);
INSERT INTO expectation (expression, self, nameless, admin, nameless_admin, other_admin) VALUES
	('(appt.update_profile(''a@b.example'')).id', 'ann', '42501 no user in the token', '22023 a required argument is missing',
		'22023 a required argument is missing', '22023 a required argument is missing'),
	('(appt.update_profile(''a@b.example'', application_id => OWN)).id', 'ann', '42501 no user in the token', 'ada',
		'42501 no user in the token', 'PT404 application not found'),
	('(appt.update_profile(''a@b.example'', user_id => ''zoe'', application_id => OWN)).id', 'PT404 user not found',
		'42501 no user in the token', 'zoe', 'zoe', 'PT404 application not found'),
	('(appt.update_profile(''a@b.example'', user_id => ''zoe'', application_id => FOREIGN)).id', 'PT404 application not found',
		'PT404 application not found', 'PT404 application not found', 'PT404 application not found', 'zoe'),
	('(appt.set_channel(''SMS'', true, ''zoe'', OWN)).channels', 'PT404 user not found', '42501 no user in the token',
		'{EMAIL,SMS,IN_APP}', '{EMAIL,SMS,IN_APP}', 'PT404 application not found'),
	('(SELECT count(*) FROM appt.set_preference(''CALL'', false, ''EMAIL''))', '3', '42501 no user in the token',
		'22023 a required argument is missing', '22023 a required argument is missing', '22023 a required argument is missing'),
	('(SELECT string_agg(channel, '' '') FROM appt.notification_preferences() WHERE type = ''CALL'' AND source = ''CHANNEL'')', 'EMAIL',
		'42501 no user in the token', '22023 a required argument is missing', '22023 a required argument is missing',
		'22023 a required argument is missing'),
	('(SELECT count(*) FROM appt.notification_preferences(''zoe'', OWN) WHERE source = ''CHANNEL'')', 'PT404 user not found',
		'42501 no user in the token', '0', '0', 'PT404 application not found'),
	('(SELECT string_agg(id, '' '') FROM appt.user_names())', 'ada ann sue zoe', 'ada ann sue zoe',
		'22023 a required argument is missing',
		'22023 a required argument is missing', '22023 a required argument is missing'),
	('(SELECT string_agg(id, '' '') FROM appt.user_names(OWN))', 'ada ann sue zoe', 'ada ann sue zoe',
		'ada ann sue zoe', 'ada ann sue zoe',
		'PT404 application not found'),
	('appt.subscribe_line(COMMON)', '', '42501 no user in the token', '', '42501 no user in the token', 'PT404 line not found'),
	('appt.subscribe_line(MINE)', '', '42501 no user in the token', '', '42501 no user in the token', 'PT404 line not found'),
	('appt.subscribe_line(ZOES)', 'PT404 line not found', '42501 no user in the token', '', '42501 no user in the token',
		'PT404 line not found'),
	('appt.subscribe_line(ELSEWHERE)', 'PT404 line not found', 'PT404 line not found', 'PT404 line not found', 'PT404 line not found', ''),
	('appt.subscribe_line(COMMON, true, ''zoe'')', 'PT404 user not found', '42501 no user in the token', '', '', 'PT404 line not found'),
	('appt.subscribe_line(ZOES, true, ''ann'')', 'PT404 line not found', '42501 no user in the token', '', '', 'PT404 line not found'),
	('appt.subscribe_line(ZOES, false, ''ann'')', '', '42501 no user in the token', '', '', 'PT404 line not found'),
	-- Notifications, by their titles: those of others do not exist.
	('(SELECT string_agg(title, '', '' ORDER BY title) FROM appt.notification WHERE recipient_kind = ''USER'')', 'ann, ann about', '',
		'ann, ann about, zoe, zoe about', 'ann, ann about, zoe, zoe about', ''),
	('(SELECT string_agg(DISTINCT recipient, '', '') FROM appt.attempt)', 'ann@example.com', '',
		'ann@example.com, zoe@example.com', 'ann@example.com, zoe@example.com', ''),
	('(SELECT string_agg(reason, '', '') FROM appt.notification_eligibility((SELECT id FROM mail WHERE title = ''zoe about'')))',
		'PT404 notification not found', 'PT404 notification not found', 'CONFLICT', 'CONFLICT', 'PT404 notification not found'),
	('appt.not_retriable_because((SELECT id FROM mail WHERE title = ''ann''))', 'FOUND', 'PT404 notification not found', 'FOUND', 'FOUND',
		'PT404 notification not found'),
	('appt.not_retriable_because((SELECT id FROM mail WHERE title = ''zoe''))', 'PT404 notification not found', 'PT404 notification not found',
		'FOUND', 'FOUND', 'PT404 notification not found');
CREATE TEMP TABLE mail AS SELECT id, title FROM appt.notification WHERE recipient_kind = 'USER' AND state = 'FAILED';
-- Which answer there is does not matter where there is one.
UPDATE expectation SET admin = 'FOUND', nameless_admin = 'FOUND' WHERE admin = 'CONFLICT';
CREATE TEMP TABLE asked AS SELECT e.place, c.name, c.role, c.claims, e.expression,
	CASE c.name WHEN 'a supervisor without sub' THEN nameless
	WHEN 'an admin' THEN admin WHEN 'an admin without sub' THEN nameless_admin WHEN 'another admin' THEN other_admin ELSE self END AS expected,
	NULL::text AS answer
FROM expectation e, caller c;
UPDATE asked SET expression = replace(replace(replace(replace(replace(replace(expression, 'OWN', quote_literal(:'own')), 'FOREIGN',
	quote_literal(:'foreign')), 'COMMON', quote_literal(:'common')), 'MINE', quote_literal(:'mine')), 'ZOES', quote_literal(:'zoes')),
	'ELSEWHERE', quote_literal(:'elsewhere'));
GRANT ALL ON asked, mail TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION user_login;
DO $$
DECLARE
	one record;
BEGIN
	FOR one IN SELECT * FROM asked ORDER BY place LOOP
		UPDATE asked SET answer = coalesce(pg_temp.by(one.role, one.claims, one.expression), '') WHERE place = one.place
			AND name = one.name;
	END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
SELECT is(CASE WHEN expected = 'FOUND' AND answer NOT LIKE 'PT404%' AND answer NOT LIKE '42501%' THEN 'FOUND' ELSE answer END,
	expected,
	format('%s: %s', name, expression)) FROM asked ORDER BY place, name;

-- retry_notifications passes over those of others.
SELECT set_config('request.jwt.claims', (SELECT claims::text FROM caller WHERE name = 'an agent'), true) \g /dev/null
SET LOCAL SESSION AUTHORIZATION user_login;
SET LOCAL ROLE appt_agent;
CREATE TEMP TABLE retried AS SELECT notification_id
	FROM appt.retry_notifications((current_setting('request.jwt.claims')::jsonb->>'application_id')::uuid);
RESET SESSION AUTHORIZATION;
SELECT set_eq('SELECT title FROM retried JOIN mail ON id = notification_id', '{ann,"ann about"}'::text[],
	'an agent retries its own, also those without an appointment');

SELECT * FROM finish();
ROLLBACK;
