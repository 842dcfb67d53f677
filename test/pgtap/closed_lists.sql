-- A code that is not in its list is refused, and HINT names the list; by functions and in the tables.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS organization \gset
SELECT appt.create_application(:'organization', 'app') AS app \gset
SELECT set_config('test.app', :'app', true), set_config('test.organization', :'organization', true) \gset

CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE replace(replace(statement, 'APP', quote_literal(current_setting('test.app'))), 'ORG',
		quote_literal(current_setting('test.organization')));
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || hint;
END $$;

SELECT is(pg_temp.refusal(statement), format('22023 The known ones are: %s.', list), statement) FROM (VALUES
	('SELECT appt.create_application(ORG, ''x'', platform => ''TALKDESKS'')', 'GENESYS_CLOUD, TALKDESK, STANDALONE'),
	('SELECT appt.create_application(ORG, ''x'', agent_scope => ''ALL'')', 'APPLICATION, OWN'),
	('UPDATE appt.application SET agent_scope = ''ALL'' WHERE id = APP', 'APPLICATION, OWN'),
	('SELECT appt.set_provider(APP, ''WEBHOOK'', ''HTTP'', ''https://a.example'')', 'EMAIL, SMS'),
	('SELECT appt.set_provider(APP, ''SMS'', ''PIGEON'', ''https://a.example'')', 'SMTP, TWILIO, GENESYS_CLOUD, HTTP, LOG'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''TWILIO'', ''https://a.example'')', 'SMTP, GENESYS_CLOUD, LOG'),
	('SELECT appt.set_provider(APP, ''SMS'', ''SMTP'', ''https://a.example'')', 'TWILIO, GENESYS_CLOUD, HTTP, LOG'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', ''smtp://a.example'', ''a@b.example'', settings => ''{"starttls": '
		'"always"}'')', 'opportunistic, required, never'),
	('SELECT appt.set_provider(APP, ''SMS'', ''HTTP'', ''https://a.example'', settings => ''{"method": "PATCH"}'')', 'GET, POST, PUT'),
	('SELECT appt.set_provider(APP, ''SMS'', ''TWILIO'', ''https://a.example'', ''+306900000000'', settings => ''{"sid": "x"}'')',
		'max_concurrency, max_per_second, price, account_sid, status_callback, inbound_url, stop_replies'),
	('SELECT appt.create_subscription(APP, ''https://a.example'', auth => ''DIGEST'')', 'NONE, BASIC, OAUTH2'),
	('SELECT appt.create_subscription(APP, ''https://a.example'', token_auth => ''JWT'')', 'BASIC, BODY'),
	('SELECT appt.create_subscription(APP, ''https://a.example'', headers => ''[{"name": "a", "value": "b", "type": "HIDDEN"}]'')',
		'DEFAULT, SECRET'),
	('SELECT appt.create_subscription(APP, ''https://a.example'', headers => ''[{"name": "a", "value": "b", "secret": true}]'')',
		'name, value, type'),
	('SELECT appt.find_appointments(sort_field => ''start'')',
		'start_at, end_at, created_at, updated_at, title, state, duration, organizer_id, id'),
	('SELECT appt.find_appointments(sort_order => ''up'')', 'asc, desc'),
	('SELECT appt.send_test_email(APP, ''me@example.org'', ''UPDATE'')',
		'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, TEST, CONFIRMATION_REQUEST'),
	('SELECT appt.send_test_email(APP, ''me@example.org'', ''PIGEON'')',
		'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, TEST, CONFIRMATION_REQUEST'),
	('SELECT appt.send_test_email(APP, ''me@example.org'', channel => ''SMS'')', 'EMAIL'),
	('SELECT appt.send_test_sms(APP, ''+306900000000'', channel => ''EMAIL'')', 'SMS'),
	('SELECT appt.preview_notification(APP, ''x'', ''PIGEON'', ''EMAIL'')',
		'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, UPDATE, ACTIVATE, CONFIRMATION_REQUEST'),
	('SELECT appt.preview_notification(APP, ''x'', ''CODE'', ''EMAIL'')',
		'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, UPDATE, ACTIVATE, CONFIRMATION_REQUEST'),
	('SELECT appt.preview_notification(APP, ''x'', ''CREATE'', ''FAX'')', 'EMAIL, SMS, WEBHOOK, IN_APP'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', ''{"email": "a@b.example"}'', ''ann'')',
		'name, contact, username, metadata, locale, preferredChannel'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', ''{"name": {"first": "x"}}'', ''ann'')', 'firstName, lastName'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', ''{"contact": {"email": "x"}}'', ''ann'')', 'primaryEmail, primaryPhone'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', ''{"preferredChannel": "FAX"}'', ''ann'')', 'EMAIL, SMS'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', organizer_id => ''ann'', interaction => ''{"custom": 1}'')',
		'routing, customFields, state'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'', organizer_id => ''ann'', interaction => ''{"routing": {"to": 1}}'')',
		'type, properties'),
	('INSERT INTO appt.rule (application_id, type, channel) VALUES (APP, ''REMIND'', ''EMAIL'')',
		'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, UPDATE, ACTIVATE, CODE, TEST, CALL, TEXT_MESSAGE, '
			'VOICEMAIL, FAX, MENTION, CONTACT_ASSIGNED, REMINDER_ASSIGNED, APPOINTMENT_ASSIGNED, APPOINTMENT_CREATED, '
			'APPOINTMENT_REMINDER, BILLING_WARNING, USERS_SYNC, CONTACTS_SYNC, CONTACT_DISPOSITIONS_SYNC, '
			'CALL_DISPOSITIONS_SYNC, INTEGRATION_FAILED, IMPORT_EXPORT, DAILY_ACTIVITY, DAILY_INBOUND_SMS, '
			'DAILY_OUTBOUND_SMS, DAILY_SPENDING, WEBHOOK_FAILURES, HIGH_SMS, MESSAGE, INBOUND_MESSAGE, CONFIRMATION_REQUEST, RESPONSE, AUTO_REPLY'),
	('INSERT INTO appt.rule (application_id, type, channel) VALUES (APP, ''CREATE'', ''FAX'')', 'EMAIL, SMS, WEBHOOK, PREFERRED, BOTH'),
	('UPDATE appt.application SET platform = ''TALK'' WHERE id = APP', 'GENESYS_CLOUD, TALKDESK, STANDALONE'),
	('INSERT INTO appt.provider (application_id, channel, kind, url) VALUES (APP, ''SMS'', ''PIGEON'', ''https://a.example'')',
		'SMTP, TWILIO, GENESYS_CLOUD, HTTP, LOG'),
	('INSERT INTO appt.subscription (application_id, url, auth) VALUES (APP, ''https://a.example'', ''DIGEST'')', 'NONE, BASIC, OAUTH2'),
	('INSERT INTO appt.subscription (application_id, url, token_auth) VALUES (APP, ''https://a.example'', ''JWT'')', 'BASIC, BODY')
  ) AS r (statement, list);
SELECT throws_ok(format($$SELECT appt.add_customer(id, '{"fullName": "x"}') FROM appt.schedule_appointment(%L, now(), '1 hour',
	organizer_id => 'ann')$$, :'app'),
	'22023', 'unknown member of a JSON object', 'a customer who is added is looked at likewise');

SELECT is(pg_temp.refusal('SELECT appt.retry_notifications(APP, reason => ''WHY'')'),
	(SELECT format('22023 The known ones are: %s.', string_agg(reason, ', ' ORDER BY n))
		FROM appt.reasons() WITH ORDINALITY r (reason, explanation, n)), 'a reason');

-- Returned values are accepted as arguments.
SELECT lives_ok(format($$SELECT appt.schedule_appointment(%L, now(), '1 hour', organizer_id => 'ann',
	interaction => (SELECT interaction FROM appt.schedule_appointment(%1$L, now(), '1 hour', organizer_id => 'ann',
		interaction => '{"customFields": {"a": "b"}}')))$$, :'app'), 'an interaction with its state');

-- Who may read a table may have variables of its columns' types.
SELECT lives_ok(format($test$SET LOCAL ROLE %s;
	DO $$DECLARE a appt.notification.channel%%TYPE; b appt.notification.type%%TYPE; c appt.application.platform%%TYPE;
		d appt.application.agent_scope%%TYPE; e appt.provider.kind%%TYPE; f appt.subscription.auth%%TYPE;
	BEGIN a := 'SMS'; END $$;
	RESET ROLE$test$, role), role || ' has variables of the types of columns')
FROM unnest('{appt_agent,appt_supervisor,appt_client_service,appt_customer,appt_admin,appt_service,pg_monitor}'::text[]) role;

SELECT * FROM finish();
ROLLBACK;
