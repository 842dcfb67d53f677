-- Addresses that must not be written to: who suppresses and releases them, which messages that stops, and what is kept of it.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme', calling_code => '30') AS app \gset
SELECT appt.create_application(:'org', 'Sister') AS sister \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'a@example.org') \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', sender => '+15550100000') \gset
SELECT appt.set_provider(:'sister', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'a@example.org') \gset

-- ---- the hash ----

-- HMAC-SHA256 of "email:ann@example.org" by 32 bytes of 1, computed elsewhere.
SELECT is(encode(appt_test.address_key(1, 'EMAIL', 'ann@example.org'), 'hex'),
	'63769a67ca409f2f5f22e4ad95765d1fbdea2a7b0b601b90a92defa7543e13d4', 'an address has an HMAC-SHA256');
SELECT is(appt_test.address_key(1, 'EMAIL', other), appt_test.address_key(1, 'EMAIL', 'ann@bücher.example'), other || ' is the same')
  FROM unnest('{Ann@bücher.example,ANN@BÜCHER.EXAMPLE,ann@xn--bcher-kva.example,ann@XN--BCHER-KVA.EXAMPLE}'::text[]) other;
SELECT isnt(appt_test.address_key(byte, channel, address), appt_test.address_key(1, 'SMS', '+306900000000'), what || ' is another')
  FROM (VALUES (2, 'SMS', '+306900000000', 'by another key'), (1, 'EMAIL', '+306900000000', 'over another channel'),
	(1, 'SMS', '+306900000001', 'another number')) t (byte, channel, address, what);

-- ---- suppress and unsuppress ----

CREATE TEMP VIEW rows AS
SELECT a.name, s.channel::text COLLATE "default" AS channel, s.address, s.reason::text COLLATE "default" AS reason, s.source,
	s.notification_id
  FROM appt.suppression s JOIN appt.application a ON a.id = s.application_id;
SELECT is((SELECT count(*) FROM appt.secret WHERE name = 'ADDRESS_KEY' AND application_id = :'app'), 0::bigint,
	'at first there is no key');
SELECT appt.suppress(:'app', 'EMAIL', 'ann@example.org') \gset
SELECT appt.suppress(:'app', 'EMAIL', 'Ann@Example.ORG') \gset
SELECT results_eq('SELECT name, channel, address, reason FROM rows',
	$$VALUES ('Acme', 'EMAIL'::text, 'ann@example.org', 'BLOCKED'::text)$$,
	'the same address twice is one row, of the application alone');
SELECT is((SELECT count(*) FROM appt.secret WHERE name = 'ADDRESS_KEY' AND application_id = :'app'), 1::bigint, 'and makes one key');
SELECT is(length(address_key), 32, 'of which the row has the hash') FROM appt.suppression;
SELECT appt.suppress(:'app', 'SMS', '6900 000000', 'OPTED_OUT') \gset
SELECT is(address, '+306900000000', 'numbers get the calling code') FROM rows WHERE channel = 'SMS';
SELECT appt.suppress(:'app', 'EMAIL', 'ann@example.org', 'OPTED_OUT') \gset
SELECT is((SELECT array_agg(reason ORDER BY reason) FROM rows WHERE channel = 'EMAIL'), '{BLOCKED,OPTED_OUT}',
	'no reason hides another');
SELECT appt.unsuppress(:'sister', 'EMAIL', 'ann@example.org') \gset
SELECT is((SELECT count(*) FROM rows), 3::bigint, 'another application releases nothing');
SELECT appt.unsuppress(:'app', 'EMAIL', 'ANN@example.org') \gset
SELECT is((SELECT array_agg(channel) FROM rows), '{SMS}', 'releasing removes all reasons, of that channel');
SELECT lives_ok(format('SELECT appt.unsuppress(%L, ''EMAIL'', ''ann@example.org'')', :'app'), 'again is nothing');
SELECT appt.unsuppress(:'app', 'SMS', '+30 6900 000000') \gset
SELECT is((SELECT count(*) FROM rows), 0::bigint, 'and the number');

SELECT throws_ok(format('SELECT appt.%s(%L, %L, %L)', f, :'app', channel, address), '22023', message, concat_ws(' ', f, channel, address))
  FROM unnest('{suppress,unsuppress}'::text[]) f, (VALUES
	('EMAIL', 'ann', 'invalid email address'), ('EMAIL', '+306900000000', 'invalid email address'),
	('SMS', 'ann@example.org', 'invalid phone number'), ('SMS', '12', 'invalid phone number'),
	('WEBHOOK', 'https://example.org', 'unknown code'), ('IN_APP', 'ann', 'unknown code'),
	('email', 'ann@example.org', 'unknown code'), ('EMAIL', '', 'a required argument is empty'),
	('EMAIL', NULL, 'a required argument is missing'), (NULL, 'ann@example.org', 'a required argument is missing')) t (channel, address,
		message);
SELECT throws_ok(format('SELECT appt.suppress(%L, ''EMAIL'', ''ann@example.org'', %L)', :'app', reason), '22023', NULL,
	coalesce(reason, 'no reason') || ' is no reason') FROM unnest('{blocked,GLOBAL_OFF,"",NULL}'::text[]) reason;
SELECT throws_ok(format('SELECT appt.%s(%L, ''EMAIL'', ''ann@example.org'')', f, gen_random_uuid()), 'PT404', 'application not found', f)
  FROM unnest('{suppress,unsuppress}'::text[]) f;

-- ---- which messages are stopped ----

INSERT INTO appt.user_profile (application_id, id, email, backup_phone, channels) VALUES
	(:'app', 'bob', 'both@example.org', '+306900000009', '{EMAIL,SMS}');
SELECT (appt.schedule_appointment(:'app', now() + interval '2 days', '1 hour', organizer_id => 'boss', customer =>
	'{"contact": {"primaryEmail": "both@example.org", "primaryPhone": "+306900000009"}}')).id AS a \gset
SELECT appt.add_agent(:'a', 'bob') \gset
SELECT appt.send_message(:'app', 'EMAIL', 'Both@example.org', 'm'), appt.send_message(:'app', 'SMS', '+306900000009', 'm') \gset
SELECT appt.reschedule_appointment(:'a', now() + interval '3 days', NULL) \gset
SELECT appt.send_test_email(:'app', 'both@example.org', 'CREATE'), appt.send_test_sms(:'app', '+306900000009', 'CREATE') \gset
SELECT appt.request_customer_code(:'app', 'both@example.org'), appt.request_customer_code(:'app', '+306900000009') \gset
CREATE TEMP VIEW judged AS
SELECT n.id, n.type, n.channel, n.recipient_kind, e.eligible, e.reason, e.explanation
  FROM appt.notification n, LATERAL appt.notification_eligibility(n.id) e WHERE n.state = 'PENDING' AND n.channel <> 'WEBHOOK';
-- What is stopped, and for what.
CREATE FUNCTION pg_temp.stopped(kind text, over text) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(DISTINCT concat_ws(' ', type, reason), ', ') FROM judged
 WHERE recipient_kind = kind AND channel = over AND reason IN ('OPTED_OUT', 'UNDELIVERABLE', 'COMPLAINED', 'BLOCKED')$$;
CREATE FUNCTION pg_temp.suppress(app uuid, reason text) RETURNS void LANGUAGE sql AS $$
SELECT appt.unsuppress(app, 'EMAIL', 'both@example.org'), appt.unsuppress(app, 'SMS', '+306900000009');
SELECT appt.suppress(app, 'EMAIL', 'both@example.org', reason), appt.suppress(app, 'SMS', '+306900000009', reason)$$;

SELECT set_eq($$SELECT type || ' ' || recipient_kind FROM judged$$,
	'{CREATE CUSTOMER,RESCHEDULE CUSTOMER,REMINDER CUSTOMER,APPOINTMENT_ASSIGNED USER,APPOINTMENT_REMINDER USER,MESSAGE ADDRESS,'
	'TEST ADDRESS,CODE ADDRESS}'::text[], 'there are messages to customers, users and addresses');
SELECT is(pg_temp.stopped(kind, channel), NULL, 'nothing is stopped: ' || kind || ' ' || channel)
  FROM unnest('{CUSTOMER,USER,ADDRESS}'::text[]) kind, unnest('{EMAIL,SMS}'::text[]) channel;
SELECT pg_temp.suppress(:'app', 'OPTED_OUT') \gset
SELECT is(pg_temp.stopped('CUSTOMER', 'EMAIL'), 'CREATE OPTED_OUT, REMINDER OPTED_OUT',
	'who has opted out of mail is told of changes alone');
SELECT is(pg_temp.stopped('CUSTOMER', 'SMS'), 'CREATE OPTED_OUT, RESCHEDULE OPTED_OUT', 'by SMS of nothing');
SELECT is(pg_temp.stopped('ADDRESS', 'EMAIL'), 'MESSAGE OPTED_OUT', 'a code or test that somebody asks for by mail goes');
SELECT is(pg_temp.stopped('ADDRESS', 'SMS'), 'CODE OPTED_OUT, MESSAGE OPTED_OUT, TEST OPTED_OUT', 'by SMS none does');
SELECT is(pg_temp.stopped('USER', channel), NULL, 'a user is told: ' || channel) FROM unnest('{EMAIL,SMS}'::text[]) channel;
SELECT is(explanation, (SELECT explanation FROM appt.reason WHERE reason.reason = 'OPTED_OUT'), 'and ahead of time it is said why')
  FROM judged WHERE type = 'CREATE' AND channel = 'SMS';

-- A rule may say otherwise.
UPDATE appt.rule SET ignores_opt_out = CASE WHEN type = 'RESCHEDULE' AND channel = 'EMAIL' THEN false WHEN type = 'REMINDER' THEN true END
 WHERE application_id = :'app';
SELECT is(pg_temp.stopped('CUSTOMER', 'EMAIL'), 'CREATE OPTED_OUT, RESCHEDULE OPTED_OUT', 'a rule that obeys, and one that does not');
SELECT is(pg_temp.stopped('CUSTOMER', 'SMS'), 'CREATE OPTED_OUT, RESCHEDULE OPTED_OUT', 'over either channel');
CREATE FUNCTION pg_temp.judge(app uuid, reason text) RETURNS text[] LANGUAGE sql AS $$
SELECT pg_temp.suppress(app, reason);
SELECT array_agg(concat_ws(' ', recipient_kind, type, channel, judged.reason)) FROM judged$$;
CREATE TEMP TABLE outcome AS
SELECT reason, pg_temp.judge(:'app', reason) AS judged FROM unnest('{BLOCKED,COMPLAINED,UNDELIVERABLE}'::text[]) reason;
SELECT is_empty($$SELECT o.reason, j FROM outcome o, unnest(judged) j
	WHERE (j LIKE '% ' || o.reason) <> (o.reason = 'UNDELIVERABLE' OR j NOT LIKE 'USER%')$$,
	'BLOCKED and COMPLAINED stop all but what users get, UNDELIVERABLE everything');
SELECT is((SELECT min(cardinality(judged)) FROM outcome), (SELECT count(*)::int FROM judged), 'of all messages');
SELECT appt.suppress(:'app', 'EMAIL', 'both@example.org', 'OPTED_OUT') \gset
SELECT is(pg_temp.stopped('CUSTOMER', 'EMAIL'), 'CREATE UNDELIVERABLE, REMINDER UNDELIVERABLE, RESCHEDULE UNDELIVERABLE',
	'a weaker reason does not weaken it');

-- The answer to a STOP.
SELECT pg_temp.suppress(:'app', 'OPTED_OUT') \gset
UPDATE appt.notification SET context = context || '{"passes_opt_out": true}' WHERE type = 'MESSAGE';
SELECT is(pg_temp.stopped('ADDRESS', 'SMS'), 'CODE OPTED_OUT, TEST OPTED_OUT', 'a message that says so passes an opt-out');
SELECT pg_temp.suppress(:'app', 'BLOCKED') \gset
SELECT is(pg_temp.stopped('ADDRESS', 'SMS'), 'CODE BLOCKED, MESSAGE BLOCKED, TEST BLOCKED', 'and nothing else');
SELECT appt.unsuppress(:'app', 'EMAIL', 'both@example.org'), appt.unsuppress(:'app', 'SMS', '+306900000009') \gset
SELECT is((SELECT count(*) FROM judged WHERE NOT eligible AND reason = 'BLOCKED'), 0::bigint, 'released, all may go');

-- By hand, too.
UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), attempt_count = 1, next_attempt_at = NULL
 WHERE type = 'RESCHEDULE' AND channel = 'SMS';
DELETE FROM appt.due WHERE notification_id IN (SELECT id FROM appt.notification WHERE state = 'FAILED');
SELECT id AS failed FROM appt.notification WHERE state = 'FAILED' \gset
SELECT appt.suppress(:'app', 'SMS', '+306900000009', 'OPTED_OUT') \gset
SELECT throws_like(format('SELECT appt.retry_notification(%s)', :'failed'), '%', 'who has opted out gets nothing again by hand');
SELECT is((SELECT state FROM appt.notification WHERE id = :'failed'), 'FAILED', 'it stays as it was');

-- Several keys, made by transactions that did not see each other: the hashes of each count.
SELECT appt.unsuppress(:'app', 'SMS', '+306900000009') \gset
INSERT INTO appt.secret (application_id, name, value)
SELECT :'app', 'ADDRESS_KEY', repeat(to_char(i, 'FM00'), 32) FROM generate_series(1, 9) i;
INSERT INTO appt.suppression (application_id, channel, address_key, reason)
VALUES (:'app', 'SMS', appt_test.address_key(9, 'SMS', '+306900000009'), 'BLOCKED');
SELECT ok(pg_temp.stopped('CUSTOMER', 'SMS') LIKE '%BLOCKED%', 'an address is suppressed by the hash of any key');
SELECT appt.suppress(:'app', 'SMS', '+306900000009') \gset
SELECT is((SELECT count(*) FROM rows WHERE channel = 'SMS'), 1::bigint, 'which is not added again by another');
SELECT appt.unsuppress(:'app', 'SMS', '+306900000009') \gset
SELECT is((SELECT count(*) FROM rows WHERE channel = 'SMS'), 0::bigint, 'and is removed');

-- ---- links ----

SELECT id AS message, appt_test.link_token(id, 1) AS token, appt_test.link_token(id, 0) AS other
  FROM appt.notification WHERE type = 'REMINDER' AND channel = 'EMAIL' LIMIT 1 \gset
SELECT throws_ok(format('SELECT appt.unsubscribe(%L)', token), 'PT404', 'link not found', what)
  FROM (VALUES (NULL, 'no token'), ('', 'an empty one'), ('eq.' || :'token', 'a filter'), (:'other', 'the link of the page'),
	(upper(:'token'), 'another'), (:'token' || '=', 'one with padding'), (repeat('A', 38), 'a random one'),
	(repeat('x', 100000), 'a long one')) t (token, what);
SELECT is((SELECT count(*) FROM rows), 0::bigint, 'none of them does anything');
SET LOCAL ROLE appt_anonymous;
SELECT is(appt.unsubscribe(:'token')::text, '', 'anybody who has the token opts the address out');
SELECT is(appt.unsubscribe(:'token')::text, '', 'again is the same');
RESET ROLE;
SELECT results_eq('SELECT channel, address, reason, source, notification_id FROM rows',
	format('VALUES (''EMAIL'', ''both@example.org'', ''OPTED_OUT'', ''unsubscribe link'', %s::bigint)', :'message'),
		'with the message in answer to which');
-- A message that went to an older address than the customer's.
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient)
VALUES (:'app', :'message', 1, now(), now(), 'DELIVERED', 'older@example.org'),
	(:'app', :'message', 2, now(), now(), 'DELIVERED', 'old@example.org');
SELECT appt.unsubscribe(:'token') \gset
SELECT set_eq('SELECT address FROM rows', '{both@example.org,old@example.org}'::text[], 'it is the address that the message went to');
UPDATE appt.attempt SET recipient = NULL WHERE notification_id = :'message';
UPDATE appt.notification SET address = NULL WHERE id = :'message';
SELECT is(appt.unsubscribe(:'token')::text, '', 'what is forgotten is answered alike');
SELECT is((SELECT count(*) FROM rows), 2::bigint, 'and stays as it was');

-- ---- what is kept ----

-- An address that is forgotten stays suppressed.
UPDATE appt.suppression SET address = NULL;
SELECT is(pg_temp.stopped('USER', 'EMAIL') IS NULL AND pg_temp.stopped('CUSTOMER', 'EMAIL') LIKE '%OPTED_OUT%', true, 'by its hash alone');
SELECT results_eq($$SELECT operation, new_values ->> 'reason', old_values ->> 'reason' FROM appt.change
	WHERE table_name = 'suppression' ORDER BY id LIMIT 2$$, $$VALUES ('INSERT'::text COLLATE "C", 'BLOCKED', NULL), ('INSERT', 'OPTED_OUT', NULL)$$,
	'it is recorded who suppressed what');
SELECT ok((SELECT bool_or(operation = 'DELETE') FROM appt.change WHERE table_name = 'suppression'), 'and who released it');
SELECT is_empty($$SELECT * FROM appt.change WHERE table_name = 'suppression' AND (new_values::text ~ '@|\+3069' OR old_values::text ~ '@|\+3069')$$,
	'without the address');
SELECT appt.suppress(:'sister', 'EMAIL', 'ann@example.org') \gset
SELECT is((SELECT count(*) FROM rows WHERE name = 'Sister'), 1::bigint, 'another application has its own');
DELETE FROM appt.application WHERE id = :'sister';
SELECT is((SELECT count(*) FROM appt.suppression WHERE application_id = :'sister'), 0::bigint, 'suppressions go with their application');
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient) VALUES (:'sister', :'message', 3, now(), 'gone@example.org')
	RETURNING id AS attempt \gset
SELECT is(appt_test.bounces_left(:attempt), 0, 'so nothing is left to do for a bounce of a deleted one');

SELECT * FROM finish();
ROLLBACK;
