-- Webhooks: body, signatures against known vectors, headers.
BEGIN;
SELECT no_plan();

-- RFC 4231, test cases 1 and 2 as text; Standard Webhooks' own vector.
SELECT is(appt_test.hex_signature('Jefe', 'what do ya want for nothing?'),
	'5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'HMAC-SHA256 of RFC 4231');
SELECT is(appt_test.standard_signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
	'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'),
	'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'the vector of Standard Webhooks');
SELECT is(appt_test.standard_signature('Jefe', 'what do ya want for nothing?'),
	'v1,' || encode('\x5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'base64'),
		'a key that is not base64 is taken as it is');

-- The body, and the payload read back from it.
CREATE TEMPORARY TABLE payload (payload text);
INSERT INTO payload VALUES ('{}'), ('{"title": "Say \"hi\" \\ / é 漢 😀", "n": null}'), (E'{"a":\n\t"b\b\f\r"}'), (''), (E'\x01\x1f'),
	('"payload":"x"'), ('\u0041');
SELECT is(appt_test.webhook_payload(appt_test.webhook_body('11111111-2222-3333-4444-555555555555', 'REMINDER', payload,
	'2026-11-23 09:08:07.654+00')),
	payload, 'payload read back: ' || quote_literal(payload)) FROM payload;
SELECT is(appt_test.webhook_body('11111111-2222-3333-4444-555555555555', 'REMINDER', payload, '2026-11-23 10:08:07.654+01')::jsonb,
	jsonb_build_object('id', '11111111-2222-3333-4444-555555555555', 'type', 'REMINDER', 'payload', payload, 'timestamp',
		'2026-11-23T09:08:07.654Z'),
	'the envelope around ' || quote_literal(payload)) FROM payload;
SELECT is(appt_test.webhook_payload(body), NULL, 'no payload in ' || body)
	FROM unnest(ARRAY['', '{}', '{"payload":"', '{"payload":"a\', '{"payload":"\x"}']) AS body;

CREATE FUNCTION header(message jsonb, name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(substr(line, length(name) + 3), ' | ') FROM appt_test.compose(message) AS c, unnest(c.headers) AS line
	WHERE lower(line) LIKE lower(name) || ': %'
$$;
CREATE FUNCTION webhook(more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS
	$$ SELECT '{"url": "https://example.com/hook", "payload": "{\"x\": \"ü\"}", "keys": ["new key", "whsec_b2xkIGtleQ=="]}'::jsonb || more $$;

SELECT is(convert_from(body, 'UTF8')::jsonb ->> 'payload', '{"x": "ü"}', 'the body is UTF-8') FROM appt_test.compose(webhook());
SELECT is(header(webhook(), 'x-signature'), appt_test.hex_signature('new key', '{"x": "ü"}'),
	'x-signature: exactly the payload, the newest key');
SELECT is(header(webhook(), 'webhook-id'), '11111111-2222-3333-4444-555555555555', 'webhook-id');
SELECT is(header(webhook(), 'webhook-timestamp'), '1795424887', 'webhook-timestamp: Unix seconds of the attempt');
SELECT is(header(webhook(), 'webhook-signature'),
	appt_test.standard_signature('new key', signed) || ' ' || appt_test.standard_signature('whsec_b2xkIGtleQ==', signed),
		'both keys sign, the newest first')
	FROM (SELECT '11111111-2222-3333-4444-555555555555.1795424887.' || convert_from(body, 'UTF8') AS signed
		FROM appt_test.compose(webhook())) AS s;
SELECT is(header(webhook(), 'x-signature-previous'), appt_test.hex_signature('whsec_b2xkIGtleQ==', '{"x": "ü"}'),
	'x-signature-previous: by the key before');
SELECT is(header(webhook('{"keys": ["c", "b", "a"]}'), 'x-signature-previous'),
	appt_test.hex_signature('b', '{"x": "ü"}') || ' ' || appt_test.hex_signature('a', '{"x": "ü"}'), 'or keys');
SELECT is(header(webhook('{"keys": ["a"]}'), 'x-signature-previous'), NULL, 'none before');
SELECT is(header(webhook('{"keys": []}'), 'x-signature'), NULL, 'no key, no signature');
SELECT is(header(webhook(), 'content-type'), 'application/json', 'content-type');
SELECT is(header(webhook(), 'user-agent'), 'appt/1.0', 'user-agent');
SELECT is(header(webhook('{"headers": {"X-A": "1", "User-Agent": "mine"}, "secret_headers": {"X-B": "2"}, "message_headers": '
	'{"x-a": "3", "X-C": "ü"}}'), name), value,
	'header ' || name) FROM (VALUES ('X-A', '1'), ('X-B', '2'), ('X-C', 'ü'), ('User-Agent', 'mine')) AS h (name, value);
SELECT ok('X-Empty;' = ANY (headers), 'an empty header is sent') FROM appt_test.compose(webhook('{"headers": {"X-Empty": ""}}'));
SELECT is(username || ' ' || password, 'me word', 'basic authentication')
	FROM appt_test.compose(webhook('{"auth": "BASIC", "username": "me", "password": "word"}'));
SELECT is(header(webhook(more || '{"headers": {"X-A": "1", "authorization": "a"}, "message_headers": {"Authorization": "b", '
	'"AUTHORIZATION": "c"}}'), 'authorization'), expected,
	'Authorization besides ' || more::text) FROM (VALUES ('{"auth": "BASIC", "username": "me", "password": "word"}'::jsonb, NULL),
		('{"auth": "NONE"}', 'a'),
	('{"auth": "OAUTH2", "username": "me", "password": "word", "token_url": "https://issuer.example/"}', NULL)) AS h (more, expected);
SELECT is(username, NULL, 'none unless asked') FROM appt_test.compose(webhook('{"username": "me", "password": "word"}'));

SELECT is(c.reason, expected, 'not composed: ' || more) FROM (VALUES
	('{"url": "http://a b/"}', 'BAD_CONFIGURATION'), ('{"url": "smtp://a/"}', 'BAD_CONFIGURATION'),
		('{"url": "http://a/\r\nX: y"}', 'BAD_CONFIGURATION'),
	('{"headers": {"X-A": "a\r\nX-B: c"}}', 'BAD_CONFIGURATION'), ('{"message_headers": {"Host": "a"}}', 'BAD_CONFIGURATION'),
	('{"message_headers": {"webhook-id": "a"}}', 'BAD_CONFIGURATION'), ('{"keys": ["whsec_*"]}', 'BAD_CONFIGURATION'),
	('{"auth": "BASIC", "username": "a:b"}', 'BAD_CONFIGURATION'), ('{"auth": "BASIC", "username": "a\nb"}', 'BAD_CONFIGURATION'),
	('{"auth": "OAUTH2", "username": "a"}', 'BAD_CONFIGURATION'), ('{"kind": "CARRIER_PIGEON"}', 'CHANNEL_NOT_AVAILABLE'),
	('{"channel": "SMS", "kind": "SMTP"}', 'CHANNEL_NOT_AVAILABLE'), ('{"payload": null}', 'TEMPLATE_ERROR')) AS cases (more, expected),
	appt_test.compose(webhook(more::jsonb)) AS c;
SELECT ok(error <> '' AND url IS NULL, 'with a sentence') FROM appt_test.compose(webhook('{"url": "http://a b/"}'));
SELECT * FROM finish();
ROLLBACK;
