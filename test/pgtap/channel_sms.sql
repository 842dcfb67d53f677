-- Text messages: the requests to Twilio, Genesys Cloud and any gateway, and the meaning of their answers. Genesys Cloud's
-- email, too.
BEGIN;
SELECT no_plan();

\set account AC0123456789abcdef0123456789abcdef
\set service MG0123456789abcdef0123456789ABCDEF
\set key SK0123456789abcdef0123456789abcdef
CREATE FUNCTION sms(kind text, more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('channel', 'SMS', 'kind', kind, 'recipient', '+306900000000', 'text', 'See you & Bob at 9, "ü"',
		'password', 's3cret word') || more
$$;
CREATE FUNCTION twilio(more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT sms('TWILIO', '{"url": "https://api.twilio.com", "username": "AC0123456789abcdef0123456789abcdef", "sender": "+15550100000"}' || more)
$$;
CREATE FUNCTION genesys(more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT sms('GENESYS_CLOUD', '{"url": "https://api.mypurecloud.ie", "username": "client", "sender": "+15550100000"}' || more)
$$;
CREATE FUNCTION gateway(settings jsonb = '{}', more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT sms('HTTP', jsonb_build_object('url', 'https://gateway.example/send', 'sender', 'Acme & Co', 'settings', settings) ||
		CASE WHEN settings ? 'headers' THEN jsonb_build_object('headers', settings -> 'headers') ELSE '{}' END || more)
$$;
CREATE FUNCTION body(message jsonb) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(convert_from(body, 'UTF8'),
	reason || ': ' || error) FROM appt_test.compose(message) $$;
CREATE FUNCTION header(message jsonb, name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(substr(line, length(name) + 3), ' | ') FROM appt_test.compose(message) AS c, unnest(c.headers) AS line
		WHERE lower(line) LIKE lower(name) || ': %'
$$;
CREATE FUNCTION why(message jsonb) RETURNS text LANGUAGE sql AS $$ SELECT reason FROM appt_test.compose(message) $$;

-- Whatever the kind.
SELECT is(why(kind || more), expected, kind ->> 'kind' || ': not sent: ' || left(more::text, 100))
FROM unnest(ARRAY[twilio(), genesys(), gateway()]) AS kind, (VALUES
	('{"text": ""}'::jsonb, 'TEMPLATE_ERROR'), ('{"text": " \r\n\t "}', 'TEMPLATE_ERROR'), ('{"text": null}', 'TEMPLATE_ERROR'),
	(jsonb_build_object('text', repeat('ü', 1601)), 'TEMPLATE_ERROR'),
	('{"recipient": "306900000000"}', 'BAD_ADDRESS'), ('{"recipient": "+30 6900"}', 'BAD_ADDRESS'),
		('{"recipient": "+306900000000\r\nX: y"}', 'BAD_ADDRESS'),
	('{"recipient": null}', 'BAD_ADDRESS'), ('{"recipient": "whatsapp:+306900000000"}', 'BAD_ADDRESS'),
	('{"url": "https://me:word@gateway.example"}', 'BAD_CONFIGURATION'), ('{"url": "smtp://gateway.example"}', 'BAD_CONFIGURATION'),
		('{"url": "https://a/\r\nX: y"}', 'BAD_CONFIGURATION'),
	('{"url": "https://a b/"}', 'BAD_CONFIGURATION')) AS cases (more, expected);
SELECT is(why(kind || jsonb_build_object('text', repeat('ü', 1600))), NULL, kind ->> 'kind' || ': 1600 characters are sent')
	FROM unnest(ARRAY[twilio(), genesys(), gateway()]) AS kind;
SELECT is(why(kind - 'password'), 'BAD_CONFIGURATION', kind ->> 'kind' || ' needs its secret') FROM unnest(ARRAY[twilio(), genesys(),
	gateway('{"headers": {"X-Key": "{{secret}}"}}')]) AS kind;
SELECT is(why(gateway() - 'password'), NULL, 'a gateway may do without');

-- Twilio.
SELECT is(url, 'https://api.twilio.com/2010-04-01/Accounts/' || :'account' || '/Messages.json', 'the API''s address is enough')
	FROM appt_test.compose(twilio());
SELECT is(url, expected, 'URL ' || given) FROM (VALUES
	('https://api.twilio.com/', 'https://api.twilio.com/2010-04-01/Accounts/' || :'account' || '/Messages.json'),
	('http://proxy.example/twilio', 'http://proxy.example/twilio/2010-04-01/Accounts/' || :'account' || '/Messages.json'),
	('https://api.twilio.com/2010-04-01/Accounts/ACx/Messages.json', 'https://api.twilio.com/2010-04-01/Accounts/ACx/Messages.json'),
	('https://like.example/api/laml/2010-04-01/Accounts/x/Messages.json',
		'https://like.example/api/laml/2010-04-01/Accounts/x/Messages.json')) AS u (given, expected),
	appt_test.compose(twilio(jsonb_build_object('url', given)));
SELECT is(body(twilio()), 'To=%2B306900000000&From=%2B15550100000&Body=See%20you%20%26%20Bob%20at%209%2C%20%22%C3%BC%22', 'a form');
SELECT is(body(twilio('{"text": "a=b&To=%2B1\r\n+c~-._d"}')),
	'To=%2B306900000000&From=%2B15550100000&Body=a%3Db%26To%3D%252B1%0D%0A%2Bc~-._d', 'no text is another field');
SELECT is(body(twilio(jsonb_build_object('sender', :'service'))),
	'To=%2B306900000000&MessagingServiceSid=' || :'service' || '&Body=See%20you%20%26%20Bob%20at%209%2C%20%22%C3%BC%22',
	'from a messaging service');
SELECT is(body(twilio('{"sender": "A & C 1", "text": "x", "settings": {"status_callback": "https://hooks.example/a?b=c"}}')),
	'To=%2B306900000000&From=A%20%26%20C%201&Body=x&StatusCallback=https%3A%2F%2Fhooks.example%2Fa%3Fb%3Dc',
		'from a name, with a callback');
SELECT is(ARRAY[username, password, method, token_url], ARRAY[:'account', 's3cret word', NULL, NULL], 'basic authentication')
	FROM appt_test.compose(twilio());
SELECT is(ARRAY[username, url], ARRAY[:'key', 'https://api.twilio.com/2010-04-01/Accounts/' || :'account' || '/Messages.json'],
	'an API key, with the account in the settings')
FROM appt_test.compose(twilio(jsonb_build_object('username', :'key', 'settings', jsonb_build_object('account_sid', :'account'))));
SELECT is(header(twilio(), name), value, name) FROM (VALUES ('content-type', 'application/x-www-form-urlencoded'),
	('accept', 'application/json'), ('user-agent', 'appt/1.0')) AS h (name, value);
SELECT is(why(twilio(more)), 'BAD_CONFIGURATION', 'Twilio: ' || more::text)
	FROM unnest(ARRAY['{"username": null}', '{"username": ""}', '{"username": "AC 123"}',
	'{"username": "SK0123456789abcdef0123456789abcdef"}',
	'{"username": "AC0123456789abcdef0123456789abcde/"}', '{"username": "a:b"}',
		'{"username": "a\nb", "url": "https://a.example/Messages.json"}', '{"password": "a\r\nb"}',
		'{"settings": {"account_sid": "../x"}}',
	'{"sender": null}', '{"sender": ""}', '{"sender": "MG0123456789abcdef0123456789abcde"}', '{"sender": "12"}',
		'{"sender": "Twelve chars"}', '{"sender": "Acme!"}', '{"sender": "whatsapp:+15550100000"}', '{"sender": "Acme\r\n"}',
	'{"url": "https://api.twilio.com/?a=b"}', '{"url": "https://api.twilio.com/#a"}',
		'{"url": "https://api.twilio.com/a?b=/Messages.json"}']::jsonb[]) AS more;
SELECT is(why(twilio(jsonb_build_object('sender', sender))), NULL, 'Twilio: from ' || sender)
	FROM unnest(ARRAY['+15550100000', '12345', 'Acme', 'Acme 24', :'service']) AS sender;

-- Genesys Cloud.
SELECT is(ARRAY[url, token_url, username, password],
	ARRAY['https://api.mypurecloud.ie/api/v2/conversations/messages/agentless', 'https://login.mypurecloud.ie/oauth/token',
	'client', 's3cret word'],
	'a region''s address is enough') FROM appt_test.compose(genesys());
SELECT is(token_url, expected, 'token by ' || more::text) FROM (VALUES
	('{"url": "https://api.usw2.pure.cloud/"}'::jsonb, 'https://login.usw2.pure.cloud/oauth/token'),
		('{"url": "http://API.x.example:8080/base"}', 'http://login.x.example:8080/oauth/token'),
	('{"url": "https://genesys.example/"}', 'https://genesys.example/oauth/token'),
		('{"url": "https://myapi.example"}', 'https://myapi.example/oauth/token'),
	('{"url": "https://genesys.example", "settings": {"token_url": "https://id.example/t"}}', 'https://id.example/t'),
		('{"settings": {"token_url": "https://id.example/t"}}', 'https://id.example/t')) AS u (more, expected),
	appt_test.compose(genesys(more));
SELECT is(body(genesys())::jsonb, '{"fromAddress": "+15550100000", "toAddress": "+306900000000", "toAddressMessengerType": "sms", '
	'"textBody": "See you & Bob at 9, \"ü\""}', 'what the agentless API wants');
SELECT is(body(genesys('{"settings": {"use_existing_active_conversation": true}}'))::jsonb -> 'useExistingActiveConversation',
	'true', 'in a conversation that is going on');
SELECT is(body(genesys('{"settings": {"use_existing_active_conversation": false}}'))::jsonb ? 'useExistingActiveConversation',
	false, 'only if wished');
SELECT is(body(genesys('{"text": "\", \"toAddress\": \"+1\u0001\\"}'))::jsonb ->> 'textBody', E'", "toAddress": "+1\x01\\',
	'no text is another member');
SELECT is(header(genesys(), 'content-type'), 'application/json', 'as JSON');
SELECT is(why(genesys(more)), 'BAD_CONFIGURATION', 'Genesys Cloud: ' || more::text)
	FROM unnest(ARRAY['{"username": null}', '{"username": ""}', '{"sender": null}', '{"sender": "Acme"}', '{"sender": "a@b.example"}',
	'{"settings": {"reply_to": "a@b.example"}}', '{"settings": {"token_url": "ldap://id"}}',
		'{"settings": {"token_url": "https://u:p@id.example"}}',
	'{"url": "https://api.mypurecloud.ie/?a"}']::jsonb[]) AS more;

CREATE FUNCTION email(more jsonb = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT genesys('{"channel": "EMAIL", "sender": "Acme, Inc <hello@acme.example>", "recipient": "ann@bücher.example", "recipient_name": "Ann \"A\" Lee", "subject": "Grüße",
		"text": "line\r\n\"two\"", "html": "<p>x</p>"}' || more)
$$;
SELECT is(ARRAY[url, token_url], ARRAY['https://api.mypurecloud.ie/api/v2/conversations/emails/agentless',
	'https://login.mypurecloud.ie/oauth/token'], 'email, with the same token') FROM appt_test.compose(email());
SELECT is(body(email())::jsonb, '{"senderType": "Outbound", "fromAddress": {"email": "hello@acme.example", "name": "Acme, Inc"}, '
	'"toAddresses": [{"email": "ann@xn--bcher-kva.example", "name": "Ann \"A\" Lee"}],
	"subject": "Grüße", "textBody": "line\r\n\"two\"", "htmlBody": "<p>x</p>"}', 'what the agentless email API wants');
SELECT is(body(email('{"sender": "hello@acme.example", "recipient_name": null, "html": null, "settings": {"reply_to": "Help '
	'<help@acme.example>"}}'))::jsonb,
	'{"senderType": "Outbound", "fromAddress": {"email": "hello@acme.example"}, "toAddresses": [{"email": '
		'"ann@xn--bcher-kva.example"}], "subject": "Grüße", "textBody": "line\r\n\"two\"",
	"replyToAddress": {"email": "help@acme.example", "name": "Help"}}', 'without names, with an address to reply to');
SELECT is(why(email(more)), expected, 'no email: ' || more::text) FROM (VALUES
	('{"subject": "a\r\nBcc: x"}'::jsonb, 'TEMPLATE_ERROR'), ('{"recipient": "a@b\r\nc"}', 'BAD_ADDRESS'),
		('{"recipient": "a,b@c.example"}', 'BAD_ADDRESS'), ('{"recipient_name": "a\r\nb"}', 'BAD_ADDRESS'),
	('{"sender": null}', 'BAD_CONFIGURATION'), ('{"sender": "nobody"}', 'BAD_CONFIGURATION'),
		('{"settings": {"reply_to": "x"}}', 'BAD_CONFIGURATION'),
	('{"settings": {"use_existing_active_conversation": true}}', 'BAD_CONFIGURATION'),
		('{"password": ""}', 'BAD_CONFIGURATION')) AS cases (more, expected);

-- Any gateway.
SELECT is(ARRAY[url, method, username], ARRAY['https://gateway.example/send', 'POST', NULL],
	'a POST without authentication, unless told') FROM appt_test.compose(gateway());
SELECT is(body(gateway())::jsonb, '{"id": "11111111-2222-3333-4444-555555555555", "from": "Acme & Co", "to": "+306900000000", '
	'"text": "See you & Bob at 9, \"ü\""}', 'all there is to say, as JSON');
SELECT is(body(gateway('{"content_type": "application/x-www-form-urlencoded"}')),
	'id=11111111-2222-3333-4444-555555555555&from=Acme%20%26%20Co&to=%2B306900000000&text=See%20you%20%26%20Bob%20at%209%2C%20%22%C3%BC%22',
		'or as a form');
SELECT is(body(gateway('{}', '{"sender": null}'))::jsonb ->> 'from', '', 'the sender may be the gateway''s own');
SELECT is(body(gateway(jsonb_build_object('content_type', type, 'body', template), '{"text": "a&b<c>\"d\"''\\\n/ü\u0001 {{to}}"}')),
	expected, type || ' ' || template) FROM (VALUES
	('application/json', '{"n": [{"t": "{{ text }}!", "{{id}}": 1}], "f": "{{from}}"}',
		'{"n": [{"t": "a&b<c>\"d\"''\\\n/ü\u0001 {{to}}!", "11111111-2222-3333-4444-555555555555": 1}], "f": "Acme & Co"}'),
	('Application/JSON; charset=UTF-8', '"{{text}}"', '"a&b<c>\"d\"''\\\n/ü\u0001 {{to}}"'),
	('application/x-www-form-urlencoded', 'msisdn={{to}}&x=%7B&text={{text}}',
		'msisdn=%2B306900000000&x=%7B&text=a%26b%3Cc%3E%22d%22%27%5C%0A%2F%C3%BC%01%20%7B%7Bto%7D%7D'),
	('application/xml', '<sms to="{{to}}">{{text}}</sms>',
		E'<sms to="+306900000000">a&amp;b&lt;c&gt;&quot;d&quot;&#39;\\\n/ü  {{to}}</sms>'),
	('text/xml; charset=utf-8', '<t>{{from}}</t>', '<t>Acme &amp; Co</t>'),
		('application/soap+xml', '<t>{{from}}</t>', '<t>Acme &amp; Co</t>'),
	('text/plain', '{{to}}: {{text}}', E'+306900000000: a&b<c>"d"''\\\n/ü\x01 {{to}}')) AS t (type, template, expected);
SELECT is(header(gateway('{"content_type": "text/plain; charset=utf-8", "body": "{{text}}"}'), 'content-type'),
	'text/plain; charset=utf-8', 'the type is told');
SELECT is(ARRAY[url, method, body::text], ARRAY[expected, 'GET', '\x'], 'GET ' || template) FROM (VALUES
	('https://gw.example/send?to={{to}}&text={{text}}',
		'https://gw.example/send?to=%2B306900000000&text=See%20you%20%26%20Bob%20at%209%2C%20%22%C3%BC%22'),
	('https://gw.example?t={{text}}', 'https://gw.example?t=See%20you%20%26%20Bob%20at%209%2C%20%22%C3%BC%22'),
	('https://gw.example/{{ from }}/{{to}}/{{id}}/',
		'https://gw.example/Acme%20%26%20Co/%2B306900000000/11111111-2222-3333-4444-555555555555/')) AS u (template, expected),
	appt_test.compose(gateway('{"method": "GET"}', jsonb_build_object('url', template)));
SELECT is(header(gateway('{"method": "GET"}'), 'content-type'), NULL, 'a GET says nothing of a body');
SELECT is(method, 'PUT', 'PUT') FROM appt_test.compose(gateway('{"method": "PUT"}'));
SELECT is(ARRAY[username, password], ARRAY['me', 's3cret word'], 'basic authentication if there is a user name')
	FROM appt_test.compose(gateway('{}', '{"username": "me"}'));
SELECT is(ARRAY[c.username, header(m, 'Authorization'), header(m, 'X-To'), header(m, 'Accept'), header(m, 'User-Agent')],
	ARRAY[NULL, 'App s3cret word', '+306900000000 11111111-2222-3333-4444-555555555555', 'text/xml', 'appt/1.0'],
		'or a header of one''s own')
FROM (SELECT gateway('{"headers": {"Authorization": "App {{secret}}", "X-To": "{{to}} {{id}}", "Accept": "text/xml"}}',
	'{"username": "me"}') AS m) AS g, appt_test.compose(m) AS c;
SELECT is(why(gateway('{"headers": {"X-Text": "{{text}}"}}', jsonb_build_object('text', text))), expected,
	'text in a header: ' || quote_literal(left(text, 20))) FROM (VALUES
	('ü "x"', NULL), (E'a\r\nX: b', 'TEMPLATE_ERROR'), (E'a\nb', 'TEMPLATE_ERROR'), (E'a\x01', 'TEMPLATE_ERROR')) AS t (text, expected);
SELECT is(why(gateway('{"headers": {"X-Text": "{{text}}{{text}}{{text}}"}}', jsonb_build_object('text', repeat('x', 1600)))),
	'TEMPLATE_ERROR', 'or one too long for a header');
SELECT is(why(gateway('{"method": "GET"}', jsonb_build_object('url', 'https://gw.example/?t={{text}}', 'text', repeat(c, n)))),
	expected, n || ' times ' || c || ' in a URL') FROM (VALUES
	('x', 1600, NULL), ('ü', 1300, NULL), ('ü', 1400, 'TEMPLATE_ERROR')) AS t (c, n, expected);

CREATE TEMPORARY TABLE refused (settings jsonb, more jsonb DEFAULT '{}');
INSERT INTO refused (settings) SELECT s::jsonb FROM unnest(ARRAY[
	'{"method": "DELETE"}', '{"method": "post"}', '{"method": "GET", "body": "x"}', '{"content_type": "text/html", "body": "x"}',
		'{"content_type": "application/json; charset=latin1"}',
	'{"content_type": "application/json\r\nX: y"}', '{"content_type": ""}', '{"content_type": "text/plain"}',
		'{"content_type": "application/xml"}',
	'{"body": "{{"}', '{"body": "\"{{to\""}', '{"body": "\"{{tel}}\""}', '{"body": "\"{{}}\""}', '{"body": "\"{{#to}}x{{/to}}\""}',
		'{"body": "\"{{{to}}}\""}', '{"body": "\"{{& to}}\""}', '{"body": "\"{{TO}}\""}',
	'{"body": "\"{{secret}}\""}', '{"body": "to={{to}}"}', '{"body": "{\"to\": {{to}}}"}', '{"body": "{\"id\": {{id}}}"}',
		'{"body": "{\"from\": {{from}}}"}', '{"body": "{\"t\": {{text}}}"}', '{"body": "{\"t\": 1{{text}}}"}',
	'{"content_type": "application/x-www-form-urlencoded", "body": "key={{secret}}"}',
		'{"content_type": "text/plain", "body": "{{secret}}"}',
	'{"headers": {"X-A": "{{"}}', '{"headers": {"X-A": "{{token}}"}}', '{"headers": {"Content-Type": "text/plain"}}',
	'{"success_status": 199}', '{"success_status": 600}', '{"success_status": "2xx"}', '{"success_status": "200-"}',
		'{"success_status": "299-200"}', '{"success_status": "200-299-399"}', '{"success_status": [200, "x"]}',
	'{"success_status": 200.5}', '{"success_status": "-200"}', '{"success_status": "2000"}', '{"success_status": " 200"}',
	'{"success_path": "a..b"}', '{"success_path": "a[x]", "success_value": 1}', '{"success_value": 1}',
		'{"message_id_path": "[", "success_path": "a"}']) AS s;
INSERT INTO refused SELECT '{}', m::jsonb FROM unnest(ARRAY['{"username": "a:b"}', '{"url": "https://{{to}}.example/"}',
	'{"url": "https://gw.example{{to}}"}', '{"url": "{{to}}"}', '{"url": "{{to}}://gw.example/"}',
	'{"url": "https://gw.example:{{to}}/"}', '{"url": "https://gw.example/{{text}}"}',
		'{"url": "https://gw.example/{{text}}?a={{text}}"}', '{"url": "https://gw.example/?k={{secret}}"}',
	'{"url": "https://gw.example/?k={{x}}"}', '{"url": "https://gw.example/?k={{to"}', '{"url": "https://gw.example/?k={to}"}',
		'{"url": "https://gw.example/#{{to}}"}', '{"url": "https://gw.example/#a"}',
	'{"url": "https://{{from}}@gw.example/"}', '{"url": "https://a@gw.example/"}', '{"url": "ftp://gw.example/"}',
		'{"url": "https://gw.example\\{{to}}/"}', '{"url": ""}']) AS m;
SELECT is(why(gateway(settings, more)), 'BAD_CONFIGURATION', 'refused: ' || settings::text || more::text) FROM refused;
-- The same check prevents storing them: see provider_is_valid below.

-- Answers. Every status, at those with rules of their own and at the others.
CREATE FUNCTION outcome(message jsonb, answer jsonb, body text = NULL) RETURNS TABLE (kind text, status_code integer, error text,
	response text, retry_after_us bigint, provider_message_id text, final text, has_no_mailbox boolean)
LANGUAGE sql AS $$ SELECT * FROM appt_test.read_outcome(message, answer, convert_to(body, 'UTF8')) $$;
SELECT is(kind, CASE WHEN status BETWEEN 200 AND 299 THEN 'DELIVERED' WHEN status IN (400, 401, 403, 404) THEN 'REJECTED'
	ELSE 'FAILED' END, message ->> 'kind' || ' by ' || (message ->> 'channel') || ': HTTP ' || status)
FROM unnest(ARRAY[twilio(), genesys(), gateway(), email()]) AS message, generate_series(100, 599) AS status,
	outcome(message, jsonb_build_object('status', status::text));
SELECT is(kind, 'FAILED', message ->> 'kind' || ' by ' || (message ->> 'channel') || ': broken off after a good status')
FROM unnest(ARRAY[twilio(), genesys(), gateway(), email()]) AS message,
	outcome(message, '{"curl_result": "18", "status": "201"}', '{"sid": "x", "id": "x"}');
SELECT is(ARRAY[kind, retry_after_us::text], ARRAY['FAILED', '7000000'], message ->> 'kind' || ': Retry-After')
	FROM unnest(ARRAY[twilio(), genesys(), gateway(), email()]) AS message,
	outcome(message, '{"status": "429", "retry_after": "7"}');

SELECT is(provider_message_id, id, message ->> 'kind' || ': id in ' || body) FROM (VALUES
	(twilio(), '{"account_sid": "AC", "sid": "SM1", "status": "queued"}', 'SM1'), (twilio(), '{"id": "x"}', NULL),
		(twilio(), '', NULL), (twilio(), 'ok', NULL), (twilio(), '{"sid": null}', NULL), (twilio(), '{"sid": ""}', NULL),
	(genesys(), '{"id": "m-1", "conversationId": "c"}', 'm-1'), (email(), '{"id": "e-1", "conversationId": "c"}', 'e-1'),
	(gateway(), '{"id": "x"}', NULL), (gateway('{"message_id_path": "$.messages[0].message-id"}'),
		'{"messages": [{"message-id": 17}]}', '17'),
	(twilio(), '{"sid": "a\nb\u0001c"}', 'a b?c'),
		(twilio(), '{"sid": "' || repeat('x', 300) || '"}', repeat('x', 256))) AS a (message, body, id),
	outcome(message, '{"status": "201"}', body);
SELECT is(provider_message_id, NULL, 'none unless delivered') FROM outcome(twilio(), '{"status": "500"}', '{"sid": "SM1"}');
SELECT is(error, expected, message ->> 'kind' || ': ' || body) FROM (VALUES
	(twilio(), '{"code": 21211, "message": "Invalid ''To'' Phone Number: +3069XXXX", "more_info": '
		'"https://www.twilio.com/docs/errors/21211", "status": 400}',
		'the provider answered with HTTP status 400: Invalid ''To'' Phone Number: +3069XXXX (21211)'),
	(genesys(), '{"message": "Not a number\n", "code": "bad.request", "status": 400, "contextId": "x", "details": [], "errors": '
		'[]}', 'the provider answered with HTTP status 400: Not a number  (bad.request)'),
	(email(), '{"message": "No"}', 'the provider answered with HTTP status 400: No'),
		(twilio(), '<html>', 'the receiver answered with HTTP status 400'), (twilio(), '', 'the receiver answered with HTTP status 400'),
	(twilio(), '{"message": {"a": 1}}', 'the receiver answered with HTTP status 400'),
		(gateway(), '{"message": "No"}', 'the receiver answered with HTTP status 400')) AS a (message, body, expected),
	outcome(message, '{"status": "400"}', body);
SELECT is(error, 'no connection', 'what libcurl says comes first')
	FROM outcome(twilio(), '{"status": "0", "curl_result": "7", "error": "no connection"}', '{"message": "No"}');
SELECT is(ARRAY[kind, error], ARRAY['REJECTED', 'the token endpoint answered with HTTP status 401'],
	'the token endpoint''s answer is none of the API''s')
FROM outcome(genesys(), '{"status": "401", "token_refused": "yes"}', '{"message": "No"}');

SELECT is(kind, expected, settings::text || ': HTTP ' || status) FROM (VALUES
	('{"success_status": 202}'::jsonb, 202, 'DELIVERED'), ('{"success_status": 202}', 200, 'FAILED'),
		('{"success_status": 202}', 400, 'REJECTED'), ('{"success_status": "202"}', 202, 'DELIVERED'),
	('{"success_status": "200-202"}', 200, 'DELIVERED'), ('{"success_status": "200-202"}', 202, 'DELIVERED'),
		('{"success_status": "200-202"}', 203, 'FAILED'),
	('{"success_status": [201, "204-206", 409]}', 201, 'DELIVERED'),
		('{"success_status": [201, "204-206", 409]}', 205, 'DELIVERED'), ('{"success_status": [201, "204-206", 409]}', 409, 'DELIVERED'),
	('{"success_status": [201, "204-206", 409]}', 200, 'FAILED'),
		('{"success_status": [201, "204-206", 409]}', 404, 'REJECTED')) AS s (settings, status, expected),
	outcome(gateway(settings), jsonb_build_object('status', status::text));
SELECT is(ARRAY[kind, error, provider_message_id], ARRAY[expected, err, id], settings::text || ': ' || coalesce(body, 'nothing'))
	FROM (VALUES
	('{"success_path": "status"}'::jsonb, '{"status": "anything"}', 'DELIVERED', NULL, NULL),
		('{"success_path": "status"}', '{"state": 1}', 'FAILED', 'the gateway''s answer has no status', NULL),
	('{"success_path": "status"}', '{"status": null}', 'FAILED', 'the gateway''s answer has no status', NULL),
		('{"success_path": "status"}', NULL, 'FAILED', 'the gateway''s answer has no status', NULL),
	('{"success_path": "m[0].status", "success_value": "0", "message_id_path": "m[0].id"}', '{"m": [{"id": "A", "status": "0"}]}',
		'DELIVERED', NULL, 'A'),
	('{"success_path": "m[0].status", "success_value": 0, "message_id_path": "m[0].id"}', '{"m": [{"id": "A", "status": "0"}]}',
		'DELIVERED', NULL, 'A'),
	('{"success_path": "m[0].status", "success_value": "0", "message_id_path": "m[0].id"}', '{"m": [{"id": "A", "status": "4"}]}',
		'FAILED', 'the gateway''s answer has 4 in m[0].status', NULL),
	('{"success_path": "ok", "success_value": true}', '{"ok": true}', 'DELIVERED', NULL, NULL),
		('{"success_path": "ok", "success_value": true}', '{"ok": false}', 'FAILED', 'the gateway''s answer has false in ok', NULL),
	('{"success_path": "s", "success_value": ["queued", "sent"]}', '{"s": "sent"}', 'DELIVERED', NULL, NULL),
		('{"success_path": "s", "success_value": ["queued", "sent"]}', '{"s": "no"}', 'FAILED', 'the gateway''s answer has no in s', NULL),
	('{"success_path": "s", "success_value": "größer"}', '{"s": "gr\u00f6\u00dfer"}', 'DELIVERED', NULL, NULL)) AS s (settings,
		body, expected, err, id),
	outcome(gateway(settings), '{"status": "200"}', body);
SELECT is(kind, 'REJECTED', 'a status that is final stays so, whatever is in the answer')
	FROM outcome(gateway('{"success_path": "ok"}'), '{"status": "403"}', '{"ok": true}');

-- Secrets in an answer are masked in every form.
SELECT is(response, kept, message ->> 'kind' || ': masked: ' || body) FROM
	(SELECT twilio('{"username": "me", "url": "https://a.example/Messages.json", "password": "s3cret/word '
		'\"x\""}') AS message) AS t, (VALUES
	('s3cret/word "x"', '********'), ('{"e": "s3cret/word \"x\""}', '{"e": "********"}'),
		('{"e": "s3cret\/word \"x\""}', '{"e": "********"}'), ('pw=s3cret%2Fword%20%22x%22&', 'pw=********&'),
	('Basic bWU6czNjcmV0L3dvcmQgIngi', 'Basic ********'), ('Basic bWU6czNjcmV0JTJGd29yZCUyMCUyMnglMjI=', 'Basic ********'),
		('s3cret is cut', 's3cret is cut'), ('cut s3cret/w', 'cut ********')) AS b (body, kept),
	outcome(message, '{"status": "200"}', body);
-- Base64 of this pair has a slash in it, and PHP writes "\/" for that.
SELECT is(response, '{"auth": "Basic ********"}', 'masked in JSON as PHP writes it')
FROM outcome(gateway('{}', '{"username": "??>", "password": "s3cret??>>~~"}'), '{"status": "200"}',
	'{"auth": "Basic ' || replace(encode('??>:s3cret??>>~~', 'base64'), '/', '\/') || '"}');
SELECT ok(encode('??>:s3cret??>>~~', 'base64') LIKE '%/%', 'there is one');
SELECT is(ARRAY[provider_message_id, response], ARRAY['id ********', '{"sid": "id ********"}'], 'an id is masked as it is stored')
	FROM outcome(twilio(), '{"status": "201"}', '{"sid": "id s\u0033cret word"}');
SELECT is(error, 'the provider answered with HTTP status 400: bad ********', 'so is an error')
	FROM outcome(twilio(), '{"status": "400"}', '{"message": "bad s3cret word"}');
SELECT is(error, 'the gateway''s answer has ******** in e', 'and what a gateway says')
	FROM outcome(gateway('{"success_path": "e", "success_value": 1}'), '{"status": "200"}', '{"e": "s3cret word"}');
SELECT is(provider_message_id, 'SM1234s3cr', 'the end of an id is no secret''s beginning')
	FROM outcome(twilio(), '{"status": "201"}', '{"sid": "SM1234s3cr"}');

-- An unusable provider is not stored, neither by the function nor by INSERT.
SET LOCAL client_min_messages = error;
SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic') AS application \gset
CREATE FUNCTION valid(settings jsonb, more jsonb = '{}', channel text = 'SMS', kind text = 'HTTP') RETURNS boolean LANGUAGE sql AS $$
	SELECT appt.provider_is_valid(channel, kind, coalesce(more ->> 'url', 'https://gateway.example/send'), more ->> 'username',
		more ->> 'sender', settings)
$$;
SELECT throws_ok(format('SELECT valid(%L, %L)', settings, more), '22023', NULL, 'not valid: ' || settings::text || more::text)
	FROM refused;
SELECT throws_ok(format('SELECT valid(%L)', settings), '22023', message, 'not valid: ' || left(settings, 60)) FROM (VALUES
	('[]', 'invalid settings'), ('{"colour": 1}', 'unknown setting'), ('{"starttls": "never"}', 'unknown setting'),
		('{"token_url": "https://a.example"}', 'unknown setting'), ('{"method": 1}', 'invalid setting'),
	('{"body": ""}', 'invalid setting'), ('{"body": null}', 'invalid setting'), ('{"headers": 1}', 'invalid setting'),
		('{"headers": {"X-A": "a\r\nb"}}', 'invalid header'), ('{"headers": {"Host": "a"}}', 'invalid header'),
	('{"headers": {"X-{{to}}": "a"}}', 'invalid header'),
		('{"headers": [{"name": "X-A", "value": "a", "type": "SECRET"}]}', 'a secret header''s value cannot be stored here'),
	('{"success_status": []}', 'invalid setting'), ('{"success_status": {}}', 'invalid setting'),
		('{"success_status": null}', 'invalid setting'), ('{"success_status": [[200]]}', 'invalid setting'),
	('{"success_path": ["a"]}', 'invalid setting'), ('{"success_path": "a", "success_value": {"a": 1}}', 'invalid setting'),
		('{"message_id_path": 1}', 'invalid setting'), ('{"max_concurrency": 0}', 'invalid setting'),
	('{"body": "' || repeat('x', 8193) || '"}', 'invalid setting'),
		('{"success_status": ' || to_json(array_fill(200, '{101}')) || '}', 'invalid setting')) AS bad (settings, message);
SELECT lives_ok(format('SELECT valid(%L, %L)', settings, more), 'valid: ' || settings || more) FROM (VALUES
	('{}', '{}'), ('{"method": "GET"}', '{"url": "https://gw.example/{{to}}?t={{text}}&i={{id}}"}'),
		('{"headers": [{"name": "X-A", "value": "{{secret}}"}], "success_status": ["200-204", 409]}', '{"sender": "Ünited ☎"}'),
	('{"success_path": "a", "success_value": [0, "ok", true], "message_id_path": "$[0].b", "max_concurrency": 3, "max_per_second": '
		'0.5}', '{"username": "me"}')) AS good (settings, more);
SELECT throws_ok(format('SELECT valid(%L, %L, %L, %L)', settings, more, channel, kind), '22023', message,
	kind || ' by ' || channel || ': ' || settings || more) FROM (VALUES
	('SMS', 'TWILIO', '{}', '{"username": "AC/1", "sender": "+15550100000"}', 'invalid provider'),
		('SMS', 'TWILIO', '{"body": "x"}', '{}', 'unknown setting'),
		('SMS', 'TWILIO', '{"status_callback": "ftp://a"}', '{}', 'invalid URL'),
	('SMS', 'TWILIO', '{"account_sid": 1}', '{}', 'invalid setting'),
		('SMS', 'TWILIO', '{}', '{"url": "https://a:b@c.example"}', 'invalid URL'),
		('SMS', 'TWILIO', '{}', '{"username": "a\nb"}', 'control characters are not allowed'),
	('SMS', 'GENESYS_CLOUD', '{}', '{"username": "a", "sender": "Acme"}', 'invalid provider'),
		('SMS', 'GENESYS_CLOUD', '{"use_existing_active_conversation": 1}', '{}', 'invalid setting'),
	('SMS', 'GENESYS_CLOUD', '{"token_url": "x"}', '{}', 'invalid URL'),
		('SMS', 'GENESYS_CLOUD', '{"reply_to": "a@b.example"}',
		'{"username": "a", "sender": "+15550100000", "url": "https://api.x.example"}', 'invalid provider'),
	('EMAIL', 'GENESYS_CLOUD', '{}', '{"username": "a", "url": "https://api.x.example"}', 'a required argument is missing'),
		('EMAIL', 'GENESYS_CLOUD', '{}', '{"username": "a", "sender": "+1555", "url": "https://api.x.example"}', 'invalid sender'),
	('EMAIL', 'GENESYS_CLOUD', '{"starttls": "never"}',
		'{"username": "a", "sender": "a@b.example", "url": "https://api.x.example"}', 'unknown setting'),
	('EMAIL', 'HTTP', '{}', '{}', 'this kind of provider does not carry the channel'),
		('WEBHOOK', 'HTTP', '{}', '{}', 'channel has no providers'), ('SMS', 'PIGEON', '{}', '{}', 'unknown code')) AS bad (channel,
		kind, settings, more, message);
SELECT is(appt.provider_is_valid('SMS', NULL, 'https://a.example', NULL, NULL, '{}'), NULL, 'NULL is NOT NULL''s to refuse');

SELECT throws_ok(format('SELECT appt.set_provider(%L, ''SMS'', %s)', :'application', arguments), '22023', message, arguments) FROM (VALUES
	(format($$'TWILIO', 'https://api.twilio.com', '+15550100000', %L$$, :'account'), 'missing argument for this authentication'),
	($$'GENESYS_CLOUD', 'https://api.mypurecloud.ie', '+15550100000', 'client'$$, 'missing argument for this authentication'),
	($$'HTTP', 'https://gw.example', settings => '{"headers": {"X-Key": "{{secret}}"}}'$$, 'missing argument for this authentication'),
	($$'HTTP', 'https://gw.example', settings => '{"body": "{{secret}}"}', secret => 'x'$$, 'invalid provider'),
	($$'HTTP', 'https://gw.example', settings => '{"success_path": "["}'$$, 'invalid provider')) AS bad (arguments, message);
SELECT appt.set_provider(:'application', 'SMS', 'TWILIO', 'https://api.twilio.com', sender => '+15550100000',
	username => :'account', secret => 'token') AS provider \gset
SELECT is(ROW(url, username, sender, enabled)::text, '(https://api.twilio.com,' || :'account' || ',+15550100000,t)',
	'Twilio with nothing but what it takes') FROM appt.provider WHERE id = :'provider';
DELETE FROM appt.secret WHERE provider_id = :'provider';
SELECT throws_ok(format('UPDATE appt.provider SET %s WHERE id = %L', change, :'provider'), '22023', message, 'by hand: ' || change)
	FROM (VALUES
	($$sender = 'nobody in particular'$$, 'invalid provider'), ('sender = NULL', 'invalid provider'),
		('username = NULL', 'invalid provider'), ($$url = 'https://a:b@c.example'$$, 'invalid URL'),
	($$settings = '{"body": "x"}'$$, 'unknown setting'), ($$kind = 'HTTP', settings = '{"body": "{{"}'$$, 'invalid provider'),
		($$kind = 'SMTP'$$, 'this kind of provider does not carry the channel')) AS bad (change, message);
SELECT lives_ok(format('UPDATE appt.provider SET kind = ''HTTP'', settings = ''{"success_status": 202}'' WHERE id = %L',
	:'provider'), 'by hand: what can work');
SELECT * FROM finish();
ROLLBACK;
