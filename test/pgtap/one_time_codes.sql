-- One-time codes: what one is made of, who may ask for how many, what one opens, and that guessing does not pay. Each
-- statement is a transaction of its own: none opens anything with a code that it asked for itself.
SET client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Bank', calling_code => '30', locale => 'en-GB', timezone => 'Europe/Athens',
	room_url => 'https://video.example') AS app \gset
SELECT appt.create_application(:'organization', 'Other') AS other \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', 'Bank <Info@Bank.example>') AS provider \gset

CREATE FUNCTION pg_temp.code(contact text, purpose text DEFAULT 'CUSTOMER') RETURNS text LANGUAGE sql AS $$
	SELECT appt_test.latest_code(id, $2, $1) FROM appt.application WHERE name = 'Bank'$$;
CREATE FUNCTION pg_temp.wrong(code text) RETURNS text LANGUAGE sql AS $$SELECT lpad(((code::integer + 1) % 1000000)::text, 6, '0')$$;
CREATE FUNCTION pg_temp.forget() RETURNS text LANGUAGE sql AS $$SELECT string_agg(appt_test.forget_codes(id), ' ') FROM appt.application$$;
CREATE FUNCTION pg_temp.refused(contact text, code text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(format('SELECT pg_temp.book(%L, %L)', $1, $2), 'PT401', 'no valid one-time code', $3)$$;
CREATE FUNCTION pg_temp.unconfirmed(application uuid, code text, state text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(format('SELECT appt.confirm_email_verification(%L, %L)', $1, $2), $3, CASE $3 WHEN 'PT400'
		THEN 'wrong one-time code' ELSE 'no valid one-time code' END, $4)$$;
CREATE FUNCTION pg_temp.book(contact text, code text, customer jsonb DEFAULT NULL) RETURNS appt.appointment_details LANGUAGE sql AS $$
	SELECT appt.schedule_appointment_as_customer(id, $1, $2, now() + interval '1 day', '30 minutes', $3) FROM appt.application
		WHERE name = 'Bank'$$;
-- Asks for a code, and lets no limit count that.
CREATE FUNCTION pg_temp.ask(contact text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE appt.one_time_code SET requested_at = requested_at - interval '11 minutes';
	PERFORM pg_temp.forget();
	PERFORM appt.request_customer_code(a.id, ask.contact) FROM appt.application a WHERE a.name = 'Bank';
	RETURN (SELECT appt_test.one_time_code(application_id, purpose, c.contact, nonce) FROM appt.one_time_code c ORDER BY id DESC LIMIT 1);
END $$;

-- What a code is.
SELECT matches(appt_test.one_time_code(:'app', 'CUSTOMER', 'a@b.example', gen_random_uuid()), '^[0-9]{6}$', 'six digits');
SELECT is(count(DISTINCT code), 1::bigint, 'the same whenever it is derived')
  FROM generate_series(1, 3), LATERAL (SELECT appt_test.one_time_code(:'app', 'CUSTOMER', 'a@b.example', :'other') AS code OFFSET 0) c;
SELECT is(count(DISTINCT code), 5::bigint, 'another one for another application, purpose, contact or nonce')
  FROM (VALUES (:'app'::uuid, 'CUSTOMER', 'a@b.example', :'app'::uuid), (:'other', 'CUSTOMER', 'a@b.example', :'app'),
  	(:'app', 'SENDER', 'a@b.example', :'app'),
	(:'app', 'CUSTOMER', 'c@b.example', :'app'), (:'app', 'CUSTOMER', 'a@b.example', :'other')) c (a, p, t, n),
		LATERAL (SELECT appt_test.one_time_code(a, p, t, n) AS code) d;
CREATE TEMP TABLE many AS SELECT appt_test.one_time_code(:'app', 'CUSTOMER', 'a@b.example', gen_random_uuid()) AS code
	FROM generate_series(1, 20000);
-- 2,000 each, give or take 42 in the standard deviation.
SELECT ok(min(count) > 1700 AND max(count) < 2300, format('digit %s takes all values alike: %s to %s', place, min(count), max(count)))
  FROM (SELECT place, substr(code, place, 1), count(*) FROM many, generate_series(1, 6) place GROUP BY 1, 2) d GROUP BY place;
SELECT cmp_ok(count(DISTINCT code), '>', 19600::bigint, 'and they do not repeat more often than by chance') FROM many;

-- Asking for one.
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.org'')', gen_random_uuid()), 'PT404',
	'application not found', 'of no application');
SELECT throws_ok('SELECT appt.request_customer_code(NULL, ''ann@example.org'')', '22023', NULL, 'of none at all');
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, %L)', :'app', contact), '22023', NULL, format('a contact like %L', contact))
  FROM unnest(ARRAY[NULL, '', ' ', 'ann', 'ann@', '@example.org', 'ann@example.org ', 'ann@exa mple.org',
  	E'ann@example.org\r\nBcc: x@y.example', '12', '+30', 'call me', repeat('9', 30),
	repeat('a', 300) || '@example.org', repeat('a', 10000)]) contact;
SELECT is_empty('SELECT * FROM appt.one_time_code', 'and none of these leaves a trace');

SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''Ann@Example.ORG'')', :'app'), 'by email');
SELECT pg_temp.code('Ann@example.org') AS code \gset
SELECT is(ROW(n.channel, n.address, n.recipient_kind, n.state, n.context - 'nonce')::text,
	'(EMAIL,Ann@example.org,ADDRESS,PENDING,"{""purpose"": ""CUSTOMER""}")', 'a message is planned')
  FROM appt.notification n WHERE type = 'CODE';
SELECT ok(body LIKE E'%\n' || :'code' || E'\n%10 minutes%' AND html LIKE '%>' || :'code' || '<%'
	AND subject NOT LIKE '%' || :'code' || '%', 'that tells the code, and not in its subject')
  FROM appt.notification n, LATERAL (SELECT c[3] AS subject, c[4] AS body, c[5] AS html FROM appt_test.composed(n.id) c) c
  	WHERE type = 'CODE';
SELECT is(expires_at - requested_at, '10 minutes'::interval, 'for ten minutes') FROM appt.one_time_code;
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''0690 000-0000'')', :'app'), 'by sms');
SELECT is(address, '+306900000000', 'to the number as E.164') FROM appt.notification WHERE channel = 'SMS';
SELECT ok((appt_test.composed(id))[4] LIKE '%' || pg_temp.code('+306900000000') || ' is your code%', 'with the code')
	FROM appt.notification WHERE channel = 'SMS';
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''0690 000-0000'')', :'other'), '22023', NULL,
	'no number where the application has no calling code');
CREATE TEMP TABLE tables AS SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'appt'::regnamespace
	AND relkind IN ('r', 'v') AND relname <> 'worker_status';
-- Neither a part of a second nor of a uuid.
CREATE FUNCTION pg_temp.found(digits text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT name FROM tables LOOP
		RETURN QUERY EXECUTE format('SELECT %L || '': '' || r::text FROM %s r WHERE r::text ~ (''(^|[^0-9a-f.])'' || %L || ''($|[^0-9a-f])'')', t, t, digits);
	END LOOP;
END $$;
SELECT is_empty(format('SELECT pg_temp.found(%L)', :'code'), 'no table and no view tells it');
SELECT is((appt_test.composed(pg_temp.plan))[1], 'TEMPLATE_ERROR', 'a code without a nonce is an error as a value')
  FROM appt_test.plan_to_address(:'app', 'CODE', 'EMAIL', 'x@example.org', '{"purpose": "CUSTOMER", "nonce": "x"}') pg_temp (plan);

-- How often.
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, %L)', :'app', contact), 'again')
	FROM unnest('{ANN@EXAMPLE.org,ann@example.org}'::text[]) contact;
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.ORG'')', :'app'), 'PT429',
	'too many one-time codes asked for', 'three times, however it is written');
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''bob@example.org'')', :'app'), 'another contact has its own three');
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.org'')', :'other'), 'and the same one of another application');
SELECT pg_temp.forget() IS NULL AS ignored \gset
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.ORG'')', :'app'), 'PT429', NULL,
	'nor if the memory of it is lost');
UPDATE appt.one_time_code SET requested_at = requested_at - interval '9 minutes 50 seconds';
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.org'')', :'app'), 'PT429', NULL, 'for ten minutes');
UPDATE appt.one_time_code SET requested_at = requested_at - interval '11 seconds';
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''ann@example.org'')', :'app'), 'and no longer');
DELETE FROM appt.one_time_code;
SELECT pg_temp.forget() IS NULL AS ignored \gset
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''c'' || i || ''@example.org'') FROM generate_series(1, 300) i',
	:'app'), 'an application has 300');
SELECT throws_ok(format('SELECT appt.request_customer_code(%L, ''c0@example.org'')', :'app'), 'PT429', NULL, 'and no more');
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''c0@example.org'')', :'other'), 'another has its own');
SELECT lives_ok(format('SELECT appt.initiate_email_verification(%L, ''Info@bank.example'')', :'app'),
	'nor do they keep an admin from verifying a sender');
DELETE FROM appt.one_time_code;

-- The client address: used only if it is trusted.
CREATE FUNCTION pg_temp.ask_from(headers text, times integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	recorded text;
BEGIN
	DELETE FROM appt.one_time_code;
	PERFORM pg_temp.forget();
	PERFORM set_config('request.headers', headers, true);
	PERFORM appt.request_customer_code(id, 'd' || i || '@example.org') FROM appt.application, generate_series(1, times) i
		WHERE name = 'Bank';
	SELECT string_agg(DISTINCT coalesce(abbrev(client_address), 'unknown'), ' ') INTO recorded FROM appt.one_time_code;
	RETURN recorded;
EXCEPTION WHEN SQLSTATE 'PT429' THEN
	RETURN 'PT429';
END $$;
SELECT is(pg_temp.ask_from('{"x-forwarded-for": "192.0.2.1"}', 21), 'unknown', 'a header alone is not believed');
SELECT appt_test.set('appt.trust_forwarded_for', 'on');
SELECT is(pg_temp.ask_from('{"x-forwarded-for": "192.0.2.1"}', 20), '192.0.2.1', 'twenty are granted to one client');
SELECT is(pg_temp.ask_from('{"x-forwarded-for": "192.0.2.1"}', 21), 'PT429', 'and no more');
SELECT is(pg_temp.ask_from(headers, 1), address, 'request.headers ' || headers)
  FROM (VALUES ('{"x-forwarded-for": "198.51.100.7, 10.0.0.1,  203.0.113.9 "}', '203.0.113.9'),
  	('{"x-forwarded-for": "203.0.113.9:4711"}', '203.0.113.9'),
	('{"x-forwarded-for": "2001:db8:1:2:3:4:5:6"}', '2001:db8:1:2::/64'),
		('{"x-forwarded-for": "[2001:db8:1:2:3:4:5:6]:443"}', '2001:db8:1:2::/64'),
	('{"x-forwarded-for": "::ffff:203.0.113.9"}', '203.0.113.9'),
		('{"accept": "*/*", "x-forwarded-for": "203.0.113.9", "z": {"x-forwarded-for": "1.1.1.1"}}', '203.0.113.9'),
	('{"x-forwarded-for": "1.1.1.1", "x-forwarded-for": "203.0.113.9"}', '203.0.113.9'),
		('{"x-forwarded-for": "203.0.113.9", "x-forwarded-for": null}', 'unknown'),
	('{"x-forwarded-for": "203.0.113.9", "x-forwarded-for": ["203.0.113.9"]}', 'unknown'),
	('{"x-forwarded-for": "203.0.113.9, unknown"}', 'unknown'), ('{"x-forwarded-for": ""}', 'unknown'),
		('{"x-forwarded-for": ["203.0.113.9"]}', 'unknown'),
	('{"x-forwarded-for": null}', 'unknown'), ('{"x-forwarded-for": "203.0.113.9', 'unknown'),
		('["x-forwarded-for", "203.0.113.9"]', 'unknown'), ('{}', 'unknown'), ('', 'unknown'),
	('{"a": {"x-forwarded-for": "203.0.113.9"}}', 'unknown')) h (headers, address);
BEGIN;
CREATE ROLE appt_test_outsider LOGIN IN ROLE appt_service;
SET LOCAL SESSION AUTHORIZATION appt_test_outsider;
SELECT set_config('request.headers', '{"x-forwarded-for": "203.0.113.9"}', true) AS ignored \gset
SELECT appt.request_customer_code(:'app', 'e@example.org');
RESET SESSION AUTHORIZATION;
SELECT is(client_address, NULL, 'nor are sessions believed that are not PostgREST''s') FROM appt.one_time_code
	WHERE contact = 'e@example.org';
ROLLBACK;
SELECT appt_test.set('appt.trust_forwarded_for', 'off');
DELETE FROM appt.one_time_code;

-- Booking with one.
SELECT pg_temp.ask('Ann@Example.org') AS code \gset
SELECT pg_temp.refused('Ann@example.org', pg_temp.wrong(:'code'), 'a wrong code opens nothing');
CREATE TEMP TABLE booked AS SELECT b.* FROM pg_temp.book('Ann@example.org', :'code', '{"name": {"firstName": "Ann"}}') b;
SELECT ok(state = 'ACTIVATED' AND room_access IS NOT NULL AND organizer->>'type' = 'CUSTOMER'
	AND participant_ids = jsonb_build_array(organizer), 'the customer organizes and attends it') FROM booked;
SELECT is(ROW(p.id, p.type, p.first_name, p.email, p.phone)::text,
	ROW(b.organizer->>'id', 'CUSTOMER', 'Ann', 'Ann@example.org', NULL)::text, 'by the verified address')
  FROM booked b, appt.participant p WHERE p.appointment_id = b.id;
SELECT is(ROW(booked.*)::text, appt.get_appointment(id)::text, 'get_appointment says the same') FROM booked;
SELECT is(string_agg(type || ' ' || channel, ',' ORDER BY type, channel COLLATE "C"),
	'CREATE EMAIL,CREATE SMS,REMINDER EMAIL,REMINDER EMAIL', 'and is told of it')
  FROM appt.notification n JOIN booked b ON n.appointment_id = b.id;
SELECT pg_temp.refused('Ann@example.org', :'code', 'a code opens once');
SELECT throws_ok(format('SELECT appt.remove_participant(%L, %L)', id, organizer->>'id'), 'PT409', 'the organizer cannot be removed',
	'who organizes stays') FROM booked;

SELECT pg_temp.ask('+30 690 000 0001') AS code \gset
SELECT is(p.phone || p.email, '+306900000001ann@example.org', 'a verified phone number, and an address beside it')
  FROM pg_temp.book('0690 0000001', :'code', '{"contact": {"primaryEmail": "ann@example.org"}}') b, appt.participant p
  	WHERE p.appointment_id = b.id;

-- A customer cannot have text sent to an address that is not verified.
CREATE FUNCTION pg_temp.judged(phone text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT n.channel || ' ' || coalesce(e.reason, 'goes'), ', ') FROM appt.participant p
		JOIN appt.notification n ON n.appointment_id = p.appointment_id AND n.type = 'CREATE',
		appt.notification_eligibility(n.id) e WHERE p.phone = judged.phone$$;
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://gateway.example/?to={{to}}&text={{text}}',
	settings => '{"method": "GET"}') IS NOT NULL AS has_gateway \gset
SELECT is(pg_temp.judged('+306900000001'), 'EMAIL ADDRESS_NOT_VERIFIED, SMS goes', 'the address beside it is not written to');
SELECT is((appt.reassign_appointment(appointment_id, 'ann')).organizer->>'id', 'ann', 'an agent takes it over')
	FROM appt.participant WHERE phone = '+306900000001';
SELECT is(pg_temp.judged('+306900000001'), 'EMAIL goes, SMS goes', 'and vouches for it');
UPDATE appt.provider SET enabled = false WHERE channel = 'SMS';

SELECT pg_temp.refused('nobody@example.org', '000000', 'what was not asked for opens nothing');
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT throws_ok(format('SELECT appt.schedule_appointment_as_customer(%L, ''ann@example.org'', %L, now(), ''1 hour'')', :'other',
	:'code'), 'PT401', NULL, 'nor in another application');
SELECT pg_temp.refused('bob@example.org', :'code', 'nor for another contact');
SELECT pg_temp.refused('Ann@example.org', :'code', 'whose local part only its domain can tell apart');
SELECT pg_temp.unconfirmed(:'app', :'code', 'PT404', 'nor for another purpose');
UPDATE appt.one_time_code SET expires_at = clock_timestamp() WHERE contact = 'ann@example.org';
SELECT pg_temp.refused('ann@example.org', :'code', 'nor once it has expired');
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT pg_temp.ask('ann@example.org') AS newer \gset
SELECT pg_temp.refused('ann@example.org', :'code', 'nor after a newer one') WHERE :'code' <> :'newer';
SELECT isnt(pg_temp.book('ann@example.org', :'newer')::text, NULL, 'which does');

-- Guessing: five wrong ones, counted whatever becomes of their transactions; and nothing else is counted.
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT throws_ok(format('SELECT appt.schedule_appointment_as_customer(%s)',
	replace(replace(arguments, 'APP', quote_literal(:'app')), 'CODE', quote_literal(code))), state, NULL, what || ', whatever the code')
  FROM (VALUES ('APP, ''ann@example.org'', CODE, now() - interval ''1 hour'', ''1 hour''', '22023', 'a start in the past'),
	('APP, ''ann@example.org'', CODE, now(), ''0''', '22023', 'no duration'),
		('APP, ''ann@example.org'', CODE, NULL, ''1 hour''', '22023', 'no start'),
	('APP, ''ann@example.org'', CODE, now(), ''1 hour'', timezone => ''Mars''', '22023', 'an unknown timezone'),
	('APP, ''ann@example.org'', CODE, now(), ''1 hour'', locale => ''qq''', '22023', 'an unknown locale'),
	('APP, ''ann@example.org'', CODE, now(), ''1 hour'', metadata => ''1''', '22023', 'bad metadata'),
	('APP, ''ann@example.org'', CODE, now(), ''1 hour'', ''{"contact": {"primaryEmail": "bob@example.org"}}''', '22023',
		'another address'),
	('APP, ''ann@example.org'', CODE, now(), ''1 hour'', ''{"contact": {"primaryEmail": "bob"}}''', '22023', 'a bad address'),
	('APP, ''ann'', CODE, now(), ''1 hour''', '22023', 'a bad contact'),
	('APP, ''ann@example.org'', NULL, now(), ''1 hour''', '22023', 'no code'),
		('APP, ''ann@example.org'', '''', now(), ''1 hour''', '22023', 'an empty one'),
	('gen_random_uuid(), ''ann@example.org'', CODE, now(), ''1 hour''', 'PT404', 'an unknown application')) c (arguments, state, what),
	unnest(ARRAY[:'code', pg_temp.wrong(:'code')]) code;
SELECT pg_temp.refused('ann@example.org', pg_temp.wrong(:'code'), 'wrong once');
SELECT pg_temp.refused('ann@example.org', guess, 'another one, and it is undone')
	FROM unnest('{1234567,12345}'::text[] || repeat('1', 5000)) guess;
BEGIN;
SELECT isnt(pg_temp.book('ann@example.org', :'code')::text, NULL, 'right: after five it would be too late');
ROLLBACK;
SELECT isnt(pg_temp.book('ann@example.org', :'code')::text, NULL, 'right again, for the first time was undone');
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT pg_temp.refused('ann@example.org', pg_temp.wrong(:'code'), 'wrong and undone: ' || i) FROM generate_series(1, 5) i;
SELECT pg_temp.refused('ann@example.org', :'code', 'the sixth is refused, though it is right and the wrong ones were undone');
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT isnt(pg_temp.book('ann@example.org', :'code')::text, NULL, 'a new code has tries of its own');

-- A right code is used up by a booking, not by one that fails for want of a place.
UPDATE appt.application SET max_overlap = 1 WHERE name = 'Bank';
SELECT pg_temp.ask('ann@example.org') AS code \gset
SELECT throws_ok(format('SELECT pg_temp.book(''ann@example.org'', %L)', :'code'), 'PT409', NULL, 'no place left')
	FROM generate_series(1, 6);
UPDATE appt.application SET max_overlap = NULL WHERE name = 'Bank';
SELECT isnt(pg_temp.book('ann@example.org', :'code')::text, NULL, 'the code is still good, however often');

-- Anybody may, for any application.
SELECT pg_temp.ask('zoe@example.org') AS code \gset
BEGIN;
SET LOCAL ROLE appt_anonymous;
SELECT lives_ok(format('SELECT appt.request_customer_code(%L, ''yve@example.org'')', :'app'), 'anonymous asks for a code');
SELECT organizer->>'type' AS organizer_type FROM appt.schedule_appointment_as_customer(:'app', 'zoe@example.org', :'code', now(),
	'1 hour') \gset
SELECT throws_ok(format('SELECT appt.%s', call), '42501', NULL, 'and may not ' || call)
  FROM unnest(ARRAY['initiate_email_verification(NULL, NULL)', 'confirm_email_verification(NULL, NULL)',
  	'send_test_email(NULL, NULL)', 'send_test_sms(NULL, NULL)']) call;
COMMIT;
SELECT is(:'organizer_type'::text, 'CUSTOMER', 'and books');
SELECT pg_temp.ask('zoe@example.org') AS code \gset
BEGIN;
SELECT set_config('request.jwt.claims', json_build_object('sub', 'agent', 'application_id', :'other')::text, true) AS ignored \gset
SET LOCAL ROLE appt_agent;
SELECT organizer->>'type' AS organizer_type FROM appt.schedule_appointment_as_customer(:'app', 'zoe@example.org', :'code', now(),
	'1 hour') \gset
COMMIT;
SELECT is(:'organizer_type'::text, 'CUSTOMER', 'an agent of another application, too');

-- A sender shows that its address is its own.
UPDATE appt.organization SET require_verified_sender = true;
DELETE FROM appt.one_time_code WHERE appointment_id IS NULL;
SELECT pg_temp.forget() IS NULL AS ignored \gset
SELECT throws_ok(format('SELECT appt.initiate_email_verification(%L, %L)', a, e), s, NULL, format('verification of %L', e))
  FROM (VALUES (:'app', NULL, '22023'), (:'app', 'bank.example', '22023'), (:'app', 'other@bank.example', 'PT404'),
  	(:'app', 'info@bank.example', 'PT404'), (:'other', 'Info@bank.example', 'PT404'),
	(gen_random_uuid()::text, 'Info@bank.example', 'PT404'), (NULL, 'Info@bank.example', '22023')) v (a, e, s);
SELECT pg_temp.unconfirmed(:'app', '123456', 'PT404', 'nothing to confirm');
SELECT pg_temp.unconfirmed(:'other', '123456', 'PT404', 'nor without a provider');
SELECT throws_ok(format('SELECT appt.confirm_email_verification(%L, ''123456'')', gen_random_uuid()), 'PT404',
	'application not found', 'an unknown application is not found');
SELECT throws_ok(format('SELECT appt.confirm_email_verification(%L, NULL)', :'app'), '22023', NULL, 'no code is malformed');
SELECT lives_ok(format('SELECT appt.initiate_email_verification(%L, ''Info@BANK.example'')', :'app'), 'the domain in any case');
SELECT id AS verification FROM appt.notification WHERE context->>'purpose' = 'SENDER' ORDER BY id DESC LIMIT 1 \gset
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :verification), ROW(true, NULL::text),
	'its message goes out');
SELECT appt.request_customer_code(:'app', 'ann@example.org');
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', id), ROW(false, 'SENDER_NOT_VERIFIED'::text),
	'and no customer''s')
  FROM (SELECT max(id) AS id FROM appt.notification) n;
SELECT appt_test.plan_to_address(:'app', 'TEST', 'EMAIL', 'Info@bank.example', '{}') AS test \gset
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :test),
	ROW(false, 'SENDER_NOT_VERIFIED'::text), 'nor anything else to the sender');
SELECT pg_temp.code('Info@bank.example', 'SENDER') AS code \gset
SELECT pg_temp.unconfirmed(:'app', pg_temp.wrong(:'code'), 'PT400', 'a wrong code confirms nothing');
BEGIN;
SELECT is(appt.confirm_email_verification(:'app', :'code'), true, 'the code does');
SELECT is(current_setting('response.status', true), '204', 'and is 204');
SELECT is(verified_at, now(), 'the provider is verified') FROM appt.provider WHERE id = :'provider';
COMMIT;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :test), ROW(true, NULL::text), 'and sends');
SELECT pg_temp.unconfirmed(:'app', :'code', 'PT404', 'once');
SELECT appt.initiate_email_verification(:'app', 'Info@bank.example');
SELECT pg_temp.code('Info@bank.example', 'SENDER') AS code \gset
SELECT pg_temp.unconfirmed(:'app', pg_temp.wrong(:'code'), CASE WHEN i <= 5 THEN 'PT400' ELSE 'PT404' END,
	'five wrong ones lock it: ' || i) FROM generate_series(1, 6) i;
SELECT pg_temp.unconfirmed(:'app', :'code', 'PT404', 'for the right one, too');
SELECT appt.initiate_email_verification(:'app', 'Info@bank.example');
SELECT pg_temp.code('Info@bank.example', 'SENDER') AS code \gset
SELECT throws_ok(format('SELECT appt.initiate_email_verification(%L, ''Info@bank.example'')', :'app'), 'PT429', NULL,
	'three requests in ten minutes');
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', 'Other <other@bank.example>') AS provider \gset
SELECT pg_temp.unconfirmed(:'app', :'code', 'PT404', 'a code verifies no sender set since');
SELECT is(verified_at, NULL, 'which is not verified') FROM appt.provider WHERE id = :'provider';
BEGIN;
SELECT set_config('request.jwt.claims', json_build_object('sub', 'admin', 'organization_id', gen_random_uuid())::text,
	true) AS ignored \gset
SET LOCAL ROLE appt_admin;
SELECT throws_ok(format('SELECT appt.initiate_email_verification(%L, ''other@bank.example'')', :'app'), 'PT404',
	'application not found', 'nor another organization''s');
SELECT throws_ok(format('SELECT appt.confirm_email_verification(%L, ''123456'')', :'app'), 'PT404', 'application not found', 'to verify');
ROLLBACK;

-- Limits by table, and in the order in which they are told.
SELECT is(appt_test.code_limit(c, a, p), expected,
	format('%s by the contact, %s by the client, %s in the application: %s', c, a, p, expected))
  FROM (VALUES (0, 0, 0, 'NONE'), (2, 19, 299, 'NONE'), (3, 19, 299, 'CONTACT'), (3, 20, 300, 'CONTACT'), (2, 20, 300, 'CLIENT'),
  	(2, 19, 300, 'APPLICATION'), (0, 0, 301, 'APPLICATION')) l (c, a, p, expected);

-- Memory is bounded: beyond it the oldest codes of the organization with most codes become invalid, and no others.
SELECT now() AS now, now() + interval '5 minutes' AS soon, now() + interval '10 minutes' AS later, gen_random_uuid() AS flooder,
	gen_random_uuid() AS small, gen_random_uuid() AS first,
	gen_random_uuid() AS mine, gen_random_uuid() AS fresh \gset
CREATE TEMP TABLE flood AS SELECT i, CASE i WHEN 1 THEN :'first' ELSE gen_random_uuid() END AS nonce FROM generate_series(1, 20000) i;
SELECT is(appt_test.count_request(:'small', :'small', 'CUSTOMER', 'a@b.example', NULL, :'mine', :'now'), 'NONE',
	'a small organization has a code');
SELECT is(appt_test.count_request(:'flooder', :'flooder', 'CUSTOMER', 'a@b.example', NULL, :'first', :'now'), 'NONE', 'and a large one');
SELECT is(string_agg(appt_test.guess(:'first', false, :'now'), ' '), 'WRONG WRONG WRONG WRONG WRONG REFUSED REFUSED',
	'five guesses are compared') FROM generate_series(1, 7);
SELECT is(string_agg(DISTINCT appt_test.count_request(:'flooder', md5((i % 100)::text)::uuid, 'CUSTOMER', 'c' || i, NULL, nonce,
	:'now'), ' '), 'NONE', 'which asks for 20,000 more') FROM flood WHERE i > 1;
SELECT is(appt_test.guess(:'mine', true, :'now'), 'RIGHT', 'the small one''s is good');
SELECT is(appt_test.guess(:'first', true, :'now'), 'REFUSED', 'the first of the large one is not');
SELECT is(appt_test.guess(nonce, false, :'now'), 'REFUSED', 'nor is any that was forgotten compared') FROM flood
	WHERE i IN (2, 1000, 3000);
SELECT is(appt_test.guess(nonce, true, :'now'), 'RIGHT', 'its latest is good') FROM flood WHERE i = 20000;
SELECT is(string_agg(appt_test.count_request(:'small', :'small', 'CUSTOMER', 'A@b.example', NULL, gen_random_uuid(), :'soon'), ' '),
	'NONE NONE CONTACT', 'the small one has its three requests') FROM generate_series(1, 3);
SELECT is(appt_test.count_request(:'small', :'small', 'SENDER', 'a@b.example', NULL, gen_random_uuid(), :'soon'), 'NONE',
	'for each purpose');
SELECT is(appt_test.guess(:'mine', true, :'later'), 'REFUSED', 'none outlives its ten minutes');
SELECT is(appt_test.count_request(:'small', :'small', 'CUSTOMER', 'a@b.example', NULL, :'fresh', :'later'), 'NONE',
	'then one more is granted');
SELECT is(appt_test.guess(:'fresh', true, :'later'), 'RIGHT', 'which is good');
SELECT is(appt_test.count_request(:'small', :'small', 'CUSTOMER', 'a@b.example', NULL, gen_random_uuid(), :'later'), 'CONTACT',
	'and no second one');
SELECT is(count(*) FILTER (WHERE answer = 'NONE'), 16600::bigint, 'organizations without number, each has its code')
  FROM (SELECT appt_test.count_request(nonce, nonce, 'CUSTOMER', 'x', NULL, nonce,
  	:'later'::timestamptz + interval '1 hour') AS answer FROM flood WHERE i <= 16600 OFFSET 0) f;
SELECT is(count(*) FILTER (WHERE answer = 'RIGHT'), 16384::bigint, 'and as many as there is room for are good')
  FROM (SELECT appt_test.guess(nonce, true, :'later'::timestamptz + interval '1 hour') AS answer FROM flood WHERE i <= 16600 OFFSET 0) f;
SELECT is(string_agg(appt_test.guess_used(:'first', is_right), ' '), 'RIGHT WRONG WRONG RIGHT WRONG WRONG WRONG REFUSED REFUSED',
	'five guesses at a used code, too')
  FROM unnest('{t,f,f,t,f,f,f,t,f}'::boolean[]) is_right;

-- A failed code can be retried by hand while it is valid.
SELECT pg_temp.ask('late@customer.example') \gset late_
SELECT max(id) AS late FROM appt.notification WHERE address = 'late@customer.example' \gset
DELETE FROM appt.due WHERE notification_id = :late;
UPDATE appt.notification SET state = 'FAILED', reason = 'RETRIES_EXHAUSTED', settled_at = now(), next_attempt_at = NULL, attempt_count = 1,
	due_at = now() - interval '10 minutes' WHERE id = :late;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at) VALUES (:'app', :late, 1, now());
SELECT throws_ok(format('SELECT appt.retry_notification(%s)', :late), 'PT409', 'notification cannot be retried',
	'an expired code is not sent again');
UPDATE appt.notification SET due_at = now() - interval '9 minutes' WHERE id = :late;
UPDATE appt.organization SET require_verified_sender = false;
SELECT is((appt.retry_notification(:late)).state, 'RETRYING', 'one that is still valid is');

SELECT * FROM finish();
