-- send_message and cancel_message: what is planned, what is refused, repeated calls, and who may call them.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', calling_code => '+49') AS application,
	appt.create_application(:'organization', 'Support') AS support \gset
INSERT INTO appt.user_profile (application_id, id, channels) VALUES (:'application', 'ann', '{}'), (:'support', 'foreign', '{IN_APP}');
INSERT INTO appt.subscription (application_id, url, types) VALUES (:'application', 'https://hooks.example/a?secret=1', '{FAX}')
	RETURNING id AS subscription \gset
INSERT INTO appt.subscription (application_id, url) VALUES (:'support', 'https://hooks.example/b')
	RETURNING id AS foreign_subscription \gset

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION pg_temp.send(application uuid, arguments text) RETURNS appt.notification_details LANGUAGE plpgsql AS $$
DECLARE
	result appt.notification_details;
BEGIN
	EXECUTE format('SELECT * FROM appt.send_message(%L, %s)', application, arguments) INTO result;
	RETURN result;
END $$;

-- The row that it plans.
CREATE FUNCTION pg_temp.planned(application uuid, arguments text) RETURNS appt.notification LANGUAGE plpgsql AS $$
DECLARE
	sent bigint := (pg_temp.send(application, arguments)).id;
BEGIN
	RETURN (SELECT n FROM appt.notification n WHERE n.id = sent);
END $$;

/* ---- what is planned ---- */

SELECT is(ROW(n.type, n.channel, n.recipient_kind, n.recipient_id, n.address, n.subscription_id IS NOT NULL, n.state, n.due_at = now(),
		n.expires_at, n.context)::text,
	format('(MESSAGE,%s,%s,%s,%s,%s,PENDING,t,,%s)', m.channel, m.kind, replace(m.recipient, '''', ''), m.address,
		(m.channel = 'WEBHOOK')::text::char, m.context),
	m.channel || ' to ' || m.recipient)
FROM (VALUES
	('EMAIL', 'ADDRESS', '''ann@example.org''', 'ann@example.org', 'text_body => ''Hi'', html_body => ''<p>Hi</p>'', subject => ''S''',
		'"{""subject"": ""S"", ""html_body"": ""<p>Hi</p>"", ""text_body"": ""Hi""}"'),
	('EMAIL', 'ADDRESS', '''ann@example.org''', 'ann@example.org', 'html_body => ''<p>Hi</p>'', text_body => ''''',
		'"{""html_body"": ""<p>Hi</p>""}"'),
	('SMS', 'ADDRESS', '''+306900000000''', '+306900000000', 'text_body => ''Hi {{name}}'', data => ''{"name": "Ann"}''',
		'"{""data"": {""name"": ""Ann""}, ""text_body"": ""Hi {{name}}""}"'),
	('IN_APP', 'USER', '''ann''', 'ann', 'text_body => ''Hi''', '"{""text_body"": ""Hi""}"'),
	('IN_APP', 'USER', '''ann''', 'ann', 'text_body => ''Hi'', subject => ''Title''', '"{""subject"": ""Title"", ""text_body"": ""Hi""}"'),
	('WEBHOOK', 'SUBSCRIBER', quote_literal(:'subscription'), 'https://hooks.example/a?********', 'data => ''{"a": [1]}''',
		'"{""data"": {""a"": [1]}}"')) m (channel, kind, recipient, address, more, context),
	pg_temp.planned(:'application', format('%L, %s, %s', m.channel, m.recipient, m.more)) n;
SELECT is(ROW(n.recipient_id, n.address)::text, '(+4917012345,+4917012345)', 'a number without country code gets the application''s')
	FROM pg_temp.planned(:'application', '''SMS'', ''0170 12345'', ''Hi''') n;
SELECT is(count(*), 0::bigint, 'each is in the queue')
	FROM appt.notification n LEFT JOIN appt.due d ON d.notification_id = n.id AND d.due_at = n.due_at AND d.lane = n.lane
	WHERE n.type = 'MESSAGE' AND d IS NULL;
CREATE TEMP TABLE sent AS SELECT pg_temp.send(:'application', '''SMS'', ''+306900000000'', ''Hi''') AS details;
SELECT is(s.details, ROW(n.id, n.uid, n.application_id, NULL, n.recipient_kind, n.recipient_id, NULL, NULL, n.type, n.channel,
		n.time_offset, n.due_at, n.state, NULL, 0, n.due_at, n.context, n.created_at, NULL)::appt.notification_details,
	'its details are returned')
	FROM sent s JOIN appt.notification n ON n.id = (s.details).id;
SELECT is(ROW(n.due_at, n.expires_at)::text, ROW(now() + interval '1 day', now() + interval '2 days')::text, 'due later, until a time')
	FROM pg_temp.planned(:'application', '''SMS'', ''+306900000000'', ''Hi'', due_at => now() + interval ''1 day'',
		expires_at => now() + interval ''2 days''') n;
SELECT is(n.due_at, now() - interval '23 hours', 'or earlier, while it may still be sent')
	FROM pg_temp.planned(:'application', '''SMS'', ''+306900000000'', ''Hi'', due_at => now() - interval ''23 hours''') n;
SELECT is(octet_length(d.context ->> 'text_body'), 262144, '256 kB are not too much')
	FROM pg_temp.send(:'application', '''EMAIL'', ''ann@example.org'', repeat(''x'', 262144)') d;

/* ---- what is refused ---- */

SELECT count(*) AS planned FROM appt.notification \gset
SELECT is(ROW(r.state, r.message, r.detail)::text, ROW(e.state, e.message, e.detail)::text, e.arguments) FROM (VALUES
	('''FAX'', ''x'', ''Hi''', '22023', 'unknown channel', '"FAX" is not a channel.'),
	('NULL, ''x'', ''Hi''', '22023', 'a required argument is missing', 'These are null or were left out: "channel".'),
	('''SMS'', NULL, ''Hi''', '22023', 'a required argument is missing', 'These are null or were left out: "recipient".'),
	('''SMS'', '''', ''Hi''', '22023', 'a required argument is empty', '"recipient" must not be empty.'),
	('''SMS'', ''12'', ''Hi''', '22023', 'invalid phone number', '"12" is not an address that messages can be sent to.'),
	('''EMAIL'', ''ann'', ''Hi''', '22023', 'invalid email address', '"ann" is not an address that messages can be sent to.'),
	('''EMAIL'', E''ann@example.org\r\nRCPT TO:<x@example.org>'', ''Hi''', '22023', 'invalid email address',
		E'"ann@example.org\r\nRCPT TO:<x@example.org>" is not an address that messages can be sent to.'),
	('''IN_APP'', ''ghost'', ''Hi''', 'PT404', 'user not found', 'There is no user "ghost", or it is not yours.'),
	('''IN_APP'', ''foreign'', ''Hi''', 'PT404', 'user not found', 'There is no user "foreign", or it is not yours.'),
	('''WEBHOOK'', ''x'', data => ''{}''', '22023', 'not the id of a subscription', '"x" is not a uuid.'),
	(format('''WEBHOOK'', %L, data => ''{}''', :'foreign_subscription'), 'PT404', 'subscription not found',
		format('There is no subscription "%s", or it is not yours.', :'foreign_subscription')),
	(format('''WEBHOOK'', %L', :'subscription'), '22023', 'a required argument is missing', 'These are null or were left out: "data".'),
	(format('''WEBHOOK'', %L, ''Hi'', data => ''{}''', :'subscription'), '22023', 'the channel does not take this argument',
		'A message over WEBHOOK has no "text_body".'),
	(format('''WEBHOOK'', %L, subject => ''Hi'', data => ''{}''', :'subscription'), '22023', 'the channel does not take this argument',
		'A message over WEBHOOK has no "subject".'),
	('''SMS'', ''+306900000000''', '22023', 'a message needs a body', 'A message over SMS has "text_body".'),
	('''SMS'', ''+306900000000'', ''''', '22023', 'a message needs a body', 'A message over SMS has "text_body".'),
	('''SMS'', ''+306900000000'', ''Hi'', ''Subject''', '22023', 'the channel does not take this argument',
		'A message over SMS has no "subject".'),
	('''SMS'', ''+306900000000'', ''Hi'', html_body => ''Hi''', '22023', 'the channel does not take this argument',
		'A message over SMS has no "html_body".'),
	('''IN_APP'', ''ann'', html_body => ''Hi''', '22023', 'the channel does not take this argument',
		'A message over IN_APP has no "html_body".'),
	('''IN_APP'', ''ann'', subject => ''Hi''', '22023', 'a message needs a body', 'A message over IN_APP has "text_body".'),
	('''EMAIL'', ''ann@example.org'', subject => ''Hi''', '22023', 'a message needs a body',
		'A message over EMAIL has "text_body", "html_body" or both.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', data => ''[]''', '22023', 'not a JSON object', '"data" is not a JSON object.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', ''{{#a}}''', '22023', 'template is not valid', NULL),
	('''EMAIL'', ''ann@example.org'', ''{{a'', ''Hi''', '22023', 'template is not valid', NULL),
	('''EMAIL'', ''ann@example.org'', html_body => ''{{/a}}''', '22023', 'template is not valid', NULL),
	('''EMAIL'', ''ann@example.org'', repeat(''x'', 262145)', '22023', 'an argument is too long',
		'"text_body" has more than 262144 bytes.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', repeat(''x'', 262145)', '22023', 'an argument is too long',
		'"subject" has more than 262144 bytes.'),
	('''EMAIL'', ''ann@example.org'', html_body => repeat(''x'', 262145)', '22023', 'an argument is too long',
		'"html_body" has more than 262144 bytes.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', data => jsonb_build_object(''a'', repeat(''x'', 262144))', '22023', 'an argument is too long',
		'"data" has 262157 bytes, more than 262144.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', data => ''{"a": [1e131071, {"b": 1e131071}, 1]}''', '22023', 'an argument is too long',
		'The numbers in "data" have more than 262144 bytes as text.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', due_at => ''infinity''', '22023', 'time out of range', '"due_at" is not finite.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', expires_at => ''-infinity''', '22023', 'time out of range', '"expires_at" is not finite.'),
	('''EMAIL'', ''ann@example.org'', ''Hi'', due_at => now() + interval ''11 years''', '22023', 'time out of range', NULL),
	('''EMAIL'', ''ann@example.org'', ''Hi'', expires_at => now() + interval ''11 years''', '22023', 'time out of range', NULL),
	('''EMAIL'', ''ann@example.org'', ''Hi'', expires_at => now()', '22023', 'the message expires before it can be sent', NULL),
	('''EMAIL'', ''ann@example.org'', ''Hi'', due_at => now() + interval ''2 hours'', expires_at => now() + interval ''2 hours''', '22023',
		'the message expires before it can be sent', NULL),
	('''EMAIL'', ''ann@example.org'', ''Hi'', due_at => now() - interval ''2 hours'', expires_at => now() - interval ''1 hour''', '22023',
		'the message expires before it can be sent', NULL),
	('''EMAIL'', ''ann@example.org'', ''Hi'', due_at => now() - interval ''25 hours''', '22023', 'the message is too late', NULL)
	) e (arguments, state, message, detail),
	LATERAL (SELECT x.state, x.message, CASE WHEN e.detail IS NOT NULL THEN x.detail END AS detail
		FROM pg_temp.refusal(format('SELECT appt.send_message(%L, %s)', :'application', e.arguments)) x) r;
SELECT alike(r.hint, '%EMAIL, SMS, WEBHOOK, IN_APP%', 'the hint has the channels')
	FROM pg_temp.refusal(format('SELECT appt.send_message(%L, ''FAX'', ''x'')', :'application')) r;
SELECT is(r.state, 'PT404', 'an unknown application')
	FROM pg_temp.refusal(format('SELECT appt.send_message(%L, ''SMS'', ''+306900000000'', ''Hi'')', gen_random_uuid())) r;
SELECT is(count(*), :planned::bigint, 'nothing is planned of what is refused') FROM appt.notification;

/* ---- repeated calls ---- */

SELECT id AS first FROM pg_temp.send(:'application', '''SMS'', ''0170 12345'', ''Hi'', idempotency_key => ''key''') \gset
SELECT is(d.id, :first::bigint, 'the same call again gets the notification')
	FROM pg_temp.send(:'application', '''SMS'', ''0170 12345'', ''Hi'', idempotency_key => ''key''') d;
UPDATE appt.application SET calling_code = NULL WHERE id = :'application';
UPDATE appt.notification SET state = 'SENDING', next_attempt_at = NULL, attempt_count = 1, worker_slot = 1 WHERE id = :first;
SELECT is(ROW(d.id, d.state)::text, format('(%s,SENDING)', :first), 'as it is now, whatever has changed since')
	FROM pg_temp.send(:'application', '''SMS'', ''0170 12345'', ''Hi'', idempotency_key => ''key''') d;
SELECT is(r.state, 'PT409', 'other arguments: ' || arguments) FROM (VALUES ('''SMS'', ''0170 12346'', ''Hi'''),
		('''SMS'', ''0170 12345'', ''Ho'''), ('''SMS'', ''0170 12345'', ''Hi'', due_at => now()'),
		('''SMS'', ''0170 12345'', ''Hi'', data => ''{}''')) other (arguments),
	pg_temp.refusal(format('SELECT appt.send_message(%L, %s, idempotency_key => ''key'')', :'application', arguments)) r;
SELECT isnt(d.id, :first::bigint, 'another key gets another')
	FROM pg_temp.send(:'application', '''SMS'', ''+4917012345'', ''Hi'', idempotency_key => ''another''') d;
SELECT is(r.state, 'PT404', 'a key of another function is free')
	FROM pg_temp.refusal(format('SELECT appt.notify_users(%L, ''MENTION'', ''{ghost}'', idempotency_key => ''key'')', :'application')) r;
SELECT is(array_agg(notification_id = :first ORDER BY key DESC), '{t,f}', 'a key names its notification') FROM appt.idempotency_key;

/* ---- rollback ---- */

SELECT count(*) AS planned FROM appt.notification \gset
SAVEPOINT undone;
SELECT pg_temp.send(:'application', '''SMS'', ''+4917012345'', ''Hi'', idempotency_key => ''undone''') \g /dev/null
SELECT is(count(*), :planned::bigint + 1, 'it is planned in the caller''s transaction') FROM appt.notification;
ROLLBACK TO undone;
SELECT is(count(*), :planned::bigint, 'and not planned if that is rolled back') FROM appt.notification;
SELECT is(count(*), 0::bigint, 'nor is the key used up') FROM appt.idempotency_key WHERE key = 'undone';

/* ---- cancel_message ---- */

-- A message in this state, and what cancel_message makes of it.
CREATE TEMP TABLE message (name text, id bigint, update text, expected text, kept text);
INSERT INTO message (name, update, expected) VALUES
	('PENDING', '', 'CANCELLED WITHDRAWN, out of the queue'),
	('RETRYING', 'state = ''RETRYING'', reason = ''WILL_RETRY'', attempt_count = 1', 'CANCELLED WITHDRAWN, out of the queue'),
	('SENDING', 'state = ''SENDING'', next_attempt_at = NULL, attempt_count = 1', 'SENDING , superseded by WITHDRAWN'),
	('SENT', 'state = ''SENT'', settled_at = now(), next_attempt_at = NULL', 'PT409'),
	('FAILED', 'state = ''FAILED'', reason = ''REJECTED'', settled_at = now(), next_attempt_at = NULL', 'PT409'),
	('MISSED', 'state = ''MISSED'', reason = ''WINDOW_PASSED'', settled_at = now(), next_attempt_at = NULL', 'PT409'),
	('SUPPRESSED', 'state = ''SUPPRESSED'', reason = ''GLOBAL_OFF'', settled_at = now(), next_attempt_at = NULL', 'PT409');
UPDATE message SET id = (pg_temp.send(:'application', format('''SMS'', ''+4917012345'', %L', name))).id;
CREATE FUNCTION pg_temp.cancel(notification bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d appt.notification_details := appt.cancel_message(notification);
BEGIN
	RETURN format('%s %s', d.state, d.reason)
		|| CASE WHEN NOT EXISTS (SELECT FROM appt.due WHERE notification_id = notification) THEN ', out of the queue' ELSE '' END
		|| coalesce((SELECT ', superseded by ' || n.superseded_by FROM appt.notification n WHERE n.id = notification), '');
END $$;
CREATE FUNCTION pg_temp.try_to_cancel(notification bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN pg_temp.cancel(notification);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
DO $$
DECLARE
	m message;
BEGIN
	FOR m IN SELECT * FROM message WHERE update <> '' LOOP
		EXECUTE format('UPDATE appt.notification SET %s WHERE id = %s', m.update, m.id);
	END LOOP;
END $$;
SELECT is(pg_temp.try_to_cancel(id), expected, name) FROM message;
SELECT is(pg_temp.try_to_cancel(id), expected, name || ' again') FROM message;
SELECT is(ROW(settled_at IS NOT NULL, next_attempt_at IS NULL)::text, '(t,t)', 'what is withdrawn is settled')
	FROM appt.notification n JOIN message m USING (id) WHERE m.name = 'PENDING';
SELECT is(r.detail, format('Notification %s is SENT.', m.id), 'what is settled is named')
	FROM message m, pg_temp.refusal(format('SELECT appt.cancel_message(%s)', m.id)) r WHERE m.name = 'SENT';
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'application', 'Sales', 'ann') RETURNING id AS line \gset
UPDATE appt.user_profile SET channels = '{IN_APP}' WHERE id = 'ann';
SELECT is(pg_temp.try_to_cancel(d.id), 'CANCELLED WITHDRAWN, out of the queue', 'what notify_users planned, too')
	FROM appt.notify_users(:'application', 'FAX', line_id => :'line') d;
SELECT id AS appointment FROM appt.schedule_appointment(:'application', now() + interval '2 days', '1 hour',
	'{"contact": {"primaryEmail": "bob@example.org"}}', organizer_id => 'ann') \gset
SELECT is(ROW(r.state, r.message, r.hint)::text, '(PT409,"the notification belongs to an appointment","Cancel or change the appointment, '
	'or switch off the rule or the preference.")', 'what belongs to an appointment, to users or customers')
	FROM appt.notification n, pg_temp.refusal(format('SELECT appt.cancel_message(%s)', n.id)) r WHERE n.appointment_id = :'appointment';
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane)
	VALUES (:'application', 'ADDRESS', 'a', 'CODE', 'EMAIL', now(), now(), 7) RETURNING id AS code \gset
SELECT is(ROW(r.state, r.message)::text, '(PT409,"appt planned the notification itself")', 'and what else appt plans')
	FROM pg_temp.refusal(format('SELECT appt.cancel_message(%s)', :code)) r;
SELECT is(r.state, 'PT404', 'an unknown notification') FROM pg_temp.refusal('SELECT appt.cancel_message(-1)') r;

/* ---- who may ---- */

CREATE ROLE sending_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE TEMP TABLE answer (role text, application text, state text, cancelled text);
GRANT ALL ON answer TO PUBLIC;
CREATE FUNCTION pg_temp.answer(role text, claimed uuid, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', jsonb_build_object('sub', 'x', 'application_id', claimed)::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	PERFORM set_config('role', 'none', true);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT (pg_temp.send(:'application', '''SMS'', ''+4917012345'', ''Hi''')).id AS mine \gset
SELECT format('SELECT appt.send_message(%L, ''SMS'', ''+306900000000'', ''Hi'')', :'application') AS sending,
	format('SELECT appt.cancel_message(%s)', :mine) AS cancelling \gset
SET LOCAL SESSION AUTHORIZATION sending_login;
INSERT INTO answer SELECT 'appt_client_service', 'other', pg_temp.answer('appt_client_service', :'support', :'sending'),
	pg_temp.answer('appt_client_service', :'support', :'cancelling');
INSERT INTO answer SELECT 'appt_client_service', 'none', pg_temp.answer('appt_client_service', NULL, :'sending'),
	pg_temp.answer('appt_client_service', NULL, :'cancelling');
INSERT INTO answer SELECT role, 'own', pg_temp.answer(role, :'application', :'sending'),
	pg_temp.answer(role, :'application', :'cancelling')
	FROM unnest('{appt_client_service,appt_agent,appt_supervisor,appt_customer,appt_admin,appt_anonymous}'::text[]) role;
RESET SESSION AUTHORIZATION;
SELECT is(ROW(state, cancelled)::text, CASE WHEN application = 'other' THEN '(PT404,PT404)'
	WHEN role = 'appt_client_service' AND application = 'own' THEN '(00000,00000)' ELSE '(42501,42501)' END,
	format('%s, %s application', role, application)) FROM answer;

SELECT * FROM finish();
ROLLBACK;
