-- The functions of the console: the page and its policy, what changed, figures by step of time; and in the log who received
-- what, and what they responded.
BEGIN;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS acme, appt.create_organization('Globex') AS globex \gset
SELECT appt.create_application(:'acme', 'Bank') AS application, appt.create_application(:'acme', 'Shop') AS sister,
	appt.create_application(:'globex', 'Other') AS stranger \gset

CREATE FUNCTION pg_temp.header(name text) RETURNS text LANGUAGE sql AS $$
SELECT h ->> name FROM jsonb_array_elements(current_setting('response.headers')::jsonb) h WHERE h ? name
$$;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

/* ---- the page ---- */

SELECT convert_from(appt.console(), 'UTF8') AS page \gset
SELECT is(pg_temp.header('Content-Type'), 'text/html; charset=utf-8', 'a page');
SELECT is(pg_temp.header('Content-Security-Policy'), 'default-src ''none''; script-src ''sha256-'
	|| encode(sha256(convert_to(substring(:'page' FROM '<script>(.*)</script>'), 'UTF8')), 'base64') || '''; style-src ''unsafe-inline''; '
	|| 'img-src data:; connect-src ''self''; base-uri ''none''; form-action ''none''; frame-ancestors ''none''',
	'whose policy lets its one script run, by its hash');
SELECT is((SELECT count(*) FROM regexp_matches(:'page', '<script', 'g')), 1::bigint, 'it has one');
SELECT ok(replace(:'page', 'http://www.w3.org/2000/svg', '') !~ 'https?://', 'nothing comes from elsewhere');
SELECT is(pg_temp.header('Referrer-Policy'), 'no-referrer', 'and it tells nobody where it is');
SELECT ok(:'page' LIKE '<!doctype html>%</html>%', 'it is whole');

/* ---- figures ---- */

INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)
SELECT a.id::uuid, '2026-03-01 00:00Z'::timestamptz + h * interval '1 hour', type, 'EMAIL', a.sent, 1, a.sent + 1,
	(a.sent + 1) * interval '2 s',
	h * interval '1 s'
FROM (VALUES (:'application', 10), (:'sister', 100), (:'stranger', 1000)) a (id, sent), generate_series(0, 5) h,
	unnest('{CREATE,REMINDER}'::text[]) type;
PREPARE series AS SELECT at, type, channel, sent, failed, lateness_avg, lateness_max
	FROM appt.notification_series('2026-03-01 00:30Z', '2026-03-01 03:10Z', '3 hours', :'application');
SELECT results_eq('series', $$VALUES
	('2026-03-01 00:00Z'::timestamptz, 'CREATE', 'EMAIL', 30::bigint, 3::bigint, interval '2 s', interval '2 s'),
	('2026-03-01 00:00Z', 'REMINDER', 'EMAIL', 30, 3, '2 s', '2 s'),
	('2026-03-01 03:00Z', 'CREATE', 'EMAIL', 10, 1, '2 s', '3 s'),
	('2026-03-01 03:00Z', 'REMINDER', 'EMAIL', 10, 1, '2 s', '3 s')$$, 'whole hours, by step, type and channel');
SELECT is(count(*), 12::bigint, 'an hour is the step by default')
FROM appt.notification_series('2026-03-01', '2026-03-02', application_id => :'application');
SELECT is(pg_temp.refusal('SELECT appt.notification_series(' || arguments || format(', application_id => %L)', :'application')), expected,
	arguments)
FROM (VALUES
	('''2026-03-02'', ''2026-03-01''', '22023 since is not before until'),
	('''2026-03-01'', ''2026-03-02'', ''30 minutes''', '22023 step is not a whole number of hours'),
	('''2026-03-01'', ''2026-03-02'', ''90 minutes''', '22023 step is not a whole number of hours'),
	('''2026-03-01'', ''2026-03-02'', ''0''', '22023 value out of range'),
	('''2026-03-01'', ''2026-03-02'', ''1 month''', '22023 an elapsed time must not contain months'),
	('''2026-01-01 00:00Z'', ''2026-02-11 16:00Z''', 'none'),
	('''2026-01-01 00:00Z'', ''2026-02-11 16:01Z''', '22023 there are too many steps'),
	('''-infinity'', now()', '22023 a time is out of range'),
	('now(), ''infinity''', '22023 a time is out of range')) t (arguments, expected);

CREATE ROLE console_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE FUNCTION pg_temp.as_caller(role text, claims jsonb, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE query INTO answer;
	RESET ROLE;
	RETURN answer;
END $$;
SET LOCAL SESSION AUTHORIZATION console_login;
SELECT is(pg_temp.as_caller('appt_supervisor', jsonb_build_object('sub', 'sue', 'application_id', :'application'),
	'SELECT sum(sent) FROM appt.notification_series(''2026-03-01'', ''2026-03-02'')'), '120', 'a supervisor sees those of its application');
SELECT is(pg_temp.as_caller('appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme'),
	'SELECT sum(sent) FROM appt.notification_series(''2026-03-01'', ''2026-03-02'')'), '1320', 'an admin those of its organization');
SELECT is(pg_temp.as_caller('appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme'), format(
	'SELECT sum(sent) FROM appt.notification_series(''2026-03-01'', ''2026-03-02'', application_id => %L)', :'sister')), '1200',
		'or of one of them');
RESET SESSION AUTHORIZATION;

/* ---- what changed ---- */

SELECT matches(appt.console_state(), '^[0-9a-f]{16}$', 'a short text');
SELECT appt.console_state() AS state \gset
SELECT is(pg_temp.header('ETag'), '"' || :'state' || '"', 'is the ETag, too');
SELECT is(coalesce(current_setting('response.status', true), ''), '', 'of an answer');
SELECT set_config('request.headers', '{"if-none-match": "\"0\""}', true) \g /dev/null
SELECT appt.console_state() \g /dev/null
SELECT is(coalesce(current_setting('response.status', true), ''), '', 'that is sent to who has another one');

/* ---- the log ---- */

SELECT id AS appointment FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour',
	'{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby@example.org", "primaryPhone": "+306900000000"}}',
	organizer_id => 'ann', title => 'Mortgage') \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone)
	VALUES (:'application', 'zoe', 'Zoe', 'zoe@example.org', '+306911111111');
SELECT id AS to_address FROM appt.send_message(:'application', 'SMS', '+306922222222', 'Hi') \gset
SELECT id AS to_user FROM appt.notify_users(:'application', 'MENTION', '{zoe}') WHERE channel = 'IN_APP' \gset
SELECT id AS to_customer FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'CREATE' AND channel = 'EMAIL' \gset
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, response,
	text_body, html_body)
	VALUES (:'application', :'to_customer', 1, now(), now(), 'DELIVERED', 'bobby@example.org', '250 queued', 'Hello', '<p>Hello</p>');
UPDATE appt.notification SET attempt_count = 1 WHERE id = :'to_customer';
INSERT INTO appt.response (application_id, appointment_id, participant_id, notification_id, action, reason, source, created_at)
SELECT :'application', :'appointment', p.id, :'to_customer', action, reason, 'PAGE', now() + i * interval '1 minute'
FROM appt.participant p, (VALUES (1, 'ACCEPT', NULL), (2, 'DECLINE', 'I am ill')) r (i, action, reason)
WHERE p.appointment_id = :'appointment' AND p.type = 'CUSTOMER' ORDER BY i;

SELECT is(ROW(recipient_name, recipient_email, recipient_phone, text_body, html_body, answer, response, response_reason,
	responded_at)::text,
	ROW('Bobby Brown', 'bobby@example.org', '+306900000000', 'Hello', '<p>Hello</p>', '250 queued', 'DECLINE', 'I am ill',
		now() + interval '2 minutes')::text,
	'a customer, what it got, and its last response') FROM appt.notification_log WHERE notification_id = :'to_customer';
SELECT is(ROW(recipient_name, recipient_email, recipient_phone, response)::text,
	ROW('Zoe', 'zoe@example.org', '+306911111111', NULL::text)::text, 'a user')
	FROM appt.notification_log WHERE notification_id = :'to_user';
SELECT is(ROW(recipient_name, recipient_email, recipient_phone)::text, ROW(NULL::text, NULL::text, '+306922222222')::text, 'an address')
	FROM appt.notification_log WHERE notification_id = :'to_address';
SET LOCAL SESSION AUTHORIZATION console_login;
SELECT is(pg_temp.as_caller('appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme'), format(
	'SELECT concat_ws('', '', recipient_name, recipient_email, recipient_phone, response) FROM appt.notification_log
		WHERE notification_id = %s', :'to_customer')), 'Bobby Brown, bobby@example.org, +306900000000, DECLINE', 'an admin, who reads no appointments, sees whom messages went to');
RESET SESSION AUTHORIZATION;

-- By indexes: a day by state, and the beginning of a recipient, in both halves of the view.
CREATE FUNCTION pg_temp.indexes(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[] = '{}';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT state, outcome FROM appt.notification_log WHERE ' || condition LOOP
		found := found || substring(line FROM '(?:using|Index Scan on) ((?:notification|attempt)_\w+)');
		found := found || substring(line FROM '(Seq Scan on (?:notification|attempt)\M)');
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM unnest(found) name);
END $$;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT is(pg_temp.indexes($q$recipient LIKE 'bob%'$q$), 'attempt_recipient notification_address notification_pkey',
	'by the recipient''s beginning');
SELECT is(pg_temp.indexes(format($q$application_id = %L AND due_at >= now() AND due_at < now() + interval '1 day' AND state = 'FAILED'
	ORDER BY due_at DESC, notification_id DESC LIMIT 50$q$, :'application')),
	'attempt_notification notification_application_due notification_pkey', 'by state, within a day');
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- What few messages of a day have is found without reading the others, as each role.
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, appointment_id, type, channel, due_at, lane, state, reason,
	address, settled_at)
SELECT :'application', 'CUSTOMER', 'c' || i, :'appointment', CASE i % 1000 WHEN 7 THEN 'ROOM' ELSE 'REMINDER' END,
	CASE i % 1000 WHEN 8 THEN 'SMS' ELSE 'EMAIL' END, '2026-03-01'::timestamptz + i * interval '17 s', 1,
	CASE i % 1000 WHEN 9 THEN 'FAILED' WHEN 10 THEN 'RETRYING' ELSE 'SENT' END,
	CASE i % 1000 WHEN 9 THEN 'REJECTED' WHEN 10 THEN 'WILL_RETRY' END,
	i || '@example.com', CASE WHEN i % 1000 <> 10 THEN now() END
FROM generate_series(1, 5000) i;
-- Of the same day, and of one to come: what was postponed, is being sent, is tried again, or is still to come.
UPDATE appt.notification SET state = CASE substring(recipient_id, 2)::int % 1000 WHEN 11 THEN 'PENDING' ELSE 'SENDING' END, settled_at = NULL
	WHERE application_id = :'application' AND due_at < '2026-03-03' AND substring(recipient_id, 2)::int % 1000 IN (11, 12);
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, appointment_id, type, channel, due_at, lane)
SELECT :'application', 'CUSTOMER', 'c' || i, :'appointment', 'REMINDER', 'EMAIL', now() + interval '30 days' + i * interval '1 s', 1
FROM generate_series(1, 2000) i;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
SELECT lane, greatest(due_at, now()), id, application_id, due_at FROM appt.notification WHERE settled_at IS NULL AND lane = 1;
-- Text messages of another day; and messages and attempts of many applications.
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at, address)
SELECT :'application', 'ADDRESS', '+30' || i, 'REMINDER', 'SMS', '2026-03-05'::timestamptz + i * interval '17 s', 1, 'SENT', now(), '+30' || i
FROM generate_series(1, 300) i
UNION ALL
SELECT gen_random_uuid(), 'ADDRESS', '+30' || i, 'REMINDER', 'SMS', '2026-03-05'::timestamptz + i * interval '17 s', 1, 'SENT', now(), '+30' || i
FROM generate_series(1, 2000) i;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at)
SELECT gen_random_uuid(), -i, 1, now() FROM generate_series(1, 2000) i;
SELECT ARRAY['appt.notification'::regclass::oid, 'appt.due'::regclass] AS log \gset
CREATE FUNCTION pg_temp.found_and_read(role text, claims jsonb, query text, log oid[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT sum(pg_stat_get_xact_tuples_fetched(r) + pg_stat_get_xact_tuples_returned(r)) FROM unnest(log) r);
	found text := pg_temp.as_caller(role, claims, query);
	looked_at bigint := (SELECT sum(pg_stat_get_xact_tuples_fetched(r) + pg_stat_get_xact_tuples_returned(r)) FROM unnest(log) r) - before;
BEGIN
	RETURN found || CASE WHEN looked_at < 100 THEN ', few read' ELSE ', ' || looked_at || ' read' END;
END $$;
CREATE FUNCTION pg_temp.plan(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan';
END $$;
CREATE TEMPORARY TABLE view_of_day AS SELECT role, claims, filter, expected,
	format('SELECT count(*) FROM (SELECT state, recipient FROM appt.notification_log WHERE application_id = %L AND due_at >= ''2026-03-01'' '
		'AND due_at < ''2026-03-02'' AND %s ORDER BY due_at DESC, notification_id DESC LIMIT 51) l', :'application', filter) AS query
FROM (VALUES
	('appt_supervisor', jsonb_build_object('sub', 'sue', 'application_id', :'application')),
	('appt_client_service', jsonb_build_object('sub', 'sue', 'application_id', :'application')),
	('appt_agent', jsonb_build_object('sub', 'ann', 'application_id', :'application')),
	('appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme'))) r (role, claims),
	(VALUES ('type = ''ROOM''', 5), ('channel = ''SMS''', 5), ('type = ''ROOM'' AND channel = ''SMS''', 0),
		('type = ''CODE''', 0), ('channel = ''WEBHOOK''', 0), ('state = ''FAILED'' AND reason IS NOT NULL', 5),
		('state = ''RETRYING'' AND reason IS NOT NULL', 5),
		('state IN (''SKIPPED'', ''MISSED'') AND reason IS NOT NULL', 0),
		('unsettled_due_at >= ''2026-03-01'' AND unsettled_due_at < ''2026-03-02''', 15)) f (filter, expected);
GRANT SELECT ON view_of_day TO console_login;
ANALYZE appt.notification, appt.attempt, appt.due;
SET LOCAL SESSION AUTHORIZATION console_login;
SELECT is(pg_temp.found_and_read(role, claims, query, :'log'), expected || ', few read', role || ': ' || filter) FROM view_of_day;
SELECT is(pg_temp.found_and_read(role, claims, replace(query, filter, 'address >= ''77@'' AND address < ''77A'''), :'log'), '1, few read',
	role || ': the beginning of an address') FROM view_of_day WHERE filter = 'type = ''ROOM''';
SELECT is(pg_temp.found_and_read(role, claims, replace(replace(replace(query, filter, 'channel = ''SMS'' AND address >= ''1'' AND address < '':'''),
	'2026-03-02', '2026-03-06'), '2026-03-01', '2026-03-05'), :'log'), '0, few read', role || ': the beginning of many addresses, but of none of the day')
	FROM view_of_day WHERE filter = 'type = ''ROOM''';
SELECT is(pg_temp.found_and_read(role, claims, replace(replace(replace(query, '2026-03-01', (current_date + 29)::text),
	'2026-03-02', (current_date + 32)::text), 'LIMIT 51', 'LIMIT 10'), :'log'), expected || ', few read', role || ': days to come, ' || filter)
FROM (SELECT role, claims, replace(query, filter, condition) AS query, condition AS filter, found AS expected FROM view_of_day,
	(VALUES ('state IN (''PENDING'', ''SENDING'', ''RETRYING'')', 10), ('state = ''SENT'' AND due_at <= ''now''', 0)) c (condition, found)
	WHERE filter = 'type = ''ROOM''') v;
RESET SESSION AUTHORIZATION;
SELECT cmp_ok((pg_temp.plan(format('SELECT FROM appt.%I WHERE application_id = %s', relation, caller)) ->> 'Plan Rows')::int, '>', 500,
	format('the planner does not take what a caller sees of %s for few', relation))
FROM (VALUES ('attempt', '(SELECT gen_random_uuid())'), ('notification', format('%L AND application_id = ANY ((SELECT ARRAY[gen_random_uuid()])::uuid[])',
	:'application'))) c (relation, caller);

-- Names are looked up by the key of each row alone, however many applications an admin has.
INSERT INTO appt.application (organization_id, name) SELECT :'acme', 'branch ' || i FROM generate_series(1, 20) i;
INSERT INTO appt.user_profile (application_id, id, name) SELECT :'application', 'user-' || i, 'User ' || i FROM generate_series(1, 500) i;
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name)
SELECT :'application', :'appointment', 'c' || i, 'CUSTOMER', 'Customer ' || i FROM generate_series(1, 500) i;
UPDATE appt.notification SET recipient_kind = 'USER', recipient_id = 'user-' || substring(recipient_id, 2), channel = 'IN_APP'
	WHERE application_id = :'application' AND due_at >= '2026-03-01' AND due_at < '2026-03-01 01:00';
ANALYZE appt.participant, appt.user_profile;
CREATE FUNCTION pg_temp.names_and_searches(role text, claims jsonb, query text, index regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before bigint := pg_stat_get_xact_numscans(index);
	names text := pg_temp.as_caller(role, claims, query);
BEGIN
	RETURN names || ' names, ' || pg_stat_get_xact_numscans(index) - before || ' searches';
END $$;
CREATE TEMPORARY TABLE named AS SELECT index, format('SELECT count(recipient_name) FROM (SELECT recipient_name FROM appt.notification_log
	WHERE application_id = %L AND due_at >= ''2026-03-01'' AND due_at < ''2026-03-01 02:00'' AND channel = %L
	ORDER BY due_at DESC, notification_id DESC LIMIT 51) l', :'application', channel) AS query
FROM (VALUES ('appt.participant_pkey'::regclass, 'EMAIL'), ('appt.user_profile_pkey', 'IN_APP')) n (index, channel);
GRANT SELECT ON named TO console_login;
SET LOCAL SESSION AUTHORIZATION console_login;
SELECT is(pg_temp.names_and_searches('appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', :'acme'), query, index),
	'51 names, 51 searches', format('an admin''s names by %s', index)) FROM named;
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
