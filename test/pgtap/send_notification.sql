-- Sending notifications to customers by hand.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'us@a.example') \gset
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'SMS', 'HTTP', 'https://sms.example', sender => '+15550000000') \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'application', 'Visit') RETURNING id AS template \gset

CREATE FUNCTION pg_temp.rule(template uuid, type text, channel text, offset_ interval DEFAULT '0', sending text DEFAULT 'MANUAL')
	RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, sending)
	SELECT application_id, id, $2, $3, $4, $5 FROM appt.meeting_template WHERE id = $1 RETURNING id $$;
SELECT count(pg_temp.rule(:'template', type, 'PREFERRED')) AS ignored FROM unnest('{CREATE,CONFIRMATION_REQUEST,RESCHEDULE,CANCELLED}'::text[]) type \gset

-- An appointment of a meeting template with these customers, each "id", "id email" or "id email phone"; id* prefers SMS, the first is the lead.
CREATE FUNCTION pg_temp.made(template uuid, VARIADIC customers text[]) RETURNS uuid LANGUAGE sql AS $$
	WITH made AS (
		INSERT INTO appt.appointment (application_id, meeting_template_id, organizer_id, start_at, end_at, timezone, locale,
			notifications_active, booking_state, notification_state)
		SELECT m.application_id, m.id, 'ann', date_trunc('hour', now()) + interval '2 days', date_trunc('hour', now()) + interval '49 hours',
			'UTC', 'en', true, 'NEW', 'NONE' FROM appt.meeting_template m WHERE m.id = $1 RETURNING *), people AS (
		INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, preferred_channel, email, phone, is_lead)
		SELECT m.application_id, m.id, rtrim(c.part[1], '*'), 'CUSTOMER', initcap(rtrim(c.part[1], '*')),
			CASE WHEN c.part[1] LIKE '%*' THEN 'SMS' END, c.part[2], c.part[3], c.place = 1
		FROM made m, (SELECT string_to_array(said, ' '), place FROM unnest($2) WITH ORDINALITY s (said, place)) c (part, place)), agent AS (
		INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, 'ann', 'AGENT' FROM made)
	SELECT id FROM made $$;
CREATE FUNCTION pg_temp.state(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', booking_state, notification_state, changed_fields::text) FROM appt.appointment WHERE id = $1 $$;
-- What a call returns, or how it fails.
CREATE FUNCTION pg_temp.sent(appointment uuid, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
	hint text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', type, recipient_id, channel), '', '' ORDER BY recipient_id, channel)'
		' FROM appt.send_notification(%L, %s)', appointment, arguments) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(': ', SQLSTATE, SQLERRM, detail, nullif(hint, ''));
END $$;
CREATE FUNCTION pg_temp.settle(appointment uuid, new_state text DEFAULT 'SENT') RETURNS void LANGUAGE sql AS $$
	UPDATE appt.notification SET state = new_state, settled_at = now(), reason = CASE WHEN new_state <> 'SENT' THEN 'REJECTED' END
	WHERE appointment_id = $1 AND state = 'PENDING' $$;
CREATE FUNCTION pg_temp.log(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', type, recipient_kind, state), ', ' ORDER BY type, recipient_kind, state)
	FROM appt.notification WHERE appointment_id = $1 $$;

-- Confirmation, and the request for one.
SELECT pg_temp.made(:'template', 'cleo c@d.example +306900000001', 'dora* d@d.example +306900000002') AS id \gset
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'CREATE cleo EMAIL, CREATE dora SMS', 'each customer over the channel that it prefers, email without a preference');
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'a confirmation books');
SELECT is((n.state, n.due_at, n.address, n.start_at, n.lane)::text,
	('PENDING', now(), 'c@d.example', date_trunc('hour', now()) + interval '2 days', d.lane)::text, 'it is planned at once')
	FROM appt.notification n JOIN appt.due d ON d.notification_id = n.id AND d.due_at = now()
	WHERE n.appointment_id = :'id' AND recipient_id = 'cleo';
SELECT is(told - 'start_at', '{"duration": 3600.000000, "timezone": "UTC", "location": null}', 'what customers were told is kept')
	FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'CREATE cleo EMAIL, CREATE dora SMS', 'clicked again before it leaves');
SELECT is(pg_temp.log(:'id'), 'CREATE CUSTOMER PENDING, CREATE CUSTOMER PENDING', 'it is the same message');
SELECT pg_temp.settle(:'id');
SELECT is(pg_temp.sent(:'id', '''CREATE'', participant_ids => ''{dora}'''), 'CREATE dora SMS', 'once it was sent, another is sent');
SELECT is(pg_temp.sent(:'id', '''CONFIRMATION_REQUEST'', ''EMAIL'''), 'CONFIRMATION_REQUEST cleo EMAIL, CONFIRMATION_REQUEST dora EMAIL',
	'over a channel that the user chooses');
SELECT is(pg_temp.state(:'id'), 'INVITED CONFIRMED', 'a request invites');
UPDATE appt.participant SET response = 'ACCEPTED', responded_at = now() WHERE appointment_id = :'id' AND id = 'cleo';
UPDATE appt.appointment SET booking_state = 'CONFIRMED' WHERE id = :'id';
SELECT pg_temp.settle(:'id');
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'CREATE cleo EMAIL, CREATE dora SMS', 'a new confirmation, after an answer');
SELECT is(pg_temp.state(:'id') || ' ' || response, 'BOOKED CONFIRMED ACCEPTED', 'books again; what the customer said stays')
	FROM appt.participant WHERE appointment_id = :'id' AND id = 'cleo';

-- The update, and which customers it reached.
SELECT is(pg_temp.sent(:'id', '''RESCHEDULE'''), 'PT409: no update is due: Nothing significant of appointment "' || :'id'
	|| '" has changed since its customers were told; its notification state is CONFIRMED.', 'no update is due');
SELECT appt.update_appointment(:'id', location => 'Elsewhere') IS NULL AS ignored \gset
SELECT is(pg_temp.state(:'id'), 'BOOKED UPDATE_DUE {location}', 'one is');
SELECT is(pg_temp.sent(:'id', '''RESCHEDULE'', participant_ids => ''{cleo}'''), 'RESCHEDULE cleo EMAIL', 'sent to one of two');
SELECT is(pg_temp.state(:'id'), 'BOOKED UPDATE_DUE {location}', 'it is still due');
UPDATE appt.participant SET phone = NULL WHERE appointment_id = :'id' AND id = 'dora';
SELECT is(pg_temp.sent(:'id', '''RESCHEDULE'', participant_ids => ''{cleo}'''), 'RESCHEDULE cleo EMAIL', 'sent to all who can be reached');
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'it is not');
SELECT appt.reschedule_appointment(:'id', now() + '3 days') IS NULL AS ignored \gset
SELECT is(pg_temp.sent(:'id', '''RESCHEDULE'''), 'RESCHEDULE cleo EMAIL, RESCHEDULE dora SMS', 'who has no phone is in the log');
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'the others know');
SELECT pg_temp.settle(:'id');
SELECT appt.update_appointment(:'id', location => 'Nowhere') IS NULL AS ignored \gset
UPDATE appt.participant SET phone = '+306900000002' WHERE appointment_id = :'id' AND id = 'dora';
SELECT is(pg_temp.sent(:'id', '''RESCHEDULE'', ''SMS'''), 'RESCHEDULE cleo SMS, RESCHEDULE dora SMS', 'all by SMS');
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'reaches all, too');

-- Which rule.
SELECT pg_temp.rule(:'template', 'CREATE', 'EMAIL') AS email, pg_temp.rule(:'template', 'CREATE', 'BOTH') AS both \gset
SELECT pg_temp.made(:'template', 'cleo* c@d.example +306900000001') AS id \gset
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'CREATE cleo EMAIL, CREATE cleo SMS', 'several rules: one message a channel');
SELECT is(array_agg(rule_id ORDER BY channel), ARRAY[:email, :both]::bigint[], 'by the most specific rule') FROM appt.notification WHERE appointment_id = :'id';
UPDATE appt.rule SET enabled = channel = 'EMAIL' WHERE meeting_template_id = :'template' AND type = 'CREATE';
SELECT pg_temp.settle(:'id');
SELECT is(pg_temp.sent(:'id', '''CREATE'', ''SMS'''), '22023: the rule does not send over this channel: No enabled rule sends CREATE by SMS.',
	'Email Only is always email');
SELECT is(pg_temp.sent(:'id', '''CREATE'', ''EMAIL'''), 'CREATE cleo EMAIL', 'also for who prefers SMS');
UPDATE appt.rule SET enabled = channel = 'PREFERRED' WHERE meeting_template_id = :'template' AND type = 'CREATE';
SELECT is(pg_temp.sent(:'id', '''CREATE'', ''WEBHOOK'''),
	'22023: unknown channel: "WEBHOOK" is no channel to customers.: The known ones are: EMAIL, SMS.', 'customers get no webhooks');
SELECT is(pg_temp.sent(:'id', '''FOLLOW_UP'''), 'PT409: the appointment has not ended: Appointment "' || :'id' || '" is SCHEDULED.', 'a follow-up follows');
SELECT matches(pg_temp.sent(:'id', said), '^22023', said || ' does not go to customers')
	FROM unnest('{''UPDATE'',''ACTIVATE'',''CODE'',''RESPONSE'',''CALL'',''NONSENSE'',"NULL"}'::text[]) said;
SELECT is(pg_temp.sent(:'id', '''ROOM'''), 'PT409: no rule sends this notification: No enabled rule sends ROOM to the customers of appointment "'
	|| :'id' || '".: Insert a row into appt.rule with this type and a channel, or enable the one that is there.',
	'nothing goes without a rule');

-- Reminders: the nearest offset, at once, until the start.
SELECT count(pg_temp.rule(:'template', 'REMINDER', 'EMAIL', o, 'AUTOMATIC')) AS ignored FROM unnest('{1 hour,1 day,1 week}'::interval[]) o \gset
SELECT is(pg_temp.sent(:'id', '''REMINDER'''), 'REMINDER cleo EMAIL', 'a reminder by hand');
SELECT is((time_offset, due_at, expires_at)::text, ('1 day'::interval, now(), start_at - '1 microsecond'::interval)::text,
	'with the words of the nearest offset, at once, until the start') FROM appt.notification WHERE appointment_id = :'id' AND type = 'REMINDER';
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'it changes no state yet');
SELECT ok(eligible, 'an hour later it can still go') FROM appt.notification n, appt.notification_eligibility(n.id, now() + '1 hour')
	WHERE n.appointment_id = :'id' AND type = 'REMINDER';
SELECT is((e.eligible, e.reason)::text, '(f,WINDOW_PASSED)', 'not after the start') FROM appt.notification n, appt.notification_eligibility(n.id, now() + '49 hours') e
	WHERE n.appointment_id = :'id' AND type = 'REMINDER';

-- Nobody.
SELECT pg_temp.made(:'template', 'cleo', 'dora* x +15') AS id \gset
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'PT409: nobody can be sent this notification: Customer "cleo" by EMAIL: NO_ADDRESS. The recipient has no '
	'address for this channel. Customer "dora" by SMS: BAD_ADDRESS. The recipient''s address for this channel is not valid.', 'nobody can be reached');
SELECT is((pg_temp.state(:'id'), pg_temp.log(:'id'))::text, '("NEW NONE",)', 'nothing has happened');
SELECT is(pg_temp.sent(:'id', '''CREATE'', participant_ids => ''{cleo,eve}'''), 'PT404: customer not found: There is no customer "eve", or it is not yours.', 'who is no customer');
SELECT is(pg_temp.sent(:'id', '''CREATE'', participant_ids => ''{ann}'''), 'PT404: customer not found: There is no customer "ann", or it is not yours.', 'nor is an agent');
SELECT matches(pg_temp.sent(:'id', '''CREATE'', participant_ids => ' || said), '^22023', said || ' names nobody')
	FROM unnest(ARRAY['''{}''', '''{NULL}''', 'array_fill(''x''::text, ARRAY[1001])']) said;
SELECT pg_temp.made(:'template', VARIADIC '{}') AS id \gset
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'PT409: nobody can be sent this notification: Appointment "' || :'id' || '" has no customer who gets CREATE.',
	'there is nobody');
SELECT pg_temp.made(:'template', 'cleo c@d.example') AS id \gset
SELECT count(*) AS ignored FROM appt.set_notifications_enabled(:'organization', false) \gset
SELECT matches(pg_temp.sent(:'id', '''CREATE'''), '^PT409: nobody .*GLOBAL_OFF', 'switches are obeyed');
SELECT count(*) AS ignored FROM appt.set_notifications_enabled(:'organization', true) \gset
UPDATE appt.application SET platform = 'TALKDESK' WHERE id = :'application';
SELECT matches(pg_temp.sent(:'id', '''CREATE'''), '^PT409: nobody .*CHANNEL_NOT_AVAILABLE', 'so is the platform');
UPDATE appt.application SET platform = 'STANDALONE' WHERE id = :'application';

-- lead_only_reminders
UPDATE appt.meeting_template SET lead_only_reminders = true WHERE id = :'template';
SELECT pg_temp.made(:'template', 'cleo c@d.example', 'dora d@d.example') AS id \gset
SELECT is(pg_temp.sent(:'id', '''REMINDER'''), 'REMINDER cleo EMAIL', 'reminders to the lead alone');
SELECT is(pg_temp.sent(:'id', '''REMINDER'', participant_ids => ''{dora}'''), 'REMINDER dora EMAIL', 'unless the user names another');
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'CREATE cleo EMAIL, CREATE dora EMAIL', 'all else to all');

-- reminders_need_confirmation holds back those that go by themselves.
UPDATE appt.meeting_template SET reminders_need_confirmation = true WHERE id = :'template';
SELECT pg_temp.made(:'template', 'cleo c@d.example') AS early \gset
SELECT ok(can_send, 'the dialog offers a reminder before the booking was confirmed') FROM appt.notification_dialog(:'early', 'REMINDER');
SELECT is(pg_temp.sent(:'early', '''REMINDER'''), 'REMINDER cleo EMAIL', 'and a user sends it');
UPDATE appt.meeting_template SET reminders_need_confirmation = false WHERE id = :'template';

-- Cancelling.
SELECT is(pg_temp.sent(:'id', '''CANCELLED'''), 'PT409: a cancellation needs to be confirmed: CANCELLED of appointment "' || :'id'
	|| '" cannot be undone.: Of these messages 2 by EMAIL and 0 by SMS would go to 2 customers, and the appointment would be cancelled. '
	'Call again with confirmed => true.', 'a confirmation before cancelling');
SELECT is(state, 'SCHEDULED', 'nothing has happened') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.sent(:'id', '''CANCELLED'', participant_ids => ''{cleo}'', confirmed => true'), 'CANCELLED cleo EMAIL', 'confirmed');
SELECT is(state, 'CANCELLED', 'it is cancelled') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.log(:'id'), 'CANCELLED CUSTOMER PENDING, CANCELLED SUBSCRIBER PENDING, CREATE CUSTOMER CANCELLED, CREATE CUSTOMER CANCELLED, '
	'REMINDER CUSTOMER CANCELLED, REMINDER CUSTOMER CANCELLED', 'everything else is, and subscribers are told');
SELECT ok(NOT never_told, 'also to who was never told') FROM appt.notification WHERE appointment_id = :'id' AND type = 'CANCELLED'
	AND recipient_kind = 'CUSTOMER';
SELECT pg_temp.settle(:'id');
SELECT is(pg_temp.sent(:'id', '''CANCELLED'''), 'PT409: a cancellation needs to be confirmed: CANCELLED of appointment "' || :'id'
	|| '" cannot be undone.: Of these messages 1 by EMAIL and 0 by SMS would go to 1 customers. Call again with confirmed => true.', 'again');
SELECT is(pg_temp.sent(:'id', '''CANCELLED'', confirmed => true'), 'CANCELLED dora EMAIL', 'it goes to those who do not have it');
SELECT pg_temp.settle(:'id');
SELECT matches(pg_temp.sent(:'id', '''CANCELLED'', confirmed => true'), '^PT409: nobody can be .*"cleo" by EMAIL: It was sent.*"dora" by EMAIL: It was sent',
	'and to nobody twice');
SELECT is(pg_temp.sent(:'id', '''CREATE'''), 'PT409: the appointment is over: Appointment "' || :'id' || '" is CANCELLED.', 'nothing else can be sent');
UPDATE appt.notification SET created_at = now() - interval '1 hour' WHERE appointment_id = :'id';
SELECT FROM appt.reopen_appointment(:'id', now() + interval '3 days');
SELECT is(pg_temp.sent(:'id', '''CANCELLED'', confirmed => true'), 'CANCELLED cleo EMAIL, CANCELLED dora EMAIL',
	'it goes to all again who were told before it was reopened');
UPDATE appt.rule SET sending = 'AUTOMATIC' WHERE meeting_template_id = :'template' AND type = 'CANCELLED';
SELECT pg_temp.made(:'template', 'cleo c@d.example') AS id \gset
SELECT is(pg_temp.sent(:'id', '''CANCELLED'', confirmed => true'), 'CANCELLED cleo EMAIL', 'a rule that sends by itself');
SELECT is(pg_temp.log(:'id'), 'CANCELLED CUSTOMER PENDING, CANCELLED SUBSCRIBER PENDING', 'sends once');
SELECT pg_temp.made(:'template', 'cleo') AS id \gset
SELECT matches(pg_temp.sent(:'id', '''CANCELLED'', confirmed => true'), '^PT409: nobody', 'with nobody to tell');
SELECT is(state, 'SCHEDULED', 'it is not cancelled') FROM appt.appointment WHERE id = :'id';

-- Over, archived.
UPDATE appt.appointment SET state = 'ENDED', ended_at = now() WHERE id = :'id';
SELECT matches(pg_temp.sent(:'id', said), '^PT409: the appointment is over', said || ' of one that has ended')
	FROM unnest('{''CREATE'',"''CANCELLED'', confirmed => true",''RESCHEDULE'',''REMINDER''}'::text[]) said;
SELECT pg_temp.rule(:'template', 'FOLLOW_UP', 'EMAIL') AS ignored \gset
UPDATE appt.participant SET email = 'c@d.example' WHERE appointment_id = :'id';
SELECT matches(pg_temp.sent(:'id', '''FOLLOW_UP'''), '^PT409: nobody .* has no customer who gets FOLLOW_UP', 'nobody has joined');
UPDATE appt.participant SET joined_at = now() WHERE appointment_id = :'id';
SELECT is(pg_temp.sent(:'id', '''FOLLOW_UP'''), 'FOLLOW_UP cleo EMAIL', 'somebody has');
UPDATE appt.appointment SET archived_at = now() WHERE id = :'id';
SELECT is(pg_temp.sent(:'id', '''FOLLOW_UP'''), 'PT409: the appointment is archived: Appointment "' || :'id' || '" is archived.', 'archived');
SELECT is(pg_temp.sent(gen_random_uuid(), '''CREATE''') LIKE 'PT404: appointment not found%', true, 'none');

-- Without a meeting template.
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour',
	'{"contact": {"primaryEmail": "c@d.example", "primaryPhone": "+306900000001"}}', 'ann') \gset
SELECT is(regexp_replace(pg_temp.sent(:'id', quote_literal(said)), ' [0-9a-f-]{36}', '', 'g'), said || ' EMAIL, ' || said || ' SMS',
	said || ' by the rules of the application') FROM unnest('{CREATE,RESCHEDULE}'::text[]) said;
SELECT is(pg_temp.state(:'id'), '', 'it has no such states');

-- Its rows, beside those of the same message that a rule has planned, and what is returned.
CREATE FUNCTION pg_temp.rows_of(appointment uuid) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg((to_jsonb(n) - '{id,uid}'::text[]) || jsonb_build_object('due', to_jsonb(d) - 'notification_id'))
	FROM appt.notification n JOIN appt.due d ON d.notification_id = n.id
	WHERE n.appointment_id = $1 AND n.type = 'CREATE' AND n.channel = 'EMAIL' AND n.state = 'PENDING' $$;
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{"contact": {"primaryEmail": "c@d.example"}}', 'ann',
	title => 'Your mortgage') \gset
SELECT pg_temp.rows_of(:'id') AS planned \gset
SELECT pg_temp.settle(:'id');
CREATE TEMPORARY TABLE returned AS SELECT * FROM appt.send_notification(:'id', 'CREATE');
SELECT is(pg_temp.rows_of(:'id'), :'planned'::jsonb, 'the rows of a message that a user sends are those of one that is planned');
SELECT is(to_jsonb(r), (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(n)) WHERE to_jsonb(r) ? key), 'what is returned is in the log')
	FROM returned r JOIN appt.notification n USING (id);
SELECT is(count(DISTINCT uid), 2::bigint, 'it is a message of its own') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'CREATE' AND channel = 'EMAIL';

SELECT * FROM finish();
ROLLBACK;
