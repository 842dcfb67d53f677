-- What may be configured: URLs, senders, addresses, headers, keys.
BEGIN;
SELECT no_plan();

SELECT is(appt_test.url_problem(url, false), NULL, 'accepted: ' || url) FROM unnest(ARRAY[
	'http://example.com', 'https://example.com:8443/a/b?c=d&e=%20#f', 'HTTPS://EXAMPLE.COM/', 'http://127.0.0.1:1/', 'http://[::1]:8080/x',
	'https://xn--bcher-kva.example/', 'https://user.example.com/@handle']) AS url;
SELECT ok(appt_test.url_problem(url, false) IS NOT NULL, 'refused: ' || quote_literal(url)) FROM unnest(ARRAY[
	'', 'example.com', '//example.com', 'ftp://example.com/', 'file:///etc/passwd', 'gopher://example.com', 'smtp://example.com',
		'dict://a/', 'ldap://a',
	'http://', 'http:///x', 'http://user@example.com/', 'http://user:word@example.com/', 'http://:word@example.com/', 'http://a b/',
		'http://a/{id}', E'http://a/\r\nX: y',
	E'http://a/\n', 'http://a/<x>', 'http://a/"x"', 'http://a\b/', 'http://bücher.example/', E'http://a/\x7f', 'http://a:99999/',
		'http://a:port/',
	'http://[::1/', 'javascript:alert(1)', ' http://a/', 'http://a/ ', 'http://' || repeat('a', 254) || '/',
		'http://a/' || repeat('x', 2000)]) AS url;
SELECT ok(appt_test.url_problem(url, false) IS NOT NULL, 'refused: ' || url) FROM unnest(ARRAY[
	'http://evil@127.0.0.1/', 'http://127.0.0.1@evil/', 'http://a:b@[::1]/', 'http://@a/', 'http://a%40b/', 'http://a;AUTH=x@b/',
		'http://a%00b/', 'http://a%0d%0ab/',
	'http://a%2fb/', 'http://a%20b/', 'http:/a', 'http:a', 'http:\a', 'http://a:80:80/', 'http://a:0x50/', 'http://a:-1/',
		'http://a:+80/', 'http://a:80a/', 'http://[::1]x/',
	'http://[127.0.0.1]/', 'http://①②⑦.⓪.⓪.①/', 'http://127。0。0。1/', 'http+unix://a/', 'unix:///x', 'tftp://a', 'telnet://a',
		'rtsp://a', 'scp://a', 'sftp://a',
	'smb://a', 'ws://a', 'wss://a', 'mqtt://a', 'imaps://a', 'pop3://a', 'data:text/plain,x', 'jar:http://a!/', 'about:blank',
		'http://a;b/', 'http://a,b/', 'http://*/',
	'http://a$b/', 'http://(a)/', 'http://a&b/']) AS url;
-- URLs that seem to have user information and have none.
SELECT is(appt_test.url_problem(url, false), NULL, 'accepted: ' || url)
	FROM unnest(ARRAY['https://a#@b', 'https://a?@b', 'http://a//b@c', 'http://a/%0d%0aX:y']) AS url;

SELECT is(appt_test.url_problem(url, true), NULL, 'accepted: ' || url) FROM unnest(ARRAY[
	'smtp://mail.example.com', 'smtp://mail.example.com/[192.0.2.1]', 'smtp://mail.example.com/', 'smtps://mail.example.com:465',
		'smtp://mail.example.com:587/helo.example.com', 'smtp://[::1]:25']) AS url;
SELECT ok(appt_test.url_problem(url, true) IS NOT NULL, 'refused for mail: ' || url) FROM unnest(ARRAY[
	'http://example.com', 'smtp://me:word@example.com', 'imap://example.com', E'smtp://a/x\r\nRSET',
		'smtp://a/%0d%0aRCPT%20TO:%3cx%3e', 'smtp://a/%00', 'smtp://a/b%20c',
	'smtp://a/b?c', 'smtp://a/b#c', 'smtp://a/;AUTH=NTLM', 'smtp://;AUTH=x@a', 'smtp://a%0ab/', 'smtp:a', 'smtp+x://a',
		'smtp://a/b/c']) AS url;

SELECT is(appt_test.sender_problem(sender), NULL, 'accepted: ' || sender) FROM unnest(ARRAY[
	'a@b.example', 'Clinic <a@b.example>', '"Clinic, North" <a@b.example>', 'Käse & Co <a@b.example>', '<a@b.example>', ' a@b.example ',
	'"say \"hi\"" <a@b.example>', 'a+tag@b.example', 'a@bücher.example']) AS sender;
SELECT ok(appt_test.sender_problem(sender) IS NOT NULL, 'refused: ' || quote_literal(sender)) FROM unnest(ARRAY[
	'', 'Clinic', 'Clinic <>', 'Clinic <a>', 'Clinic <a@b> more', 'a@b@c', E'Clinic\r\nBcc: x@y.example <a@b.example>',
		E'a@b.example\n', 'a b@c.example',
	'<a@b.example', 'a@b.example>', 'a@b..example', 'a@-b.example', '.a@b.example', 'ä@b.example']) AS sender;

SELECT is(appt_test.ascii_mail_address(given), ascii, given || ' as SMTP has it') FROM (VALUES
	('a@b.example', 'a@b.example'), ('A.B+c@Example.COM', 'A.B+c@Example.COM'), ('o''neil@b.example', 'o''neil@b.example'),
	('a@bücher.example', 'a@xn--bcher-kva.example'), ('a@例え.テスト', 'a@xn--r8jz45g.xn--zckzah'),
		('a@localhost', 'a@localhost')) AS known (given, ascii);
SELECT is(appt_test.ascii_mail_address(address), NULL, 'no mail to ' || quote_literal(address)) FROM unnest(ARRAY[
	'', 'a', '@b.example', 'a@', 'a@b@c.example', 'a..b@c.example', '.a@c.example', 'a.@c.example', 'a b@c.example',
		'"a b"@c.example', 'a@[127.0.0.1]',
	'a@b_c.example', 'a@b.example.', 'a@-b.example', 'a@b-.example', 'ä@b.example', 'a@b>.example', 'a>@b.example', '<a@b.example>',
		E'a@b.example\r\nDATA',
	E'a\r\n@b.example', 'a@' || repeat('b', 64) || '.example', repeat('a', 65) || '@b.example', 'a@' || repeat('b.', 130) || 'example',
	'a,b@c.example', 'a@b.example,c@d.example']) AS address;
SELECT is(appt_test.address_is_valid('SMS', number), valid, 'phone number ' || number) FROM (VALUES
	('+306912345678', true), ('+12025550123', true), ('+123456789012345', true), ('+1234567890123456', false),
		('306912345678', false), ('+0123456789', false),
	('+30 6912345678', false), ('+30691234567x', false), ('+', false), ('', false), ('00306912345678', false)) AS known (number, valid);

SELECT is(appt_test.header_problem(name, value), NULL, 'accepted: ' || name) FROM (VALUES
	('X-Tenant', 'a'), ('Authorization', 'Bearer x'), ('x_y.z', ''), ('User-Agent', 'me'), ('X-A', 'ü'),
		('X-A', E'a\tb')) AS h (name, value);
SELECT ok(appt_test.header_problem(name, value) IS NOT NULL, 'refused: ' || quote_literal(name) || ' ' || quote_literal(value))
	FROM (VALUES
	('', 'a'), ('X Y', 'a'), ('X:', 'a'), (E'X\r\nY', 'a'), ('X-Ü', 'a'), ('X-A', E'a\r\nb'), ('X-A', E'a\nb'), ('X-A', E'a\x01'),
		('X-A', E'\x7f'),
	('Host', 'a'), ('content-length', '1'), ('Transfer-Encoding', 'chunked'), ('CONNECTION', 'close'), ('Upgrade', 'h2c'),
		('TE', 'x'), ('Trailer', 'x'),
	('Expect', 'x'), ('Keep-Alive', 'x'), ('Proxy-Authorization', 'x'), ('Proxy-Connection', 'x'), ('webhook-id', 'x'),
		('Webhook-Timestamp', 'x'),
	('webhook-signature', 'x'), ('X-Signature', 'x'), ('X-Signature-Previous', 'x'), ('X-A', repeat('x', 5000))) AS h (name, value);

SELECT is(appt_test.hmac_key_problem(key), NULL, 'accepted: ' || key)
	FROM unnest(ARRAY['a', 'any text', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whse_']) AS key;
SELECT ok(appt_test.hmac_key_problem(key) IS NOT NULL, 'refused: ' || key)
	FROM unnest(ARRAY['', 'whsec_', 'whsec_***', 'whsec_abc']) AS key;

SELECT is(appt_test.channel_is_available(channel, kind),
	(channel, kind) IN (('EMAIL', 'SMTP'), ('EMAIL', 'GENESYS_CLOUD'), ('SMS', 'TWILIO'), ('SMS', 'HTTP'),
	('SMS', 'GENESYS_CLOUD'), ('WEBHOOK', 'WEBHOOK')), channel || ' by ' || kind)
	FROM unnest('{EMAIL,SMS,WEBHOOK}'::text[]) AS channel, unnest('{SMTP,TWILIO,GENESYS_CLOUD,HTTP,WEBHOOK,PIGEON}'::text[]) AS kind;
SELECT * FROM finish();
ROLLBACK;
