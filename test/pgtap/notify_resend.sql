-- Sending again by hand: what can be retried and why not, many at once, and what was settled otherwise as a new notification.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org, appt.create_organization('other') AS other_org \gset
SELECT appt.create_application(:'org', 'app', agent_scope => 'OWN') AS app, appt.create_application(:'other_org', 'other') AS other \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one')).id AS one,
	(appt.create_subscription(:'app', 'https://hooks.example/two')).id AS two \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com') AS provider \gset
CREATE FUNCTION pg_temp.schedule(ahead interval DEFAULT '2 days', organizer text DEFAULT 'ann') RETURNS uuid LANGUAGE sql AS $$
	SELECT (appt.schedule_appointment(id, now() + ahead, '30 minutes', organizer_id => organizer, title => 'Loan', customer =>
		'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}')).id
	  FROM appt.application WHERE name = 'app'$$;
CREATE FUNCTION pg_temp.find(appointment uuid, kind text, over text, distance interval DEFAULT '0') RETURNS bigint LANGUAGE sql AS
$$SELECT max(id) FROM appt.notification WHERE appointment_id = appointment AND type = kind AND channel = over AND time_offset = distance$$;
CREATE FUNCTION pg_temp.settle(id bigint, state text, reason text, started timestamptz DEFAULT now()) RETURNS void LANGUAGE sql AS $$
	DELETE FROM appt.due WHERE notification_id = $1;
	DELETE FROM appt.attempt WHERE notification_id = $1;
	UPDATE appt.notification SET state = $2, reason = $3, attempt_count = (started IS NOT NULL)::int, settled_at = now(),
		next_attempt_at = NULL WHERE id = $1;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
	SELECT application_id, $1, 1, started, started, CASE $2 WHEN 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END FROM appt.notification
		WHERE id = $1 AND started IS NOT NULL$$;

-- latest_failure tells which can be retried.
SELECT pg_temp.schedule() AS a, pg_temp.schedule() AS b \gset
SELECT pg_temp.find(:'a', 'CREATE', 'EMAIL') AS email, pg_temp.find(:'a', 'CREATE', 'SMS') AS sms,
	pg_temp.find(:'b', 'CREATE', 'EMAIL') AS cancelled,
	pg_temp.find(:'a', 'REMINDER', 'EMAIL', '1 day') AS reminder \gset
SELECT pg_temp.settle(id, 'FAILED', 'RETRIES_EXHAUSTED') FROM unnest(ARRAY[:email, :sms, :cancelled]) id;
SELECT appt.cancel_appointment(:'b');
SELECT results_eq($$SELECT notification_id, retriable, not_retriable_because FROM appt.latest_failure ORDER BY 1$$,
	format($$VALUES (%s::bigint, true, NULL), (%s, false, 'Notification %2$s would not be sent: The application has no '
		'enabled provider for this channel: appt.set_provider sets one. (NO_PROVIDER)'),
		(%s, false, 'Notification %3$s would not be sent: The appointment was cancelled before it was sent. (APPOINTMENT_CANCELLED)') ORDER BY 1$$, :email, :sms, :cancelled),
	'latest_failure says what can be retried, and why the rest can not');
SELECT throws_ok(format('SELECT appt.retry_notification(%s)', notification_id), 'PT409', 'notification cannot be retried',
	'as retry_notification does')
  FROM appt.latest_failure WHERE NOT retriable;
SET LOCAL track_functions = 'all';
CREATE FUNCTION pg_temp.judgements() RETURNS bigint LANGUAGE sql AS
$$SELECT coalesce(pg_stat_get_xact_function_calls('appt.not_retriable_because(bigint)'::regprocedure), 0)$$;
SELECT pg_temp.judgements() AS before \gset
SELECT * FROM appt.latest_failure ORDER BY settled_at DESC, notification_id LIMIT 1 \g /dev/null
SELECT is(pg_temp.judgements() - :before, 2::bigint,
	'who asks for the latest one pays for the judgement of that one, in each of two columns');
SELECT count(*), max(title) FROM appt.latest_failure \g /dev/null
SELECT is(pg_temp.judgements() - :before, 2::bigint, 'and who asks for other columns for none');
SELECT is(appt.not_retriable_because(:reminder), format('Notification %s is PENDING: only the latest failure can be retried.',
	:reminder), 'what has not failed');
SELECT throws_ok('SELECT appt.not_retriable_because(0)', 'PT404', NULL, 'no such notification');

-- Many at once: what may not be retried is told.
SELECT results_eq(format('SELECT * FROM appt.retry_notifications(%L) ORDER BY 1', :'app'),
	format($$VALUES (%s::bigint, true, NULL), (%s, false, 'Notification %2$s would not be sent: The application has no '
		'enabled provider for this channel: appt.set_provider sets one. (NO_PROVIDER)'),
		(%s, false, 'Notification %3$s would not be sent: The appointment was cancelled before it was sent. (APPOINTMENT_CANCELLED)') ORDER BY 1$$, :email, :sms, :cancelled), 'a row for each');
SELECT row_eq(format('SELECT n.state, n.manual, d.due_at = n.next_attempt_at FROM appt.notification n JOIN appt.due d ON '
	'd.notification_id = n.id AND d.lane = n.lane WHERE n.id = %s', :email),
	ROW('RETRYING'::appt.notification_state_code, true, true), 'it goes back into the queue, marked manual');
SELECT is_empty(format('SELECT FROM appt.retry_notifications(%L) WHERE retried', :'app'), 'not twice');

-- The filters.
SELECT pg_temp.find(:'a', 'CREATE', 'WEBHOOK') AS any_hook \gset
SELECT id AS hook_one FROM appt.notification WHERE appointment_id = :'a' AND type = 'CREATE' AND subscription_id = :'one' \gset
SELECT id AS hook_two FROM appt.notification WHERE appointment_id = :'a' AND type = 'CREATE' AND subscription_id = :'two' \gset
SELECT pg_temp.settle(:email, 'FAILED', 'RETRIES_EXHAUSTED'), pg_temp.settle(:hook_one, 'FAILED', 'REJECTED'),
	pg_temp.settle(:hook_two, 'FAILED', 'RETRIES_EXHAUSTED'),
	pg_temp.settle(:reminder, 'FAILED', 'RETRIES_EXHAUSTED');
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
CREATE FUNCTION pg_temp.retried(arguments text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	EXECUTE format('SELECT array_agg(notification_id ORDER BY notification_id) FROM appt.retry_notifications(%L%s) WHERE retried',
		(SELECT id FROM appt.application WHERE name = 'app'), arguments) INTO ids;
	RAISE SQLSTATE 'ZZ999' USING MESSAGE = coalesce(ids::text, '{}');
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
END $$;
SELECT is(pg_temp.retried(f.filter), (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM unnest(f.expected) id), f.filter) FROM (VALUES
	('', ARRAY[:email, :hook_one, :hook_two, :reminder]::bigint[]),
	(', channel => ''EMAIL''', ARRAY[:email, :reminder]),
	(', type => ''REMINDER''', ARRAY[:reminder]),
	(', reason => ''REJECTED''', ARRAY[:hook_one]),
	(format(', subscription_id => %L', :'two'), ARRAY[:hook_two]),
	(', recipient => ''bob@example.com''', ARRAY[:email, :reminder]),
	(format(', recipient => %L', :'bob'), ARRAY[:email, :reminder]),
	(', recipient => ''eve@example.com''', '{}'),
	(', since => now() + interval ''1 second''', ARRAY[:reminder]),
	(', until => now() + interval ''1 second''', ARRAY[:email, :hook_one, :hook_two]),
	(', since => now(), until => now()', '{}')) f (filter, expected);
-- Of the same instant the one planned first comes first: `max` counts what is looked at.
SELECT is((SELECT array_agg(notification_id) FROM appt.retry_notifications(:'app', channel => 'WEBHOOK', max => 1)),
	ARRAY[least(:hook_one, :hook_two)]::bigint[], 'max');
SELECT throws_ok('SELECT appt.retry_notifications(' || replace(arguments, 'APP', quote_literal(:'app')) || ')', state, NULL,
	arguments) FROM (VALUES
	('NULL', '22023'), ('gen_random_uuid()', 'PT404'), ('APP, max => 0', '22023'), ('APP, max => 10001', '22023'),
		('APP, max => NULL', '22023'),
	('APP, type => ''PIGEON''', '22023'), ('APP, channel => ''FAX''', '22023'), ('APP, reason => ''WHY''', '22023')) r (arguments, state);

-- More than one batch.
SELECT pg_temp.schedule() AS crowd \gset
INSERT INTO appt.participant (application_id, appointment_id, id, type, email) SELECT :'app', :'crowd', 'c' || i, 'CUSTOMER',
	'c' || i || '@example.com' FROM generate_series(1, 240) i;
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, due_at, lane,
	state, reason, settled_at, attempt_count, address)
SELECT n.application_id, n.appointment_id, 'CUSTOMER', 'c' || i, n.rule_id, n.type, n.channel, n.due_at, n.lane, 'FAILED',
	'REJECTED', now(), 1, 'c' || i || '@example.com'
  FROM appt.notification n, generate_series(1, 240) i WHERE n.appointment_id = :'crowd' AND n.type = 'CREATE' AND n.channel = 'EMAIL';
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
SELECT application_id, id, 1, now(), now(), 'FAILED' FROM appt.notification WHERE appointment_id = :'crowd'
	AND recipient_id LIKE 'c%' AND state = 'FAILED';
SELECT is(count(*) FILTER (WHERE retried), 240::bigint, 'hundreds at once')
	FROM appt.retry_notifications(:'app', reason => 'REJECTED', channel => 'EMAIL');
SELECT is(count(*), 240::bigint, 'each in the queue once') FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id
	WHERE n.appointment_id = :'crowd' AND n.state = 'RETRYING';

-- Once more as a new notification.
CREATE FUNCTION pg_temp.refused(id bigint, because text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM appt.resend_notification(id);
	RETURN fail(message || ' (it was not refused)');
EXCEPTION WHEN SQLSTATE 'PT409' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN ok(SQLERRM = 'notification cannot be sent again' AND detail LIKE '%' || because || '%', message || ': ' || detail);
END$$;
SELECT pg_temp.schedule('2 days') AS c \gset
SELECT pg_temp.find(:'c', 'CREATE', 'EMAIL') AS c_email, pg_temp.find(:'c', 'CREATE', 'WEBHOOK') AS c_hook,
	pg_temp.find(:'c', 'REMINDER', 'EMAIL', '1 day') AS c_reminder \gset
SELECT throws_ok('SELECT appt.resend_notification(0)', 'PT404', 'notification not found', 'no such notification');
SELECT throws_ok('SELECT appt.resend_notification(NULL)', '22023', NULL, 'none given');
SELECT pg_temp.refused(:c_email, 'is PENDING', 'what waits');
SELECT pg_temp.settle(:c_email, 'FAILED', 'REJECTED');
SELECT pg_temp.refused(:c_email, 'is FAILED', 'what has failed, which is retried');
SELECT pg_temp.settle(:c_email, 'SKIPPED', 'NO_ADDRESS', NULL);
SELECT pg_temp.refused(:c_email, 'is SKIPPED', 'what had no way');

SELECT pg_temp.settle(:c_email, 'SENT', NULL);
UPDATE appt.participant SET email = 'robert@example.com' WHERE appointment_id = :'c' AND type = 'CUSTOMER';
SELECT (r).id AS again, (r).state AS again_state, (r).attempt_count AS again_count
	FROM (SELECT appt.resend_notification(:c_email) r) x \gset
SELECT row_eq(format($$SELECT n.resent_from, n.uid <> o.uid, n.state, n.type, n.channel, n.recipient_id = o.recipient_id,
	n.rule_id = o.rule_id, n.address COLLATE "default", n.manual, n.title, n.organizer_id, d.due_at = n.next_attempt_at, o.state
	FROM appt.notification n JOIN appt.notification o ON o.id = n.resent_from JOIN appt.due d ON d.notification_id = n.id
		AND d.lane = n.lane WHERE n.id = %s$$, :again),
	ROW(:c_email::bigint, true, 'PENDING'::appt.notification_state_code, 'CREATE'::appt.type_code, 'EMAIL'::appt.channel_code, true,
		true, 'robert@example.com'::text, true, 'Loan'::text, 'ann'::text, true, 'SENT'::appt.notification_state_code),
	'what was SENT is planned anew, to the present address');
SELECT is(:'again_state' || :'again_count', 'PENDING0', 'the new notification is returned');
SELECT is((appt_test.composed(:again))[1], 'robert@example.com', 'composed anew');
SELECT is(resent_from, :c_email::bigint, 'the log names the old one') FROM appt.notification_log WHERE notification_id = :again;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :again), ROW(true, NULL::text), 'it goes out');
SELECT appt.update_appointment(:'c', title => 'New');
SELECT (appt.resend_notification(:c_email)).id AS retitled \gset
SELECT is(title, 'New', 'for the log, with the present title') FROM appt.notification WHERE id = :retitled;

-- MISSED and SUPPRESSED, whatever the window; both switches are obeyed.
SELECT pg_temp.settle(:c_reminder, 'MISSED', 'WINDOW_PASSED', NULL);
SELECT is((appt.resend_notification(:c_reminder)).state, 'PENDING', 'what was MISSED, long after its window');
SELECT pg_temp.settle(:c_hook, 'SUPPRESSED', 'GLOBAL_OFF', NULL);
SELECT is((appt.resend_notification(:c_hook)).state, 'PENDING', 'what was SUPPRESSED');
SELECT is(n.subscription_id, o.subscription_id, 'to the same subscription') FROM appt.notification n
	JOIN appt.notification o ON o.id = n.resent_from WHERE o.id = :c_hook;
SELECT appt.set_notifications_enabled(:'org', false);
SELECT pg_temp.refused(:c_hook, 'GLOBAL_OFF', 'while notifications are off');
SELECT pg_temp.schedule() AS off \gset
SELECT appt.set_notifications_enabled(:'org', true);
SELECT pg_temp.find(:'off', 'CREATE', 'EMAIL') AS off_email \gset
SELECT pg_temp.settle(:off_email, 'SUPPRESSED', 'APPOINTMENT_OFF', NULL);
SELECT pg_temp.refused(:off_email, 'APPOINTMENT_OFF', 'of an appointment without notifications');

-- Superseded messages.
SELECT appt.reschedule_appointment(:'c', now() + interval '3 days', NULL);
SELECT pg_temp.refused(:c_reminder, 'RESCHEDULED', 'a reminder of times that have changed');
SELECT is((appt.resend_notification(:c_email)).state, 'PENDING', 'but CREATE, which says what is');
SELECT pg_temp.find(:'c', 'RESCHEDULE', 'EMAIL') AS c_moved \gset
SELECT pg_temp.settle(:c_moved, 'SENT', NULL);
SELECT is((appt.resend_notification(:c_moved)).state, 'PENDING', 'the last RESCHEDULE');
SELECT appt.reschedule_appointment(:'c', NULL, NULL, timezone => 'Asia/Tokyo');
SELECT pg_temp.refused(:c_moved, 'RESCHEDULED', 'and not once another timezone has come');
SELECT appt.cancel_appointment(:'c');
SELECT pg_temp.refused(:c_email, 'APPOINTMENT_CANCELLED', 'of a cancelled appointment');
SELECT pg_temp.find(:'c', 'CANCELLED', 'EMAIL') AS c_cancelled \gset
SELECT pg_temp.settle(:c_cancelled, 'SENT', NULL);
SELECT is((appt.resend_notification(:c_cancelled)).state, 'PENDING', 'but CANCELLED');
SELECT pg_temp.schedule() AS d \gset
SELECT pg_temp.find(:'d', 'CREATE', 'EMAIL') AS d_email \gset
SELECT pg_temp.settle(:d_email, 'SENT', NULL);
SELECT appt.delete_appointment(:'d');
SELECT pg_temp.refused(:d_email, 'was deleted', 'of a deleted one');

-- No codes; test messages.
SELECT appt_test.plan_to_address(:'app', 'CODE', 'EMAIL', 'me@example.com',
	'{"purpose": "CUSTOMER", "nonce": "11111111-2222-3333-4444-555555555555"}') AS code \gset
SELECT pg_temp.settle(:code, 'SENT', NULL);
SELECT pg_temp.refused(:code, 'one-time code', 'never a code');
SELECT appt.send_test_email(:'app', 'me@example.com') AS test \gset
SELECT pg_temp.settle(:test, 'SENT', NULL);
SELECT is((appt_test.composed((appt.resend_notification(:test)).id))[3], (appt_test.composed(:test))[3],
	'a test message takes along what it says');

-- Whose: function_access.sql has all. Here, that nothing of another organizer or application is touched in bulk, and that the
-- view answers everybody.
SELECT pg_temp.schedule(organizer => 'bea') AS beas \gset
SELECT pg_temp.find(:'beas', 'CREATE', 'EMAIL') AS beas_email \gset
SELECT pg_temp.settle(:beas_email, 'FAILED', 'REJECTED');
CREATE FUNCTION pg_temp.become(role text, claims json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', role, true);
END $$;
SELECT pg_temp.become('appt_agent', json_build_object('sub', 'bea', 'application_id', :'app'));
SELECT results_eq(format('SELECT notification_id, retried FROM appt.retry_notifications(%L)', :'app'),
	format('VALUES (%s::bigint, true)', :beas_email), 'an agent with agent_scope OWN: what it organizes');
SELECT throws_ok(format('SELECT appt.retry_notifications(%L)', :'other'), 'PT404', 'application not found',
	'and not of another application');
RESET ROLE;
SELECT pg_temp.settle(:beas_email, 'FAILED', 'REJECTED');
SELECT pg_temp.become(role, claims) FROM (VALUES ('appt_agent', json_build_object('sub', 'bea', 'application_id', :'app'))) r (role,
	claims);
SELECT results_eq('SELECT notification_id, retriable FROM appt.latest_failure', format('VALUES (%s::bigint, true)', :beas_email),
	'latest_failure for an agent');
RESET ROLE;
SELECT pg_temp.become('appt_client_service', json_build_object('sub', 'cs', 'application_id', :'app'));
SELECT ok(bool_or(retriable) AND bool_or(NOT retriable), 'for a client service') FROM appt.latest_failure;
SELECT throws_ok(format('SELECT appt.retry_notifications(%L)', :'app'), '42501', NULL, 'which does not retry');
RESET ROLE;
SELECT pg_temp.become('appt_admin', json_build_object('sub', 'ada', 'organization_id', :'org'));
SELECT ok(bool_or(retriable) AND bool_or(NOT retriable), 'for an admin') FROM appt.latest_failure;
SELECT ok(bool_or(retried), 'who retries') FROM appt.retry_notifications(:'app');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
