-- Functions for single notifications: eligibility, retry, preview; and access to them.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org, appt.create_organization('other') AS other_org \gset
SELECT appt.create_application(:'org', 'app', agent_scope => 'OWN') AS app,
	appt.create_application(:'other_org', 'other', agent_scope => 'OWN') AS other \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one')).id AS one \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com') \gset
CREATE FUNCTION pg_temp.schedule(ahead interval DEFAULT '2 days') RETURNS uuid LANGUAGE sql AS $$
	SELECT (appt.schedule_appointment(id, now() + ahead, '30 minutes', organizer_id => 'ann', title => 'Loan', customer =>
		'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}')).id
	  FROM appt.application WHERE name = 'app'$$;
SELECT pg_temp.schedule() AS a \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
CREATE FUNCTION pg_temp.find(appointment uuid, kind text, over text, distance interval DEFAULT '0') RETURNS bigint LANGUAGE sql AS
$$SELECT max(id) FROM appt.notification WHERE appointment_id = appointment AND type = kind AND channel = over AND time_offset = distance$$;
CREATE FUNCTION pg_temp.why(id bigint, at timestamptz DEFAULT now()) RETURNS text LANGUAGE sql AS
$$SELECT concat_ws(' ', CASE WHEN eligible THEN 'yes' ELSE 'no' END, reason) FROM appt.notification_eligibility(id, at)$$;
SELECT pg_temp.find(:'a', 'CREATE', 'EMAIL') AS email, pg_temp.find(:'a', 'CREATE', 'SMS') AS sms,
	pg_temp.find(:'a', 'CREATE', 'WEBHOOK') AS hook,
	pg_temp.find(:'a', 'REMINDER', 'EMAIL', '1 hour') AS reminder \gset

-- Why, and why not.
SELECT is(pg_temp.why(:email), 'yes', 'what is due goes out');
SELECT is(pg_temp.why(:sms), 'no NO_PROVIDER', 'nothing carries SMS here');
SELECT is(pg_temp.why(:reminder), 'yes', 'what is not due yet will go out');
SELECT is(pg_temp.why(:reminder, now() + interval '47 hours 61 seconds'), 'no WINDOW_PASSED',
	'asked for a later time, it is missed by then');
SELECT is(pg_temp.why(:reminder, now() + interval '47 hours 60 seconds'), 'yes', 'within its minute it is not');
SELECT is(substring(explanation FROM '^It will be sent at (.*)\.$')::timestamptz, now() + interval '47 hours', 'it says when')
  FROM appt.notification_eligibility(:reminder);
SELECT appt.set_notifications_enabled(:'org', false);
SELECT is(pg_temp.why(id), 'no GLOBAL_OFF', 'the global switch stops ' || channel)
	FROM (VALUES (:email, 'email'), (:hook, 'webhooks'), (:reminder, 'what is due later')) t (id, channel);
SELECT pg_temp.schedule() AS off \gset
SELECT is(pg_temp.why(pg_temp.find(:'off', 'CREATE', 'EMAIL')), 'no APPOINTMENT_OFF', 'captured and global off: the captured one is told');
SELECT appt.set_notifications_enabled(:'org', true);
SELECT is(pg_temp.why(pg_temp.find(:'off', 'CREATE', 'EMAIL')), 'no APPOINTMENT_OFF', 'what was scheduled while off stays off');
SELECT is(pg_temp.why(:email), 'yes', 'what was scheduled while on is on again');
UPDATE appt.rule SET enabled = false WHERE application_id = :'app' AND type = 'CREATE' AND channel = 'EMAIL';
SELECT is(pg_temp.why(:email), 'no RULE_OFF', 'a disabled rule');
DELETE FROM appt.rule WHERE application_id = :'app' AND type = 'REMINDER' AND channel = 'EMAIL' AND time_offset = '1 hour';
SELECT is(pg_temp.why(:reminder), 'no RULE_OFF', 'a rule that is gone');
UPDATE appt.rule SET enabled = true WHERE application_id = :'app';
UPDATE appt.subscription SET enabled = false WHERE id = :'one';
SELECT is(pg_temp.why(:hook), 'no SUBSCRIPTION_OFF', 'a disabled subscription');
UPDATE appt.subscription SET enabled = true WHERE id = :'one';
SAVEPOINT s;
DELETE FROM appt.subscription WHERE id = :'one';
SELECT is(pg_temp.why(:hook), 'no SUBSCRIPTION_OFF', 'one that is gone');
ROLLBACK TO s;
UPDATE appt.participant SET email = NULL WHERE appointment_id = :'a' AND id = :'bob';
SELECT is(pg_temp.why(:email), 'no NO_ADDRESS', 'no address');
UPDATE appt.participant SET email = 'not an address' WHERE appointment_id = :'a' AND id = :'bob';
SELECT is(pg_temp.why(:email), 'no BAD_ADDRESS', 'a bad one');
UPDATE appt.participant SET email = 'new@example.com' WHERE appointment_id = :'a' AND id = :'bob';
SELECT is(pg_temp.why(:email), 'yes', 'the address is judged as it is now, not as it was when planned');
UPDATE appt.organization SET require_verified_sender = true WHERE id = :'org';
SELECT is(pg_temp.why(:email), 'no SENDER_NOT_VERIFIED', 'an unverified sender');
UPDATE appt.provider SET verified_at = now() WHERE application_id = :'app';
SELECT is(pg_temp.why(:email), 'yes', 'a verified one');
UPDATE appt.provider SET enabled = false WHERE application_id = :'app';
SELECT is(pg_temp.why(:email), 'no NO_PROVIDER', 'no provider');
UPDATE appt.provider SET enabled = true WHERE application_id = :'app';
UPDATE appt.appointment SET state = 'ENDED' WHERE id = :'a';
SELECT is(pg_temp.why(:email), 'no ENDED', 'the appointment is over');
UPDATE appt.appointment SET state = 'ACTIVATED' WHERE id = :'a';
UPDATE appt.notification SET state = 'SKIPPED', reason = 'NO_PROVIDER', settled_at = now(), next_attempt_at = NULL WHERE id = :email;
SELECT is(pg_temp.why(:email), 'no NO_PROVIDER', 'what is settled answers with its reason');
SELECT throws_ok('SELECT * FROM appt.notification_eligibility(0)', 'PT404', 'notification not found', 'no such notification');
SELECT throws_ok('SELECT * FROM appt.notification_eligibility(NULL)', '22023', NULL, 'none given');

-- Once more.
CREATE FUNCTION pg_temp.fail(id bigint, attempts integer DEFAULT 4, started timestamptz DEFAULT now()) RETURNS void LANGUAGE sql AS $$
	DELETE FROM appt.due WHERE notification_id = $1;
	DELETE FROM appt.attempt WHERE notification_id = $1;
	UPDATE appt.notification SET state = 'FAILED', reason = 'RETRIES_EXHAUSTED', detail = 'x', attempt_count = attempts,
		settled_at = now(), next_attempt_at = NULL WHERE id = $1;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
	SELECT application_id, $1, n, started + n * interval '1 second', started, 'FAILED' FROM appt.notification, generate_series(1,
		attempts) n WHERE id = $1$$;
CREATE FUNCTION pg_temp.refused(id bigint, because text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM appt.retry_notification(id);
	RETURN fail(message || ' (it was not refused)');
EXCEPTION WHEN SQLSTATE 'PT409' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN ok(SQLERRM = 'notification cannot be retried' AND detail LIKE '%' || because || '%', message || ': ' || detail);
END$$;
SELECT pg_temp.refused(:hook, 'is PENDING', 'what has not failed');
SELECT pg_temp.refused(:email, 'is SKIPPED', 'what was skipped');
SELECT throws_ok('SELECT appt.retry_notification(0)', 'PT404', NULL, 'no such notification');
SELECT pg_temp.fail(:hook);
SELECT row_eq(format($$SELECT r.id = %s, r.state, r.reason, r.attempt_count, r.next_attempt_at >= now(), r.settled_at IS NULL
	FROM appt.retry_notification(%1$s) r$$, :hook),
	ROW(true, 'RETRYING'::text, 'WILL_RETRY'::text, 4, true, true), 'the latest failure goes back into the queue');
SELECT row_eq(format('SELECT manual, superseded_by, detail, d.due_at = n.next_attempt_at FROM appt.notification n JOIN appt.due d '
	'ON d.notification_id = n.id AND d.lane = n.lane WHERE n.id = %s', :hook),
	ROW(true, NULL::appt.reason_code, NULL::text, true), 'marked manual, to be sent at once');
SELECT pg_temp.refused(:hook, 'is RETRYING', 'not twice');
SELECT is(pg_temp.why(:hook), 'yes', 'max_attempts does not count');
SELECT is(pg_temp.why(:hook, now() + interval '5 days'), 'yes', 'nor does the window');
DELETE FROM appt.due WHERE notification_id = :hook;
UPDATE appt.notification SET state = 'FAILED', reason = 'RETRIES_EXHAUSTED', settled_at = now(), next_attempt_at = NULL,
	manual = false WHERE id = :hook;
SELECT appt.set_notifications_enabled(:'org', false);
SELECT pg_temp.refused(:hook, 'GLOBAL_OFF', 'while notifications are off');
SELECT appt.set_notifications_enabled(:'org', true);
SELECT pg_temp.fail(pg_temp.find(:'off', 'CREATE', 'WEBHOOK'));
SELECT pg_temp.refused(pg_temp.find(:'off', 'CREATE', 'WEBHOOK'), 'APPOINTMENT_OFF', 'of an appointment without notifications');
UPDATE appt.subscription SET enabled = false WHERE id = :'one';
SELECT pg_temp.refused(:hook, 'SUBSCRIPTION_OFF', 'to a subscription that is off');
UPDATE appt.subscription SET enabled = true WHERE id = :'one';

-- Only the latest of a kind: by the time of the first attempt, whoever was planned later.
SELECT appt.update_appointment(:'a', title => 'one');
SELECT pg_temp.find(:'a', 'UPDATE', 'WEBHOOK') AS first_update \gset
SELECT appt.update_appointment(:'a', title => 'two');
SELECT pg_temp.find(:'a', 'UPDATE', 'WEBHOOK') AS second_update \gset
SELECT pg_temp.fail(:first_update, 2, now() - interval '2 minutes');
SAVEPOINT s;
SELECT is((appt.retry_notification(:first_update)).state, 'RETRYING', 'one of the same kind that was not attempted yet does not count');
ROLLBACK TO s;
SELECT pg_temp.fail(:second_update, 1, now() - interval '1 minute');
SELECT pg_temp.refused(:first_update, 'is not the latest', 'an older failure');
UPDATE appt.notification SET state = 'SENT', reason = NULL WHERE id = :second_update;
SELECT pg_temp.refused(:first_update, 'is not the latest', 'older than a success');
UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED' WHERE id = :second_update;
SELECT is((appt.retry_notification(:second_update)).state, 'RETRYING', 'the latest');

-- Of an appointment that is over, CANCELLED and FOLLOW_UP alone.
SELECT pg_temp.schedule() AS c \gset
SELECT pg_temp.find(:'c', 'CREATE', 'WEBHOOK') AS c_hook, pg_temp.find(:'c', 'REMINDER', 'WEBHOOK', '1 day') AS c_reminder \gset
SELECT pg_temp.fail(:c_hook), pg_temp.fail(:c_reminder);
SAVEPOINT s;
SELECT is((appt.retry_notification(:c_reminder)).state, 'RETRYING', 'a reminder whose window has passed');
ROLLBACK TO s;
SELECT appt.reschedule_appointment(:'c', now() + interval '3 days', '30 minutes');
SELECT pg_temp.refused(:c_reminder, 'RESCHEDULED', 'a reminder of times that have changed');
SELECT appt.reschedule_appointment(:'c', start_at, '30 minutes') FROM appt.notification WHERE id = :c_reminder;
SELECT pg_temp.refused(:c_reminder, 'RESCHEDULED', 'and changed back');
-- A change of timezone alone supersedes, too; one of locale does not, nor does any supersede CREATE.
SELECT pg_temp.find(:'c', 'REMINDER', 'WEBHOOK', '1 day') AS c_zone_reminder,
	pg_temp.find(:'c', 'RESCHEDULE', 'WEBHOOK') AS c_reschedule \gset
SELECT pg_temp.fail(:c_zone_reminder), pg_temp.fail(:c_reschedule);
SELECT appt.reschedule_appointment(:'c', NULL, NULL, locale => 'fr');
SAVEPOINT s;
SELECT is((appt.retry_notification(id)).state, 'RETRYING', 'another locale supersedes no ' || type) FROM appt.notification
	WHERE id IN (:c_zone_reminder, :c_reschedule);
ROLLBACK TO s;
SELECT appt.reschedule_appointment(:'c', NULL, NULL, timezone => 'Asia/Tokyo');
SELECT pg_temp.refused(:c_zone_reminder, 'RESCHEDULED', 'a reminder of another timezone');
SELECT pg_temp.refused(:c_reschedule, 'RESCHEDULED', 'a RESCHEDULE to another timezone');
SAVEPOINT s;
SELECT is((appt.retry_notification(:c_hook)).state, 'RETRYING', 'but CREATE, which says what is');
ROLLBACK TO s;
SELECT appt.cancel_appointment(:'c');
SELECT pg_temp.refused(:c_hook, 'APPOINTMENT_CANCELLED', 'of a cancelled appointment');
SELECT pg_temp.find(:'c', 'CANCELLED', 'WEBHOOK') AS c_cancelled \gset
SELECT pg_temp.fail(:c_cancelled);
SAVEPOINT s;
SELECT is((appt.retry_notification(:c_cancelled)).state, 'RETRYING', 'but CANCELLED');
ROLLBACK TO s;
SELECT pg_temp.schedule() AS d \gset
SELECT appt.record_join(:'d', id) FROM appt.participant WHERE appointment_id = :'d' AND type = 'CUSTOMER';
SELECT pg_temp.find(:'d', 'CREATE', 'WEBHOOK') AS d_hook \gset
SELECT pg_temp.fail(:d_hook);
SELECT appt.end_appointment(:'d');
SELECT pg_temp.refused(:d_hook, 'ENDED', 'of one that has ended');
SELECT pg_temp.find(:'d', 'FOLLOW_UP', 'WEBHOOK') AS d_follow_up \gset
SELECT pg_temp.fail(:d_follow_up);
SELECT is((appt.retry_notification(:d_follow_up)).state, 'RETRYING', 'but FOLLOW_UP');
SELECT pg_temp.schedule() AS e \gset
SELECT appt.delete_appointment(:'e');
SELECT pg_temp.find(:'e', 'CANCELLED', 'WEBHOOK') AS e_cancelled, pg_temp.find(:'e', 'CANCELLED', 'EMAIL') AS e_email,
	pg_temp.find(:'e', 'CANCELLED', 'SMS') AS e_sms \gset
SELECT pg_temp.fail(:e_cancelled);
SAVEPOINT s;
SELECT is((appt.retry_notification(:e_cancelled)).state, 'RETRYING', 'of a deleted one, while it is remembered');
ROLLBACK TO s;
SELECT pg_temp.fail(:e_email), pg_temp.fail(:e_sms), appt_test.blank_deleted();
SELECT pg_temp.refused(:e_cancelled, 'was deleted', 'of a deleted one that is forgotten');

-- Previews.
SELECT row_eq(format($$SELECT recipient, subject LIKE '%%two%%', text_body LIKE 'Hello Bob%%', html_body LIKE '<!DOCTYPE html>%%'
	FROM appt.preview_notification(%L, %L, 'REMINDER', 'EMAIL')$$, :'a', :'bob'),
	ROW('new@example.com'::text, true, true, true), 'a preview shows what would be sent now');
INSERT INTO appt.template (application_id, type, channel, rule_id, locale, text_body) SELECT :'app', 'REMINDER', 'EMAIL', id, 'en',
	'a day ahead: {{firstName}}' FROM appt.rule
	WHERE application_id = :'app' AND type = 'REMINDER' AND channel = 'EMAIL' AND time_offset = '1 day' RETURNING rule_id AS day_rule \gset
SELECT is(text_body, 'a day ahead: Bob', 'by a rule''s id, its template')
	FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'EMAIL', rule_id => :day_rule);
SELECT is(text_body, 'a day ahead: Bob', 'or by its offset')
	FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'EMAIL', time_offset => '24 hours');
SELECT ok(text_body LIKE 'Hello%', 'another offset has another')
	FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'EMAIL', time_offset => '3 hours');
SELECT row_eq(format($$SELECT recipient, text_body::jsonb->>'type', (text_body::jsonb->>'payload')::jsonb->>'id'
	FROM appt.preview_notification(%L, %L, 'UPDATE', 'WEBHOOK')$$, :'a', :'bob'),
	ROW('https://hooks.example/one'::text, 'UPDATE'::text, :'a'::text), 'of a webhook, its body');
SELECT ok(recipient = '+306900000000' AND subject IS NULL AND html_body IS NULL, 'of an SMS, its text')
	FROM appt.preview_notification(:'a', :'bob', 'CREATE', 'SMS');
SELECT throws_ok(format('SELECT appt.preview_notification(%L, %L, %L, %L)', a, p, t, c), state, NULL, what)
  FROM (VALUES (:'a', 'nobody', 'CREATE', 'EMAIL', 'PT404', 'an unknown customer'),
  	(:'a', 'ann', 'CREATE', 'EMAIL', 'PT404', 'an agent gets no messages'),
	(:'a', 'nobody', 'CREATE', 'WEBHOOK', 'PT404', 'an unknown customer, by webhook too'),
	('00000000-0000-0000-0000-000000000000', :'bob', 'CREATE', 'EMAIL', 'PT404', 'an unknown appointment'),
		(:'a', :'bob', 'NOPE', 'EMAIL', '22023', 'an unknown type'),
	(:'a', :'bob', 'CREATE', 'FAX', '22023', 'an unknown channel'),
		(:'a', :'bob', 'UPDATE', 'EMAIL', '22023', 'UPDATE goes by webhook alone'),
	(:'a', :'bob', 'ROOM', 'WEBHOOK', '22023', 'ROOM never does'),
		(:'a', :'bob', 'CODE', 'EMAIL', '22023', 'a code has no appointment')) t (a, p, t, c, state, what);
SELECT throws_ok(format('SELECT appt.preview_notification(%L, %L, ''REMINDER'', ''EMAIL'', rule_id => 0)', :'a', :'bob'), 'PT404',
	'rule not found', 'an unknown rule');
SELECT throws_ok(format('SELECT appt.preview_notification(%L, %L, ''REMINDER'', ''EMAIL'', time_offset => ''1 month'')', :'a',
	:'bob'), '22023', NULL, 'an offset of months');
SELECT is(count(*), 0::bigint, 'a preview leaves nothing behind') FROM appt.notification WHERE created_at > now();

-- Access.
INSERT INTO appt.participant (application_id, appointment_id, id, type) VALUES (:'app', :'a', 'zoe', 'AGENT');
SELECT pg_temp.fail(:first_update, 1, now() + interval '1 hour');
CREATE ROLE notify_login;
GRANT appt_authenticator, appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin, appt_anonymous TO notify_login;
CREATE SCHEMA try AUTHORIZATION notify_login;
CREATE TABLE try.caller AS SELECT * FROM (VALUES
	('the organizer', 'appt_agent', 'ann', :'app', NULL, 'done', 'done', 'done'),
	('an agent who attends', 'appt_agent', 'zoe', :'app', NULL, 'done', 'PT404', 'done'),
	('another agent', 'appt_agent', 'joe', :'app', NULL, 'PT404', 'PT404', 'PT404'),
	('an agent of that name elsewhere', 'appt_agent', 'ann', :'other', NULL, 'PT404', 'PT404', 'PT404'),
	('a supervisor', 'appt_supervisor', 'sue', :'app', NULL, 'done', 'done', 'done'),
	('a supervisor elsewhere', 'appt_supervisor', 'sue', :'other', NULL, 'PT404', 'PT404', 'PT404'),
	('an admin', 'appt_admin', 'al', NULL, :'org', 'done', 'done', 'done'),
	('an admin elsewhere', 'appt_admin', 'al', NULL, :'other_org', 'PT404', 'PT404', 'PT404'),
	('the client service that organizes', 'appt_client_service', 'ann', :'app', NULL, 'done', '42501', '42501'),
	('another client service', 'appt_client_service', 'cs', :'app', NULL, 'done', '42501', '42501'),
	('a client service elsewhere', 'appt_client_service', 'ann', :'other', NULL, 'PT404', '42501', '42501'),
	('anonymous', 'appt_anonymous', '', NULL, NULL, '42501', '42501', '42501')
) t (who, role, sub, application, organization, asks, retries, previews);
ALTER TABLE try.caller OWNER TO notify_login;
CREATE TABLE try.result (scope text, what text, who text, outcome text);
ALTER TABLE try.result OWNER TO notify_login;
SET LOCAL SESSION AUTHORIZATION notify_login;
-- Runs the statement as that caller and undoes it.
CREATE FUNCTION try.outcome(caller try.caller, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', jsonb_strip_nulls(jsonb_build_object('sub', caller.sub,
		'application_id', caller.application, 'organization_id', caller.organization))::text, true);
	EXECUTE format('SET LOCAL ROLE %I', caller.role);
	EXECUTE statement;
	RAISE SQLSTATE 'ZZ000';
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN 'done';
	WHEN OTHERS THEN RETURN SQLSTATE;
END$$;
CREATE TABLE try.asked AS SELECT * FROM (VALUES
	('asks', format('SELECT * FROM appt.notification_eligibility(%s)', :first_update)),
	('retries', format('SELECT appt.retry_notification(%s)', :first_update)),
	('previews', format('SELECT * FROM appt.preview_notification(%L, %L, ''CREATE'', ''EMAIL'')', :'a', :'bob'))) t (what, statement);
INSERT INTO try.result SELECT 'OWN', what, who, try.outcome(c, statement) FROM try.caller c, try.asked;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'APPLICATION';
SET LOCAL SESSION AUTHORIZATION notify_login;
INSERT INTO try.result SELECT 'APPLICATION', what, who, try.outcome(c, statement) FROM try.caller c, try.asked;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'OWN';
SELECT is(outcome, CASE WHEN scope = 'APPLICATION' AND role = 'appt_agent' AND application = :'app' THEN 'done' WHEN what = 'asks'
	THEN asks WHEN what = 'retries' THEN retries ELSE previews END,
	format('%s %s, agent_scope %s', who, what, scope)) FROM try.result JOIN try.caller USING (who) ORDER BY scope, what, who;

-- A deleted appointment's log belongs to who organized it last.
UPDATE appt.appointment SET organizer_id = 'zoe' WHERE id = :'a';
SELECT appt.delete_appointment(:'a');
SET LOCAL SESSION AUTHORIZATION notify_login;
INSERT INTO try.result SELECT 'OWN', 'asks about a deleted one', who,
	try.outcome(c, format('SELECT * FROM appt.notification_eligibility(%s)', :first_update)) FROM try.caller c;
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'APPLICATION';
SET LOCAL SESSION AUTHORIZATION notify_login;
INSERT INTO try.result SELECT 'APPLICATION', 'asks about a deleted one', who,
	try.outcome(c, format('SELECT * FROM appt.notification_eligibility(%s)', :first_update)) FROM try.caller c;
RESET SESSION AUTHORIZATION;
SELECT is(outcome, CASE WHEN role <> 'appt_agent' OR application <> :'app' THEN asks WHEN scope = 'APPLICATION' OR sub = 'zoe'
	THEN 'done' ELSE 'PT404' END, format('%s %s, agent_scope %s', who, what, scope))
	FROM try.result JOIN try.caller USING (who) WHERE what LIKE '%deleted%';

-- No agent may access a message without an appointment, whatever the scope.
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, next_attempt_at)
VALUES (:'app', 'ADDRESS', 'x@example.com', 'TEST', 'EMAIL', now(), 1, now()) RETURNING id AS loose \gset
SET LOCAL SESSION AUTHORIZATION notify_login;
INSERT INTO try.result SELECT 'APPLICATION', 'asks about a test', who,
	try.outcome(c, format('SELECT * FROM appt.notification_eligibility(%s)', :loose)) FROM try.caller c;
RESET SESSION AUTHORIZATION;
SELECT is(outcome, CASE WHEN role = 'appt_agent' THEN 'PT404' ELSE asks END, who || ' ' || what) FROM try.result JOIN try.caller
	USING (who) WHERE what LIKE '%test';

SELECT * FROM finish();
ROLLBACK;
