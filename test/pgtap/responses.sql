-- respond: what a customer may answer, what follows from it, who is told, and what is refused.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Acme Bank', timezone => 'Europe/Athens') AS application \gset
INSERT INTO appt.meeting_template (application_id, name, title) VALUES (:'application', 'Mortgage', 'Mortgage {{status}}')
	RETURNING id AS template \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels) VALUES
	(:'application', 'agent', 'Olga', 'olga@example.org', '+15550100', '{EMAIL,SMS,IN_APP}'),
	(:'application', 'follower', 'Fred', 'fred@example.org', NULL, '{EMAIL,IN_APP}'),
	(:'application', 'silent', 'Sam', 'sam@example.org', NULL, '{EMAIL,IN_APP}'),
	(:'application', 'stranger', 'Sue', 'sue@example.org', NULL, '{EMAIL,IN_APP}');
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'application', 'silent', 'RESPONSE', false);
SELECT id AS named FROM appt.create_subscription(:'application', 'https://example.org/named') \gset
UPDATE appt.subscription SET types = '{RESPONSE}' WHERE id = :'named';
SELECT FROM appt.create_subscription(:'application', 'https://example.org/all');

CREATE FUNCTION pg_temp.booked(application uuid, template uuid, OUT appointment uuid, OUT customer text) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
	SELECT d.id INTO appointment FROM appt.schedule_appointment(application, date_trunc('hour', now()) + interval '2 days', '30 minutes',
		'{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby@example.org"}}',
		organizer_id => 'agent', location => 'Main Street 1') d;
	UPDATE appt.appointment SET meeting_template_id = template, booking_state = 'INVITED', notification_state = 'CONFIRMED', has_own_title = false
	WHERE id = appointment;
	SELECT p.id INTO customer FROM appt.participant p WHERE p.appointment_id = appointment AND p.type = 'CUSTOMER';
END $$;

-- A message with these buttons that went to the customer; its id.
CREATE FUNCTION pg_temp.asked(appointment uuid, customer text, buttons text[] DEFAULT '{ACCEPT,DECLINE,RESCHEDULE}') RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	message bigint;
BEGIN
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
		settled_at, address, attempt_count)
	SELECT application_id, id, 'CUSTOMER', customer, 'CONFIRMATION_REQUEST', 'EMAIL', now(), 100, 'SENT', now(), 'bobby@example.org', 1
	FROM appt.appointment WHERE id = appointment RETURNING id INTO message;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
	SELECT a.application_id, message, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', buttons, 'reply_codes', NULL,
		'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'timezone', a.timezone, 'location', a.location)
	FROM appt.appointment a WHERE a.id = appointment;
	RETURN message;
END $$;

CREATE FUNCTION pg_temp.state(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', a.booking_state, p.response, p.responded_at = now())
	FROM appt.appointment a JOIN appt.participant p ON p.appointment_id = a.id AND p.type = 'CUSTOMER' WHERE a.id = $1
$$;

/* ---- what follows ---- */

SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
SELECT pg_temp.asked(:'appointment', :'customer') AS message \gset
SELECT appt_test.link_token(:message) AS token \gset
INSERT INTO appt.follower (application_id, appointment_id, user_id) VALUES
	(:'application', :'appointment', 'follower'), (:'application', :'appointment', 'silent'), (:'application', :'appointment', 'agent');

SELECT row_eq(format('SELECT appointment_id, participant_id, notification_id, action, reason, proposed_start_at, source, created_at = now()
	FROM appt.respond(%L, ''accept'')', :'token'),
	ROW(:'appointment'::uuid, :'customer'::text, :message::bigint, 'ACCEPT'::text, NULL::text, NULL::timestamptz, 'API'::text, true),
	'a response is returned as it was recorded; the action is known in either case');
SELECT is(pg_temp.state(:'appointment'), 'CONFIRMED ACCEPTED t', 'who accepts has accepted, and the appointment is CONFIRMED');
SELECT matches(title, '^.* Mortgage$|^Mortgage .+', 'the title shows the booking state') FROM appt.appointment WHERE id = :'appointment';
SELECT is(string_agg(recipient_id || ' ' || channel, ', ' ORDER BY recipient_id, channel),
	'agent EMAIL, agent IN_APP, agent SMS, follower EMAIL, follower IN_APP',
	'organizer and followers are told, each once a channel, unless they do not want to be')
FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE' AND recipient_kind = 'USER';
SELECT is(jsonb_agg(jsonb_build_array(address, event - 'responseId')), jsonb_build_array(jsonb_build_array('https://example.org/named',
	jsonb_build_object('participantId', :'customer'::text, 'action', 'ACCEPT', 'reason', NULL, 'proposedStart', NULL, 'source', 'API'))),
	'only the subscription that names the type is told, with what was answered')
FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE' AND channel = 'WEBHOOK';

SELECT id AS first FROM appt.respond(:'token', 'ACCEPT') \gset
SELECT is(count(*), 1::bigint, 'a repeated response is the same one') FROM appt.response WHERE id = :first AND appointment_id = :'appointment';
SELECT is(count(*), 6::bigint, 'and nobody is told again') FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE';

SELECT isnt((appt.respond(:'token', 'DECLINE', 'Ill')).id, :first::bigint, 'another answer is another response');
SELECT is(pg_temp.state(:'appointment'), 'DECLINED DECLINED t', 'the last response counts');
SELECT is(reason, 'Ill', 'with its reason') FROM appt.response WHERE appointment_id = :'appointment' AND action = 'DECLINE';
SELECT is((appt.respond(:'token', 'RESCHEDULE', '', now() + interval '3 days')).proposed_start_at, now() + interval '3 days', 'a start is proposed');
SELECT is(pg_temp.state(:'appointment'), 'RESCHEDULE_REQUESTED RESCHEDULE_REQUESTED t', 'another time is asked for');
SELECT is((appt.respond(:'token', 'RESCHEDULE')).proposed_start_at, NULL, 'or none is');
SELECT is(count(*), 4::bigint, 'each change is kept') FROM appt.response WHERE appointment_id = :'appointment';

/* ---- another message, and another customer ---- */

SELECT pg_temp.asked(:'appointment', :'customer', '{ACCEPT}') AS second_message \gset
SELECT appt_test.link_token(:second_message) AS second_token \gset
SELECT isnt((appt.respond(:'token', 'ACCEPT')).id, :first::bigint, 'accepting after all is a new response');
SELECT isnt((appt.respond(:'second_token', 'ACCEPT')).notification_id, :message::bigint, 'so is one to another message');
SELECT throws_like(format('SELECT appt.respond(%L, ''DECLINE'')', :'second_token'), '%does not offer this action', 'only what was offered can be answered');
SELECT FROM appt.add_customer(:'appointment', '{"name": {"firstName": "Ann"}}');
SELECT id AS other FROM appt.participant WHERE appointment_id = :'appointment' AND first_name = 'Ann' \gset
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'other')) AS others_token \gset
SELECT is((appt.respond(:'others_token', 'DECLINE')).participant_id, :'other', 'another customer declines');
SELECT is(booking_state::text, 'DECLINED', 'the last response of any customer is the booking state') FROM appt.appointment WHERE id = :'appointment';
SELECT is(response::text, 'ACCEPTED', 'each customer keeps its own response') FROM appt.participant
WHERE appointment_id = :'appointment' AND id = :'customer';

/* ---- refusals ---- */

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;

SELECT is(state || ' ' || message, expected, expected)
FROM (VALUES
	('NULL, ''ACCEPT''', '22023 a required argument is missing'),
	(quote_literal(:'token') || ', NULL', '22023 a required argument is missing'),
	(quote_literal(:'token') || ', ''VIEW_DETAILS''', '22023 unknown action'),
	(quote_literal(:'token') || ', ''DECLINE'', repeat(''x'', 2001)', '22023 an argument is too long'),
	(quote_literal(:'token') || ', ''ACCEPT'', NULL, now() + interval ''1 day''', '22023 only RESCHEDULE takes a proposal'),
	(quote_literal(:'token') || ', ''RESCHEDULE'', NULL, ''infinity''', '22023 time out of range'),
	(quote_literal(:'token') || ', ''RESCHEDULE'', NULL, now()', '22023 time out of range'),
	(quote_literal(:'token') || ', ''RESCHEDULE'', NULL, now() + interval ''11 years''', '22023 time out of range'),
	(''''', ''ACCEPT''', 'PT404 message not found'),
	('repeat(''x'', 1000000), ''ACCEPT''', 'PT404 message not found'),
	(quote_literal(left(:'token', 37)) || ', ''ACCEPT''', 'PT404 message not found'),
	(quote_literal(reverse(:'token')) || ', ''ACCEPT''', 'PT404 message not found'),
	(quote_literal(appt_test.link_token(:message, 1)) || ', ''ACCEPT''', 'PT404 message not found')) t (arguments, expected)
CROSS JOIN LATERAL pg_temp.refusal('SELECT appt.respond(' || arguments || ')');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''DECLINE'', repeat(''é'', 2000))', :'token'))).state, NULL,
	'2,000 characters are a reason, however many bytes they have');

-- Messages without buttons, and those to others, cannot be answered.
SELECT appt_test.link_token(id) AS webhooks_token FROM appt.notification WHERE appointment_id = :'appointment' AND channel = 'WEBHOOK' LIMIT 1 \gset
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'webhooks_token'))).state, 'PT404', 'a webhook is no message to a customer');
SELECT appt_test.link_token(id) AS plain_token FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'CREATE' AND channel = 'EMAIL' \gset
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'plain_token'))).state, 'PT409', 'a message without buttons offers nothing');

-- 20 a message.
SELECT count(*) FROM generate_series(1, 20) n
CROSS JOIN LATERAL pg_temp.refusal(format('SELECT appt.respond(%L, ''DECLINE'', ''reason %s'')', :'others_token', n)) \gset
SELECT is(count(*), 20::bigint, 'a message can be answered 20 times')
FROM appt.response WHERE appointment_id = :'appointment' AND participant_id = :'other';
SELECT is(state || ' ' || message, 'PT409 too many responses', 'but not more often')
FROM pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'others_token'));
SELECT is((appt.respond(:'others_token', 'DECLINE', 'reason 19')).reason, 'reason 19', 'a repeated response still is the same one');

-- What has changed since it was shown.
SELECT FROM appt.update_appointment(:'appointment', location => 'Main Street 2');
SELECT is(state || ' ' || message, 'PT409 the appointment has changed', 'another place than the message showed')
FROM pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'token'));
SELECT FROM appt.update_appointment(:'appointment', location => 'Main Street 1', title => 'Another title');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'token'))).state, NULL, 'the place is as it was shown again');
SELECT FROM appt.reschedule_appointment(:'appointment', start_at => now() + interval '4 days', duration => '30 minutes');
SELECT is(state || ' ' || message, 'PT409 the appointment has changed', 'another time than the message showed')
FROM pg_temp.refusal(format('SELECT appt.respond(%L, ''DECLINE'')', :'token'));

-- Over.
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS late_token \gset
UPDATE appt.appointment SET archived_at = now() WHERE id = :'appointment';
SELECT is(state || ' ' || message, 'PT410 the appointment is over', 'archived')
FROM pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'late_token'));
UPDATE appt.appointment SET archived_at = NULL WHERE id = :'appointment';
SELECT FROM appt.remove_participant(:'appointment', :'other');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'others_token'))).state, 'PT410', 'removed');
SELECT FROM appt.cancel_appointment(:'appointment');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'late_token'))).state, 'PT410', 'cancelled');
SELECT FROM appt.delete_appointment(:'appointment');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', :'late_token'))).state, 'PT410', 'deleted');
SELECT appointment AS past, customer FROM pg_temp.booked(:'application', :'template') \gset
UPDATE appt.appointment SET start_at = now() - interval '1 hour', end_at = now() WHERE id = :'past';
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', appt_test.link_token(pg_temp.asked(:'past', :'customer'))))).state, 'PT410', 'past');

-- Reopened: earlier messages are dead, later ones are not.
SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
SELECT pg_temp.asked(:'appointment', :'customer') AS message \gset
UPDATE appt.notification SET created_at = now() - interval '1 hour' WHERE id = :message;
SELECT FROM appt.cancel_appointment(:'appointment');
SELECT FROM appt.reopen_appointment(:'appointment', now() + interval '2 days');
SELECT is((pg_temp.refusal(format('SELECT appt.respond(%L, ''ACCEPT'')', appt_test.link_token(:message)))).state, 'PT410',
	'messages of before it was reopened cannot be answered');
SELECT is((appt.respond(appt_test.link_token(pg_temp.asked(:'appointment', :'customer')), 'ACCEPT')).action, 'ACCEPT', 'messages since then can');

/* ---- who may know what ---- */

UPDATE appt.application SET agent_scope = 'OWN' WHERE id = :'application';
SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
UPDATE appt.appointment SET title = 'Bobby''s mortgage', has_own_title = true WHERE id = :'appointment';
INSERT INTO appt.follower (application_id, appointment_id, user_id) VALUES (:'application', :'appointment', 'stranger'),
	(:'application', :'appointment', 'follower');
SELECT FROM appt.add_agent(:'appointment', 'follower');
SELECT FROM appt.respond(appt_test.link_token(pg_temp.asked(:'appointment', :'customer')), 'DECLINE', 'Bobby is ill');
SELECT is(string_agg(DISTINCT recipient_id, ', '), 'agent, follower', 'organizer and agents of the appointment are told the reason')
FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE' AND recipient_kind = 'USER' AND event ->> 'reason' = 'Bobby is ill'
	AND title = 'Bobby''s mortgage';
SELECT is(count(*), 2::bigint, 'a follower who may not read the appointment is told without a word about the customer')
FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE' AND recipient_id = 'stranger' AND title = 'Mortgage'
	AND event::text NOT LIKE '%Bobby%' AND event::text NOT LIKE '%' || :'customer' || '%';
UPDATE appt.meeting_template SET notify_followers = false WHERE id = :'template';
SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
INSERT INTO appt.follower (application_id, appointment_id, user_id) VALUES (:'application', :'appointment', 'follower');
SELECT FROM appt.respond(appt_test.link_token(pg_temp.asked(:'appointment', :'customer')), 'ACCEPT');
SELECT is(string_agg(DISTINCT recipient_id, ', '), 'agent', 'without notify_followers the organizer alone is told')
FROM appt.notification WHERE appointment_id = :'appointment' AND type = 'RESPONSE' AND recipient_kind = 'USER';

/* ---- without a meeting template ---- */

SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
UPDATE appt.appointment SET meeting_template_id = NULL, booking_state = NULL, notification_state = NULL WHERE id = :'appointment';
SELECT FROM appt.respond(appt_test.link_token(pg_temp.asked(:'appointment', :'customer')), 'ACCEPT');
SELECT is(pg_temp.state(:'appointment'), 'ACCEPTED t', 'without a meeting template there is a response, but no booking state');

/* ---- every role ---- */

SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset
SET LOCAL ROLE appt_anonymous;
SELECT is((appt.respond(:'token', 'decline')).action, 'DECLINE', 'whoever has the token may answer');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
