-- Injection: text that contains a header, a command, an element of HTML; every kind in every field.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

-- One message of each channel, with a part of it replaced.
CREATE FUNCTION pg_temp.message(channel text, more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE channel
		WHEN 'EMAIL' THEN '{"channel": "EMAIL", "url": "smtp://mail.example", "sender": "Clinic <clinic@example.com>", "recipient": "ann@example.org", "recipient_name": "Ann",
			"subject": "Hi", "text": "text", "html": "<p>text</p>", "username": "me", "password": "word"}'::jsonb
		ELSE '{"url": "https://example.com/hook", "payload": "{}", "keys": ["key"], "auth": "BASIC", "username": "me", "password": "word"}' END || more $$;
SELECT is(reason, NULL, channel || ' is composed as it is') FROM unnest(ARRAY['EMAIL', 'WEBHOOK']) AS channel,
	appt_test.compose(pg_temp.message(channel));

-- Every control character is refused in every field that becomes part of a line. A tab counts as a blank if blanks are allowed.
CREATE TEMPORARY TABLE place (name text, channel text, pattern text, takes_tab boolean);
INSERT INTO place VALUES
	('subject', 'EMAIL', '{"subject": "a%sb"}', true), ('recipient''s name', 'EMAIL', '{"recipient_name": "a%sb"}', true),
	('recipient', 'EMAIL', '{"recipient": "a%sb@example.org"}', false),
		('recipient''s domain', 'EMAIL', '{"recipient": "a@exam%sple.org"}', false),
	('behind the recipient', 'EMAIL', '{"recipient": "a@example.org%s"}', false),
		('before the recipient', 'EMAIL', '{"recipient": "%sa@example.org"}', false),
	('sender''s name', 'EMAIL', '{"sender": "a%sb <c@example.com>"}', true), ('sender', 'EMAIL', '{"sender": "a%sb@example.com"}', false),
	('reply_to', 'EMAIL', '{"settings": {"reply_to": "a%sb@example.com"}}', false),
		('reply_to''s name', 'EMAIL', '{"settings": {"reply_to": "a%sb <c@example.com>"}}', true),
	('list_unsubscribe', 'EMAIL', '{"settings": {"list_unsubscribe": "https://example.com/%s"}}', false),
	('mail server', 'EMAIL', '{"url": "smtp://mail%s.example/"}', false),
		('greeting', 'EMAIL', '{"url": "smtp://mail.example/a%sb"}', false),
	('mail server''s user', 'EMAIL', '{"username": "a%sb"}', true), ('mail server''s password', 'EMAIL', '{"password": "a%sb"}', true),
	('url', 'WEBHOOK', '{"url": "https://example.com/a%sb"}', false), ('host', 'WEBHOOK', '{"url": "https://exam%sple.com/"}', false),
	('header''s name', 'WEBHOOK', '{"headers": {"X-A%sB": "c"}}', false), ('header', 'WEBHOOK', '{"headers": {"X-A": "b%sc"}}', true),
	('secret header', 'WEBHOOK', '{"secret_headers": {"X-A": "b%sc"}}', true),
		('appointment''s header', 'WEBHOOK', '{"message_headers": {"X-A": "b%sc"}}', true),
	('appointment''s header''s name', 'WEBHOOK', '{"message_headers": {"X-%sA": "b"}}', false),
	('user', 'WEBHOOK', '{"username": "a%sb"}', true), ('password', 'WEBHOOK', '{"password": "a%sb"}', true),
	('token_url', 'WEBHOOK', '{"auth": "OAUTH2", "token_url": "https://example.com/%s"}', false),
	('client', 'WEBHOOK', '{"auth": "OAUTH2", "token_url": "https://example.com/", "username": "a%sb"}', true);
SELECT is((SELECT string_agg(code::text, ',' ORDER BY code) FROM generate_series(1, 127) AS code,
		appt_test.compose(pg_temp.message(channel, replace(pattern, '%s', '\u00' || lpad(to_hex(code), 2, '0'))::jsonb)) AS c
	WHERE (code < 32 OR code = 127) AND c.reason IS NULL), CASE WHEN takes_tab THEN '9' END, 'no control characters in: ' || name)
		FROM place;
SELECT throws_ok(format('SELECT %L::jsonb', replace(pattern, '%s', '\u0000')), '22P05', NULL,
	'nor NUL, which no text can hold: ' || name) FROM place WHERE name = 'subject';

-- Characters that some programs take for the end of a line, or decode, stay inside their line.
CREATE TEMPORARY TABLE trick (name text, text text);
INSERT INTO trick VALUES
	('line separator', E'a\u2028Bcc: x@y.example'), ('paragraph separator', E'a\u2029Bcc: x@y.example'),
		('next line', E'a\u0085Bcc: x@y.example'), ('C1 controls', E'a\u009b31mb'),
	('no blank', E'a\ufeffb'), ('right to left', E'a\u202eb'), ('8 bit', 'ÿþ'), ('wide letters', '😀漢'),
		('an encoded word', '=?UTF-8?Q?=0D=0ABcc:_x=40y.example?='),
	('another', '=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?='), ('percent', '%0d%0aBcc: x@y.example'),
		('backslashes', '\r\nBcc: x@y.example'), ('an entity', '&#13;&#10;Bcc: x'),
	('HTML', '<script>alert(1)</script>'), ('quotes', '"a" ''b'' `c`'), ('an address', '<x@y.example>'),
		('more addresses', 'a, x@y.example;'), ('a comment', '(a) b'), ('a colon', 'Bcc: x'),
	('JSON', '"},{"a":"'), ('much', repeat('x', 3000)), ('much that folds', repeat('xé ', 1000));
-- Of a mail the names of the headers, folded lines joined.
CREATE FUNCTION pg_temp.header_names(message jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(substring(line FROM '^([^:]*):'), ' ' ORDER BY n) FROM appt_test.compose(message) AS c,
		regexp_split_to_table(regexp_replace(split_part(convert_from(c.body, 'UTF8'), E'\r\n\r\n', 1), E'\r\n ', ' ', 'g'),
			E'\r\n') WITH ORDINALITY AS h (line, n) $$;
SELECT is(pg_temp.header_names(pg_temp.message('EMAIL',
	jsonb_build_object('subject', text, 'recipient_name', text, 'sender',
	format('"%s" <c@example.com>', regexp_replace(text, '(["\\])', '\\\1', 'g'))))),
	'From To Subject Date Message-ID Auto-Submitted MIME-Version Content-Type', 'no header more in a mail by ' || name) FROM trick;
SELECT ok(bool_and(byte < 128 AND (byte > 31 OR byte IN (10, 13))), 'and no byte that is not ASCII by ' || name) FROM trick,
	appt_test.compose(pg_temp.message('EMAIL', jsonb_build_object('subject', text, 'recipient_name', text, 'text', text, 'html',
		text))) AS c,
	generate_series(0, length(c.body) - 1) AS i, get_byte(c.body, i) AS byte GROUP BY name;
SELECT is(array_length(c.headers, 1), plain.length + 1, 'one header more in a webhook by ' || name) FROM trick,
	(SELECT array_length(headers, 1) AS length FROM appt_test.compose(pg_temp.message('WEBHOOK'))) AS plain,
	appt_test.compose(pg_temp.message('WEBHOOK', jsonb_build_object('message_headers', jsonb_build_object('X-A', text)))) AS c;
SELECT ok('X-A: ' || text = ANY (c.headers), 'and that as it is: ' || name) FROM trick,
	appt_test.compose(pg_temp.message('WEBHOOK', jsonb_build_object('message_headers', jsonb_build_object('X-A', text)))) AS c;
SELECT is((convert_from(c.body, 'UTF8')::jsonb ->> 'payload')::jsonb, jsonb_build_object('a', text),
	'and the body as it is: ' || name) FROM trick,
	appt_test.compose(pg_temp.message('WEBHOOK', jsonb_build_object('payload', jsonb_build_object('a', text)::text))) AS c;
SELECT is(appt.render_template('<a title="{{a}}">{{a}}</a>', jsonb_build_object('a', text), html => true),
	format('<a title="%1$s">%1$s</a>', escaped), 'escaped in HTML: ' || name)
	FROM trick, LATERAL (SELECT replace(replace(replace(replace(replace(text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"',
		'&quot;'), '''', '&#39;') AS escaped) AS e;

-- Addresses that are a command, several addresses, or different from what they look like.
SELECT is(appt_test.ascii_mail_address(address), NULL, 'no mail to ' || quote_literal(left(address, 60))) FROM unnest(ARRAY[
	'a@b.example> SIZE=1', 'a@b.example SIZE=1', 'a@b.example NOTIFY=NEVER', '<a@b.example>', 'a@b.example>', 'a>b@c.example', '<>',
		'postmaster', '@a.example,@b.example:c@d.example',
	'(x)a@b.example', 'a(x)@b.example', 'a@b.example (x)', 'Ann <a@b.example>', '"a b"@c.example', '"a\"b"@c.example',
		'a\@b@c.example', 'a@b.example;c@d.example', 'a@b.example:25',
	'a@[127.0.0.1]', 'a@[IPv6:::1]', 'a@b%0d%0a.example', 'a@b\r\n.example', 'ａ@b.example', 'a＠b.example', 'а@b.example',
		E'a\u200b@b.example', E'a@b\u202e.example', 'a@＜b＞.example',
	'a@b＠c.example', 'a@℀.example', 'a@b／c.example', E'a@b\u2028.example', E'a@b\u0085.example', E'a@\u200b', 'a@b..example',
		'a@.example', 'a@', '@', '',
	repeat('a', 65) || '@b.example', 'a@' || repeat('b', 64) || '.example', 'a@' || repeat('b.', 200) || 'example',
		repeat('a', 100000) || '@b.example', 'a@' || repeat('b', 100000),
	repeat('@', 1000), 'a@' || repeat('ü', 63) || '.example']) AS address;
SELECT is(appt_test.ascii_mail_address(address), ascii, 'mail to ' || address || ' goes to ' || ascii) FROM (VALUES
	('a%b@c.example', 'a%b@c.example'), ('a!b@c.example', 'a!b@c.example'), ('-a@b.example', '-a@b.example'),
		('a@b。example', 'a@b.example'), ('a@Ｂ.example', 'a@b.example'),
	(repeat('a', 64) || '@b.example', repeat('a', 64) || '@b.example')) AS known (address, ascii);

-- A mail's text cannot end the mail: what is sent has CR LF at the end of every line and nothing else of them, dots doubled by
-- the one who sends.
SELECT is(replace(convert_from(c.body, 'UTF8'), E'\r\n', '') ~ E'[\r\n]', false, 'line ends of ' || to_json(text)) FROM unnest(ARRAY[
	E'a\r\n.\r\nMAIL FROM:<x@y.example>', E'a\n.\nMAIL', E'a\r.\rMAIL', E'a\n.\r\nMAIL', E'a\r\n.\nMAIL', E'a\r\n.\rMAIL', E'.',
		E'\r', E'\n\r\n\r']) AS text,
	appt_test.compose(pg_temp.message('EMAIL', jsonb_build_object('text', text, 'html', text))) AS c;

SELECT * FROM finish();
ROLLBACK;
