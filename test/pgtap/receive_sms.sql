-- What providers send of their own accord: whether they prove themselves, and what becomes of it.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

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

-- ---- A gateway's secret ----
SELECT is(appt_test.proves('HTTP', settings::jsonb, 's3cret', '', NULL, NULL, given), expected, coalesce(given, 'none') || ' ' || settings)
FROM (VALUES
	('s3cret', '{"inbound": {}}', true), ('Bearer s3cret', '{"inbound": {}}', true), ('bearer s3cret', '{"inbound": {}}', true),
	('Basic ' || encode('user:s3cret', 'base64'), '{"inbound": {}}', true), ('Basic ' || encode(':s3cret', 'base64'), '{"inbound": {}}', true),
	('s3cret', '{}', false), (NULL, '{"inbound": {}}', false), ('', '{"inbound": {}}', false), ('s3cre', '{"inbound": {}}', false),
	('s3crets', '{"inbound": {}}', false), ('Bearer s3cret ', '{"inbound": {}}', false), ('Token s3cret', '{"inbound": {}}', false),
	('Bearer', '{"inbound": {}}', false), ('Basic s3cret', '{"inbound": {}}', false), ('Basic !', '{"inbound": {}}', false),
	('Basic ' || encode('s3cret', 'base64'), '{"inbound": {}}', false), ('Basic ' || encode('s3cret:x', 'base64'), '{"inbound": {}}', false))
	AS t (given, settings, expected);
SELECT finish();
ROLLBACK;
