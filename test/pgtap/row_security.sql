/*
 * Which rows of every table and view each role sees and changes, which columns it may name, and that the policies ask once a
 * query; with agent_scope OWN and with APPLICATION. What is expected is written by hand; what is asked is generated from it.
 */
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;
SET track_functions = 'all';

CREATE ROLE row_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE row_forger NOINHERIT LOGIN IN ROLE appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin;
CREATE ROLE row_service LOGIN IN ROLE appt_service;
CREATE ROLE row_nobody LOGIN;
CREATE ROLE row_of_two LOGIN IN ROLE appt_agent, appt_supervisor, appt_admin;

/*
 * The same in three applications of two organizations. In "own" there is an appointment that ann organizes and bob attends,
 * one of zoe's, one that was ann's and was deleted, one that was ann's and is zoe's, one that a customer with ann's id
 * organizes; in "sister" and "foreign" one of ann's that bob attends. Every row carries the name of what it stands for.
 *
 * In each the users ann, bob, sue and zoe; a line of ann's, two of zoe's of which ann follows one, and a common one that two
 * ring groups serve, of ann and zoe and of zoe alone; a notification to each user, and one to zoe about ann's appointment.
 */
SELECT appt.create_organization('Acme') AS acme, appt.create_organization('Globex') AS globex \gset
SELECT appt.create_application(:'acme', 'own', auto_activate => false, agent_scope => 'OWN') AS own,
	appt.create_application(:'acme', 'sister', agent_scope => 'OWN') AS sister,
		appt.create_application(:'globex', 'foreign', agent_scope => 'OWN') AS foreign \gset
CREATE TEMP TABLE application AS SELECT id, name FROM appt.application;
CREATE TEMP TABLE made AS
SELECT a.name AS application, what, (appt.schedule_appointment(a.id, now() + '2 days', '1 hour',
	'{"contact": {"primaryEmail": "c@example.com"}}',
	organizer_id => organizer, title => what)).id
FROM application a JOIN (VALUES ('own', 'mine', 'ann'), ('own', 'other', 'zoe'), ('own', 'gone', 'ann'), ('own', 'given', 'ann'),
	('own', 'taken', 'carl'), ('sister', 'sister', 'ann'), ('foreign', 'foreign', 'ann')) p (application, what,
		organizer) ON a.name = application;
SELECT count(appt.add_agent(id, 'bob')) FROM made WHERE what IN ('mine', 'sister', 'foreign', 'gone') \gset
SELECT id AS mine FROM made WHERE what = 'mine' \gset
SELECT count(appt.reassign_appointment(id, 'zoe')) FROM made WHERE what = 'given' \gset
UPDATE appt.appointment SET organizer_id = 'ann', organizer_type = 'CUSTOMER' WHERE title = 'taken';
DELETE FROM appt.participant p USING appt.appointment a WHERE a.id = p.appointment_id AND a.title = 'taken';
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, 'ann', 'CUSTOMER'
	FROM appt.appointment WHERE title = 'taken';
UPDATE appt.notification SET organizer_id = NULL WHERE title = 'taken';
SELECT count(appt.activate_appointment(id)) FROM appt.appointment WHERE state = 'SCHEDULED' AND title <> 'gone' \gset
SELECT appt.delete_appointment(id) AS done FROM made WHERE what = 'gone' \gset

INSERT INTO appt.template (application_id, type, channel, locale, text_body) SELECT id, 'CREATE', 'SMS', 'en', name FROM application;
SELECT count(appt.create_subscription(id, 'https://hooks.example/' || name || '?token=URL-MARK', hmac_key => 'KEY-MARK',
	auth => 'BASIC', username => name,
	secret => 'PASSWORD-MARK', headers => '[{"name": "X-Key", "value": "HEADER-MARK", "type": "SECRET"}]')) FROM application \gset
SELECT count(appt.set_provider(id, 'EMAIL', 'SMTP', 'smtp://mail.example', name || '@example.com', username => name,
	secret => 'PASSWORD-MARK')) FROM application \gset
SELECT count(appt.update_appointment(id, notes => 'told')) FROM appt.appointment \gset
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, title, next_attempt_at)
SELECT id, 'ADDRESS', 'x@example.com', 'TEST', 'EMAIL', now(), 1, CASE name WHEN 'own' THEN 'loose' ELSE name END, now() FROM application;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, error, recipient, subject,
	provider_id)
SELECT n.application_id, n.id, 1, now(), now(), 'FAILED', 'busy', n.address, n.title, p.id FROM appt.notification n JOIN appt.provider p
	USING (application_id);
INSERT INTO appt.user_profile (application_id, id, email, backup_phone) SELECT a.id, u, u || '@example.com', '+306900000001'
	FROM application a, unnest('{ann,bob,sue,zoe}'::text[]) u;
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) SELECT a.id, u, 'CALL', false
	FROM application a, unnest('{ann,sue,zoe}'::text[]) u;
INSERT INTO appt.line (application_id, name, owner_id) SELECT a.id, line, owner
	FROM application a, (VALUES ('anns', 'ann'), ('zoes', 'zoe'), ('followed', 'zoe'), ('common', NULL)) l (line, owner);
INSERT INTO appt.line_number (application_id, number, line_id) SELECT application_id,
	'+3021000000' || ascii(name), id FROM appt.line;
INSERT INTO appt.ring_group (application_id, name) SELECT a.id, g FROM application a, unnest('{both,one}'::text[]) g;
INSERT INTO appt.ring_group_member (application_id, ring_group_id, user_id) SELECT application_id, id, u
	FROM appt.ring_group g, unnest('{ann,zoe}'::text[]) u WHERE u = 'zoe' OR g.name = 'both';
INSERT INTO appt.line_ring_group (application_id, line_id, ring_group_id) SELECT l.application_id, l.id, g.id
	FROM appt.line l JOIN appt.ring_group g USING (application_id) WHERE l.name = 'common';
INSERT INTO appt.line_subscription (application_id, line_id, user_id) SELECT application_id, id, CASE name WHEN 'followed' THEN 'ann'
	ELSE 'zoe' END FROM appt.line WHERE name IN ('followed', 'common');
INSERT INTO appt.user_event (application_id, type, payload) SELECT id, 'MENTION', '{"by": "EVENT-MARK"}' FROM application;
INSERT INTO appt.report_schedule (application_id, type, last_date, timezone, report_time) SELECT id, 'DAILY_ACTIVITY', current_date,
	'UTC', '07:00' FROM application;
INSERT INTO appt.report_day (application_id, date, timezone, start_at, end_at) SELECT id, current_date, 'UTC', now(), now() FROM application;
INSERT INTO appt.daily_figure (application_id, date, subject, item, total) SELECT id, current_date, 'EVENTS', 'CALL', 1 FROM application;
INSERT INTO appt.hour_count (application_id, hour, count_at) SELECT id, date_trunc('hour', now()), now() FROM application;
INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum)
	SELECT id, date_trunc('hour', now()), 'CREATE', 'EMAIL', 1, 0, 1, '1 s' FROM application;
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, title, next_attempt_at,
	address, appointment_id, organizer_id)
SELECT a.id, 'USER', u, 'CALL', 'IN_APP', now(), appt.lane(a.id, 'IN_APP', NULL), CASE a.name WHEN 'own' THEN 'to-' || u ELSE a.name END,
	now(), 'ADDRESS-MARK', CASE u WHEN 'zoe' THEN m.id END, CASE u WHEN 'zoe' THEN 'ann' END
FROM application a JOIN made m ON m.application = a.name AND m.what IN ('mine', 'sister', 'foreign'), unnest('{ann,sue,zoe}'::text[]) u;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, error, recipient, subject)
SELECT application_id, id, 1, now(), now(), 'FAILED', 'busy', address, title FROM appt.notification WHERE recipient_kind = 'USER';
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE recipient_kind = 'USER';
INSERT INTO appt.inbound_message (application_id, from_number, to_number, line_id, text, received_at)
	SELECT application_id, '+306900000000', '+302100000000', id, name, now() FROM appt.line
	UNION ALL SELECT id, '+306900000000', '+302100000001', NULL, 'none', now() FROM application;
INSERT INTO appt.meeting_template (application_id, name) SELECT id, name FROM application;
INSERT INTO appt.page_text (application_id, locale, key, text) SELECT id, 'en', 'page.title', name FROM application;
INSERT INTO appt.follower (application_id, appointment_id, user_id) SELECT application_id, id, 'zoe' FROM appt.appointment;
INSERT INTO appt.response (application_id, appointment_id, participant_id, action, source)
	SELECT application_id, id, 'x', 'ACCEPT', 'API' FROM appt.appointment;
INSERT INTO appt.suppression (application_id, channel, address_key, reason) SELECT id, 'EMAIL', sha256('x'), 'BLOCKED' FROM application;
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM-1', id FROM appt.attempt;
INSERT INTO appt.invitation SELECT id, application_id, appointment_id FROM appt.notification WHERE appointment_id IS NOT NULL;
UPDATE appt.notification SET attempt_count = 1, state = 'FAILED', reason = 'REJECTED', settled_at = now(), next_attempt_at = NULL
	WHERE type <> 'UPDATE';
INSERT INTO appt.one_time_code (application_id, purpose, contact, requested_at, expires_at) SELECT id, 'CUSTOMER', 'CODE-MARK',
	now(), now() FROM application;

/* How a row of each relation is called, of its columns t and, by b, the appointment's title. */
CREATE TEMP TABLE relation (name text, label text, of text);
INSERT INTO relation VALUES
	('organization', 'name', NULL), ('application', 'name', NULL),
	('appointment', 'title', NULL), ('participant', 'lower(type)', 'appointment_id'), ('room_access', '', 'appointment_id'),
	('rule', '', 'application_id'), ('template', 'text_body', NULL), ('subscription', 'username', NULL), ('provider', 'username', NULL),
	('notification', 'title', NULL), ('attempt', 'subject', NULL),
	('notification_log', 'title', NULL), ('latest_failure', 'title', NULL), ('notification_stats', 'application', NULL),
	('failures_by_endpoint', 'application', NULL), ('uninformed_customers', 'title', NULL), ('upcoming', 'title', NULL),
		('delivery_times', 'application', NULL),
	('due', '(SELECT o.title FROM title_of o WHERE o.id = t.notification_id)', NULL), ('identity', '''identity''', NULL), ('change', '', 'application_id'),
		('secret', '', 'application_id'), ('one_time_code', '', 'application_id'), ('idempotency_key', '', 'application_id'),
	('user_profile', 'id', 'application_id'), ('user_preference', 'user_id', 'application_id'), ('line', 'name', 'application_id'),
		('line_number', 'chr(right(number, -11)::int)', 'application_id'), ('ring_group', 'name', 'application_id'),
		('ring_group_member', 'user_id', 'application_id'), ('line_ring_group', '', 'application_id'),
		('line_subscription', 'user_id', 'application_id'), ('user_event', '', 'application_id'),
	('meeting_template', '', 'application_id'), ('page_text', '', 'application_id'), ('follower', '', 'appointment_id'),
		('response', '', 'appointment_id'), ('suppression', '', 'application_id'),
	('provider_message', '', 'application_id'), ('invitation', '', 'application_id'), ('inbound_message', 'text', 'application_id'),
	('report_schedule', '', 'application_id'), ('report_day', '', 'application_id'), ('daily_figure', '', 'application_id'),
	('hour_count', '', 'application_id'), ('hourly_figure', '', 'application_id'),
	('reason', '''reason''', NULL), ('notification_type', '''type''', NULL), ('worker_status', '''status''', NULL),
		('circuit', '''circuit''', NULL);
CREATE TEMP TABLE title_of AS SELECT id, title FROM appt.notification;
CREATE TEMP TABLE name_of AS SELECT id, what AS name FROM made UNION ALL SELECT id, name FROM application;

CREATE TEMP TABLE caller (place int, name text, role text, claims jsonb);
INSERT INTO caller VALUES
	(1, 'an agent', 'appt_agent', jsonb_build_object('sub', 'ann', 'application_id', :'own')),
	(2, 'an agent attending', 'appt_agent', jsonb_build_object('sub', 'bob', 'application_id', :'own')),
	(3, 'a supervisor', 'appt_supervisor', jsonb_build_object('sub', 'sue', 'application_id', :'own')),
	(4, 'a client service', 'appt_client_service', jsonb_build_object('sub', 'ann', 'application_id', :'own')),
	(5, 'a client service attending', 'appt_client_service', jsonb_build_object('sub', 'bob', 'application_id', :'own')),
	(6, 'a customer', 'appt_customer', jsonb_build_object('sub', 'ann', 'application_id', :'own', 'conference_id',
		(SELECT conference_id FROM appt.appointment WHERE id = :'mine'))),
	(7, 'a customer of another application', 'appt_customer',
		jsonb_build_object('sub', 'ann', 'application_id', :'sister', 'conference_id',
		(SELECT conference_id FROM appt.appointment WHERE id = :'mine'))),
	(8, 'an admin', 'appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme', 'application_id', :'foreign')),
	(9, 'an admin of nothing', 'appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', gen_random_uuid())),
	(10, 'anybody', 'appt_anonymous', '{}');

/* What each caller reads of every relation with agent_scope OWN, in the order of the callers; "-" is 42501, "" no row. */
CREATE TEMP TABLE reads (relation text, labels text[]);
INSERT INTO reads VALUES
	('organization',       '{-, -, -, -, -, -, -, "Acme", "", -}'),
	('application',        '{own, own, own, own, own, -, -, "own sister", "", -}'),
	('appointment',        '{mine, mine, "given mine other taken", "given mine other taken", "given mine other taken", mine, "", '
		'-, -, -}'),
	('participant',        '{"mine agent, mine customer", "mine agent, mine customer",
		"given agent, given customer, mine agent, mine customer, other agent, other customer, taken customer",
		"given agent, given customer, mine agent, mine customer, other agent, other customer, taken customer",
		"given agent, given customer, mine agent, mine customer, other agent, other customer, taken customer", "mine customer", "",
		"given customer, mine customer, other customer, sister customer, taken customer", "", -}'),
	('room_access',        '{mine, mine, "given mine other taken", "given mine other taken", "given mine other taken", mine, "", '
		'-, -, -}'),
	('rule',               '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('template',           '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('subscription',       '{-, -, -, -, -, -, -, "own sister", "", -}'),
	('provider',           '{"", "", "", "", "", -, -, "own sister", "", -}'),
	('notification',       '{"gone mine to-ann", mine, "given gone loose mine other taken to-sue", "given gone loose mine other taken to-ann", "given '
		'gone loose mine other taken", -, -, "given gone loose mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('attempt',            '{"gone mine to-ann", mine, "given gone loose mine other taken to-sue", "given gone loose mine other taken to-ann", "given '
		'gone loose mine other taken", -, -, "given gone loose mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('notification_log',   '{"gone mine to-ann", mine, "given gone loose mine other taken to-sue", "given gone loose mine other taken to-ann", "given '
		'gone loose mine other taken", -, -, "given gone loose mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('latest_failure',     '{"gone mine to-ann", mine, "given gone loose mine other taken to-sue", "given gone loose mine other taken to-ann", "given '
		'gone loose mine other taken", -, -, "given gone loose mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('notification_stats', '{own, own, own, own, own, -, -, "own sister", "", -}'),
	('failures_by_endpoint', '{own, own, own, own, own, -, -, "own sister", "", -}'),
	('uninformed_customers', '{mine, mine, "given mine other taken", "given mine other taken", "given mine other taken", -, -, -, -, -}'),
	('upcoming', '{"gone mine to-ann", mine, "given gone mine other taken to-sue", "given gone mine other taken to-ann", "given '
		'gone mine other taken", -, -, "given gone mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('delivery_times',     '{own, own, own, own, own, -, -, "own sister", "", -}'),
	('due',                '{"gone mine to-ann", mine, "given gone mine other taken to-sue", "given gone mine other taken to-ann", "given '
		'gone mine other taken", -, -, "given gone mine other sister taken to-ann to-sue to-zoe", "", -}'),
	('identity',           '{-, -, -, -, -, -, -, -, -, -}'),
	('change',             '{-, -, -, -, -, -, -, "own sister", "", -}'),
	('secret',             '{-, -, -, -, -, -, -, -, -, -}'),
	('one_time_code',      '{-, -, -, -, -, -, -, -, -, -}'),
	('idempotency_key',    '{-, -, -, -, -, -, -, -, -, -}'),
	('user_profile',       '{"own ann", "own bob", "own sue", "own ann", "own bob", -, -,
		"own ann, own bob, own sue, own zoe, sister ann, sister bob, sister sue, sister zoe", "", -}'),
	('user_preference',    '{"own ann", "", "own sue", "own ann", "", -, -, "own ann, own sue, own zoe, sister ann, sister sue, sister zoe", '
		'"", -}'),
	('line',               '{"own anns, own common, own followed", "own common",
		"own anns, own common, own followed, own zoes", "own anns, own common, own followed, own zoes",
		"own anns, own common, own followed, own zoes", -, -,
		"own anns, own common, own followed, own zoes, sister anns, sister common, sister followed, sister zoes", "", -}'),
	('line_number',        '{"own a, own c, own f", "own c", "own a, own c, own f, own z", "own a, own c, own f, own z",
		"own a, own c, own f, own z", -, -, "own a, own c, own f, own z, sister a, sister c, sister f, sister z", "", -}'),
	('ring_group',         '{"own both", "", "own both, own one", "own both, own one", "own both, own one", -, -,
		"own both, own one, sister both, sister one", "", -}'),
	('ring_group_member',  '{"own ann", "", "own ann, own zoe", "own ann, own zoe", "own ann, own zoe", -, -,
		"own ann, own zoe, sister ann, sister zoe", "", -}'),
	('line_ring_group',    '{own, "", own, own, own, -, -, "own sister", "", -}'),
	('line_subscription',  '{"own ann", "", "own ann, own zoe", "own ann, own zoe", "own ann, own zoe", -, -,
		"own ann, own zoe, sister ann, sister zoe", "", -}'),
	('user_event',         '{-, -, -, -, -, -, -, "own sister", "", -}'),
	('inbound_message',    '{"own anns, own common, own followed", "", "own anns, own common, own followed, own none, own zoes", -, -, -, -,
		"own anns, own common, own followed, own none, own zoes, sister anns, sister common, sister followed, sister none, sister zoes", "", -}'),
	('meeting_template',   '{own, own, own, own, own, -, -, "own sister", "", -}'),
	('page_text',          '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('follower',           '{mine, mine, "given mine other taken", "given mine other taken", "given mine other taken", -, -, -, -, -}'),
	('response',           '{mine, mine, "given mine other taken", "given mine other taken", "given mine other taken", -, -, '
		'"given mine other sister taken", "", -}'),
	('suppression',        '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('provider_message',   '{-, -, -, -, -, -, -, -, -, -}'),
	('invitation',         '{-, -, -, -, -, -, -, -, -, -}'),
	('report_schedule',    '{-, -, -, -, -, -, -, "own sister", "", -}'),
	('report_day',         '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('daily_figure',       '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('hourly_figure',      '{-, -, own, -, -, -, -, "own sister", "", -}'),
	('hour_count',         '{-, -, -, -, -, -, -, -, -, -}'),
	('reason',             '{reason, reason, reason, reason, reason, -, -, reason, reason, -}'),
	('notification_type',  '{type, type, type, type, type, -, -, type, type, -}'),
	('worker_status',      '{-, -, -, -, -, -, -, -, -, -}'),
	('circuit',            '{-, -, -, -, -, -, -, -, -, -}');
-- What both agents read with agent_scope APPLICATION, and ann besides; of all else, and all others, it makes no difference.
CREATE TEMP TABLE shared (relation text, label text, and_ann text);
INSERT INTO shared VALUES
	('appointment',        'given mine other taken', ''),
	('participant',        'given agent, given customer, mine agent, mine customer, other agent, other customer, taken customer', ''),
	('room_access',        'given mine other taken', ''),
	('follower',           'given mine other taken', ''),
	('response',           'given mine other taken', ''),
	('notification',       'given gone mine other taken', ' to-ann'),
	('attempt',            'given gone mine other taken', ' to-ann'),
	('due',                'given gone mine other taken', ' to-ann'),
	('notification_log',   'given gone mine other taken', ' to-ann'),
	('latest_failure',     'given gone mine other taken', ' to-ann'),
	('uninformed_customers', 'given mine other taken', ''),
	('upcoming',           'given gone mine other taken', ' to-ann');

-- Runs a query as a role with claims, and undoes what it did; its one value, "" for NULL, "-" for 42501, or the SQLSTATE.
CREATE FUNCTION pg_temp.answer(role text, claims text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE query INTO answer;
	RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'UNDO0' THEN coalesce(answer, '') WHEN '42501' THEN '-' ELSE SQLSTATE END;
END $$;

-- The names of the rows of what is read as t.
CREATE FUNCTION pg_temp.names(relation relation, source text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT string_agg(name, %L ORDER BY name) FROM (SELECT DISTINCT %s AS name FROM %s) names',
		CASE WHEN relation.of IS NOT NULL AND relation.label <> '' THEN ', ' ELSE ' ' END,
		CASE WHEN relation.of IS NULL THEN relation.label
			WHEN relation.label = '' THEN format('(SELECT n.name FROM name_of n WHERE n.id = t.%I)', relation.of)
			ELSE format('(SELECT n.name FROM name_of n WHERE n.id = t.%I) || '' '' || %s', relation.of, relation.label) END, source)
$$;

CREATE TEMP TABLE given (login text, place int, relation text, answer text);
GRANT ALL ON relation, reads, caller, given, name_of, title_of TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO given SELECT session_user, place, r.name,
	pg_temp.answer(role, claims::text, pg_temp.names(r, format('appt.%I t', r.name))) FROM caller, relation r;
SET LOCAL SESSION AUTHORIZATION row_forger;
INSERT INTO given SELECT session_user, place, r.name, pg_temp.answer(role, claims::text, pg_temp.names(r, format('appt.%I t', r.name)))
	FROM caller, relation r WHERE role <> 'appt_anonymous' AND r.name !~ '^(reason|notification_type)$';
SET LOCAL SESSION AUTHORIZATION row_service;
INSERT INTO given SELECT session_user, place, r.name,
	pg_temp.answer('row_service', claims::text, pg_temp.names(r, format('appt.%I t', r.name)))
	FROM caller, relation r WHERE place = 1;
SET LOCAL SESSION AUTHORIZATION row_nobody;
INSERT INTO given SELECT session_user, place, r.name,
	pg_temp.answer('row_nobody', claims::text, pg_temp.names(r, format('appt.%I t', r.name))) FROM caller, relation r;
RESET SESSION AUTHORIZATION;

-- The same with the other scope.
UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE name = 'own';
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO given SELECT 'shared', place, r.name, pg_temp.answer(role, claims::text, pg_temp.names(r, format('appt.%I t', r.name)))
	FROM caller, relation r;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'OWN' WHERE name = 'own';
SELECT is(g.answer, CASE WHEN place > 2 OR label IS NULL THEN r.labels[g.place]
		WHEN place = 1 THEN label || and_ann ELSE label END,
	format('%s, agent_scope APPLICATION, reads %s', c.name, g.relation))
FROM given g JOIN caller c USING (place) JOIN reads r USING (relation) LEFT JOIN shared USING (relation) WHERE login = 'shared'
	ORDER BY g.relation, place;

SELECT is(g.answer, r.labels[g.place], format('%s reads %s', c.name, g.relation))
FROM given g JOIN caller c USING (place) JOIN reads r USING (relation) WHERE login = 'row_login' ORDER BY g.relation, place;
SELECT is(count(*), (SELECT count(*) FROM caller, relation), 'all were asked') FROM given WHERE login = 'row_login';
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
	AND relname NOT IN (SELECT relation FROM reads)$$,
	'and no relation was forgotten');
-- Whether there is a row decides whether a policy is asked at all: of provider the agents' policies are none.
SELECT is(string_agg(DISTINCT answer, ' '), '-', 'a login that is no member of appt_authenticator is believed nothing')
FROM given JOIN caller USING (place) WHERE login = 'row_forger' AND NOT (relation = 'provider' AND role <> 'appt_admin');
SELECT is(string_agg(DISTINCT answer, ' '), '-', 'who has no role reads nothing') FROM given WHERE login = 'row_nobody';
SELECT is(answer, CASE relation WHEN 'organization' THEN 'Acme Globex' WHEN 'identity' THEN 'identity' WHEN 'reason' THEN 'reason'
	WHEN 'notification_type' THEN 'type'
	WHEN 'appointment' THEN 'foreign given mine other sister taken' WHEN 'room_access' THEN 'foreign given mine other sister taken'
	WHEN 'follower' THEN 'foreign given mine other sister taken' WHEN 'response' THEN 'foreign given mine other sister taken'
	WHEN 'secret' THEN '-' WHEN 'one_time_code' THEN '-' WHEN 'idempotency_key' THEN '-'
		WHEN 'worker_status' THEN '-' WHEN 'circuit' THEN '-'
	WHEN 'notification' THEN 'foreign given gone loose mine other sister taken to-ann to-sue to-zoe' WHEN 'attempt'
		THEN 'foreign given gone loose mine other sister taken to-ann to-sue to-zoe'
	WHEN 'notification_log' THEN 'foreign given gone loose mine other sister taken to-ann to-sue to-zoe' WHEN 'latest_failure'
		THEN 'foreign given gone loose mine other sister taken to-ann to-sue to-zoe'
	WHEN 'due' THEN 'foreign given gone mine other sister taken to-ann to-sue to-zoe'
	WHEN 'upcoming' THEN 'foreign given gone mine other sister taken to-ann to-sue to-zoe'
	WHEN 'uninformed_customers' THEN 'foreign given mine other sister taken'
	ELSE 'foreign own sister' END, 'an SQL application reads ' || relation)
FROM given JOIN relation ON relation.name = given.relation WHERE login = 'row_service' AND (of IS NULL OR label = '');
SELECT is(g.answer, (SELECT string_agg(part, ', ' ORDER BY part) FROM (
		SELECT regexp_split_to_table(r.labels[8], ', ') AS part
		UNION SELECT regexp_replace(regexp_split_to_table(r.labels[8], ', '), '^sister', 'foreign')) parts
	WHERE part ~ '^(own|sister|foreign)'), 'an SQL application reads ' || relation)
FROM given g JOIN reads r USING (relation) JOIN relation ON relation.name = g.relation
WHERE login = 'row_service' AND of = 'application_id' AND label <> '';

-- What waits in the queue though due: of the same notifications.
CREATE TEMP TABLE waiting (scope text, place int, answer text);
CREATE FUNCTION pg_temp.waiting(caller caller) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.answer(caller.role, caller.claims::text, 'SELECT string_agg(DISTINCT n.title, '' '' ORDER BY n.title) || '' '' || count(n.id) - count(*)
		FROM appt.due_notifications() d LEFT JOIN appt.notification n ON n.id = d.notification_id')
$$;
GRANT ALL ON waiting TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO waiting SELECT 'OWN', place, pg_temp.waiting(caller) FROM caller;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE name = 'own';
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO waiting SELECT 'APPLICATION', place, pg_temp.waiting(caller) FROM caller;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'OWN' WHERE name = 'own';
SELECT is(array_agg(coalesce(answer, '') ORDER BY place), CASE scope
	WHEN 'OWN' THEN '{"gone mine to-ann 0", "mine 0", "given gone mine other taken to-sue 0", "given gone mine other taken to-ann 0",
		"given gone mine other taken 0", -, -, "given gone mine other sister taken to-ann to-sue to-zoe 0", "", -}'
	ELSE '{"given gone mine other taken to-ann 0", "given gone mine other taken 0", "given gone mine other taken to-sue 0",
		"given gone mine other taken to-ann 0", "given gone mine other taken 0", -, -,
		"given gone mine other sister taken to-ann to-sue to-zoe 0", "", -}' END::text[],
	format('of the queue, what one may read, agent_scope %s', scope)) FROM waiting GROUP BY scope;

/* ---- columns ---- */

/*
 * r: every column may be read; i and u: those that are listed may be written; d: rows may be deleted. No role has anything
 * beyond that.
 */
CREATE TEMP TABLE promised (relation text, ag text, su text, cs text, cu text, ad text, an text, sv text, inserted text, updated text);
INSERT INTO promised VALUES
	('organization',       '',  '',  '',  '',  'ru',   '', 'ru',   '', 'name require_verified_sender'),
	('application',        'r', 'r', 'r', '',  'riud', '', 'riud',
		'organization_id name platform auto_activate room_activates room_url room_code_length public_url locale timezone '
			'calling_code max_duration end_grace max_overlap organizer_exclusive max_attempts retry_base retry_cap max_concurrency '
			'max_per_second agent_scope report_time short_url contact branding sender_image one_click suppress_undeliverable',
		'name platform auto_activate room_activates room_url room_code_length public_url locale timezone calling_code max_duration '
			'end_grace max_overlap organizer_exclusive max_attempts retry_base retry_cap max_concurrency max_per_second agent_scope '
			'report_time short_url contact branding sender_image one_click suppress_undeliverable'),
	('appointment',        'r', 'r', 'r', 'r', '',     '', 'r', '', ''),
	('participant',        'r', 'r', 'r', 'r', 'r',    '', 'r', '', ''),
	('room_access',        'r', 'r', 'r', 'r', '',     '', 'r', '', ''),
	('rule',               '',  'r', '',  '',  'riud', '', 'riud',
		'application_id meeting_template_id type channel time_offset enabled sending even_if_never_told ignores_opt_out buttons '
			'appearance ask_reason reply_codes auto_replies',
		'meeting_template_id type channel time_offset enabled sending even_if_never_told ignores_opt_out buttons '
			'appearance ask_reason reply_codes auto_replies'),
	('meeting_template',   'r', 'r', 'r', '',  'riud', '', 'riud',
		'application_id name sequence active duration meeting_type location video_platform title significant_fields '
			'require_location lead_only_reminders reminders_need_confirmation notify_followers',
		'name sequence active duration meeting_type location video_platform title significant_fields '
			'require_location lead_only_reminders reminders_need_confirmation notify_followers'),
	('page_text',          '',  'r', '',  '',  'riud', '', 'riud', 'application_id locale key text', 'locale key text'),
	('follower',           'r', 'r', 'r', '',  '',     '', 'r', '', ''),
	('response',           'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('suppression',        '',  'r', '',  '',  'r',    '', 'r', '', ''),
	('template',           '',  'r', '',  '',  'riud', '', 'riud',
		'application_id type channel rule_id meeting_template_id locale subject text_body html_body',
		'type channel rule_id meeting_template_id locale subject text_body html_body'),
	('subscription',       '',  '',  '',  '',  'riud', '', 'riud',
		'application_id url auth username token_url scope audience token_auth headers types enabled',
		'url auth username token_url scope audience token_auth headers types enabled'),
	('provider',           'r', 'r', 'r', '',  'riud', '', 'riud',
		'application_id channel kind url username sender settings enabled', 'channel kind url username sender settings enabled'),
	('notification',       'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('attempt',            'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('notification_log',   'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('latest_failure',     'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('notification_stats', 'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('failures_by_endpoint', 'r', 'r', 'r', '', 'r',   '', 'r', '', ''),
	('uninformed_customers', 'r', 'r', 'r', '', '',    '', 'r', '', ''),
	('upcoming',           'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('delivery_times',     'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('reason',             'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('notification_type',  'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('user_profile',       'r', 'r', 'r', '',  'riud', '', 'riud',
		'application_id id name email backup_phone custom_phone channels locale timezone is_admin is_billing_admin enabled',
		'name email backup_phone custom_phone channels locale timezone is_admin is_billing_admin enabled'),
	('user_preference',    'r', 'r', 'r', '',  'riud', '', 'riud',
		'application_id user_id type channel time_offset enabled', 'user_id type channel time_offset enabled'),
	('line',               'r', 'r', 'r', '',  'riud', '', 'riud', 'application_id name owner_id enabled', 'name owner_id enabled'),
	('line_number',        'r', 'r', 'r', '',  'riud', '', 'riud', 'application_id number line_id', 'number line_id'),
	('ring_group',         'r', 'r', 'r', '',  'riud', '', 'riud', 'application_id name fisher_mode', 'name fisher_mode'),
	('ring_group_member',  'r', 'r', 'r', '',  'rid',  '', 'rid', 'application_id ring_group_id user_id', ''),
	('line_ring_group',    'r', 'r', 'r', '',  'rid',  '', 'rid', 'application_id line_id ring_group_id', ''),
	('line_subscription',  'r', 'r', 'r', '',  'rid',  '', 'rid', 'application_id line_id user_id', ''),
	('user_event',         '',  '',  '',  '',  'r',    '', 'r', '', ''),
	('report_schedule',    '',  '',  '',  '',  'r',    '', 'r', '', ''),
	('report_day',         '',  'r', '',  '',  'r',    '', 'r', '', ''),
	('daily_figure',       '',  'r', '',  '',  'r',    '', 'r', '', ''),
	('hour_count',         '',  '',  '',  '',  '',     '', 'r', '', ''),
	('hourly_figure',      '',  'r', '',  '',  'r',    '', 'r', '', ''),
	('due',                'r', 'r', 'r', '',  'r',    '', 'r', '', ''),
	('identity',           '',  '',  '',  '',  '',     '', 'r', '', ''),
	('change',             '',  '',  '',  '',  'r',    '', 'r', '', ''),
	('secret',             '',  '',  '',  '',  '',     '', '',  '', ''),
	('one_time_code',      '',  '',  '',  '',  '',     '', '',  '', ''),
	('idempotency_key',    '',  '',  '',  '',  '',     '', '',  '', ''),
	('inbound_message',    'r', 'r', '',  '',  'r',    '', 'r', '', ''),
	('provider_message',   '',  '',  '',  '',  '',     '', 'r', '', ''),
	('invitation',         '',  '',  '',  '',  '',     '', 'r', '', ''),
	('worker_status',      '',  '',  '',  '',  '',     '', '',  '', ''),
	('circuit',            '',  '',  '',  '',  '',     '', '',  '', '');
SELECT is_empty(format($$
	SELECT attname, privilege, has_column_privilege(%1$L, attrelid, attnum, privilege) AS granted
	FROM pg_attribute, (VALUES ('SELECT', %3$L LIKE '%%r%%', NULL), ('INSERT', %3$L LIKE '%%i%%', %4$L), ('UPDATE',
		%3$L LIKE '%%u%%', %5$L),
		('REFERENCES', false, NULL)) p (privilege, promised, columns)
	WHERE attrelid = 'appt.%2$I'::regclass AND attnum > 0 AND NOT attisdropped
		AND has_column_privilege(%1$L, attrelid, attnum, privilege) <> (promised AND (columns IS NULL
			OR attname = ANY (string_to_array(columns, ' '))))$$,
	role, relation, promise, inserted, updated), format('%s: what %s may do with its columns', relation, role))
FROM promised, LATERAL (VALUES ('appt_agent', ag), ('appt_supervisor', su), ('appt_client_service', cs), ('appt_customer', cu),
	('appt_admin', ad),
	('appt_anonymous', an), ('appt_service', sv), ('appt_authenticator', ''), ('row_login', ''), ('public', '')) r (role, promise)
ORDER BY relation, role;
SELECT is_empty(format($$
	SELECT privilege FROM unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) privilege
	WHERE has_table_privilege(%1$L, 'appt.%2$I', privilege) <> (privilege = 'DELETE' AND %3$L LIKE '%%d%%')$$,
	role, relation, promise), format('%s: what %s may do as a whole', relation, role))
FROM promised, LATERAL (VALUES ('appt_agent', ag), ('appt_supervisor', su), ('appt_client_service', cs), ('appt_customer', cu),
	('appt_admin', ad),
	('appt_anonymous', an), ('appt_service', sv), ('appt_authenticator', ''), ('row_login', ''), ('public', '')) r (role, promise)
ORDER BY relation, role;
SELECT is_empty($$SELECT relation FROM reads EXCEPT SELECT relation FROM promised$$, 'no relation was forgotten');
SELECT is_empty($$SELECT c.oid::regclass, role FROM pg_class c,
	unnest('{public,appt_agent,appt_supervisor,appt_client_service,appt_customer,appt_admin,appt_anonymous,appt_service}'::text[]) role
	WHERE relnamespace = 'appt'::regnamespace AND relkind = 'S' AND has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE')$$,
		'sequences are nobody''s');

/* ---- changes ---- */

/* Statements on configuration, and the rows that an admin of Acme changes by them; everybody else is refused. */
CREATE TEMP TABLE change (statement text, relation text, changed text);
INSERT INTO change VALUES
	('UPDATE appt.organization t SET name = name', 'organization', 'Acme'),
	('UPDATE appt.organization t SET require_verified_sender = false', 'organization', 'Acme'),
	('UPDATE appt.organization t SET notifications_enabled = false', 'organization', '-'),
	('UPDATE appt.organization t SET notifications_switched_at = NULL', 'organization', '-'),
	('UPDATE appt.application t SET max_attempts = 5', 'application', 'own sister'),
	('UPDATE appt.rule t SET enabled = false', 'rule', 'own sister'),
	('UPDATE appt.template t SET subject = NULL', 'template', 'own sister'),
	('UPDATE appt.subscription t SET enabled = false', 'subscription', 'own sister'),
	('UPDATE appt.provider t SET enabled = false', 'provider', 'own sister'),
	('UPDATE appt.meeting_template t SET active = false', 'meeting_template', 'own sister'),
	('UPDATE appt.page_text t SET text = ''x''', 'page_text', 'own sister'),
	('DELETE FROM appt.rule t', 'rule', 'own sister'),
	('DELETE FROM appt.meeting_template t', 'meeting_template', 'own sister'),
	('DELETE FROM appt.page_text t', 'page_text', 'own sister'),
	('UPDATE appt.meeting_template t SET application_id = FOREIGN', 'meeting_template', '-'),
	('UPDATE appt.response t SET reason = NULL', 'response', '-'),
	('DELETE FROM appt.follower t', 'follower', '-'),
	('DELETE FROM appt.suppression t', 'suppression', '-'),
	('DELETE FROM appt.template t', 'template', 'own sister'),
	('DELETE FROM appt.subscription t', 'subscription', 'own sister'),
	('DELETE FROM appt.provider t', 'provider', 'own sister'),
	('INSERT INTO appt.application AS t (organization_id, name) VALUES (ACME, ''own'')', 'application', 'own'),
	('INSERT INTO appt.application AS t (organization_id, name) VALUES (GLOBEX, ''x'')', 'application', '-'),
	('INSERT INTO appt.application AS t (organization_id, name) VALUES (NONE, ''x'')', 'application', '-'),
	('UPDATE appt.application t SET organization_id = GLOBEX', 'application', '-'),
	('UPDATE appt.application t SET id = NONE', 'application', '-'),
	('UPDATE appt.organization t SET id = NONE', 'organization', '-'),
	('DELETE FROM appt.organization t', 'organization', '-'),
	('INSERT INTO appt.organization AS t (name) VALUES (''x'')', 'organization', '-'),
	('UPDATE appt.rule t SET application_id = FOREIGN', 'rule', '-'),
	('UPDATE appt.provider t SET verified_at = now()', 'provider', '-'),
	('UPDATE appt.notification t SET state = ''SENT''', 'notification', '-'),
	('DELETE FROM appt.attempt t', 'attempt', '-'),
	('UPDATE appt.appointment t SET title = title', 'appointment', '-'),
	('DELETE FROM appt.participant t', 'participant', '-'),
	('UPDATE appt.secret t SET value = value', 'secret', '-'),
	('DELETE FROM appt.one_time_code t', 'one_time_code', '-'),
	('DELETE FROM appt.identity t', 'identity', '-'),
	('DELETE FROM appt.due t', 'due', '-'),
	('INSERT INTO appt.change AS t (organization_id, table_name, row_key, operation, changed_by) VALUES '
		'(ACME, ''rule'', ''{}'', ''DELETE'', ''x'')', 'change', '-'),
	('UPDATE appt.change t SET changed_by = ''x''', 'change', '-'),
	('DELETE FROM appt.change t', 'change', '-');
INSERT INTO change VALUES
	('UPDATE appt.user_profile t SET id = ''x''', 'user_profile', '-'),
	('UPDATE appt.user_profile t SET application_id = FOREIGN', 'user_profile', '-'),
	('UPDATE appt.user_profile t SET custom_phone_verified_at = now()', 'user_profile', '-'),
	('UPDATE appt.user_profile t SET notify_key = NONE', 'user_profile', '-'),
	('UPDATE appt.ring_group_member t SET user_id = ''bob''', 'ring_group_member', '-'),
	('UPDATE appt.user_event t SET payload = NULL', 'user_event', '-'),
	('DELETE FROM appt.user_event t', 'user_event', '-');
INSERT INTO change SELECT statement, relation, labels[8] FROM reads JOIN (VALUES
	('UPDATE appt.user_profile t SET name = ''x''', 'user_profile'),
	('UPDATE appt.user_preference t SET enabled = true', 'user_preference'),
	('UPDATE appt.line t SET enabled = false', 'line'),
	('UPDATE appt.line_number t SET number = number', 'line_number'),
	('UPDATE appt.ring_group t SET fisher_mode = true', 'ring_group'),
	('DELETE FROM appt.user_profile t', 'user_profile'),
	('DELETE FROM appt.user_preference t', 'user_preference'),
	('DELETE FROM appt.line t', 'line'),
	('DELETE FROM appt.line_number t', 'line_number'),
	('DELETE FROM appt.ring_group t', 'ring_group'),
	('DELETE FROM appt.ring_group_member t', 'ring_group_member'),
	('DELETE FROM appt.line_ring_group t', 'line_ring_group'),
	('DELETE FROM appt.line_subscription t', 'line_subscription')) s (statement, relation) USING (relation);
-- What the row is called follows the name of its application.
INSERT INTO change SELECT replace(replace(replace(statement, 'LINE', '(SELECT id FROM line_of WHERE application_id = APP)'),
	'GROUP', '(SELECT id FROM group_of WHERE application_id = APP)'), 'APP', place), relation,
	CASE place WHEN 'OWN' THEN 'own' WHEN 'SISTER' THEN 'sister' ELSE '-' END || CASE WHEN place IN ('OWN', 'SISTER') THEN named ELSE '' END
FROM unnest('{OWN,SISTER,FOREIGN,NONE}'::text[]) place, (VALUES
	('INSERT INTO appt.user_profile AS t (application_id, id, is_admin) VALUES (APP, ''new'', true)', 'user_profile', ' new'),
	('INSERT INTO appt.user_preference AS t (application_id, user_id, type, enabled) VALUES (APP, ''ann'', ''FAX'', true)',
		'user_preference', ' ann'),
	('INSERT INTO appt.line AS t (application_id, name) VALUES (APP, ''new'')', 'line', ' new'),
	('INSERT INTO appt.line_number AS t (application_id, number, line_id) VALUES (APP, ''+3021000000120'', LINE)', 'line_number', ' x'),
	('INSERT INTO appt.ring_group AS t (application_id, name) VALUES (APP, ''new'')', 'ring_group', ' new'),
	('INSERT INTO appt.ring_group_member AS t (application_id, ring_group_id, user_id) VALUES (APP, GROUP, ''bob'')',
		'ring_group_member', ' bob'),
	('INSERT INTO appt.line_ring_group AS t (application_id, line_id, ring_group_id) VALUES (APP, LINE, GROUP)', 'line_ring_group', ''),
	('INSERT INTO appt.line_subscription AS t (application_id, line_id, user_id) VALUES (APP, LINE, ''bob'')',
		'line_subscription', ' bob')) s (statement, relation, named);
CREATE TEMP TABLE line_of AS SELECT application_id, id FROM appt.line WHERE name = 'anns';
CREATE TEMP TABLE group_of AS SELECT application_id, id FROM appt.ring_group WHERE name = 'both';
GRANT SELECT ON line_of, group_of TO PUBLIC;
INSERT INTO change SELECT replace(statement, 'APP', place), relation, CASE place WHEN 'OWN' THEN 'own' WHEN 'SISTER' THEN 'sister'
	ELSE '-' END
FROM unnest('{OWN,SISTER,FOREIGN,NONE}'::text[]) place, (VALUES
	('INSERT INTO appt.rule AS t (application_id, type, channel, time_offset) VALUES (APP, ''ROOM'', ''SMS'', ''5 min'')', 'rule'),
	('INSERT INTO appt.template AS t (application_id, type, channel, locale, text_body) VALUES (APP, ''CREATE'', ''SMS'', ''de'', '
		'(SELECT name FROM name_of WHERE id = APP))', 'template'),
	('INSERT INTO appt.subscription AS t (application_id, url, username) VALUES (APP, ''https://x.example'', (SELECT name FROM '
		'name_of WHERE id = APP))', 'subscription'),
	('INSERT INTO appt.provider AS t (application_id, channel, kind, url, username) VALUES '
		'(APP, ''SMS'', ''HTTP'', ''https://x.example'', (SELECT name FROM name_of WHERE id = APP))', 'provider')) s (statement, relation);
UPDATE change SET statement = replace(replace(replace(replace(replace(replace(statement, 'ACME', quote_literal(:'acme')), 'GLOBEX',
	quote_literal(:'globex')), 'OWN', quote_literal(:'own')),
	'SISTER', quote_literal(:'sister')), 'FOREIGN', quote_literal(:'foreign')), 'NONE', '''00000000-0000-0000-0000-000000000000''');
-- A change and what it touched, by RETURNING; the same without it is as narrow.
CREATE FUNCTION pg_temp.changing(c change) RETURNS text LANGUAGE sql AS $$
	SELECT 'WITH t AS (' || c.statement || ' RETURNING t.*) ' || pg_temp.names(r, 't') FROM relation r WHERE r.name = c.relation
$$;
CREATE TEMP TABLE done (place int, statement text, answer text);
GRANT ALL ON change, done TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO done SELECT place, c.statement, pg_temp.answer(role, claims::text, pg_temp.changing(c)) FROM caller, change c;
RESET SESSION AUTHORIZATION;
SELECT is(answer, CASE WHEN place = 8 OR changed = '-' THEN changed WHEN place = 9 AND d.statement LIKE 'INSERT%' THEN '-'
	WHEN place = 9 THEN '' ELSE '-' END, format('%s: %s', name, d.statement))
FROM done d JOIN change USING (statement) JOIN caller USING (place) WHERE place >= 8 ORDER BY d.statement, place;
SELECT is(string_agg(DISTINCT answer, ' '), '-', format('nobody but an admin: %s', statement)) FROM done WHERE place < 8
	GROUP BY statement;

-- A foreign application and one that does not exist refuse alike; what rows of others hold decides nothing.
CREATE FUNCTION pg_temp.refusal(role text, claims text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN message || detail;
END $$;
CREATE TEMP TABLE refusal (text text);
GRANT ALL ON refusal TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO refusal SELECT pg_temp.refusal(role, claims::text,
	format('INSERT INTO appt.rule (application_id, type, channel) VALUES (%L, ''CREATE'', ''EMAIL'')', id))
FROM caller, unnest(ARRAY[:'foreign', gen_random_uuid()::text]) id WHERE place = 8;
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(DISTINCT text, E'\n'), 'new row violates row-level security policy for table "rule"',
	'both refusals read the same') FROM refusal;

/* ---- secrets ---- */

CREATE TEMP TABLE leak (login text, place int, relation text, mark text, found text);
GRANT ALL ON leak TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO leak SELECT session_user, place, r.name, mark,
	pg_temp.answer(role, claims::text, format('SELECT count(*) FROM appt.%I t WHERE t::text LIKE %L', r.name, '%' || mark || '%'))
FROM caller, relation r, unnest('{KEY-MARK,PASSWORD-MARK,HEADER-MARK,CODE-MARK,URL-MARK}'::text[]) mark;
SET LOCAL SESSION AUTHORIZATION row_service;
INSERT INTO leak SELECT session_user, 0, r.name, mark,
	pg_temp.answer('row_service', '', format('SELECT count(*) FROM appt.%I t WHERE t::text LIKE %L', r.name, '%' || mark || '%'))
FROM relation r, unnest('{KEY-MARK,PASSWORD-MARK,HEADER-MARK,CODE-MARK,URL-MARK}'::text[]) mark;
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(format('%s %s %s %s', login, place, relation, mark), ', ' ORDER BY place),
	'row_service 0 subscription URL-MARK, row_login 8 subscription URL-MARK',
	'no secret is read by anybody; a token in a URL only in the subscription itself, by admin and service')
FROM leak WHERE found NOT IN ('0', '-');
SELECT is(count(DISTINCT name), 5::bigint, 'though all of them are there') FROM (
	SELECT CASE WHEN value LIKE '%MARK' THEN name || value END FROM appt.secret UNION ALL SELECT contact FROM appt.one_time_code
	UNION ALL SELECT substring(url FROM 'URL-MARK') FROM appt.subscription) s (name) WHERE name ~ 'MARK';

/* ---- claims ---- */

CREATE TEMP TABLE claimed (what text, role text, claims text, answer text);
INSERT INTO claimed SELECT what, role,
	claims FROM unnest('{appt_agent,appt_supervisor,appt_client_service,appt_customer,appt_admin}'::text[]) role, (VALUES
	('none', ''), ('empty ones', '{}'), ('no JSON', 'sub=ann'), ('a list', '[]'), ('a sub alone', '{"sub": "ann"}'),
		('nonsense', '{"sub": "ann", "application_id": "nonsense", "organization_id": "x", "conference_id": 1}'),
	('an empty sub', format('{"sub": "", "application_id": "%s", "organization_id": "%s", "conference_id": "%1$s"}', :'own', :'acme')),
	('tenants in a list', format('{"sub": "ann", "application_id": ["%s"], "organization_id": ["%s"], "conference_id": []}', :'own',
		:'acme')),
	('a tenant one level down', format('{"sub": "ann", "x": {"application_id": "%s", "organization_id": "%s"}}', :'own',
		:'acme'))) c (what, claims);
INSERT INTO claimed SELECT 'no sub', role, format('{"application_id": "%s"}', :'own')
	FROM unnest('{appt_agent,appt_client_service}'::text[]) role;
INSERT INTO claimed VALUES ('no conference', 'appt_customer', format('{"sub": "ann", "application_id": "%s"}', :'own')),
	('an application alone', 'appt_admin', format('{"sub": "ann", "application_id": "%s"}', :'own')),
	('an organization alone', 'appt_supervisor', format('{"sub": "ann", "organization_id": "%s"}', :'acme'));
GRANT ALL ON claimed TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
UPDATE claimed SET answer = pg_temp.answer(role, claims, 'SELECT count(*) FROM appt.' || CASE role WHEN 'appt_admin' THEN 'rule'
	ELSE 'appointment' END);
RESET SESSION AUTHORIZATION;
SELECT is(answer, '-', format('%s with %s', role, what)) FROM claimed;

CREATE TEMP TABLE foreign_claim (role text, answer text);
INSERT INTO foreign_claim VALUES ('appt_agent'), ('appt_supervisor'), ('appt_client_service'), ('appt_customer');
GRANT ALL ON foreign_claim TO PUBLIC;
SELECT jsonb_build_object('sub', 'ann', 'application_id', :'foreign', 'organization_id', :'globex', 'conference_id',
	(SELECT conference_id FROM appt.appointment WHERE title = 'foreign')) AS claims \gset
SET LOCAL SESSION AUTHORIZATION row_login;
UPDATE foreign_claim SET answer = pg_temp.answer(role, :'claims', 'SELECT string_agg(title, '' '') FROM appt.appointment');
RESET SESSION AUTHORIZATION;
SELECT is(answer, 'foreign', role || ' sees what its own token names and nothing else') FROM foreign_claim;

-- An agent is no customer of the same name, who takes part in another's.
CREATE TEMP TABLE namesake AS SELECT p.id AS sub, NULL::text AS answer FROM appt.participant p
	JOIN appt.appointment a ON a.id = p.appointment_id WHERE a.title = 'mine' AND p.type = 'CUSTOMER';
GRANT ALL ON namesake TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
UPDATE namesake SET answer = pg_temp.answer('appt_agent', jsonb_build_object('sub', sub, 'application_id', :'own')::text,
	'SELECT count(*) FROM appt.appointment');
RESET SESSION AUTHORIZATION;
SELECT is(answer, '0', 'an agent named as a customer sees nothing of its appointment') FROM namesake;

-- A member of several roles acts as one of them, for policies as for functions.
GRANT appt_authenticator TO row_of_two;
CREATE TEMP TABLE two (what text, answer text);
GRANT ALL ON two TO PUBLIC;
SELECT (claims || jsonb_build_object('organization_id', :'acme'))::text AS claims FROM caller WHERE place = 1 \gset
SET LOCAL SESSION AUTHORIZATION row_of_two;
INSERT INTO two VALUES
	('appointments', pg_temp.answer('row_of_two', :'claims', 'SELECT string_agg(title, '' '' ORDER BY title) FROM appt.appointment')),
	('applications', pg_temp.answer('row_of_two', :'claims', 'SELECT string_agg(name, '' '') FROM appt.application')),
	('changes', pg_temp.answer('row_of_two', :'claims',
		'WITH c AS (UPDATE appt.application SET max_attempts = 7 RETURNING 1) SELECT count(*) FROM c')),
	('rules', pg_temp.answer('row_of_two', :'claims', 'SELECT count(*) FROM appt.rule'));
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(what || ' ' || answer, ', ' ORDER BY what), 'applications own, appointments mine, changes 0, rules 0',
	'a member of several roles acts as an agent alone') FROM two;

/* ---- a customer's people ---- */

CREATE TEMP TABLE person (what text, change text, answer text);
INSERT INTO person VALUES ('going on', 'state = state'), ('ended', 'state = ''ENDED'''), ('cancelled', 'state = ''CANCELLED'''),
	('over', 'start_at = now() - interval ''2 hours'', end_at = now() - interval ''1 second''');
DO $$
DECLARE
	one record;
	seen text;
	token text := (SELECT claims::text FROM caller WHERE place = 6);
BEGIN
	FOR one IN SELECT * FROM person LOOP
		BEGIN
			EXECUTE 'UPDATE appt.appointment SET ' || one.change || ' WHERE title = ''mine''';
			SET LOCAL SESSION AUTHORIZATION row_login;
			seen := pg_temp.answer('appt_customer', token, 'SELECT count(*) FROM appt.participant');
			RAISE EXCEPTION USING ERRCODE = 'UNDO0';
		EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
			UPDATE person SET answer = seen WHERE what = one.what;
		END;
	END LOOP;
END $$;
SELECT is(string_agg(what || ' ' || answer, ', ' ORDER BY what), 'cancelled 0, ended 0, going on 1, over 0',
	'a customer sees customers while the appointment is to come or going on') FROM person;

/* ---- once a query, by index ---- */

CREATE FUNCTION pg_temp.plan(role text, claims text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		-- Before 17 the result of an InitPlan is a parameter.
		plan := plan || regexp_replace(line, '\(InitPlan \d+\)\.col\d+', '$0', 'g') || E'\n';
	END LOOP;
	RESET ROLE;
	RETURN plan;
END $$;
INSERT INTO appt.appointment (application_id, organizer_id, title, start_at, end_at, timezone, locale, notifications_active)
SELECT :'own', 'other' || i % 100, 'many', now() + i * interval '1 min', now() + i * interval '2 min', 'UTC', 'en', true
	FROM generate_series(1, 5000) i;
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, 'x', 'CUSTOMER'
	FROM appt.appointment WHERE title = 'many';
ANALYZE;
SET LOCAL enable_seqscan = off;
CREATE TEMP TABLE plan (role text, relation text, plan text);
GRANT ALL ON plan TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO plan SELECT role, relation, pg_temp.plan(role, claims::text, 'SELECT * FROM appt.' || relation) FROM caller, reads
WHERE place IN (1, 3, 4, 6, 8) AND labels[place] <> '-';
RESET SESSION AUTHORIZATION;
-- What an InitPlan evaluates is not shown without VERBOSE: a name in the plan would stand in a condition on rows.
SELECT doesnt_match(plan, '(caller|agent|attended|administered)_', format('%s: %s asks no function for a row', role, relation)) FROM plan;
SELECT alike(plan, '%Index Cond: %(application_id = $%', format('%s goes by the index of %s', role, relation)) FROM plan
WHERE relation IN ('appointment', 'participant', 'room_access', 'rule', 'template', 'notification', 'user_profile', 'user_preference',
	'line',
	'line_number', 'ring_group', 'ring_group_member', 'line_ring_group', 'line_subscription') AND role <> 'appt_admin'
	AND NOT (role = 'appt_customer' AND relation = 'appointment');
SELECT alike(plan, '%Index Cond: (conference_id = $%', 'a customer''s appointment is found by its conference') FROM plan
	WHERE role = 'appt_customer' AND relation = 'appointment';
SELECT alike(plan, '%Index Cond: (application_id = ANY ($%', format('an admin goes by the index of %s', relation)) FROM plan
WHERE role = 'appt_admin' AND relation IN ('rule', 'template', 'subscription', 'provider', 'participant', 'notification');
CREATE TEMP TABLE narrowed (relation text, condition text, cond text);
INSERT INTO narrowed VALUES ('appointment', format('id = %L', :'mine'), '((id = '),
	('appointment', 'start_at < now()', '((application_id = $0) AND (start_at < '),
	('appointment', $$organizer_id = 'ann'$$, $$((application_id = $0) AND (organizer_id = 'ann'$$),
	('participant', format('appointment_id = %L', :'mine'), '((application_id = $0) AND (appointment_id = '),
	('room_access', format('appointment_id = %L', :'mine'), '((application_id = $0) AND (appointment_id = '),
	('notification', format('appointment_id = %L', :'mine'), '(appointment_id = ');
CREATE TEMP TABLE narrow_plan (relation text, condition text, plan text);
GRANT ALL ON narrowed, narrow_plan TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO narrow_plan SELECT relation, condition,
	pg_temp.plan(role, claims::text, format('SELECT * FROM appt.%s WHERE %s', relation, condition)) FROM caller, narrowed WHERE place = 1;
RESET SESSION AUTHORIZATION;
SELECT doesnt_match(plan, '(caller|agent|attended|administered)_', format('an agent asks no function for a row of %s', relation))
	FROM narrow_plan;
SELECT alike(plan, '%Index Cond: ' || cond || '%', format('an agent''s %s go by the index of %s', relation, condition))
	FROM narrow_plan JOIN narrowed USING (relation, condition);
RESET enable_seqscan;

-- How often the functions of the policies are called for a query that returns a row count.
CREATE FUNCTION pg_temp.calls() RETURNS TABLE (name name, calls bigint) LANGUAGE sql AS $$
	SELECT proname, coalesce(pg_stat_get_xact_function_calls(oid), 0) FROM pg_proc
	WHERE pronamespace = 'appt'::regnamespace AND proname ~ '^(caller|agent|attended|administered)_'
		AND proname <> 'caller_name'    -- records who changed what
$$;
CREATE FUNCTION pg_temp.asked(role text, claims text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before jsonb;
	result text;
BEGIN
	before := jsonb_object_agg(name, calls) FROM pg_temp.calls();
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE query INTO result;
	RESET ROLE;
	RETURN result || ' rows: ' || string_agg(name || ' ' || calls - (before->>name)::bigint, ', ' ORDER BY name)
		FROM pg_temp.calls() WHERE calls > (before->>name)::bigint;
END $$;
CREATE TEMP TABLE asking (place int, query text, expected text, asked text);
INSERT INTO asking VALUES
	(1, 'SELECT count(*) FROM appt.appointment', '1 rows: agent_has_application 1, attended_appointments 1, caller_application 1, '
		'caller_user 1'),
	(1, 'SELECT count(*) FROM appt.participant', '3 rows: agent_has_application 2, attended_appointments 1, caller_application 2, '
		'caller_user 1'),
	(3, 'SELECT count(*) FROM appt.appointment', '5004 rows: caller_application 1'),
	(3, 'SELECT count(*) FROM appt.participant', '5008 rows: caller_application 1'),
	(4, 'SELECT count(*) FROM appt.appointment', '5004 rows: caller_application 1'),
	(6, 'SELECT count(*) FROM appt.participant', '1 rows: caller_application 2, caller_conference 2'),
	(8, 'SELECT count(*) FROM appt.rule', (SELECT count(*) FROM appt.rule
		WHERE application_id IN (:'own', :'sister')) || ' rows: administered_applications 1'),
	(8, 'WITH u AS (UPDATE appt.rule SET enabled = false RETURNING 1) SELECT count(*) FROM u',
		(SELECT count(*) FROM appt.rule WHERE application_id IN (:'own', :'sister')) || ' rows: administered_applications 2');
GRANT ALL ON asking TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
UPDATE asking a SET asked = pg_temp.asked(role, claims::text, query) FROM caller c WHERE c.place = a.place;
RESET SESSION AUTHORIZATION;
SELECT is(asked, expected, format('%s: %s', name, query)) FROM asking JOIN caller USING (place) ORDER BY place, query;

-- The same with agent_scope APPLICATION.
UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE name = 'own';
DELETE FROM asking;
INSERT INTO asking (place, query, expected) VALUES
	(1, 'SELECT count(*) FROM appt.appointment', '5004 rows: agent_has_application 1, caller_application 1'),
	(1, 'SELECT count(*) FROM appt.participant', '5008 rows: agent_has_application 1, caller_application 1');
SET LOCAL SESSION AUTHORIZATION row_login;
UPDATE asking a SET asked = pg_temp.asked(role, claims::text, query) FROM caller c WHERE c.place = a.place;
RESET SESSION AUTHORIZATION;
SELECT is(asked, expected, format('%s, agent_scope APPLICATION: %s', name, query)) FROM asking JOIN caller USING (place)
	ORDER BY place, query;
UPDATE appt.application SET agent_scope = 'OWN' WHERE name = 'own';

-- Parallel workers see the same rows as their leader.
SELECT count(set_config(name, '0', true)) FROM pg_settings
	WHERE name IN ('parallel_setup_cost', 'parallel_tuple_cost', 'min_parallel_table_scan_size', 'enable_indexscan',
	'enable_bitmapscan', 'enable_indexonlyscan') \gset
CREATE TEMP TABLE parallel (role text, answer text, plan text);
GRANT ALL ON parallel TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION row_login;
INSERT INTO parallel SELECT role, pg_temp.answer(role, claims::text, 'SELECT count(*) FROM appt.appointment'),
	pg_temp.plan(role, claims::text, 'SELECT count(*) FROM appt.appointment')
FROM caller WHERE place IN (1, 3, 4, 6);
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(role || ' ' || answer, ', ' ORDER BY role),
	'appt_agent 1, appt_client_service 5004, appt_customer 1, appt_supervisor 5004', 'in parallel') FROM parallel;
SELECT alike(plan, '%Gather%', role || ' was answered in parallel') FROM parallel;

SELECT * FROM finish();
ROLLBACK;
