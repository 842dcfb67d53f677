-- Rows that were moved in from another node have greater numbers than younger rows: nothing takes them for the latest.
-- Each statement is a transaction of its own: times tell rows apart.
SET client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Clinic', timezone => 'UTC', calling_code => '30', public_url => 'https://api.example') AS app \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => '+302100000001') AS provider \gset
SELECT id AS subscription FROM appt.create_subscription(:'app', 'https://example.org/all', hmac_key => 'old key of the subscription') \gset
INSERT INTO appt.user_profile (application_id, id, email) VALUES (:'app', 'ann', 'ann@acme.example');
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'Ann', 'ann');
INSERT INTO appt.line_number (application_id, number, line_id) SELECT :'app', '+302100000001', id FROM appt.line;
SELECT appt.create_meeting_template(:'app', 'Visit') AS template \gset

-- Gives all rows the numbers of node 5, as if they had been made there.
CREATE FUNCTION pg_temp.move() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	SET LOCAL session_replication_role = replica;
	FOR c IN SELECT * FROM (VALUES ('notification', 'id'), ('attempt', 'id'), ('attempt', 'notification_id'), ('response', 'id'),
		('response', 'notification_id'), ('secret', 'id'), ('one_time_code', 'id'), ('due', 'notification_id'),
		('provider_message', 'attempt_id'), ('appointment', 'reopened_after')) t (relation, number) LOOP
		EXECUTE format('UPDATE appt.%I SET %I = %2$I + (5::bigint << 43) WHERE %2$I < 1::bigint << 43', c.relation, c.number);
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.visit(application uuid, template uuid, phone text) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM appt.schedule_appointment($1, date_trunc('hour', now()) + interval '2 days', '30 minutes',
		jsonb_build_object('name', '{"firstName": "Bobby"}'::jsonb, 'contact', jsonb_build_object('primaryPhone', $3)),
		organizer_id => 'ann', meeting_template_id => $2)$$;
-- A text message about it that went out with buttons and codes.
CREATE FUNCTION pg_temp.ask(appointment uuid, codes jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	message bigint;
BEGIN
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
		settled_at, address, attempt_count)
	SELECT a.application_id, a.id, 'CUSTOMER', p.id, 'CONFIRMATION_REQUEST', 'SMS', now(), 100, 'SENT', now(), p.phone, 1
	FROM appt.appointment a JOIN appt.participant p ON p.appointment_id = a.id AND p.type = 'CUSTOMER' WHERE a.id = appointment
	RETURNING id INTO message;
	WITH made AS (
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, provider_id,
			provider_message_id, shown)
		SELECT a.application_id, n.id, 1, now(), now(), 'DELIVERED', n.address, p.id, 'SM-1', jsonb_build_object(
			'buttons', '{ACCEPT,DECLINE,RESCHEDULE}'::text[], 'reply_codes', codes,
			'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
			'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'timezone', a.timezone, 'location', a.location)
		FROM appt.appointment a JOIN appt.notification n ON n.id = message AND a.id = appointment
			JOIN appt.provider p ON p.application_id = a.application_id RETURNING application_id, provider_message_id, id)
	INSERT INTO appt.provider_message SELECT * FROM made;
	RETURN message;
END $$;

-- What there was before.
SELECT pg_temp.visit(:'app', :'template', '+306900000001') AS visit \gset
SELECT pg_temp.ask(:'visit', '{"1": "ACCEPT"}') AS asked \gset
SELECT appt_test.link_token(:asked) AS token \gset
SELECT FROM appt.respond(:'token', 'DECLINE', 'before');
SELECT appt.request_customer_code(:'app', 'bob@customer.example') \gset
SELECT pg_temp.move();
SELECT is(count(*), 0::bigint, '(all is of another node)') FROM appt.notification WHERE id < 1::bigint << 43;
SELECT :asked + (5::bigint << 43) AS asked \gset

-- The last response.
SELECT appt_test.link_token(:asked) AS token \gset
SELECT FROM appt.respond(:'token', 'ACCEPT', 'after');
SELECT is(response || ' ' || response_reason, 'ACCEPT after', 'the log shows the last response') FROM appt.notification_log
WHERE notification_id = :asked AND attempt_number = 1;
SELECT is(count(*), 1::bigint, 'which is found when it is repeated') FROM appt.respond(:'token', 'ACCEPT', 'after') d
	JOIN appt.response r ON r.id = d.id WHERE r.reason = 'after';
SELECT is(count(*), 2::bigint, 'and not recorded again') FROM appt.response;

-- Keys.
SELECT value AS old_key FROM appt.secret WHERE name = 'TOKEN_KEY' \gset
SELECT appt.rotate_token_key(:'app');
SELECT isnt(appt_test.link_token(:asked), :'token', 'a new key signs links');
SELECT appt_test.link_token(:asked) AS second \gset
SELECT appt.rotate_token_key(:'app'), appt.rotate_token_key(:'app');
SELECT is(appt_test.token_message(:'token'), :asked || ' 0', 'the moved one is known still');
SELECT appt.rotate_token_key(:'app');
SELECT is(appt_test.token_message(:'token'), NULL, 'a fifth ends the moved one, which is the oldest');
SELECT is(appt_test.token_message(:'second'), :asked || ' 0', 'and no other');
SELECT count(appt.rotate_subscription_key(:'subscription')) FROM generate_series(1, 3) \g /dev/null
SELECT is(count(*), 4::bigint, 'keys of a subscription, too') FROM appt.secret WHERE subscription_id = :'subscription';
SELECT FROM appt.rotate_subscription_key(:'subscription');
SELECT is(count(*) || ' ' || count(*) FILTER (WHERE value = 'old key of the subscription'), '4 0', 'end in their order') FROM appt.secret
WHERE subscription_id = :'subscription';

-- Codes.
UPDATE appt.one_time_code SET requested_at = requested_at - interval '11 minutes';
SELECT appt_test.forget_codes(:'app') \gset
SELECT appt.request_customer_code(:'app', 'bob@customer.example') \gset
SELECT appt_test.one_time_code(application_id, purpose, contact, nonce) AS code FROM appt.one_time_code WHERE appt.node_of(id) = 0 \gset
SELECT lives_ok(format('SELECT appt.schedule_appointment_as_customer(%L, ''bob@customer.example'', %L, now() + interval ''1 day'', ''30 minutes'')',
	:'app', :'code'), 'the code that was requested last is the one that counts');

-- Text messages: the last one is answered, and is whose receipt comes.
SELECT pg_temp.visit(:'app', :'template', '+306900000001') AS next_visit \gset
SELECT pg_temp.ask(:'next_visit', '{"1": "ACCEPT"}') AS asked_next \gset
SELECT FROM appt.record_inbound_sms(:'app', '+306900000001', '+302100000001', '1');
SELECT is(appointment_id, :'next_visit', 'a reply code answers the last message') FROM appt.response WHERE source = 'SMS';
SELECT appt.record_receipt(:'app', 'SM-1', 'DELIVERED');
SELECT is(array_agg(notification_id), ARRAY[:asked_next]::bigint[], 'an identifier that was given twice is the last message''s') FROM appt.attempt
WHERE receipt IS NOT NULL;
SELECT appt.record_receipt(:'app', 'SM-1', 'DELIVERED');
UPDATE appt.attempt SET recipient = 'last' WHERE notification_id = :asked_next;
UPDATE appt.attempt SET outcome = 'FAILED', provider_id = NULL;
UPDATE appt.notification SET subscription_id = :'subscription', channel = 'WEBHOOK' WHERE id IN (:asked, :asked_next);
SELECT is(endpoint, 'last', 'an endpoint is as the last attempt says') FROM appt.failures_by_endpoint WHERE subscription_id = :'subscription';
SELECT is(endpoint, 'last', 'also where times are shown') FROM appt.delivery_times WHERE subscription_id = :'subscription';

-- Reopened: what was sent before counts no more, and what is sent afterwards does, whichever node each is of.
SELECT pg_temp.visit(:'app', :'template', '+306900000002') AS visit \gset
SELECT pg_temp.ask(:'visit', '{"1": "ACCEPT"}') AS before \gset
SELECT FROM appt.cancel_appointment(:'visit');
SELECT FROM appt.reopen_appointment(:'visit', date_trunc('hour', now()) + interval '3 days');
SELECT pg_temp.ask(:'visit', '{"1": "ACCEPT"}') AS between \gset
SELECT pg_temp.move();
SELECT :before + (5::bigint << 43) AS before, :between + (5::bigint << 43) AS between \gset
SELECT pg_temp.ask(:'visit', '{"1": "ACCEPT"}') AS after \gset
CREATE FUNCTION pg_temp.answer(message bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM appt.respond(appt_test.link_token(message), 'ACCEPT');
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.page(message bigint) RETURNS boolean LANGUAGE sql AS $$
	SELECT convert_from(appt.landing_page(appt_test.link_token(message))::bytea, 'UTF8') ~ 'name="?action' $$;
SELECT is(array_agg(pg_temp.page(m) ORDER BY m), '{t,f,t}', 'the page offers answers accordingly')
FROM unnest(ARRAY[:before, :between, :after]) m;
SELECT is(pg_temp.answer(:before), 'PT410', 'a message of before it was reopened is not answered');
SELECT is(pg_temp.answer(:between), 'accepted', 'one of before it was moved is');
SELECT is(pg_temp.answer(:after), 'accepted', 'and one of afterwards');
SELECT FROM appt.cancel_appointment(:'visit');
SELECT FROM appt.reopen_appointment(:'visit', date_trunc('hour', now()) + interval '3 days');
SELECT pg_temp.ask(:'visit', '{"1": "ACCEPT"}') AS last \gset
SELECT is(pg_temp.answer(m), expected, format('reopened again: %s', what))
FROM (VALUES (:before, 'PT410', 'the first'), (:between, 'PT410', 'the second'), (:after, 'PT410', 'the third'), (:last, 'accepted', 'the last')) t (m, expected, what);

SELECT * FROM finish();
