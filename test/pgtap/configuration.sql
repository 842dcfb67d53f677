-- Organizations, applications, subscriptions and providers: what the functions store, and what they refuse.
BEGIN;
SELECT * FROM no_plan();

-- Organizations.
SELECT appt.create_organization('Acme') AS organization \gset
SELECT is(count(*), 1::bigint, 'the first organization writes the identity') FROM appt.identity;
SELECT appt.create_organization('Acme') AS rival \gset
SELECT is(count(*), 1::bigint, 'the second, of the same name, leaves it') FROM appt.identity;
SELECT is(o, ROW(:'organization', 'Acme', true, false, NULL, o.created_at)::appt.organization,
	'its switch is on, senders need not be verified')
FROM appt.organization o WHERE id = :'organization';
SELECT throws_ok(format('SELECT appt.create_organization(%L)', name), '22023', message, message)
FROM (VALUES (NULL, 'a required argument is missing'), ('', 'a required argument is empty'),
	(E'two\nlines', 'control characters are not allowed')) AS bad (name, message);

SELECT appt.set_notifications_enabled(:'organization', false);
SELECT is(array_agg(notifications_enabled ORDER BY id = :'organization'), '{t,f}', 'one organization''s switch is off')
	FROM appt.organization;
SELECT appt.set_notifications_enabled(:'organization', true);
SELECT is(bool_and(notifications_enabled), true, 'and on again') FROM appt.organization;
SELECT throws_ok('SELECT appt.set_notifications_enabled(gen_random_uuid(), true)', 'PT404', 'organization not found',
	'no such organization');
SELECT throws_ok('SELECT appt.set_notifications_enabled(NULL, true)', '22023', 'a required argument is missing', 'none at all');
SELECT throws_ok(format('SELECT appt.set_notifications_enabled(%L, NULL)', :'organization'), '22023',
	'a required argument is missing', 'neither on nor off');

-- Applications.
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT is(a, ROW(:'application', :'organization', 'Sales', 'STANDALONE', true, false, NULL, NULL, NULL, 'en', 'UTC', NULL,
	'24 hours', '15 minutes', NULL, false, 4, '10 seconds', '10 minutes', NULL, NULL, 'APPLICATION', '07:00', NULL, NULL, NULL, NULL,
	true, true, false, a.created_at)::appt.application,
	'an application has the default settings')
FROM appt.application a WHERE id = :'application';
SELECT is(string_agg(concat_ws(' ', type, channel, nullif(time_offset, '0')), ', ' ORDER BY type, channel, time_offset),
	'ACTIVATE WEBHOOK, CANCELLED EMAIL, CANCELLED SMS, CANCELLED WEBHOOK, CREATE EMAIL, CREATE SMS, CREATE WEBHOOK, '
	'FOLLOW_UP WEBHOOK, REMINDER EMAIL 01:00:00, REMINDER EMAIL 24:00:00, REMINDER WEBHOOK 01:00:00, REMINDER WEBHOOK 24:00:00, '
	'RESCHEDULE EMAIL, RESCHEDULE SMS, RESCHEDULE WEBHOOK, UPDATE WEBHOOK', 'and the default rules')
FROM appt.rule WHERE application_id = :'application' AND enabled;

SELECT appt.create_application(:'organization', 'Sales', 'TALKDESK', false, true, 'https://room.example/', 12, 'https://api.example/v1',
	'el-GR', 'Europe/Athens', '+30', '2 days', '0', 3, true, 10, '0.5 seconds', '1 hour', 7, 0.5, 'OWN', '23:30') AS other \gset
SELECT is(a, ROW(:'other', :'organization', 'Sales', 'TALKDESK', false, true, 'https://room.example/', 12, 'https://api.example/v1',
	'el-GR', 'Europe/Athens', '+30', '2 days', '0', 3, true, 10, '0.5 seconds', '1 hour', 7, 0.5, 'OWN', '23:30',
	NULL, NULL, NULL, NULL, true, true, false, a.created_at)::appt.application,
	'or those it was given')
FROM appt.application a WHERE id = :'other';
SELECT is(string_agg(DISTINCT channel, ' '), 'WEBHOOK', 'a TALKDESK application starts with webhooks alone') FROM appt.rule
	WHERE application_id = :'other';
SELECT is(count(*), 8::bigint, 'of every type') FROM appt.rule WHERE application_id = :'other';

SELECT throws_ok(format('SELECT appt.create_application(%L, %L, %s)', :'organization', 'Sales', argument), '22023', message, argument)
FROM (VALUES
	('platform => ''ZOOM''', 'unknown code'),
	('platform => NULL', 'a required argument is missing'),
	('auto_activate => NULL', 'a required argument is missing'),
	('room_activates => NULL', 'a required argument is missing'),
	('organizer_exclusive => NULL', 'a required argument is missing'),
	('max_attempts => NULL', 'a required argument is missing'),
	('end_grace => NULL', 'a required argument is missing'),
	('agent_scope => ''TENANT''', 'unknown code'),
	('agent_scope => NULL', 'a required argument is missing'),
	('report_time => NULL', 'a required argument is missing'),
	('report_time => ''24:00''', 'report_time out of range'),
	('locale => ''klingon-x''', 'unknown locale'),
	('timezone => ''Mars/Phobos''', 'unknown timezone'),
	('timezone => ''+03''', 'unknown timezone'),
	('room_url => ''ftp://room.example''', 'invalid URL'),
	('room_url => ''room.example''', 'invalid URL'),
	('public_url => ''https://user:pass@api.example''', 'invalid URL'),
	('room_code_length => 5', 'value out of range'),
	('room_code_length => 65', 'value out of range'),
	('calling_code => ''0049''', 'invalid calling code'),
	('calling_code => ''''', 'invalid calling code'),
	('calling_code => ''+4a''', 'invalid calling code'),
	('max_duration => ''1 month''', 'an elapsed time must not contain months'),
	('max_duration => ''0''', 'value out of range'),
	('max_duration => ''-1 hour''', 'value out of range'),
	('end_grace => ''-1 second''', 'value out of range'),
	('end_grace => ''36500 days 1 second''', 'value out of range'),
	('end_grace => ''900000 hours''', 'value out of range'),
	('max_overlap => 0', 'value out of range'),
	('max_attempts => 0', 'value out of range'),
	('max_attempts => 101', 'value out of range'),
	('retry_base => ''0''', 'value out of range'),
	('retry_cap => ''1 year''', 'an elapsed time must not contain months'),
	('max_concurrency => 0', 'value out of range'),
	('max_per_second => 0', 'value out of range'),
	('max_per_second => 1e-7', 'value out of range'),
	('max_per_second => ''NaN''', 'value out of range'),
	('max_per_second => ''Infinity''', 'value out of range'),
	('max_per_second => ''1e400''', 'value out of range')) AS bad (argument, message);
SELECT throws_ok(format('SELECT appt.create_application(%L, %L)', gen_random_uuid(), 'Sales'), 'PT404', 'organization not found',
	'no such organization');
SELECT throws_ok(format('SELECT appt.create_application(NULL, %L)', 'Sales'), '22023', 'a required argument is missing',
	'no organization');
SELECT throws_ok(format('SELECT appt.create_application(%L, %L)', :'organization', ''), '22023', 'a required argument is empty',
	'no name');
SELECT is(count(*), 2::bigint, 'what was refused has left nothing') FROM appt.application;

SELECT throws_ok(format('UPDATE appt.application SET auto_activate = false WHERE id = %L', :'application'), 'PT409',
	'automatic activation cannot be switched off again', 'automatic activation stays on, whoever asks');
SELECT lives_ok('UPDATE appt.application SET auto_activate = true, name = name', 'and can be switched on');
SELECT throws_ok('UPDATE appt.application SET auto_activate = false', 'PT409', NULL, 'for good');

-- A duration of more than a century could exceed the range of timestamps, and one tenant's mistake would stop the worker for
-- all.
SELECT throws_ok(format('INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (%L, ''FOLLOW_UP'', ''EMAIL'', '
	'%L)', :'application', time_offset),
	'23514', NULL, 'a rule''s offset of ' || time_offset)
FROM unnest('{1 month,-1 second,36500 days 1 second,178000000 days}'::text[]) time_offset;
SELECT throws_ok(format('UPDATE appt.application SET end_grace = ''100000000 days'' WHERE id = %L', :'application'), '23514', NULL,
	'or a grace');
SELECT throws_ok(format('UPDATE appt.application SET max_per_second = 1e-400 WHERE id = %L', :'application'), '23514', NULL,
	'nor is a rate less than any number that it can read');
SELECT throws_ok('UPDATE appt.application SET agent_scope = ''TENANT''', '22023', NULL, 'or a scope that there is not');

-- Subscriptions.
SELECT * FROM appt.create_subscription(:'application', 'https://hooks.example/in?x=1') \gset subscription_
SELECT matches(:'subscription_hmac_key'::text, '^whsec_[A-Za-z0-9+/]{43}=$', 'a key is generated');
SELECT is(s, ROW(:'application', :'subscription_id', 'https://hooks.example/in?x=1', 'NONE', NULL, NULL, NULL, NULL, 'BASIC', NULL,
	NULL, true, s.created_at)::appt.subscription,
	'a subscription is enabled and unauthenticated')
FROM appt.subscription s WHERE id = :'subscription_id';
SELECT is(array_agg(name || ' ' || value), ARRAY['HMAC_KEY ' || :'subscription_hmac_key'], 'its key is stored as a secret')
FROM appt.secret WHERE subscription_id = :'subscription_id';

SELECT * FROM appt.create_subscription(:'application', 'http://hooks.example', 'my own key', 'OAUTH2', 'client', 's3cret',
	'https://id.example/token',
	'[{"name": "X-Plain", "value": "shown"}, {"name": "X-Secret", "value": "hidden", "type": "SECRET"}, {"name": "X-Default", '
		'"value": "", "type": "DEFAULT"}]') \gset full_
SELECT is(:'full_hmac_key'::text, 'my own key', 'a key that was given comes back');
SELECT is(to_jsonb(s) - 'created_at' - 'id' - 'application_id',
	'{"url": "http://hooks.example", "auth": "OAUTH2", "username": "client", "token_url": "https://id.example/token", "enabled": true,
	 "scope": null, "audience": null, "token_auth": "BASIC", "types": null,
	 "headers": [{"name": "X-Plain", "type": "DEFAULT", "value": "shown"}, {"name": "X-Secret", "type": "SECRET", "value": "********"},
	  {"name": "X-Default", "type": "DEFAULT", "value": ""}]}'::jsonb, 'secrets are masked where they can be read')
FROM appt.subscription s WHERE id = :'full_id';
SELECT is(string_agg(name || '=' || value, ' ' ORDER BY name), 'HEADER:X-Secret=hidden HMAC_KEY=my own key PASSWORD=s3cret',
	'and kept where they cannot')
FROM appt.secret WHERE subscription_id = :'full_id';
SELECT id AS object_id FROM appt.create_subscription(:'application', 'https://hooks.example', headers => '{"X-A": "1", "X-B": "2"}') \gset
SELECT id AS asking FROM appt.create_subscription(:'application', 'https://hooks.example', auth => 'OAUTH2', username => 'client',
	secret => 's3cret',
	token_url => 'https://id.example/token', scope => 'hooks:write !#[]~', audience => 'https://crm.example/?a=ä',
		token_auth => 'BODY') \gset
SELECT is(concat_ws('|', scope, audience, token_auth), 'hooks:write !#[]~|https://crm.example/?a=ä|BODY',
	'what a token is asked for, and how') FROM appt.subscription WHERE id = :'asking';
DELETE FROM appt.subscription WHERE id = :'asking';
SELECT is(headers, '[{"name": "X-A", "type": "DEFAULT", "value": "1"}, {"name": "X-B", "type": "DEFAULT", "value": "2"}]'::jsonb,
	'an object of headers is stored as a list')
FROM appt.subscription WHERE id = :'object_id';

SELECT throws_ok(format('SELECT appt.create_subscription(%L, %s)', :'application', arguments), '22023', message, arguments)
FROM (VALUES
	('NULL', 'a required argument is missing'),
	('''''', 'a required argument is empty'),
	('''hooks.example''', 'invalid URL'),
	('''smtp://hooks.example''', 'invalid URL'),
	('''https://user:pass@hooks.example''', 'invalid URL'),
	('''https://hooks.example'', hmac_key => ''''', 'invalid HMAC key'),
	('''https://hooks.example'', hmac_key => repeat(''x'', 8193)', 'an argument is too long'),
	('''https://hooks.example'', auth => ''BASIC'', username => ''me'', secret => repeat(''x'', 8193)', 'an argument is too long'),
	('''https://hooks.example'', headers => (SELECT jsonb_object_agg(''X-'' || i, i::text) FROM generate_series(1, 51) i)',
		'too many headers'),
	('''https://hooks.example'', hmac_key => ''whsec_!''', 'invalid HMAC key'),
	('''https://hooks.example'', auth => ''DIGEST''', 'unknown code'),
	('''https://hooks.example'', auth => NULL', 'a required argument is missing'),
	('''https://hooks.example'', username => ''me''', 'unexpected argument for this authentication'),
	('''https://hooks.example'', secret => ''me''', 'unexpected argument for this authentication'),
	('''https://hooks.example'', auth => ''BASIC''', 'missing argument for this authentication'),
	('''https://hooks.example'', auth => ''BASIC'', username => ''a:b'', secret => ''x''', 'invalid user name'),
	('''https://hooks.example'', auth => ''BASIC'', username => ''a'', token_url => ''https://id.example''',
		'unexpected argument for this authentication'),
	('''https://hooks.example'', auth => ''OAUTH2'', username => ''a'', token_url => ''https://id.example''',
		'missing argument for this authentication'),
	('''https://hooks.example'', auth => ''OAUTH2'', username => ''a'', secret => ''x''', 'missing argument for this authentication'),
	('''https://hooks.example'', auth => ''OAUTH2'', username => ''a'', secret => ''x'', token_url => ''ldap://id''', 'invalid URL'),
	('''https://hooks.example'', auth => ''BASIC'', username => ''a'', scope => ''x''', 'unexpected argument for this authentication'),
	('''https://hooks.example'', audience => ''x''', 'unexpected argument for this authentication'),
	('''https://hooks.example'', token_auth => ''PLAIN''', 'unknown code'),
	('''https://hooks.example'', token_auth => NULL', 'a required argument is missing'),
	('''https://hooks.example'', auth => ''OAUTH2'', username => ''a'', secret => ''x'', token_url => ''https://id.example'', '
		'audience => ''''', 'a required argument is empty'),
	('''https://hooks.example'', headers => ''"X"''', 'invalid headers'),
	('''https://hooks.example'', headers => ''[1]''', 'invalid header'),
	('''https://hooks.example'', headers => ''[{"name": "X"}]''', 'invalid header'),
	('''https://hooks.example'', headers => ''[{"name": "X", "value": 1}]''', 'invalid header'),
	('''https://hooks.example'', headers => ''{"X": 1}''', 'invalid header'),
	('''https://hooks.example'', headers => ''{"X": {"a": 1}}''', 'invalid header'),
	('''https://hooks.example'', headers => ''[{"name": "X", "value": "1", "type": "HIDDEN"}]''', 'invalid header'),
	('''https://hooks.example'', headers => ''[{"name": "X", "value": "1", "type": null}]''', 'invalid header'),
	('''https://hooks.example'', headers => ''{"X-A": "1", "x-a": "2"}''', 'a header is given twice'),
	('''https://hooks.example'', headers => ''{"X": "a\r\nb"}''', 'invalid header'),
	('''https://hooks.example'', headers => ''{"X y": "1"}''', 'invalid header'),
	('''https://hooks.example'', headers => ''{"x-signature": "1"}''', 'invalid header')) AS bad (arguments, message);
SELECT throws_ok(format('SELECT appt.create_subscription(%L, %L, auth => %L, username => %L, secret => %L, token_url => %L, scope => %L)',
	:'application', 'https://hooks.example', 'OAUTH2', 'a', 'x', 'https://id.example', scope), '22023', 'invalid scope',
		'scope ' || quote_literal(scope))
FROM unnest(ARRAY['', ' ', ' a', 'a ', 'a  b', 'a"b', E'a\\b', 'ä']) scope;
SELECT throws_ok(format('UPDATE appt.subscription SET scope = %L WHERE id = %L', scope, :'subscription_id'), '23514', NULL,
	'nor by hand: ' || quote_literal(scope))
FROM unnest(ARRAY['', ' ', ' a', 'a ', 'a  b', 'a"b', E'a\\b', 'ä']) scope;
SELECT throws_ok(format('SELECT appt.create_subscription(%L, %L)', gen_random_uuid(), 'https://hooks.example'), 'PT404',
	'application not found', 'no such application');
SELECT is(count(*), 3::bigint, 'what was refused has left nothing') FROM appt.subscription;

-- Keys change over.
SELECT * FROM appt.rotate_subscription_key(:'full_id') \gset first_
SELECT * FROM appt.rotate_subscription_key(:'full_id', '1 hour') \gset second_
SELECT ok(:'first_id' = :'full_id' AND :'first_hmac_key' <> :'second_hmac_key', 'every rotation makes another key');
SELECT is(string_agg(CASE value WHEN 'my own key' THEN 'given' WHEN :'first_hmac_key' THEN 'first' WHEN :'second_hmac_key'
	THEN 'second' END
	|| coalesce(' ' || justify_hours(date_trunc('hour', expires_at - statement_timestamp() + interval '1 minute')), ''), ', '
		ORDER BY id), 'given 01:00:00, first 01:00:00, second',
	'the ones before go on signing for the overlap, no longer than they were to')
FROM appt.secret WHERE subscription_id = :'full_id' AND name = 'HMAC_KEY';
SELECT * FROM appt.rotate_subscription_key(:'full_id', '0') \gset third_
SELECT is(array_agg(value), ARRAY[:'third_hmac_key'::text], 'an overlap of 0 ends them at once')
FROM appt.secret WHERE subscription_id = :'full_id' AND name = 'HMAC_KEY';
SELECT is(count(*), 2::bigint, 'other secrets stay') FROM appt.secret WHERE subscription_id = :'full_id' AND name <> 'HMAC_KEY';
SELECT throws_ok(format('SELECT appt.rotate_subscription_key(%L, %L)', :'full_id', overlap), '22023', NULL, 'overlap ' || overlap)
FROM unnest('{1 month,-1 second}'::text[]) overlap;
SELECT throws_ok(format('SELECT appt.rotate_subscription_key(%L, NULL)', :'full_id'), '22023', NULL, 'overlap null');
SELECT throws_ok('SELECT appt.rotate_subscription_key(gen_random_uuid())', 'PT404', 'subscription not found', 'no such subscription');

-- Providers.
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:587', 'Acme <hello@acme.example>', 'user', 'pass',
	'{"starttls": "required", "reply_to": "help@acme.example", "list_unsubscribe": "mailto:stop@acme.example", "invite": false, '
		'"max_concurrency": 5, "max_per_second": 2.5}') AS provider \gset
SELECT is(p, ROW(:'application', :'provider', 'EMAIL', 'SMTP', 'smtp://mail.example:587', 'user', 'Acme <hello@acme.example>',
	'{"starttls": "required", "reply_to": "help@acme.example", "list_unsubscribe": "mailto:stop@acme.example", "invite": false, '
		'"max_concurrency": 5, "max_per_second": 2.5}',
	true, NULL, p.created_at)::appt.provider, 'a provider is set')
FROM appt.provider p WHERE id = :'provider';
SELECT is(array_agg(name || ' ' || value), '{PASSWORD pass}', 'its password is a secret') FROM appt.secret WHERE provider_id = :'provider';
UPDATE appt.provider SET verified_at = '2026-01-01';
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtps://mail.example', 'Acme <hello@acme.example>') AS second \gset
SELECT is(:'second'::uuid, :'provider'::uuid, 'one of the same kind keeps its id, which its webhooks have');
SELECT is(array_agg(concat_ws(' ', enabled, verified_at = '2026-01-01', settings = '{}', username IS NULL, url)), '{t t t t smtps://mail.example}',
	'the same sender stays verified, nothing else is kept')
FROM appt.provider;
SELECT is(count(*), 0::bigint, 'the previous password is forgotten') FROM appt.secret WHERE provider_id IS NOT NULL;
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtps://mail.example', 'new@acme.example') AS third \gset
SELECT is(verified_at, NULL, 'a new sender is not verified') FROM appt.provider WHERE id = :'third';
SELECT lives_ok(format('SELECT appt.set_provider(%L, %s)', :'application', arguments), arguments)
FROM (VALUES
	('''SMS'', ''TWILIO'', ''https://api.twilio.example'', ''+15550100'', ''AC0123456789abcdef0123456789abcdef'', ''token'''),
	('''SMS'', ''HTTP'', ''https://gateway.example/send'', settings => ''{"content_type": "application/x-www-form-urlencoded", '
		'"body": "to={{to}}", "headers": {"X-A": "1"}}'''),
	('''SMS'', ''GENESYS_CLOUD'', ''https://genesys.example'', ''+15550100'', ''client'', ''secret'', ''{"token_url": '
		'"https://login.genesys.example/oauth/token"}'''),
	('''EMAIL'', ''GENESYS_CLOUD'', ''https://api.genesys.example'', ''a@b.example'', ''client'', ''secret''')) AS good (arguments);
SELECT is(string_agg(channel || ' ' || kind, ', ' ORDER BY channel), 'EMAIL GENESYS_CLOUD, SMS GENESYS_CLOUD',
	'one is enabled per channel')
FROM appt.provider WHERE enabled;
SELECT is(string_agg(kind, ', ' ORDER BY kind), 'HTTP, SMTP, TWILIO', 'those of other kinds stay for the log') FROM appt.provider WHERE NOT enabled;

SELECT throws_ok(format('SELECT appt.set_provider(%L, %s)', :'application', arguments), '22023', message, arguments)
FROM (VALUES
	('''WEBHOOK'', ''HTTP'', ''https://a.example''', 'channel has no providers'),
	('''FAX'', ''HTTP'', ''https://a.example''', 'channel has no providers'),
	('NULL, ''HTTP'', ''https://a.example''', 'a required argument is missing'),
	('''EMAIL'', ''PIGEON'', ''https://a.example''', 'unknown code'),
	('''EMAIL'', ''TWILIO'', ''https://a.example'', ''a@b.example''', 'this kind of provider does not carry the channel'),
	('''SMS'', ''SMTP'', ''smtp://a.example''', 'this kind of provider does not carry the channel'),
	('''EMAIL'', ''SMTP'', ''https://a.example'', ''a@b.example''', 'invalid URL'),
	('''EMAIL'', ''SMTP'', ''smtp://u:p@a.example'', ''a@b.example''', 'invalid URL'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example''', 'a required argument is missing'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''nobody''', 'invalid sender'),
	(E'\'EMAIL\', \'SMTP\', \'smtp://a.example\', E\'a@b.example\\r\\nBcc: c@d.example\'', 'control characters are not allowed'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''[]''', 'invalid settings'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"startls": "never"}''', 'unknown setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"body": "x"}''', 'unknown setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"starttls": "maybe"}''', 'unknown code'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"starttls": true}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"reply_to": "x"}''', 'invalid sender'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"invite": "no"}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"list_unsubscribe": "stop"}''', 'invalid URL'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_concurrency": 0}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_concurrency": 1.5}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_concurrency": 1e300}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_per_second": 0}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_per_second": 1e-7}''', 'invalid setting'),
	('''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"max_per_second": {"a": 1}}''', 'invalid setting'),
	('''SMS'', ''HTTP'', ''https://a.example'', settings => ''{"headers": [{"name": "A", "value": "b", "type": "SECRET"}]}''',
		'a secret header''s value cannot be stored here')) AS bad (arguments, message);
SELECT throws_ok(format('SELECT appt.set_provider(%L, %L, %L, %L)', gen_random_uuid(), 'SMS', 'HTTP', 'https://a.example'), 'PT404',
	'application not found', 'no such application');

-- Errors do not repeat a secret.
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', sqlerrm, detail, hint);
END $$;
SELECT unalike(pg_temp.error_of(format('SELECT appt.create_subscription(%L, %s)', :'application', arguments)), '%TOPSECRET%',
	'without the secret: ' || arguments)
FROM (VALUES
	('''https://user:TOPSECRET@hooks.example'''),
	('''https://hooks.example'', hmac_key => ''whsec_TOPSECRET!'''),
	('''https://hooks.example'', secret => ''TOPSECRET'''),
	('''https://hooks.example'', auth => ''BASIC'', username => ''a'', secret => E''TOPSECRET\n'''),
	('''https://hooks.example'', headers => ''[{"name": "X", "value": "TOPSECRET\n", "type": "SECRET"}]''')) AS bad (arguments);

-- A secret is sent only to the destination that it was stored for, whoever changes the row. Few columns may change beside a
-- secret.
SELECT id AS secretive FROM appt.create_subscription(:'application', 'https://hooks.example/a', auth => 'OAUTH2', username => 'me',
	secret => 's', token_url => 'https://login.example:8443/t') \gset
SELECT id AS header FROM appt.create_subscription(:'application', 'http://hooks.example/a',
	headers => '[{"name": "X-Key", "value": "s", "type": "SECRET"}]') \gset
SELECT id AS open FROM appt.create_subscription(:'application', 'https://hooks.example/a', headers => '{"X-Key": "v"}') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'a@example.com', 'me', 's',
	'{"starttls": "required", "token_url": "https://login.example/t", "client_id": "c", "scope": "s", "reply_to": "b@example.com", '
		'"max_concurrency": 2}') AS mail \gset
SELECT appt.set_provider(:'application', 'SMS', 'HTTP', 'https://api.example/{{ to }}', 'Acme', 'me', 's',
	'{"method": "PUT", "headers": {"X-Key": "{{secret}}"}}') AS sms \gset
INSERT INTO appt.provider (application_id, channel, kind, url, enabled)
	VALUES (:'application', 'SMS', 'HTTP', 'https://api.example', false) RETURNING id AS idle \gset
CREATE TEMP TABLE change AS
SELECT relation, id::uuid, split_part(change, ' ', 1) AS changed, change, refused FROM (VALUES
	('subscription', :'secretive', 'url = ''https://other.example/a''', true),
	('subscription', :'secretive', 'url = ''http://hooks.example/a''', true),
	('subscription', :'secretive', 'url = ''https://hooks.example:444/a''', true),
	('subscription', :'secretive', 'url = ''https://hooks.example/b''', true),
	('subscription', :'secretive', 'url = ''https://hooks.example/a?b''', true),
	('subscription', :'secretive', 'token_url = ''https://login.example:8443/other''', true),
	('subscription', :'secretive', 'token_url = NULL, auth = ''BASIC''', true),
	('subscription', :'secretive', 'auth = ''NONE''', true),
	('subscription', :'secretive', 'username = ''you''', true),
	('subscription', :'secretive', 'scope = ''everything''', true),
	('subscription', :'secretive', 'audience = ''https://other.example''', true),
	('subscription', :'secretive', 'token_auth = ''BODY''', true),
	('subscription', :'secretive', 'headers = ''[{"name": "X-Forwarded-Host", "value": "other.example"}]''', true),
	('subscription', :'secretive', 'id = gen_random_uuid()', true),
	('subscription', :'secretive', 'application_id = gen_random_uuid()', true),
	('subscription', :'secretive', 'created_at = ''2026-01-01''', true),
	('subscription', :'secretive', 'enabled = false', false),
	('subscription', :'secretive', 'types = ''{CREATE}''', false),
	('subscription', :'secretive', 'url = ''https://hooks.example/a'', enabled = true', false),
	('subscription', :'header', 'url = ''http://other.example/a''', true),
	('subscription', :'header', 'headers = ''[{"name": "X-Key", "value": "********", "type": "SECRET"}, {"name": "X-Tenant", '
		'"value": "other"}]''', true),
	('subscription', :'header', 'headers = NULL', true),
	('subscription', :'header', 'enabled = false', false),
	('subscription', :'open', 'url = ''https://other.example/a'', headers = NULL', false),
	('provider', :'mail', 'url = ''smtp://other.example''', true),
	('provider', :'mail', 'url = ''smtps://mail.example''', true),
	('provider', :'mail', 'url = ''smtp://mail.example:25''', true),
	('provider', :'mail', 'username = ''you''', true),
	('provider', :'mail', 'kind = ''GENESYS_CLOUD'', url = ''https://mail.example''', true),
	('provider', :'mail', 'settings = settings || ''{"starttls": "opportunistic"}''', true),
	('provider', :'mail', 'settings = settings || ''{"starttls": "never"}''', true),
	('provider', :'mail', 'settings = settings - ''starttls''', true),
	('provider', :'mail', 'settings = settings - ''token_url''', true),
	('provider', :'mail', 'settings = settings || ''{"token_url": "https://other.example/t"}''', true),
	('provider', :'mail', 'settings = settings || ''{"client_id": "d"}''', true),
	('provider', :'mail', 'settings = settings || ''{"scope": "everything"}''', true),
	('provider', :'mail', 'settings = NULL', true),
	('provider', :'mail', 'channel = ''SMS''', true),
	('provider', :'mail', 'id = gen_random_uuid()', true),
	('provider', :'mail', 'application_id = gen_random_uuid()', true),
	('provider', :'mail', 'created_at = ''2026-01-01''', true),
	('provider', :'mail', 'settings = (settings - ''reply_to'') || ''{"max_concurrency": 5, "max_per_second": 2, "invite": false, '
		'"list_unsubscribe": "mailto:stop@example.com"}''', false),
	('provider', :'mail', 'sender = ''Acme <b@example.com>''', false),
	('provider', :'mail', 'verified_at = now()', false),
	('provider', :'mail', 'enabled = false', false),
	('provider', :'sms', 'url = ''https://api.example/other/{{ to }}''', true),
	('provider', :'sms', 'url = ''https://api.example/{{to}}''', true),
	('provider', :'sms', 'settings = settings || ''{"method": "POST"}''', true),
	('provider', :'sms', 'settings = settings || ''{"headers": {"X-Key": "{{secret}}", "X-Tenant": "other"}}''', true),
	('provider', :'sms', 'settings = settings || ''{"body": "{\"create\": \"a key\"}"}''', true),
	('provider', :'sms', 'settings = settings || ''{"message_id_path": "key.secret"}''', true),
	('provider', :'sms', 'kind = ''TWILIO'', settings = ''{}''', true),
	('provider', :'sms', 'settings = settings || ''{"max_per_second": 2}'', sender = ''Acme Bank''', false),
	('provider', :'idle', 'url = ''https://other.example'', settings = ''{"method": "GET"}''', false)) c (relation, id, change, refused);
SELECT CASE WHEN refused THEN throws_ok(format('UPDATE appt.%s SET %s WHERE id = %L', relation, change, id), 'PT409',
	'a secret must not be sent elsewhere', 'refused: ' || relation || ' ' || change)
	ELSE lives_ok(format('UPDATE appt.%s SET %s WHERE id = %L', relation, change, id), 'taken: ' || relation || ' ' || change) END
FROM change;
SELECT is(string_agg(attrelid::regclass || '.' || attname, ' '), NULL, 'every column was tried')
FROM pg_attribute WHERE attrelid IN ('appt.subscription'::regclass, 'appt.provider'::regclass) AND attnum > 0 AND NOT attisdropped
	AND (split_part(attrelid::regclass::text, '.', 2), attname) NOT IN (SELECT relation, changed FROM change
		WHERE id NOT IN (:'idle', :'open'));

-- An admin configures its own organization alone.
SELECT appt.create_application(:'rival', 'Theirs') AS their_application \gset
SELECT id AS their_subscription FROM appt.create_subscription(:'their_application', 'https://hooks.example') \gset
CREATE ROLE appt_test_authenticator LOGIN;
GRANT appt_authenticator TO appt_test_authenticator;
SET LOCAL SESSION AUTHORIZATION appt_test_authenticator;
SET LOCAL ROLE appt_admin;
SELECT throws_ok(format('SELECT appt.create_application(%L, %L)', :'organization', 'x'), '42501', 'no valid tenant claim', 'no claim');
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'admin', 'organization_id', :'organization'::text)::text, true) \gset
SELECT lives_ok(format('SELECT appt.create_application(%L, %L)', :'organization', 'Mine'), 'its organization');
SELECT lives_ok(format('SELECT appt.create_subscription(%L, %L)', :'application', 'https://hooks.example'), 'its application');
SELECT lives_ok(format('SELECT appt.rotate_subscription_key(%L)', :'subscription_id'), 'its subscription');
SELECT lives_ok(format('SELECT appt.set_notifications_enabled(%L, true)', :'organization'), 'its switch');
SELECT throws_ok('SELECT appt.create_organization(''x'')', '42501', NULL, 'makes no organization');
SELECT throws_ok(format('SELECT appt.create_application(%L, %L)', :'rival', 'x'), 'PT404', 'organization not found',
	'another organization');
SELECT throws_ok(format('SELECT appt.set_notifications_enabled(%L, false)', :'rival'), 'PT404', 'organization not found', 'its switch');
SELECT throws_ok(format('SELECT appt.create_subscription(%L, %L)', :'their_application', 'https://hooks.example'), 'PT404',
	'application not found', 'its application');
SELECT throws_ok(format('SELECT appt.set_provider(%L, %L, %L, %L)', :'their_application', 'SMS', 'HTTP', 'https://a.example'),
	'PT404', 'application not found', 'its provider');
SELECT throws_ok(format('SELECT appt.rotate_subscription_key(%L)', :'their_subscription'), 'PT404', 'subscription not found',
	'its subscription');
SET LOCAL ROLE appt_supervisor;
SELECT throws_ok(format('SELECT appt.create_application(%L, %L)', :'organization', 'x'), '42501', NULL, 'a supervisor configures nothing');
RESET SESSION AUTHORIZATION;

-- An application is deleted with its configuration, but not while it has appointments.
SELECT appt.create_application(appt.create_organization('Short'), 'Lived') AS short \gset
SELECT appt.create_subscription(:'short', 'https://hooks.example/in', auth => 'BASIC', username => 'u', secret => 's') \gset short_
SELECT appt.set_provider(:'short', 'EMAIL', 'SMTP', 'smtp://mail.example', 'a@b.example', 'u', 's') \gset short_
SELECT (appt.schedule_appointment(:'short', now(), '1 hour', organizer_id => 'a')).id AS kept \gset
SELECT throws_ok(format('DELETE FROM appt.application WHERE id = %L', :'short'), '23503', NULL, 'an application with appointments stays');
SELECT appt.delete_appointment(:'kept') \gset
SELECT lives_ok(format('DELETE FROM appt.application WHERE id = %L', :'short'), 'without any it goes');
SELECT is((SELECT count(*) FROM appt.rule WHERE application_id = :'short') + (SELECT count(*) FROM appt.secret
	WHERE application_id = :'short'), 0::bigint, 'with its rules and secrets');

SELECT * FROM finish();
ROLLBACK;
