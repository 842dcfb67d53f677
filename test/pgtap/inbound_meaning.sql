-- Text messages that ask for something: responses by code, opting out and in, help; and how they are answered.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic', timezone => 'UTC', calling_code => '30') AS app \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => '+302100000001') AS provider \gset
INSERT INTO appt.user_profile (application_id, id, email) VALUES (:'app', 'ann', 'ann@acme.example');
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'Ann', 'ann');
INSERT INTO appt.line_number (application_id, number, line_id) SELECT :'app', n, id FROM appt.line,
	unnest('{+302100000001,+302100000002}'::text[]) AS n;
SELECT id AS subscription FROM appt.create_subscription(:'app', 'https://example.org/all') \gset
UPDATE appt.subscription SET types = '{INBOUND_MESSAGE}' WHERE id = :'subscription';
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'app', 'Visit') RETURNING id AS template \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, buttons, reply_codes)
	VALUES (:'app', :'template', 'CONFIRMATION_REQUEST', 'SMS', '{ACCEPT,DECLINE,RESCHEDULE}',
	'{"1": "ACCEPT", "2": "RESCHEDULE", "3": "DECLINE"}') RETURNING id AS rule \gset

-- An appointment of somebody with this number.
CREATE FUNCTION pg_temp.book(application uuid, template uuid, phone text) RETURNS uuid LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
BEGIN
	SELECT d.id INTO made FROM appt.schedule_appointment(application, date_trunc('hour', now()) + interval '2 days', '30 minutes',
		jsonb_build_object('name', '{"firstName": "Bobby"}'::jsonb, 'contact', jsonb_build_object('primaryPhone', phone)),
		organizer_id => 'ann', location => 'Main Street 1') d;
	UPDATE appt.appointment SET meeting_template_id = template, booking_state = 'INVITED', notification_state = 'CONFIRMED' WHERE id = made;
	RETURN made;
END $$;
-- A text message about it that went out.
CREATE FUNCTION pg_temp.ask(appointment uuid, rule bigint, provider uuid, phone text,
	codes jsonb DEFAULT '{"1": "ACCEPT", "2": "RESCHEDULE", "3": "DECLINE"}',
	outcome text DEFAULT 'DELIVERED', buttons text[] DEFAULT '{ACCEPT,DECLINE,RESCHEDULE}') RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	message bigint;
BEGIN
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, rule_id, due_at, lane, state,
		settled_at, address, attempt_count)
	SELECT a.application_id, a.id, 'CUSTOMER', p.id, 'CONFIRMATION_REQUEST', 'SMS', rule, now(), 100, 'SENT', now(), phone, 1
	FROM appt.appointment a JOIN appt.participant p ON p.appointment_id = a.id AND p.type = 'CUSTOMER' WHERE a.id = appointment
	RETURNING id INTO message;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, provider_id, shown)
	SELECT a.application_id, message, 1, now(), now(), outcome, phone, provider, CASE WHEN codes IS NOT NULL THEN
		jsonb_build_object('buttons', buttons, 'reply_codes', codes,
		'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'timezone', a.timezone, 'location', a.location) END
	FROM appt.appointment a WHERE a.id = appointment;
	RETURN message;
END $$;
-- What a message was handled as, the answers' words, and what users and subscribers are told.
CREATE FUNCTION pg_temp.came(application uuid, number text, words text, own text DEFAULT '+302100000001') RETURNS text LANGUAGE plpgsql
	AS $$
DECLARE
	d appt.inbound_details;
BEGIN
	d := appt.record_inbound_sms(application, number, own, words);
	RETURN (SELECT concat_ws(' | ', d.handled_as, r.action || ' ' || r.source || ' ' || r.raw,
		substring(n.context ->> 'text_body' FROM '^[[:alpha:]]+ [[:alpha:]]+'),
		(SELECT string_agg(DISTINCT t.type, ' ' ORDER BY t.type) FROM appt.notification t WHERE t.id = ANY (d.notification_ids)))
	FROM appt.inbound_message m LEFT JOIN appt.notification n ON n.id = m.reply_id LEFT JOIN appt.response r ON r.id = d.response_id
	WHERE m.id = d.id);
END $$;

-- ---- Codes ----
\set bob '+306900000001'
SELECT pg_temp.book(:'app', :'template', :'bob') AS visit \gset
SELECT is(pg_temp.came(:'app', :'bob', '1'), 'NONE | INBOUND_MESSAGE TEXT_MESSAGE', 'before any message with codes they are for people');
SELECT pg_temp.ask(:'visit', :rule, :'provider', :'bob') AS asked \gset
SELECT is(pg_temp.came(:'app', :'bob', ' 1. '), 'RESPONSE | ACCEPT SMS  1.  | Thank you', 'a code responds, and is answered');
SELECT is(booking_state::text, 'CONFIRMED', 'the appointment is confirmed') FROM appt.appointment WHERE id = :'visit';
SELECT is(concat_ws(' ', m.appointment_id, m.participant_id, r.notification_id), concat_ws(' ', n.appointment_id, n.recipient_id, n.id),
	'the message has its appointment, its sender and the message that it answers')
FROM appt.inbound_message m JOIN appt.response r ON r.id = m.response_id, appt.notification n WHERE n.id = :asked;
SELECT is((SELECT count(*) FROM appt.notification WHERE type = 'AUTO_REPLY' AND recipient_kind = 'ADDRESS' AND channel = 'SMS'
	AND address = :'bob'
	AND appointment_id = :'visit' AND state = 'PENDING'), 1::bigint, 'the answer is a text message about the appointment');
SELECT is(pg_temp.came(:'app', :'bob', U&'\0663'), U&'RESPONSE | DECLINE SMS \0663 | Thank you', 'another answer counts, in any digits');
SELECT is(pg_temp.came(:'app', :'bob', words), 'NONE | INBOUND_MESSAGE TEXT_MESSAGE', format('%L is for people', words))
FROM unnest(ARRAY['Ok thanks', '1 please', '4', '12', 'yes', '', '1 2', 'please stop']) AS words;
SELECT is(pg_temp.came(:'app', :'bob', '1', '+302100000002'), 'NONE | INBOUND_MESSAGE TEXT_MESSAGE',
	'nor does a code to another number respond');
SELECT is(pg_temp.came(:'app', '+306900000009', '1'), 'NONE | INBOUND_MESSAGE TEXT_MESSAGE', 'nor one from another number');
SELECT is(pg_temp.came(:'app', :'bob', '3'), 'RESPONSE | DECLINE SMS ' || U&'\0663' || ' | Thank you',
	'the same again is the same response, answered a third time');
SELECT is(pg_temp.came(:'app', :'bob', '1'), 'RESPONSE | ACCEPT SMS 1',
	'after three answers within an hour there is none, but the response counts');

-- Which message is meant.
\set eve '+306900000002'
SELECT pg_temp.book(:'app', :'template', :'eve') AS first, pg_temp.book(:'app', :'template', :'eve') AS second \gset
SELECT pg_temp.ask(:'first', :rule, :'provider', :'eve') AS a,
	pg_temp.ask(:'second', :rule, :'provider', :'eve', '{"y": "ACCEPT"}') AS b \gset
SELECT pg_temp.ask(:'first', :rule, :'provider', :'eve', outcome => 'FAILED') AS c,
	pg_temp.ask(:'first', :rule, :'provider', :'eve', NULL) AS d \gset
SELECT is(pg_temp.came(:'app', :'eve', '1'), 'NONE | INBOUND_MESSAGE TEXT_MESSAGE', 'the codes of the latest message with codes count');
SELECT is(pg_temp.came(:'app', :'eve', 'Y'), 'RESPONSE | ACCEPT SMS Y | Thank you',
	'in either case; what failed, or has no codes, is not it');
SELECT is((SELECT booking_state::text FROM appt.appointment WHERE id = :'second'), 'CONFIRMED', 'it responds to that one');
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => 'Clinic') AS named \gset
SELECT pg_temp.ask(:'first', :rule, :'named', :'eve') AS e \gset
SELECT is(pg_temp.came(:'app', :'eve', '1', '+302100000002'), 'RESPONSE | ACCEPT SMS 1 | Thank you',
	'a message from a name may be answered at any number');
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => '+302100000001') AS provider \gset

-- ---- What no longer holds ----
\set cat '+306900000003'
SELECT pg_temp.book(:'app', :'template', :'cat') AS visit \gset
SELECT pg_temp.ask(:'visit', :rule, :'provider', :'cat') AS asked \gset
UPDATE appt.appointment SET location = 'Side Street 2' WHERE id = :'visit';
SELECT matches(pg_temp.came(:'app', :'cat', '1'), '^NONE \| .*INBOUND_MESSAGE TEXT_MESSAGE$',
	'what has changed is not accepted: it is for people');
SELECT is((SELECT count(*) FROM appt.response WHERE appointment_id = :'visit'), 0::bigint, 'nothing is recorded as a response');
SELECT matches(n.context ->> 'text_body', 'has changed', 'and the customer is told why') FROM appt.inbound_message m
	JOIN appt.notification n ON n.id = m.reply_id
	WHERE m.from_number = :'cat';
SELECT appt.cancel_appointment(:'visit') \g /dev/null
SELECT is(pg_temp.came(:'app', :'cat', '1'), 'NONE | You can | INBOUND_MESSAGE TEXT_MESSAGE', 'of what is over likewise');
\set dan '+306900000004'
SELECT pg_temp.book(:'app', :'template', :'dan') AS visit \gset
SELECT pg_temp.ask(:'visit', :rule, :'provider', :'dan', buttons => '{ACCEPT}') AS asked \gset
SELECT is(pg_temp.came(:'app', :'dan', '3'), 'RESPONSE | DECLINE SMS 3 | Thank you', 'a code offers its action, without a button');

-- ---- Words of rule and application ----
UPDATE appt.rule SET auto_replies = '{"ACCEPT": "See you, {{firstName}}."}' WHERE id = :rule;
SELECT pg_temp.came(:'app', :'dan', '1') AS ignored \gset
SELECT is((SELECT n.context ->> 'text_body' FROM appt.notification n WHERE n.type = 'AUTO_REPLY' AND n.address = :'dan'
	ORDER BY id DESC LIMIT 1),
	'See you, {{firstName}}.', 'the rule''s words answer');
SELECT is(context -> 'data' ->> 'firstName', 'Bobby', 'to the customer by name')
FROM appt.notification WHERE type = 'AUTO_REPLY' AND address = :'dan' ORDER BY id DESC LIMIT 1;
UPDATE appt.rule SET auto_replies = NULL WHERE id = :rule;
INSERT INTO appt.template (application_id, type, channel, locale, text_body) VALUES
	(:'app', 'AUTO_REPLY', 'SMS', 'de', 'Danke.'),
	(:'app', 'AUTO_REPLY', 'SMS', 'en',
		'{{#payload.ACCEPT}}Fine, {{location}}{{/payload.ACCEPT}}{{#payload.DECLINE}}Sorry{{/payload.DECLINE}}');
\set fay '+306900000005'
SELECT pg_temp.book(:'app', :'template', :'fay') AS visit \gset
SELECT pg_temp.ask(:'visit', :rule, :'provider', :'fay') AS asked, pg_temp.came(:'app', :'fay', '1') AS ignored \gset
SELECT matches(context ->> 'text_body', '^{{#payload.ACCEPT}}Fine', 'else those of the application''s template')
FROM appt.notification WHERE type = 'AUTO_REPLY' AND address = :'fay' ORDER BY id DESC LIMIT 1;
UPDATE appt.participant SET locale = 'de-AT' WHERE appointment_id = :'visit' AND type = 'CUSTOMER';
SELECT pg_temp.came(:'app', :'fay', '3') AS ignored \gset
SELECT is(context ->> 'text_body', 'Danke.', 'in the customer''s language')
FROM appt.notification WHERE type = 'AUTO_REPLY' AND address = :'fay' ORDER BY id DESC LIMIT 1;
DELETE FROM appt.template WHERE type = 'AUTO_REPLY';

-- ---- STOP, START, HELP ----
CREATE FUNCTION pg_temp.is_out(application uuid, number text) RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM appt.suppression WHERE application_id = $1 AND channel = 'SMS' AND address = $2 AND reason = 'OPTED_OUT') $$;
SELECT is(pg_temp.came(:'app', n, w || '!') || ' ' || pg_temp.is_out(:'app', n), 'OPT_OUT true',
	w || ' opts out, and is not answered where nobody was written to')
FROM unnest('{STOP,StopAll,unsubscribe,CANCEL,END,QUIT,OPTOUT,REVOKE}'::text[]) WITH ORDINALITY AS t (w, o),
	format('+3069000001%s', lpad(o::text, 2, '0')) AS n;
SELECT is(pg_temp.came(:'app', n, w) || ' ' || pg_temp.is_out(:'app', n), 'OPT_IN false', w || ' opts in again')
FROM (VALUES ('START', '+306900000101'), ('unstop', '+306900000102')) AS t (w, n);
SELECT is(pg_temp.came(:'app', '+306900000100', w), 'HELP', w || ' is help') FROM unnest('{HELP,Info?}'::text[]) AS w;
\set gil '+306900000006'
SELECT pg_temp.book(:'app', :'template', :'gil') AS visit \gset
SELECT pg_temp.ask(:'visit', :rule, :'provider', :'gil') AS asked \gset
SELECT appt.create_application(organization_id, 'Shop') AS shop FROM appt.application WHERE id = :'app' \gset
UPDATE appt.attempt SET recipient = recipient || '0' WHERE recipient = :'gil';
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
	SELECT :'shop', -i, 1, now(), :'gil' FROM generate_series(1, 1200) i;
SELECT is(pg_temp.came(:'app', :'gil', 'help'), 'HELP', 'who was written to by another application alone gets no answer');
UPDATE appt.attempt SET recipient = :'gil' WHERE recipient = :'gil' || '0';
SELECT is(pg_temp.came(:'app', :'gil', 'stop'), 'OPT_OUT | You will', 'who was written to gets one, whatever others have sent');
SELECT is(n.context -> 'passes_opt_out', 'true', 'which passes the opt-out') FROM appt.notification n WHERE type = 'AUTO_REPLY'
	AND address = :'gil';
SELECT is(pg_temp.came(:'app', :'gil', 'help'), 'HELP | We send', 'help');
SELECT is((SELECT context ? 'passes_opt_out' FROM appt.notification n WHERE type = 'AUTO_REPLY' AND address = :'gil'
	ORDER BY id DESC LIMIT 1), false,
	'does not pass it');
SELECT is(pg_temp.came(:'app', :'gil', 'start'), 'OPT_IN | You will', 'and a third');
SELECT is(pg_temp.came(:'app', :'gil', 'help'), 'HELP', 'but no fourth');
UPDATE appt.inbound_message SET created_at = now() - interval '61 minutes' WHERE from_number = :'gil' AND id =
	(SELECT min(id) FROM appt.inbound_message WHERE from_number = :'gil' AND reply_id IS NOT NULL);
SELECT is(pg_temp.came(:'app', :'gil', 'help'), 'HELP | We send', 'until an hour after the first');

-- Machines and carriers.
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient) SELECT :'app', :asked,
	row_number() OVER () + 10, now(), n
	FROM unnest('{12345,Bank,+302100000002,+306900000007}'::text[]) AS n;
SELECT is(pg_temp.came(:'app', n, 'HELP'), 'HELP', e) FROM (VALUES ('12345', 'a short code is not answered'), ('Bank', 'nor a name'),
	('+302100000002', 'nor a line of the application')) AS t (n, e);
SELECT is(pg_temp.came(:'app', '+302100000001', 'HELP', '+302100000001'), 'HELP', 'nor the application itself');
UPDATE appt.provider SET settings = '{"stop_replies": false}' WHERE id = :'provider';
SELECT is(pg_temp.came(:'app', '+306900000007', w), e, w || ' where the carrier answers')
FROM (VALUES ('STOP', 'OPT_OUT'), ('START', 'OPT_IN'), ('HELP', 'HELP')) AS t (w, e);

-- ---- Deletion blanks the words ----
SELECT appt.delete_appointment(appointment_id) FROM appt.inbound_message WHERE handled_as = 'RESPONSE'
	AND from_number = :'bob' LIMIT 1 \g /dev/null
SELECT is_empty(format('SELECT FROM appt.inbound_message WHERE from_number = %L AND handled_as = ''RESPONSE'' AND text IS NOT NULL',
	:'bob'),
	'the words of a response go with its appointment');
SELECT is_empty(format('SELECT FROM appt.response r JOIN appt.inbound_message m ON m.response_id = r.id WHERE m.from_number = %L AND r.raw IS NOT NULL', :'bob'),
	'and their copy in the response');
SELECT finish();
ROLLBACK;
