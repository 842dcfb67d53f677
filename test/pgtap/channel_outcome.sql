-- What an answer means (design: Failures), and what the log keeps of it.
BEGIN;
SELECT no_plan();
CREATE FUNCTION outcome(channel text, answer jsonb, body bytea = NULL, more jsonb = '{}') RETURNS TABLE (kind text,
	status_code integer, error text, response text,
	retry_after_us bigint, provider_message_id text,
		final text, has_no_mailbox boolean) LANGUAGE sql
			AS $$ SELECT * FROM appt_test.read_outcome(jsonb_build_object('channel', channel) || more,
		answer, body) $$;

-- Every status of HTTP, and of SMTP after DATA.
SELECT is(kind, CASE WHEN status BETWEEN 200 AND 299 THEN 'DELIVERED' WHEN status IN (400, 401, 403, 404) THEN 'REJECTED'
	ELSE 'FAILED' END, 'HTTP ' || status)
	FROM generate_series(100, 599) AS status, outcome('WEBHOOK', jsonb_build_object('status', status::text));
SELECT is(kind, CASE WHEN status >= 500 THEN 'REJECTED' ELSE 'FAILED' END, 'SMTP ' || status || ' to a command')
	FROM generate_series(300, 599) AS status, outcome('EMAIL', jsonb_build_object('status', status::text, 'curl_result', '55'));
SELECT is(final, CASE WHEN kind = 'REJECTED' THEN 'REJECTED' END, 'why it is final: ' || status)
	FROM unnest(ARRAY[200, 400, 404, 429, 500, 550]) AS status, unnest(ARRAY['WEBHOOK', 'EMAIL']) AS channel,
		outcome(channel, jsonb_build_object('status', status::text));
SELECT is(kind, 'DELIVERED', 'SMTP 250 after DATA') FROM outcome('EMAIL', '{"status": "250"}');
SELECT is(kind, 'FAILED', 'libcurl''s error ' || code) FROM unnest(ARRAY[6, 7, 28, 35, 52, 55, 56, 60]) AS code,
	outcome('WEBHOOK', jsonb_build_object('curl_result', code::text));
SELECT is(kind, 'FAILED', 'an answer that broke off') FROM outcome('WEBHOOK', '{"curl_result": "18", "status": "200"}');
SELECT is(kind || ' ' || final, 'REJECTED ADDRESS_NOT_ALLOWED', 'an address that may not be contacted')
	FROM outcome('WEBHOOK', '{"curl_result": "7", "refused_by_policy": "yes"}');
SELECT is(kind, CASE WHEN status IN (400, 401, 403, 404) THEN 'REJECTED' ELSE 'FAILED' END, 'token endpoint: ' || status)
	FROM unnest(ARRAY[302, 400, 401, 403, 404, 405, 429, 500, 503]) AS status,
	outcome('WEBHOOK', jsonb_build_object('status', status::text, 'token_refused', 'yes'));

-- No such mailbox: by 550 and its code alone, to RCPT alone.
SELECT is(has_no_mailbox, expected, concat_ws(' ', channel, status, quote_literal(answer), more)) FROM (VALUES
	('EMAIL', 550, '550 5.1.1 no such user', true, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550-5.1.1 no such user', true, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.1', true, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.10 null MX', true, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.1 no such user', false, '{}'),
	('EMAIL', 550, '550 no such user', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 mailbox 5.1.1 unavailable', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.2 bad system', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.11 unknown', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.100 unknown', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.1.1.1 unknown', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '550 5.7.1 refused by policy', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '5505.1.1', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 550, '', false, '{"recipient_refused": "yes"}'), ('EMAIL', 550, NULL, false, '{"recipient_refused": "yes"}'),
	('EMAIL', 551, '551 5.1.1 moved', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 553, '553 5.1.1 name', false, '{"recipient_refused": "yes"}'),
	('EMAIL', 450, '450 4.1.1 later', false, '{"recipient_refused": "yes"}'),
	('SMS', 550, '550 5.1.1 no such user', false, '{"recipient_refused": "yes"}'),
	('WEBHOOK', 550, '550 5.1.1 no such user', false, '{"recipient_refused": "yes"}')) t (channel, status, answer, expected, more),
	outcome(channel, more::jsonb || jsonb_build_object('status', status::text, 'curl_result', '55'), convert_to(answer, 'UTF8'));

SELECT is(error, NULL, 'no error when delivered') FROM outcome('WEBHOOK', '{"status": "204"}');
SELECT is(error, 'the receiver answered with HTTP status 503', 'the status is the error') FROM outcome('WEBHOOK', '{"status": "503"}');
SELECT is(error, 'a b c', 'errors are one line') FROM outcome('WEBHOOK', '{"curl_result": "7", "error": "a\nb\tc"}');

-- Retry-After, seconds from the answer on; the attempt was at 09:08:07.654321.
SELECT is(retry_after_us, us, 'Retry-After: ' || quote_literal(text)) FROM (VALUES
	('0', 0), ('7', 7000000), ('120', 120000000), ('999999999999999', 100000000000000), ('-1', -1), ('1.5', -1), ('soon', -1),
		('', -1), ('7 s', -1),
	('Mon, 23 Nov 2026 09:08:17 GMT', 9345679), ('Monday, 23-Nov-26 09:08:17 GMT', 9345679), ('Mon Nov 23 09:08:17 2026', 9345679),
	('Mon, 23 Nov 2026 09:08:00 GMT', 0), ('Mon, 99 Nov 2026 09:08:00 GMT', -1)) AS known (text, us),
	outcome('WEBHOOK', jsonb_build_object('status', '503', 'retry_after', text));
SELECT is(retry_after_us, -1::bigint, 'none when delivered') FROM outcome('WEBHOOK', '{"status": "200", "retry_after": "7"}');

-- The queue id of an accepted mail, and no false ones.
SELECT is(provider_message_id, id, 'mail: ' || reply) FROM (VALUES
	('250 2.0.0 Ok: queued as 4F2xDn0bQ9z', '4F2xDn0bQ9z'), ('250 2.0.0 Ok: queued as DEADBEEF', 'DEADBEEF'),
		('250 ok:  queued as 8A5F1C0D', '8A5F1C0D'),
	('250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 9C2D81A0', '9C2D81A0'),
		('250 Ok: queued as zVrDfd3bRz-8aUuVYzYY1w', 'zVrDfd3bRz-8aUuVYzYY1w'),
	('250 OK id=1rABcd-0003Xy-2H', '1rABcd-0003Xy-2H'), ('250 OK id=1rABcd-00000000Xyz-2Hi9', '1rABcd-00000000Xyz-2Hi9'),
	('250 2.6.0 <5c1@acme.example> [InternalId=70364449210372, Hostname=MBX1.acme.example] 8263 bytes in 0.136, 59.2 KB/sec Queued '
		'mail for delivery', '70364449210372'),
	('250 Ok 0100018bd2c3e4f5-8a1b2c3d-4e5f-6789-abcd-ef0123456789-000000',
		'0100018bd2c3e4f5-8a1b2c3d-4e5f-6789-abcd-ef0123456789-000000'),
	('250 2.0.0 OK 5A/B1-12345-1234ABCD', '5A/B1-12345-1234ABCD'),
		('250 Ok. 0000000000100017.65601CC5.00001F3E', '0000000000100017.65601CC5.00001F3E'),
	('250 2.0.0 OK  1700732087 n9-20020a056402060900b0053e2a5e7f0bsor1234567edv.12 - gsmtp',
		'n9-20020a056402060900b0053e2a5e7f0bsor1234567edv.12'),
	('250 2.0.0 3AN9c7Zx012345 Message accepted for delivery', '3AN9c7Zx012345'),
		('250 2.0.0 8f0d2c1b Message accepted for delivery', '8f0d2c1b'),
	('250 ok 1700732087 qp 24680', '24680'), ('250 Message Queued (1DEF0A2B-3C4D.1)', '1DEF0A2B-3C4D.1'),
		('250 2.0.0 Message queued with id 1a2b3c4d5e.', '1a2b3c4d5e'),
	('250 SmtpThread-1-1700732087@uk-mta-12.uk.example Received OK [tbVxq0ZkPs2u1aFhYxq9Xw.uk12]', 'tbVxq0ZkPs2u1aFhYxq9Xw.uk12'),
	('250 2.0.0 Message accepted for delivery', NULL), ('250 2.0.0 accepted', NULL), ('250 Ok', NULL),
		('250 2.0.0 Ok: queued', NULL), ('250 Great success', NULL),
	('250 2.0.0 Ok accepted', NULL), ('250 Queued (0.123 seconds)', NULL), ('250', NULL), ('', NULL),
		('250 2.0.0 Ok: queued as ', NULL), ('250 id=', NULL),
	('250 OK id=' || repeat('a', 300), repeat('a', 256)), (E'250 OK id=1a\tb', '1a'), ('250 OK id=<1a>', NULL)) AS known (reply, id),
	outcome('EMAIL', '{"status": "250"}', convert_to(reply, 'UTF8'), '{"kind": "SMTP"}');
SELECT is(provider_message_id, NULL, 'none unless it was taken')
	FROM outcome('EMAIL', '{"status": "451", "curl_result": "55"}', '451 4.3.0 Error: queued as 4F2xDn0bQ9z');
SELECT is(provider_message_id, 'key-********', 'and no secret')
	FROM outcome('EMAIL', '{"status": "250"}', '250 ok: queued as key-s3cret-word', '{"password": "s3cret-word"}');
SELECT is(ARRAY[response, provider_message_id], ARRAY[NULL, '4F2x'], 'of a one-time code''s mail the name alone')
	FROM outcome('EMAIL', '{"status": "250"}', '250 2.0.0 Ok: queued as 4F2x 123456 is your code', '{"type": "CODE"}');

-- Hostile text.
SELECT is(response, kept, 'kept of ' || body::text) FROM (VALUES
	('\x6f6b'::bytea, 'ok'), ('', NULL), ('\xc3a9', 'é'), ('\xe6bca2f09f9880', '漢😀'), ('\xff6f6bfe', '?ok?'), ('\xc3', '?'),
		('\xc0af', '??'),
	('\xeda080', '???'), ('\xf4908080', '????'), ('\x0d0a09', E'\r\n\t'), ('\x1b5b306d', '?[0m'), ('\x7f', '?')) AS known (body, kept),
	outcome('WEBHOOK', '{"status": "500"}', body);
SELECT is(octet_length(response), 4096, 'at most 4 KB are kept')
	FROM outcome('WEBHOOK', '{"status": "500"}', convert_to(repeat('a', 8000), 'UTF8'));
SELECT is(response, 'a' || repeat('é', 2047), 'of whole characters')
	FROM outcome('WEBHOOK', '{"status": "500"}', convert_to('a' || repeat('é', 3000), 'UTF8'));

-- Secrets.
SELECT is(response, kept, 'masked: ' || body) FROM (VALUES
	('pass s3cret-word', 'pass ********'), ('Basic bWU6czNjcmV0LXdvcmQ=', 'Basic ********'),
		('key hmac-key-1, hmac-key-2', 'key ********, ********'),
	('header shh-header open-header', 'header ******** open-header'), ('{"echo": "with \"quotes\" \\ in it"}', '{"echo": "********"}'),
	('cut off: s3cret-w', 'cut off: ********'), ('s3cret-words3cret-word', '****************')) AS known (body, kept),
	outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'),
		'{"username": "me", "password": "s3cret-word", "keys": ["hmac-key-1", "hmac-key-2"], "headers": {"X-Open": "open-header"},
		  "secret_headers": {"X-Secret": "shh-header", "X-Quoted": "with \"quotes\" \\ in it"}}');
SELECT is(error, 'login ******** failed', 'errors are masked too')
	FROM outcome('EMAIL', '{"curl_result": "67", "error": "login s3cret-word failed"}', NULL, '{"password": "s3cret-word"}');

-- However they are escaped: each as an answer would say it, and cut off at each of its bytes.
CREATE TEMP TABLE echo (how text, body text);
INSERT INTO echo SELECT how, format(template, form) FROM (VALUES
	('as it is', 'p&ss/w+rd <é€>=1'),
	('JSON, all that is not ASCII and what HTML minds', 'p\u0026ss\/w\u002Brd \u003c\u00e9\u20AC\u003e\u003d1'),
	('JSON, every character', (SELECT string_agg('\u' || lpad(to_hex(ascii(c)), 4, '0'), '')
		FROM string_to_table('p&ss/w+rd <é€>=1', NULL) AS c)),
	('HTML, names', 'p&amp;ss&sol;w&plus;rd &lt;é€&gt;&equals;1'),
	('HTML, numbers', 'p&#38;ss&#x2F;w&#43;rd &#60;&#233;&#x20ac;&#62;&#61;1'),
	('URL', 'p%26ss%2Fw%2Brd%20%3C%C3%A9%E2%82%AC%3E%3D1'), ('URL in small letters, in part', 'p%26ss/w%2brd%20<%c3%a9%e2%82%ac>=1'),
	('form', 'p%26ss%2Fw%2Brd+%3C%C3%A9%E2%82%AC%3E%3D1'),
	('JSON in JSON', 'p\\u0026ss\\\/w+rd \\u003cé€>=1'), ('HTML in JSON', 'p\u0026amp;ss/w+rd \u0026lt;é€\u0026gt;=1'),
	('URL in URL', 'p%2526ss%252Fw%252Brd%2520%253C%25C3%25A9%25E2%2582%25AC%253E%253D1'),
		('URL in HTML', 'p&#37;26ss%2Fw%2Brd&percnt;20%3Cé€&gt;%3D1'), ('JSON in HTML', 'p\u0026ss&#92;/w+rd &lt;é€>=1'),
	('broken lines', E'p&ss/w\r\n+rd <é€>\n=1')) AS written (how, form),
	(VALUES ('%s'), ('{"error": "no such pass: %s"}')) AS t (template);
INSERT INTO echo SELECT 'base64 behind ' || n, 'got ' || translate(encode(convert_to(repeat('x',
	n) || 'p&ss/w+rd <é€>=1' || repeat('y', n), 'UTF8'), 'base64'), alphabet, other)
	FROM generate_series(0, 5) AS n, (VALUES ('', ''), ('+/=', '-_')) AS t (alphabet, other);
INSERT INTO echo SELECT 'base64 in JSON and URL', replace(replace(replace(encode(convert_to('me:' || secret, 'UTF8'), 'base64'),
	'/', '\/'), '+', '%2B'), '=', '%3D')
	FROM (VALUES ('p&ss/w+rd <é€>=1'), ('p%26ss%2Fw%2Brd%20%3C%C3%A9%E2%82%AC%3E%3D1')) AS t (secret);
SELECT ok(response NOT LIKE '%rd%' AND response LIKE '%********%', 'masked: ' || how || ', ' || body)
	FROM echo, outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'), '{"password": "p&ss/w+rd <é€>=1"}')
		WHERE how NOT LIKE 'base64%';
SELECT ok((response !~ '[A-Za-z0-9+/_-]{5}' OR response ~ '^got \*+[y=]*$') AND response LIKE '%********%',
	'masked: ' || how || ', ' || body)
	FROM echo, outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'), '{"password": "p&ss/w+rd <é€>=1"}')
		WHERE how LIKE 'base64%';
-- At most three characters of a secret's beginning show where the text was cut.
SELECT is(string_agg(length || ': ' || response, E'\n'), NULL, 'cut off: ' || how || ', ' || body) FROM echo,
	generate_series(1, octet_length(body)) AS length,
	outcome('WEBHOOK', '{"status": "500"}', substr(convert_to(body, 'UTF8'), 1, length), '{"password": "p&ss/w+rd <é€>=1"}')
	WHERE response ~ '(^|[: "])p(&|\\+u0026|&#38;|%(25)?26)[^*]*s(s|\\u0073)'
		OR (how LIKE 'base64%' AND response ~ '[A-Za-z0-9+/_-]{12}') GROUP BY how, body;
SELECT is(response, repeat('a', 4090) || '******', 'and where the log cuts it')
	FROM outcome('WEBHOOK', '{"status": "500"}', convert_to(repeat('a', 4090) || 's3cret-word' || repeat('b', 900), 'UTF8'),
	'{"password": "s3cret-word"}');
SELECT is(response, kept, 'of an answer: ' || body) FROM (VALUES
	('no such token: abc.def-123', 'no such token: ********'), ('{"sent":"Bearer abc.def-123"}', '{"sent":"********"}'),
		('100% of a & b, \ and %zz &nope; \u12 \ud800 done', '100% of a & b, \ and %zz &nope; \u12 \ud800 done'),
	('emoji \ud83d\ude00mark', 'emoji ********'), ('c%', 'c%'), ('&', '&'), ('\', '\'), ('%', '%'),
		('&#;&#x;&;&#0;', '&#;&#x;&;&#0;')) AS known (body, kept),
	outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'),
		'{"secret_headers": {"Authorization": "Bearer abc.def-123", "X-Emoji": "😀mark"}}');
-- The cost is proportional to the length, however often a secret occurs in one run of base64. (A quadratic search would take
-- more than half an hour.)
SET LOCAL statement_timeout = '3min';
SELECT is(response, '********', 'a long run of base64 is masked')
	FROM outcome('WEBHOOK', '{"status": "500"}', convert_to(repeat('YWFhY', 300000), 'UTF8'), '{"password": "aaaa"}');
-- Nor does it matter how much of a secret's beginning almost ends the text, or how many escapes may be cut there. (It took
-- minutes.)
SET LOCAL statement_timeout = '1min';
SELECT is(response, '********', 'a text that almost ends with long secrets is masked')
	FROM outcome('WEBHOOK', '{"status": "500"}', convert_to(repeat('a', 100000) || 'b' || repeat('%', 12), 'UTF8'),
		jsonb_build_object('secret_headers', (SELECT jsonb_object_agg('X-' || n, repeat('a', 100000) || n)
		FROM generate_series(1, 50) AS n)));
SET LOCAL statement_timeout = 0;
-- Past some milliseconds of searching, or where the text is escaped deeper than anybody writes, nothing of it is kept.
SELECT is(response, kept, secrets || ' secrets: ' || left(body, 20))
	FROM (VALUES (50, 'no such token: ' || repeat('x', 4000) || ' secret-7-', 'no such token: ' || repeat('x', 4000) || ' ********'),
	(50, repeat(E'\\\\u0041%2541&#37;41\na', 180) || 's\u0065cret-7-', repeat(E'\\\\u0041%2541&#37;41\na', 180) || '********'),
	(500, repeat(E'\\\\u0041%2541&#37;41\na', 400), '********'),
	(1, repeat('\', 128) || 'u0041', repeat('\', 128) || 'u0041'), (1, repeat('\', 512) || 'u0041', '********'),
		(1, repeat('%', 512), repeat('%', 512))) AS known (secrets, body, kept),
	outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'),
		jsonb_build_object('secret_headers', (SELECT jsonb_object_agg('X-' || n, 'secret-' || n || '-')
		FROM generate_series(1, secrets) AS n)));
-- Nested deeper, and where a secret looks like an escape itself.
SELECT is(response, kept, 'masked: ' || body) FROM (VALUES
	('got p%252541ss\\u0026lt;.', 'got ********.'), ('got p%41ss&amp;amp;amp;amp;lt;.', 'got ********.'),
		('\&quot;p%41ss&amp;lt;\&quot;', '\&quot;********\&quot;'), ('{"p": "&amp;#92;u0070%41ss\u0026amp;lt;"}', '{"p": "********"}'),
	('{"p": "{\"p\": \"\\u003cp\\u003e%5c\u0026lt;C:&bsol;dir\\\\ is\"}"}', '{"p": "{\"p\": \"\\u003cp\\u003e********is\"}"}'),
		('&lt;C:\dir\ is', '********is')) AS known (body, kept),
	outcome('WEBHOOK', '{"status": "500"}', convert_to(body, 'UTF8'), '{"password": "p%41ss&lt;", "keys": ["<C:\\dir\\"]}');
SELECT is(response, 'told: ********', 'the token that a message was sent with')
	FROM outcome('WEBHOOK', '{"status": "500", "token": "tok/en+1="}', convert_to('told: tok\u002fen\u002b1\u003d', 'UTF8'));

-- An answer may repeat the message; a one-time code in it must not be logged.
SELECT is(ARRAY[kind, error, response, provider_message_id], ARRAY[expected, err, kept, id],
	type || ', HTTP ' || status || ': what the log has') FROM (VALUES
	('CODE', 201, 'DELIVERED', NULL, NULL, 'SM1'), ('CODE', 400, 'REJECTED', 'the receiver answered with HTTP status 400', NULL, NULL),
	('TEST', 201, 'DELIVERED', NULL, '{"sid": "SM1", "message": "123456 is your code"}', 'SM1'),
	('TEST', 400, 'REJECTED', 'the provider answered with HTTP status 400: 123456 is your code',
		'{"sid": "SM1", "message": "123456 is your code"}', NULL)) AS t (type, status, expected, err, kept, id),
	outcome('SMS', jsonb_build_object('status', status::text), '{"sid": "SM1", "message": "123456 is your code"}',
		jsonb_build_object('type', type, 'kind', 'TWILIO'));
SELECT is(ARRAY[response, error], ARRAY[NULL, 'the receiver answered with status 550'], 'nor is a mail server quoted')
	FROM outcome('EMAIL', '{"status": "550", "curl_result": "55", "error": "the mail server refused the mail: 550 123456?"}',
		'550 123456?', '{"type": "CODE"}');
SELECT is(error, 'no connection', 'without an answer nothing is repeated')
	FROM outcome('EMAIL', '{"curl_result": "7", "error": "no connection"}', NULL, '{"type": "CODE"}');
SELECT * FROM finish();
ROLLBACK;
