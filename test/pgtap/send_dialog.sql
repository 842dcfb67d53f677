-- What a dialog shows before a user sends a notification.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'us@a.example')
	\gset
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'SMS', 'HTTP', 'https://sms.example', sender => '+15550000000') \gset
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'application', 'Visit') RETURNING id AS template \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, sending)
	SELECT :'application', :'template', type, 'BOTH', 'MANUAL' FROM unnest('{CREATE,RESCHEDULE,CANCELLED}'::text[]) type;
INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body) VALUES
	(:'application', 'CREATE', 'EMAIL', 'en', 'Booked: {{title}}', 'Dear {{firstName}}, booked.', '<p>Dear {{firstName}}, booked.</p>'),
	(:'application', 'CREATE', 'SMS', 'en', NULL, 'Hi {{firstName}}, booked.', NULL);
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour',
	'{"name": {"firstName": "Cleo", "lastName": "Oz"}, "contact": {"primaryEmail": "c@d.example"}}', 'ann', title => 'Visit',
	meeting_template_id => :'template') \gset

CREATE FUNCTION pg_temp.shown(appointment uuid, type text, channel text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws('|', d.recipient_name, d.email, d.phone, d.channel, d.can_send, d.reason, d.explanation, d.subject, d.text_body, d.html_body)
	FROM appt.notification_dialog($1, $2, $3) d $$;
SELECT is(array_agg(s), ARRAY[
	'Cleo Oz|c@d.example|EMAIL|t|It is sent at once.|Booked: Visit|Dear Cleo, booked.|<p>Dear Cleo, booked.</p>',
	'Cleo Oz|c@d.example|SMS|f|NO_ADDRESS|The recipient has no address for this channel.|Hi Cleo, booked.'],
	'a row for each customer and channel, with words and what stands against it') FROM pg_temp.shown(:'id', 'CREATE') s;
SELECT is(count(*), 1::bigint, 'over one channel') FROM pg_temp.shown(:'id', 'CREATE', 'EMAIL');
SELECT is((count(*), max(id))::text, '(0,)', 'nothing is stored') FROM appt.notification WHERE appointment_id = :'id';
SELECT is(d.participant_id, p.id, 'the customer''s id goes to send_notification') FROM appt.notification_dialog(:'id', 'CREATE', 'SMS') d,
	appt.participant p WHERE p.appointment_id = :'id' AND p.type = 'CUSTOMER';
SELECT is(count(*), (SELECT count(*) FROM appt.send_notification(:'id', 'CREATE')), 'as many as are sent')
	FROM appt.notification_dialog(:'id', 'CREATE') d;
SELECT ok(bool_and(NOT can_send AND explanation LIKE 'Nothing significant of appointment%'), 'no update is due')
	FROM appt.notification_dialog(:'id', 'RESCHEDULE') d;
SELECT appt.reschedule_appointment(:'id', now() + '3 days') IS NULL AS ignored \gset
SELECT is(string_agg(channel, ' '), 'EMAIL', 'one is') FROM appt.notification_dialog(:'id', 'RESCHEDULE') d WHERE can_send;
SELECT is(string_agg(channel, ' '), 'EMAIL', 'it can be cancelled') FROM appt.notification_dialog(:'id', 'CANCELLED') d WHERE can_send;
SELECT is(state, 'ACTIVATED', 'it is not') FROM appt.appointment WHERE id = :'id';

-- A template that fails, consent, one that is over.
SELECT count(*) AS ignored FROM appt.set_notifications_enabled(:'organization', false) \gset
SELECT is(string_agg(DISTINCT d.reason, ' '), 'GLOBAL_OFF', 'the reason is that of the worker')
	FROM appt.notification_dialog(:'id', 'CANCELLED') d;
SELECT appt.cancel_appointment(:'id') IS NULL AS ignored \gset
SELECT is(string_agg(DISTINCT d.explanation, ' '), 'Appointment "' || :'id' || '" is CANCELLED.', 'nothing goes for one that is over')
	FROM appt.notification_dialog(:'id', 'CREATE') d;
SELECT is_empty(format('SELECT appt.notification_dialog(%L, ''ROOM'')', :'id'), 'without a rule there is nothing to show');
SELECT throws_ok(format('SELECT appt.notification_dialog(%L, ''UPDATE'')', :'id'), '22023');
UPDATE appt.rule SET channel = 'EMAIL' WHERE meeting_template_id = :'template' AND type = 'CREATE';
SELECT throws_ok(format('SELECT appt.notification_dialog(%L, ''CREATE'', ''SMS'')', :'id'), '22023',
	'the rule does not send over this channel');
SELECT throws_ok('SELECT appt.notification_dialog(gen_random_uuid(), ''CREATE'')', 'PT404');

SELECT * FROM finish();
ROLLBACK;
