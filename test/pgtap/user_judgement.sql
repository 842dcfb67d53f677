-- Whether a user is told when a notification falls due: profile, preferences, channels and roles as they are then, by the
-- judgement that the worker makes.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme') AS app \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'a@example.org') \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => '+15550100000') \gset
INSERT INTO appt.user_profile (application_id, id, email, backup_phone, channels, is_admin, is_billing_admin) VALUES
	(:'app', 'ann', 'ann@example.org', '+491700000001', '{EMAIL,SMS,IN_APP}', true, true);
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'Sales', 'ann') RETURNING id AS line \gset

SELECT appt_test.plan_user_event(:'app', 'VOICEMAIL', line_id => :'line') AS voicemail,
	appt_test.plan_user_event(:'app', 'BILLING_WARNING') AS billing, appt_test.plan_user_event(:'app', 'INTEGRATION_FAILED') AS failed \gset
SELECT (appt.schedule_appointment(:'app', now() + interval '2 days', '1 hour', organizer_id => 'boss')).id AS a \gset
SELECT appt.add_agent(:'a', 'ann') \gset
SELECT id AS message FROM appt.send_message(:'app', 'IN_APP', 'ann', 'm') \gset
SELECT appt.send_sample_notification('VOICEMAIL', 'SMS', 'ann', :'app') AS test \gset

CREATE TEMP VIEW judged AS
SELECT n.id, n.type, n.channel, e.eligible, e.reason, e.explanation, n.user_event_id, n.time_offset
  FROM appt.notification n, LATERAL appt.notification_eligibility(n.id) e WHERE n.recipient_kind = 'USER';
CREATE FUNCTION pg_temp.verdicts(of_types text[]) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(DISTINCT verdict, ', ' ORDER BY verdict)
  FROM judged, concat_ws(' ', type, channel, reason) verdict WHERE type = ANY (of_types)$$;

SELECT is(count(*), 0::bigint, 'at first all are sent') FROM judged WHERE NOT eligible;
SELECT is(count(*), 13::bigint, 'over each channel') FROM judged;

-- Preferences.
INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled) VALUES (:'app', 'ann', 'VOICEMAIL', 'SMS', false);
SELECT is(pg_temp.verdicts('{VOICEMAIL}'), 'VOICEMAIL EMAIL, VOICEMAIL IN_APP, VOICEMAIL SMS PREFERENCE_OFF', 'of a channel');
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'app', 'ann', 'VOICEMAIL', false);
SELECT is(pg_temp.verdicts('{VOICEMAIL}'), 'VOICEMAIL EMAIL PREFERENCE_OFF, VOICEMAIL IN_APP PREFERENCE_OFF, VOICEMAIL SMS PREFERENCE_OFF',
	'of the type');
SELECT is(explanation, 'The user had switched off notifications of this kind when it was due.', 'notification_eligibility says why')
  FROM judged WHERE type = 'VOICEMAIL' LIMIT 1;
INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled) VALUES (:'app', 'ann', 'VOICEMAIL', 'EMAIL', true);
SELECT is(pg_temp.verdicts('{VOICEMAIL}'), 'VOICEMAIL EMAIL, VOICEMAIL IN_APP PREFERENCE_OFF, VOICEMAIL SMS PREFERENCE_OFF',
	'the channel''s before the type''s');
INSERT INTO appt.user_preference (application_id, user_id, type, time_offset, enabled) VALUES
	(:'app', 'ann', 'APPOINTMENT_REMINDER', '15 minutes', false);
SELECT is(pg_temp.verdicts('{APPOINTMENT_REMINDER}'),
	'APPOINTMENT_REMINDER EMAIL PREFERENCE_OFF, APPOINTMENT_REMINDER IN_APP PREFERENCE_OFF, '
	'APPOINTMENT_REMINDER SMS PREFERENCE_OFF', 'of an offset');
INSERT INTO appt.user_preference (application_id, user_id, type, time_offset, channel, enabled) VALUES
	(:'app', 'ann', 'APPOINTMENT_REMINDER', '00:15', 'SMS', true);
SELECT is(pg_temp.verdicts('{APPOINTMENT_REMINDER}'),
	'APPOINTMENT_REMINDER EMAIL PREFERENCE_OFF, APPOINTMENT_REMINDER IN_APP PREFERENCE_OFF, '
	'APPOINTMENT_REMINDER SMS', 'offset and channel before the offset''s');
DELETE FROM appt.user_preference WHERE application_id = :'app';

-- Channels of the profile: text messages off turn off the custom number, too.
UPDATE appt.user_profile SET channels = '{EMAIL,IN_APP}', custom_phone = '+491700000002' WHERE id = 'ann';
UPDATE appt.user_profile SET custom_phone_verified_at = now() WHERE id = 'ann';
SELECT is(pg_temp.verdicts('{VOICEMAIL,APPOINTMENT_ASSIGNED}'), 'APPOINTMENT_ASSIGNED EMAIL, APPOINTMENT_ASSIGNED IN_APP, '
	'APPOINTMENT_ASSIGNED SMS PREFERENCE_OFF, VOICEMAIL EMAIL, VOICEMAIL IN_APP, VOICEMAIL SMS PREFERENCE_OFF', 'a channel that is off');
SELECT is(pg_temp.verdicts('{MESSAGE,TEST}'), 'MESSAGE IN_APP, TEST SMS', 'messages to a user who is named mind neither');
UPDATE appt.user_profile SET channels = '{EMAIL,SMS,IN_APP}' WHERE id = 'ann';

-- Where text messages go.
CREATE FUNCTION pg_temp.recipient(of_channel text) RETURNS text LANGUAGE sql AS $$
SELECT (appt_test.composed(id))[1] FROM appt.notification WHERE type = 'VOICEMAIL' AND channel = of_channel$$;
SELECT is(pg_temp.recipient('SMS'), '+491700000002', 'to the custom number');
UPDATE appt.user_profile SET custom_phone_verified_at = NULL WHERE id = 'ann';
SELECT is(pg_temp.recipient('SMS'), '+491700000001', 'unconfirmed, to the backup number');
UPDATE appt.user_profile SET custom_phone = NULL, backup_phone = NULL, email = NULL WHERE id = 'ann';
SELECT is(pg_temp.verdicts('{VOICEMAIL}'), 'VOICEMAIL EMAIL NO_ADDRESS, VOICEMAIL IN_APP, VOICEMAIL SMS NO_ADDRESS',
	'without any, nowhere; the copy of an earlier address is not used');
UPDATE appt.user_profile SET backup_phone = '+491700000003', email = 'new@example.org' WHERE id = 'ann';
SELECT is(ARRAY[pg_temp.recipient('EMAIL'), pg_temp.recipient('SMS'), pg_temp.recipient('IN_APP')],
	'{new@example.org,+491700000003,ann}', 'changed addresses hold');

-- Account level.
UPDATE appt.user_profile SET is_billing_admin = false WHERE id = 'ann';
SELECT is(pg_temp.verdicts('{BILLING_WARNING,INTEGRATION_FAILED}'), 'BILLING_WARNING EMAIL PREFERENCE_OFF, INTEGRATION_FAILED EMAIL',
	'no billing admin any more');
UPDATE appt.user_profile SET is_admin = false, is_billing_admin = true WHERE id = 'ann';
SELECT is(pg_temp.verdicts('{BILLING_WARNING,INTEGRATION_FAILED,VOICEMAIL}'), 'BILLING_WARNING EMAIL PREFERENCE_OFF, '
	'INTEGRATION_FAILED EMAIL PREFERENCE_OFF, VOICEMAIL EMAIL, VOICEMAIL IN_APP, VOICEMAIL SMS', 'no admin any more');
UPDATE appt.user_profile SET is_admin = true WHERE id = 'ann';

-- The switches of organization and appointment.
UPDATE appt.organization SET notifications_enabled = false WHERE id = :'org';
SELECT set_eq($$SELECT DISTINCT type, reason FROM judged$$,
	$$SELECT DISTINCT type, CASE WHEN type <> 'TEST' THEN 'GLOBAL_OFF' END FROM judged$$,
	'the organization''s switch stops all but tests');
UPDATE appt.organization SET notifications_enabled = true WHERE id = :'org';
UPDATE appt.notification SET notifications_active = false WHERE appointment_id = :'a';
SELECT set_eq($$SELECT DISTINCT type FROM judged WHERE reason = 'APPOINTMENT_OFF'$$, '{APPOINTMENT_ASSIGNED,APPOINTMENT_REMINDER}'::text[],
	'the appointment''s what belongs to it');
UPDATE appt.notification SET notifications_active = true WHERE appointment_id = :'a';

-- An agent who has left; removal cancels what is pending, and whatever it missed is not sent.
SELECT appt.remove_participant(:'a', 'ann') \g /dev/null
UPDATE appt.notification SET state = 'PENDING', reason = NULL, settled_at = NULL WHERE appointment_id = :'a' AND state = 'CANCELLED';
SELECT set_eq($$SELECT DISTINCT type, reason FROM judged WHERE NOT eligible$$,
	$$VALUES ('APPOINTMENT_ASSIGNED', 'PARTICIPANT_REMOVED'), ('APPOINTMENT_REMINDER', 'PARTICIPANT_REMOVED')$$, 'an agent who has left');

-- Disabled, and gone.
UPDATE appt.user_profile SET enabled = false WHERE id = 'ann';
INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled) VALUES (:'app', 'ann', 'VOICEMAIL', 'SMS', false);
SELECT is(pg_temp.verdicts('{VOICEMAIL,MESSAGE,TEST}'), 'MESSAGE IN_APP USER_OFF, TEST SMS USER_OFF, VOICEMAIL EMAIL USER_OFF, '
	'VOICEMAIL IN_APP USER_OFF, VOICEMAIL SMS PREFERENCE_OFF', 'a user who is disabled; a preference tells more');
SELECT is(e.reason, 'WINDOW_PASSED', 'and so does a window that has passed')
  FROM judged j, LATERAL appt.notification_eligibility(j.id, now() + interval '25 hours') e WHERE type = 'VOICEMAIL' AND channel = 'EMAIL';
DELETE FROM appt.user_profile WHERE id = 'ann';
SELECT set_eq($$SELECT DISTINCT reason FROM judged WHERE type !~ '^APPOINTMENT'$$, '{USER_OFF}'::text[], 'a user who is gone');
SELECT is(explanation, 'The user was disabled or removed when it was due.', 'notification_eligibility says so')
  FROM judged WHERE id = :test;

-- Sent again by hand: to where the user is now.
INSERT INTO appt.user_profile (application_id, id, email, backup_phone, channels) VALUES
	(:'app', 'ann', 'third@example.org', '+491700000004', '{EMAIL,SMS,IN_APP}');
UPDATE appt.notification SET state = 'SENT', settled_at = now() WHERE type = 'VOICEMAIL';
SELECT count(appt.resend_notification(id)) FROM appt.notification WHERE type = 'VOICEMAIL' AND state = 'SENT' \g /dev/null
SELECT set_eq($$SELECT address, user_event_id FROM appt.notification WHERE resent_from IS NOT NULL$$,
	format('SELECT address, %L::bigint FROM unnest(%L::text[]) address', :voicemail, '{+491700000004,ann,third@example.org}'),
	'a copy has the current address, and tells of the same event');

SELECT * FROM finish();
ROLLBACK;
