-- The cost of a call does not grow with the tables, although its plans, and those of foreign keys, were made
-- when there was next to nothing in them.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
INSERT INTO appt.user_profile (application_id, id) VALUES (:'application', 'eva');
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'application', 'Visit') RETURNING id AS template \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel) VALUES (:'application', :'template', 'CREATE', 'EMAIL'),
	(:'application', :'template', 'CONFIRMATION_REQUEST', 'EMAIL');

-- The entries of indexes and the rows of tables that this transaction has looked at.
CREATE FUNCTION pg_temp.looked_at() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class WHERE relnamespace = 'appt'::regnamespace
		AND relkind IN ('r', 'i') $$;
CREATE TEMPORARY TABLE life (place int, statement text, cost bigint);
INSERT INTO life VALUES
	(-7, 'schedule_appointment(%2$L, now() + ''1 day'', ''30 minutes'', ''{}'', organizer_id => ''ann'', meeting_template_id => %5$L)'),
		(-6, 'notification_dialog(%4$L, ''CONFIRMATION_REQUEST'', ''EMAIL'')'), (-5, 'delete_appointment(%4$L)'),
	(1, 'find_appointments(%2$L)'), (2, 'find_appointments(%2$L, ''{ann}'', sort_order => ''desc'')'),
		(3, 'find_appointments(range => ''[2031-01-01 10:00+00,2031-01-01 11:00+00)'')'),
	(4, 'count_appointments(%2$L, ''2031-01-01 10:00+00'', ''20 minutes'')'),
		(5, 'count_overlapping(%2$L, ''2031-01-01 10:00+00'', ''20 minutes'')'),
	(6, 'get_appointment(%1$L)'), (7, 'get_participant(%1$L, ''ann'')'), (8, 'update_appointment(%1$L, ''A title'')'),
		(9, 'reschedule_appointment(%1$L, now() + ''3 days'', ''20 minutes'')'),
	(10, 'add_agent(%1$L, ''bob'')'), (11, 'add_customer(%1$L, ''{}'')'), (12, 'reassign_appointment(%1$L, ''cleo'')'),
		(13, 'remove_participant(%1$L, %3$L)'),
	(-4, 'landing_page(%6$L)'), (-3, 'preview_notification(%1$L, %3$L, ''CREATE'', ''WEBHOOK'')'),
		(-2, 'preview_notification(%1$L, %3$L, ''CREATE'', ''EMAIL'')'),
		(-1, 'schedule_appointment(%2$L, now() + ''2 days'', ''30 minutes'', ''{}'', organizer_id => ''ann'', idempotency_key '
		'=> ''life'')'),
	(14, 'record_join(%1$L, ''cleo'')'), (15, 'record_leave(%1$L, ''cleo'')'), (16, 'end_appointment(%1$L)'),
		(17, 'delete_appointment(%1$L)'),
	(18, 'resend_notifications((SELECT id FROM appt.subscription), now() - interval ''1 hour'')'),
		(19, 'send_sample_notification(''CALL'', ''EMAIL'', ''eva'', %2$L)');

-- An appointment's whole life, and what each step of it looks at.
CREATE FUNCTION pg_temp.live(application uuid, template uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid;
	visit uuid;
	customer text;
	token text;
	before bigint;
	step record;
BEGIN
	before := pg_temp.looked_at();
	appointment := (appt.schedule_appointment(application, now() + interval '2 days', '30 minutes', '{}', organizer_id => 'ann',
		idempotency_key => 'life')).id;
	INSERT INTO life VALUES (0, 'schedule_appointment(...)', pg_temp.looked_at() - before);
	visit := (appt.schedule_appointment(application, now() + interval '2 days', '30 minutes', '{}', organizer_id => 'ann',
		meeting_template_id => template)).id;
	customer := (SELECT id FROM appt.participant WHERE appointment_id = appointment AND type = 'CUSTOMER');
	token := (SELECT appt_test.link_token(max(id)) FROM appt.notification WHERE appointment_id = appointment AND recipient_id = customer);
	FOR step IN SELECT * FROM life WHERE place <> 0 ORDER BY place LOOP
		before := pg_temp.looked_at();
		EXECUTE 'SELECT appt.' || format(step.statement, appointment, application, customer, visit, template, token);
		UPDATE life SET cost = pg_temp.looked_at() - before WHERE place = step.place;
	END LOOP;
END $$;
SELECT pg_temp.live(:'application', :'template');
SELECT is(current_setting('response.status', true), '200', 'the page of a message is shown');
DELETE FROM life WHERE place = 0;
CREATE TEMPORARY TABLE early_life AS SELECT place, cost FROM life;

-- Calls about users and messages, and what each looks at.
INSERT INTO appt.user_profile (application_id, id) VALUES (:'application', 'ann');
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'application', 'Sales', 'ann') RETURNING id AS line \gset
CREATE TEMPORARY TABLE message_life (round int, statement text, cost bigint);
CREATE FUNCTION pg_temp.message(application uuid, line uuid, round int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	telling text := format('SELECT max(id) FROM appt.notify_users(%L, ''VOICEMAIL'', line_id => %L, idempotency_key => %L)', application,
		line, round);
	mention text := format('SELECT max(id) FROM appt.notify_users(%L, ''MENTION'', ''{ann}'')', application);
	sync text := format('SELECT max(id) FROM appt.notify_users(%L, ''INTEGRATION_FAILED'')', application);
	sending text := format('SELECT id FROM appt.send_message(%L, ''IN_APP'', ''ann'', ''Hi'', idempotency_key => %L)', application, round);
	statement text;
	before bigint;
	id bigint;
BEGIN
	FOREACH statement IN ARRAY ARRAY[telling, telling, mention, sync, sending, sending] LOOP
		before := pg_temp.looked_at();
		EXECUTE statement INTO id;
		INSERT INTO message_life VALUES (round, statement, pg_temp.looked_at() - before);
	END LOOP;
	before := pg_temp.looked_at();
	PERFORM appt.cancel_message(id);
	INSERT INTO message_life VALUES (round, 'cancel_message', pg_temp.looked_at() - before);
	id := (SELECT user_event_id FROM appt.idempotency_key WHERE key = round::text AND function_name = 'notify_users');
	before := pg_temp.looked_at();
	EXECUTE format('DELETE FROM appt.user_event WHERE application_id = %L AND id = %L', application, id);
	INSERT INTO message_life VALUES (round, 'DELETE FROM appt.user_event', pg_temp.looked_at() - before);
END $$;
SELECT pg_temp.message(:'application', :'line', 1);
SELECT appt_test.review_reports(now()) AS ignored \gset

-- What comes in: a text message that is answered, and a receipt.
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
	SELECT application_id, min(id), 100, now(), '+306900000001' FROM appt.notification GROUP BY application_id RETURNING id AS attempt, notification_id AS message \gset
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) VALUES (:'application', 'SM-1', :attempt);
CREATE FUNCTION pg_temp.come_in(application uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint := pg_temp.looked_at();
BEGIN
	PERFORM appt.record_inbound_sms(application, '+306900000001', '+302100000001', 'HELP');
	PERFORM appt.record_receipt(application, 'SM-1', 'UNDELIVERED');
	RETURN pg_temp.looked_at() - before;
END $$;
SELECT pg_temp.come_in(:'application') AS early_cost \gset
SELECT is(count(*), 1::bigint, 'it is answered') FROM appt.notification WHERE type = 'AUTO_REPLY';

-- Messages that a user sends, by the rules of the application and of a meeting template, and what the dialog before looks at.
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'a@example.com') \gset
SELECT appt.create_meeting_template(:'application', 'Visit') AS visit \gset
CREATE FUNCTION pg_temp.send(application uuid, template uuid) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid := (appt.schedule_appointment(application, now() + interval '2 days', '30 minutes',
		'{"contact": {"primaryEmail": "ann@example.com"}}', organizer_id => 'ann', meeting_template_id => template)).id;
	marks bigint[] := ARRAY[pg_temp.looked_at()];
BEGIN
	PERFORM appt.notification_dialog(appointment, 'REMINDER');
	marks := marks || pg_temp.looked_at();
	PERFORM appt.send_notification(appointment, 'REMINDER');
	marks := marks || pg_temp.looked_at();
	RETURN ARRAY[marks[2] - marks[1], marks[3] - marks[2]];
END $$;
SELECT pg_temp.send(:'application', NULL) AS early, pg_temp.send(:'application', :'visit') AS early_visit \gset

-- The same application with 5,000 appointments of another agent, each with people and messages; and with 1,000 templates of the
-- same message, and 1,000 providers with secrets that are switched off.
INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
	SELECT :'application', 'dan', start_at, start_at + '20 minutes', 'UTC', 'en', true
		FROM generate_series('2032-01-01'::timestamptz, '2032-01-01'::timestamptz + '4999 minutes', '1 minute') start_at;
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, 'dan', 'AGENT'
	FROM appt.appointment WHERE organizer_id = 'dan';
INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, appointment_id)
	SELECT application_id, 'schedule_appointment', appt.caller_name(), id, sha256(''), id FROM appt.appointment WHERE organizer_id = 'dan';
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane)
	SELECT application_id, id, 'CUSTOMER', 'c', 'REMINDER', 'EMAIL', start_at, start_at, 1 FROM appt.appointment
		WHERE organizer_id = 'dan';
-- A user with 5,000 messages, an endpoint that got 5,000.
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at)
	SELECT :'application', 'USER', 'eva', 'VOICEMAIL', 'IN_APP', now() - interval '1 day', 2, 'SENT', now() FROM generate_series(1, 5000);
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at, lane, state,
	settled_at) SELECT :'application', 'SUBSCRIBER', id, id, 'CREATE', 'WEBHOOK', now() - interval '1 day', 2, 'SENT', now()
		FROM appt.subscription, generate_series(1, 5000);
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE lane = 1;
INSERT INTO appt.template (application_id, type, channel, locale, text_body)
	SELECT :'application', 'CREATE', 'EMAIL', language || '-' || country, 'x'
		FROM string_to_table('bg cs da de el en es fi fr hu it nl pl pt ro ru sk sv tr uk', ' ') language,
	 string_to_table('AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CH CL CM CN CO CR CU '
	 	'CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET', ' ') country;
INSERT INTO appt.provider (application_id, channel, kind, url, sender, enabled) SELECT :'application', 'EMAIL', 'SMTP',
	'smtp://mail.example', 'a@example.com', false FROM generate_series(1, 1000);
INSERT INTO appt.secret (application_id, provider_id, name, value) SELECT application_id, id, 'PASSWORD', 'x' FROM appt.provider;
-- 1,000 meeting templates with a rule each.
INSERT INTO appt.meeting_template (application_id, name) SELECT :'application', 'template ' || i FROM generate_series(1, 1000) i;
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel) SELECT application_id, id, 'CREATE', 'EMAIL'
	FROM appt.meeting_template WHERE id <> :'template';
SELECT pg_temp.live(:'application', :'template');
-- Lists count all that match: of that, an entry each.
UPDATE life SET cost = cost - 5000 WHERE place = 1;
-- Twice the entries are versions of rows that found no room on their page; what grows with the tables would be thousands.
SELECT cmp_ok(l.cost, '<', 2 * e.cost + 60, l.statement) FROM life l JOIN early_life e USING (place) ORDER BY place;

SELECT cmp_ok(cost, '<', 2 * early + 60, what) FROM unnest(:'early'::bigint[] || :'early_visit'::bigint[],
	pg_temp.send(:'application', NULL) || pg_temp.send(:'application', :'visit'),
	'{notification_dialog,send_notification,notification_dialog of a meeting template,send_notification of a meeting template}'::text[])
	AS s (early, cost, what);

/* ---- users and messages ---- */

-- 5,000 users, each with a line, a preference, and what they were told.
INSERT INTO appt.user_profile (application_id, id) SELECT :'application', 'user-' || i FROM generate_series(1, 5000) i;
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) SELECT application_id, id, 'VOICEMAIL', true
	FROM appt.user_profile WHERE id <> 'ann';
INSERT INTO appt.line (application_id, name, owner_id) SELECT application_id, id, id FROM appt.user_profile WHERE id <> 'ann';
WITH event AS (
	INSERT INTO appt.user_event (application_id, type) SELECT :'application', 'VOICEMAIL' FROM generate_series(1, 5000) RETURNING id),
key AS (
	INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, user_event_id)
	SELECT :'application', 'notify_users', appt.caller_name(), 'old ' || id, sha256(''), id FROM event)
INSERT INTO appt.notification (application_id, user_event_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane)
	SELECT :'application', id, 'USER', 'ann', 'VOICEMAIL', 'IN_APP', now(), now(), 1 FROM event;
SELECT pg_temp.message(:'application', :'line', 2);
SELECT cmp_ok(cost, '<', 500::bigint, statement) FROM message_life WHERE round = 2;

-- Others have written 5,000 times to the number, and a gateway has one id for 5,000 messages.
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
	SELECT gen_random_uuid(), -i, 1, now(), '+306900000001' FROM generate_series(1, 5000) i;
WITH sent AS (
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
	SELECT :'application', :message, 100 + i, now(), '+306900000002' FROM generate_series(1, 5000) i RETURNING application_id, id)
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM-1', id FROM sent;
SELECT cmp_ok(pg_temp.come_in(:'application'), '<', 2 * :early_cost::bigint + 60, 'what comes in');

-- 1,000 applications with an admin who wants a report.
INSERT INTO appt.application (organization_id, name) SELECT :'organization', 'Branch' FROM generate_series(1, 1000);
INSERT INTO appt.user_profile (application_id, id, is_admin) SELECT id, 'ann', true FROM appt.application WHERE name = 'Branch';
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) SELECT id, 'ann', 'DAILY_ACTIVITY', true
	FROM appt.application WHERE name = 'Branch';
SELECT cmp_ok(appt_test.review_reports(now()), '>', 9, 'the review of all applications has ten portions');
SELECT pg_temp.looked_at() AS before \gset
SELECT appt_test.review_reports(now()) AS ignored \gset
SELECT cmp_ok(pg_temp.looked_at() - :before, '<', 10000::bigint, 'none of which looks at all applications');

UPDATE appt.report_schedule SET next_at = now() - interval '1 minute';
UPDATE appt.report_day SET count_at = NULL;
ANALYZE appt.report_schedule, appt.report_day, appt.application;
SELECT pg_temp.looked_at() AS before \gset
SELECT is(appt_test.plan_reports(now() + interval '1 day', 10), 10, 'ten of 1,000 reports that are due are taken');
SELECT cmp_ok(pg_temp.looked_at() - :before, '<', 2000::bigint, 'and the others are not looked at');

-- Two applications with many admins are not reviewed in one portion.
SELECT appt_test.review_reports(now()) AS portions \gset
INSERT INTO appt.user_profile (application_id, id, is_admin) SELECT id, generate_series(1, 999), true
	FROM (SELECT id FROM appt.application WHERE name = 'Branch' ORDER BY id OFFSET 150 LIMIT 2) a;
SELECT is(appt_test.review_reports(now()), :portions + 1, 'a portion ends at an application with many admins');
SELECT is((SELECT count(*) FROM appt.report_schedule WHERE next_at IS NOT NULL), 1000::bigint, 'and each application is reviewed');

SELECT * FROM finish();
ROLLBACK;
