-- What providers send of their own accord: whether they prove themselves, and what becomes of it.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public;

-- ---- Twilio's signature, by the examples of its documentation and libraries ----
CREATE FUNCTION twilio(body text, signature text, url text = 'https://mycompany.com/myapp.php?foo=1&bar=2', secret text = '12345',
	type text = 'application/x-www-form-urlencoded') RETURNS boolean LANGUAGE sql AS $$
	SELECT appt_test.proves('TWILIO', jsonb_build_object('inbound_url', url), secret, body, type, signature) $$;
\set form 'CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309'
SELECT ok(twilio(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8='), 'the example of the documentation');
SELECT ok(twilio('{"property": "value", "boolean": true}', 'a9nBmqA0ju/hNViExpshrM61xv4=', type => 'application/json'),
	'the example with bodySHA256');
SELECT ok(twilio('To=%2b18005551212&Caller=%2b14158675309&Digits=%31234&CallSid=CA1234567890ABCDE&From=%2B14158675309',
	'RSOYDt4T1cUTdK1PDd93/VVr8B8='), 'any order, any spelling');
SELECT ok(NOT twilio(body, signature, coalesce(url, 'https://mycompany.com/myapp.php?foo=1&bar=2'), coalesce(secret, '12345'),
	coalesce(type, 'application/x-www-form-urlencoded')), explanation)
FROM (VALUES
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B9=', NULL, NULL, NULL, 'another signature'),
	(:'form', '', NULL, NULL, NULL, 'an empty one'),
	(:'form', NULL, NULL, NULL, NULL, 'none'),
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=x', NULL, NULL, NULL, 'a longer one'),
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8', NULL, NULL, NULL, 'a shorter one'),
	(:'form' || '&a=b', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', NULL, NULL, NULL, 'another field'),
	(replace(:'form', '1234&', '1235&'), 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', NULL, NULL, NULL, 'another value'),
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', 'https://mycompany.com/myapp.php', NULL, NULL, 'another URL'),
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', NULL, '12346', NULL, 'another secret'),
	(:'form', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', NULL, NULL, 'application/json', 'a form that is said to be JSON'),
	('{"property": "value", "boolean": true }', 'a9nBmqA0ju/hNViExpshrM61xv4=', NULL, NULL, 'application/json', 'other JSON'))
	AS t (body, signature, url, secret, type, explanation);
SELECT ok(NOT appt_test.proves('TWILIO', '{}', '12345', :'form', signature => 'RSOYDt4T1cUTdK1PDd93/VVr8B8='), 'no URL is known');
SELECT ok(NOT appt_test.proves('SMTP', '{"inbound_url": "https://mycompany.com/myapp.php?foo=1&bar=2"}', '12345', :'form',
	signature => 'RSOYDt4T1cUTdK1PDd93/VVr8B8='), 'a kind that sends nothing');
SELECT ok(NOT appt_test.proves(NULL, '{"inbound_url": "https://mycompany.com/myapp.php?foo=1&bar=2"}', '12345', :'form',
	signature => 'RSOYDt4T1cUTdK1PDd93/VVr8B8='), 'no provider');

-- Anybody may send a form, so none may take much longer than another: the best of three.
CREATE FUNCTION pg_temp.seconds(body text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	best double precision := 'Infinity';
	started timestamptz;
BEGIN
	FOR i IN 1 .. 3 LOOP
		started := clock_timestamp();
		PERFORM twilio(body, 'x');
		best := least(best, extract(epoch FROM clock_timestamp() - started));
	END LOOP;
	RETURN best;
END $$;
SELECT cmp_ok(pg_temp.seconds(repeat('a&', 128 * 1024)), '<', 10 * pg_temp.seconds(repeat('=&', 128 * 1024)),
	'names without values take no longer than others');

-- ---- A gateway's secret ----
SELECT is(appt_test.proves('HTTP', settings::jsonb, 's3cret', '', NULL, NULL, given), expected, coalesce(given, 'none') || ' ' || settings)
FROM (VALUES
	('s3cret', '{"inbound": {}}', true), ('Bearer s3cret', '{"inbound": {}}', true), ('bearer s3cret', '{"inbound": {}}', true),
	('Basic ' || encode('user:s3cret', 'base64'), '{"inbound": {}}', true),
		('Basic ' || encode(':s3cret', 'base64'), '{"inbound": {}}', true),
	('s3cret', '{}', false), (NULL, '{"inbound": {}}', false), ('', '{"inbound": {}}', false), ('s3cre', '{"inbound": {}}', false),
	('s3crets', '{"inbound": {}}', false), ('Bearer s3cret ', '{"inbound": {}}', false), ('Token s3cret', '{"inbound": {}}', false),
	('Bearer', '{"inbound": {}}', false), ('Basic s3cret', '{"inbound": {}}', false), ('Basic !', '{"inbound": {}}', false),
	('Basic ' || encode('s3cret', 'base64'), '{"inbound": {}}', false), ('Basic ' || encode('s3cret:x', 'base64'), '{"inbound": {}}', false))
	AS t (given, settings, expected);

-- ---- The door ----
CREATE ROLE receive_login NOINHERIT LOGIN IN ROLE appt_authenticator;
GRANT appt_anonymous TO receive_login;
SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic', timezone => 'UTC', calling_code => '30',
	public_url => 'https://acme.example/') AS app \gset
SELECT appt.create_application((SELECT id FROM appt.organization), 'Sister', timezone => 'UTC') AS sister \gset
SELECT appt.set_provider(:'app', 'SMS', 'TWILIO', 'https://api.twilio.com', '+15550100000', 'AC0123456789abcdef0123456789abcdef',
	'an API key',
		inbound_secret => 'the auth token') AS twilio,
	appt.set_provider(:'sister', 'SMS', 'HTTP', 'https://sms.example', inbound_secret => 'the secret', settings => '{"inbound":
	{"from": "msisdn", "to": "to", "text": "message.text", "id": "message.id", "message_id": "ref", "status": "state", "code": "why"}}') AS gateway \gset
SELECT throws_ok(format($$SELECT appt.set_provider(%L, 'EMAIL', 'SMTP', 'smtp://mail.example', 'a@acme.example', inbound_secret => 'x')$$,
	:'app'),
	'22023', 'this kind of provider sends nothing of its own accord', 'a mail server has no inbound_secret');
SELECT throws_ok(format($$SELECT appt.set_provider(%L, 'SMS', 'HTTP', 'https://sms.example', settings => %L)$$, :'app', settings), '22023',
	NULL, settings)
FROM unnest('{"{\"inbound\": {}}","{\"inbound\": []}","{\"inbound\": {\"from\": \"a\", \"to\": \"b\"}}","{\"inbound\": {\"from\": \"\", \"to\": \"b\", \"text\": \"c\"}}",
	"{\"inbound\": {\"from\": \"a\", \"to\": \"b\", \"text\": \"c\", \"other\": \"d\"}}","{\"stop_replies\": 1}","{\"inbound_url\": \"https://a.example\"}"}'::text[]) AS settings;
SELECT is_empty($$SELECT FROM appt.provider WHERE settings::text ~ 'token' OR url ~ 'token'$$, 'the secret is in no row of a provider');

-- A request as PostgREST executes it: as anonymous, in a session of the authenticator. Its status, headers and body.
CREATE FUNCTION pg_temp.request(body text, headers jsonb, is_json boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer bytea;
BEGIN
	PERFORM set_config('request.headers', headers::text, true), set_config('response.status', '', true), set_config('response.headers', '', true);
	SET LOCAL SESSION AUTHORIZATION receive_login;
	SET LOCAL ROLE appt_anonymous;
	IF is_json THEN
		answer := appt.receive_sms(body::json);
	ELSE
		answer := appt.receive_sms(body);
	END IF;
	RESET ROLE;
	RESET SESSION AUTHORIZATION;
	RETURN concat_ws(' ', current_setting('response.status'),
		(SELECT h ->> 'Content-Type' FROM json_array_elements(current_setting('response.headers')::json) AS h WHERE h ->> 'Content-Type' IS NOT NULL),
		convert_from(answer, 'UTF8'));
END $$;
-- What Twilio sends, signed as it documents: URL, then names and values in the order of the names.
CREATE FUNCTION pg_temp.hmac_sha1(key bytea, content bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT public.hmac(content, key, 'sha1') $$;
CREATE FUNCTION pg_temp.encoded(text text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg('%' || lpad(to_hex(get_byte(convert_to(text, 'UTF8'), i)), 2, '0'), '' ORDER BY i), '')
	FROM generate_series(0, octet_length(convert_to(text, 'UTF8')) - 1) AS i $$;
CREATE FUNCTION pg_temp.twilio(provider uuid, fields jsonb, secret text DEFAULT 'the auth token',
	by_name boolean DEFAULT true) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.request(string_agg(f.key || '=' || pg_temp.encoded(f.value), '&' ORDER BY CASE WHEN by_name THEN f.key ELSE md5(f.key) END),
		jsonb_build_object('x-gateway-key', provider, 'x-gateway-content-type', 'application/x-www-form-urlencoded; charset=UTF-8',
		'x-twilio-signature', encode(pg_temp.hmac_sha1(secret::bytea, convert_to('https://acme.example/in/' || provider ||
			string_agg(f.key || f.value, '' ORDER BY f.key COLLATE "C"), 'UTF8')), 'base64')))
	FROM jsonb_each_text(fields) AS f $$;
CREATE FUNCTION pg_temp.recorded() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('|', from_number, to_number, text, provider_message_id), ' ' ORDER BY id) FROM appt.inbound_message $$;
\set empty '200 text/xml; charset=utf-8 <?xml version="1.0" encoding="UTF-8"?><Response/>'
\set refused '403 text/plain; charset=utf-8 '
\set message '{"ToCountry": "US", "SmsMessageSid": "SM1", "NumMedia": "0", "SmsSid": "SM1", "SmsStatus": "received", "MessageSid": "SM1", "AccountSid": "AC0123456789abcdef0123456789abcdef", "From": "+306900000000", "To": "+15550100000", "Body": "Grüße & 100 % 👍", "ApiVersion": "2010-04-01"}'

SELECT is(pg_temp.twilio(:'twilio', :'message'), :'empty', 'a message of Twilio is answered as TwiML');
SELECT is(pg_temp.recorded(), '+306900000000|+15550100000|Grüße & 100 % 👍|SM1', 'and recorded');
SELECT is(pg_temp.twilio(:'twilio', :'message'), :'empty', 'replayed, it is answered again');
SELECT is(pg_temp.twilio(:'twilio', :'message', by_name => false), :'empty', 'in any order');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb || '{"New": "field", "another": ""}'), :'empty',
	'and with fields that nobody knows');
SELECT is(pg_temp.recorded(), '+306900000000|+15550100000|Grüße & 100 % 👍|SM1', 'but it is one message');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb - 'Body' || '{"MessageSid": "MM2", "NumMedia": "1"}'), :'empty',
	'a picture has no text');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb || '{"MessageSid": "SM3"}', 'another token'), :'refused', 'a forged signature');
SELECT is(pg_temp.twilio(:'gateway', :'message'::jsonb || '{"MessageSid": "SM3"}'), :'refused', 'another provider''s');
SELECT is(pg_temp.twilio(gen_random_uuid(), :'message'::jsonb || '{"MessageSid": "SM3"}'), :'refused', 'nobody''s');
SELECT is(pg_temp.request('From=%2B306900000000&To=%2B15550100000&Body=x&MessageSid=SM3', headers), :'refused',
	concat('headers ', headers))
FROM unnest(ARRAY['{}', '[]', '{"x-gateway-key": ""}', '{"x-gateway-key": "x"}', '{"x-gateway-key": null}',
	jsonb_build_object('x-gateway-key', :'twilio'), jsonb_build_object('x-gateway-key', :'twilio', 'x-twilio-signature', ''),
	jsonb_build_object('x-gateway-key', :'twilio', 'x-twilio-signature', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
	jsonb_build_object('x-gateway-key', :'twilio', 'x-gateway-authorization', 'the auth token')]::jsonb[]) AS headers;
SELECT is(pg_temp.request(body, jsonb_build_object('x-gateway-key', :'twilio', 'x-twilio-signature', 'x')), :'refused',
	'a body that is ' || explanation)
FROM (VALUES ('', 'empty'), (NULL, 'absent'), (repeat('a=b&', 100000), 'very long'), ('%', 'half an escape'), ('&&=&', 'odd')) AS t (body,
	explanation);
SELECT is(pg_temp.recorded(), '+306900000000|+15550100000|Grüße & 100 % 👍|SM1 +306900000000|+15550100000||MM2',
	'nothing of these is written');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb - 'From'), '400 text/plain; charset=utf-8 ', 'a message without a sender is none');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb || jsonb_build_object('From', repeat('1', 257))), '400 text/plain; charset=utf-8 ',
	'nor with one that is too long');
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb || jsonb_build_object('MessageSid', 'SM4', 'Body', repeat('ü', 40000))), :'empty',
	'a text that is too long');
SELECT is(text, repeat('ü', 32768), 'is cut') FROM appt.inbound_message WHERE provider_message_id = 'SM4';
SELECT is(pg_temp.twilio(:'twilio', :'message'::jsonb || '{"MessageSid": "SM5", "Body": "Stop."}'), :'empty', 'STOP');
SELECT is(handled_as::text, 'OPT_OUT', 'is handled as what it is') FROM appt.inbound_message WHERE provider_message_id = 'SM5';

-- Receipts.
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at, address)
	VALUES (:'app', 'ADDRESS', '+306900000009', 'MESSAGE', 'SMS', now(), 1, 'SENT', now(), '+306900000009') RETURNING id AS sent \gset
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, provider_id,
	provider_message_id, recipient)
	SELECT :'app', :sent, n, now(), now(), 'DELIVERED', :'twilio', 'SM90' || n, '+306900000009' FROM generate_series(1, 6) AS n;
INSERT INTO appt.provider_message SELECT application_id, provider_message_id, id FROM appt.attempt WHERE provider_message_id LIKE 'SM90%';
CREATE FUNCTION pg_temp.receipt(provider uuid, fields jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text := pg_temp.twilio(provider, fields || '{"AccountSid": "AC0123456789abcdef0123456789abcdef", "SmsStatus": "x"}');
BEGIN
	RETURN concat_ws(' ', split_part(answer, ' ', 1), (SELECT concat_ws('|', receipt, receipt_code) FROM appt.attempt WHERE provider_message_id = fields ->> 'MessageSid'),
		(SELECT string_agg(reason, ',') FROM appt.suppression WHERE address = '+306900000009'));
END $$;
SELECT is(pg_temp.receipt(:'twilio', fields::jsonb), expected, fields) FROM (VALUES
	('{"MessageSid": "SM901", "MessageStatus": "sent"}', '200 '), ('{"MessageSid": "SM901", "MessageStatus": "no such status"}', '200 '),
	('{"MessageSid": "SM901", "MessageStatus": "delivered"}', '200 DELIVERED'),
	('{"MessageSid": "SM902", "MessageStatus": "undelivered", "ErrorCode": "30003"}', '200 UNDELIVERED|30003'),
	('{"MessageSid": "SM903", "MessageStatus": "failed", "ErrorCode": "30005"}', '200 UNDELIVERED|30005'),
	('{"MessageSid": "SM904", "MessageStatus": "undelivered", "ErrorCode": "30006"}', '200 UNDELIVERED|30006'),
	('{"MessageSid": "SM999", "MessageStatus": "delivered"}', '404'), ('{"MessageStatus": "delivered"}', '400'),
	('{"MessageSid": "SM905", "MessageStatus": "undelivered", "ErrorCode": "21610"}', '200 UNDELIVERED|21610 OPTED_OUT')) AS t (fields,
		expected);
DELETE FROM appt.suppression;
SELECT is(pg_temp.receipt(:'twilio', '{"MessageSid": "SM905", "MessageStatus": "undelivered", "ErrorCode": "21610"}'),
	'200 UNDELIVERED|21610',
	'a report that comes again opts nobody out again');

-- ---- A gateway ----
CREATE FUNCTION pg_temp.gateway(provider uuid, body text, type text DEFAULT NULL, secret text DEFAULT 'the secret',
	is_json boolean DEFAULT false)
RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.request(body, jsonb_strip_nulls(jsonb_build_object('x-gateway-key', provider, 'x-gateway-content-type', type, 'x-gateway-authorization', secret)), is_json) $$;
SELECT is(pg_temp.gateway(:'gateway',
	'{"more": [1, {"a": null}], "message": {"text": "Hi \u00e9", "id": "g1"}, "to": "12345", "msisdn": "306900000000"}', 'application/json'),
	'200 application/json {}', 'JSON through text');
SELECT is(pg_temp.gateway(:'gateway', '{"msisdn": "306900000000", "to": "12345", "message": {"text": "Again", "id": "g1"}}',
	is_json => true), '200 application/json {}',
	'JSON through json, the same id');
SELECT is(pg_temp.gateway(:'gateway', 'to=12345&message.text=A+form&msisdn=306900000000&message.id=g2',
	'application/x-www-form-urlencoded', 'Bearer the secret'),
	'200 application/json {}', 'a form');
SELECT is(string_agg(concat_ws('|', from_number, to_number, text, provider_message_id), ' ' ORDER BY id),
	'306900000000|12345|Hi é|g1 306900000000|12345|A form|g2',
	'are recorded') FROM appt.inbound_message WHERE application_id = :'sister';
SELECT is(pg_temp.gateway(:'gateway', body, 'application/json', secret), expected, concat_ws(' ', body, secret)) FROM (VALUES
	('{"msisdn": "1", "to": "2"}', 'another secret', :'refused'), ('{"msisdn": "1", "to": "2"}', NULL, :'refused'),
	('{"msisdn": "1"}', 'the secret', '400 text/plain; charset=utf-8 '), ('{', 'the secret', '400 text/plain; charset=utf-8 '),
	(repeat('[', 10000), 'the secret', '400 text/plain; charset=utf-8 '), ('', 'the secret', '400 text/plain; charset=utf-8 '),
	('{"ref": "x", "state": "buffered"}', 'the secret', '200 application/json {}'),
	('{"ref": "x", "state": "DELIVRD"}', 'the secret', '404 text/plain; charset=utf-8 '),
	('{"state": "DELIVRD"}', 'the secret', '400 text/plain; charset=utf-8 ')) AS t (body, secret, expected);
SELECT is(count(*), 2::bigint, 'and nothing else') FROM appt.inbound_message WHERE application_id = :'sister';
UPDATE appt.provider SET settings = jsonb_set(settings, '{inbound,text}', '"text"') WHERE id = :'gateway';
SELECT is(pg_temp.gateway(:'gateway', '{"msisdn": "306900000000", "to": "12345", "text": "x"}', 'application/json'),
	'200 application/json {}',
	'its names may change beside the secret');
SELECT appt.set_provider(:'sister', 'SMS', 'HTTP', 'https://sms.example') AS next \gset
SELECT is(pg_temp.gateway(:'next', '{"msisdn": "306900000000", "to": "12345", "text": "x"}', 'application/json'), :'refused',
	'a provider without a secret');
SELECT appt.set_provider(:'sister', 'SMS', 'HTTP', 'https://sms.example', secret => 'changed', inbound_secret => 'the secret',
	settings => '{"inbound": {"from": "msisdn", "to": "to", "text": "text"}}') AS again \gset
SELECT is(pg_temp.gateway(:'gateway', '{"msisdn": "306900000000", "to": "12345", "text": "x"}', 'application/json'), '200 application/json {}',
	'a provider that is set again has the same URL');
SELECT appt.set_provider(:'sister', 'SMS', 'TWILIO', 'https://api.twilio.com', '+15550100000', 'AC0123456789abcdef0123456789abcdef',
	'the secret', inbound_secret => 'the secret') AS twilio_of_sister \gset
SELECT is(pg_temp.gateway(:'gateway', '{"msisdn": "306900000000", "to": "12345", "text": "x"}', 'application/json'), :'refused',
	'one of another kind another');

-- Headers are believed in sessions of PostgREST alone.
SELECT set_config('request.headers', jsonb_build_object('x-gateway-key', :'twilio', 'x-gateway-authorization', 'the secret')::text,
	true) AS ignored \gset
SELECT is(convert_from(appt.receive_sms('x'), 'UTF8'), '', 'others are refused');
SELECT is(current_setting('response.status'), '403', 'likewise');
SELECT finish();
ROLLBACK;
