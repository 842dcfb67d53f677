-- Test messages: what is refused, and that the sample reads as the real message would.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Acme Bank', calling_code => '30', locale => 'en-GB', timezone => 'Europe/Athens',
	room_url => 'https://video.example/q/', public_url => 'https://api.example/base') AS app \gset
SELECT appt.create_application(:'organization', 'Bare') AS bare \gset
SELECT set_config('test.app', :'app', true) AS ignored \gset

-- Only where there is a provider.
SELECT throws_ok(format('SELECT appt.send_test_email(%L, ''me@example.org'')', :'app'), 'PT404', 'provider not found',
	'no email provider');
SELECT throws_ok(format('SELECT appt.send_test_sms(%L, ''+306900000000'')', :'app'), 'PT404', 'provider not found', 'no sms provider');
SELECT appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', 'Bank <info@bank.example>'),
	appt.set_provider(application, 'SMS', 'HTTP', 'https://sms.example') FROM unnest(ARRAY[:'app', :'bare']::uuid[]) application;

-- What is refused.
SELECT throws_ok('SELECT appt.send_test_email(' || replace(arguments, 'APP', quote_literal(current_setting('test.app'))) || ')',
	state, NULL, what)
  FROM (VALUES ('NULL, ''me@example.org''', '22023', 'no application'),
  	('gen_random_uuid(), ''me@example.org''', 'PT404', 'an unknown application'),
	('APP, NULL', '22023', 'no address'), ('APP, ''me''', '22023', 'a bad address'),
		('APP, ''Me <me@example.org>''', '22023', 'more than an address'),
		('APP, E''me@example.org\r\nBcc: x@y.example''', '22023', 'a header in it'),
	('APP, ''me@example.org'', NULL', '22023', 'no type'), ('APP, ''me@example.org'', ''PIGEON''', '22023', 'an unknown type'),
		('APP, ''me@example.org'', ''UPDATE''', '22023', 'a type for subscribers'),
	('APP, ''me@example.org'', ''ACTIVATE''', '22023', 'another one'), ('APP, ''me@example.org'', ''CODE''', '22023', 'a code'),
	('APP, ''me@example.org'', channel => ''SMS''', '22023', 'another channel'),
		('APP, ''me@example.org'', channel => NULL', '22023', 'no channel'),
	('APP, ''me@example.org'', locale => ''qq''', '22023', 'an unknown locale'),
		('APP, ''me@example.org'', timezone => ''Mars/Olympus''', '22023', 'an unknown timezone'),
	('APP, ''me@example.org'', period => ''-1 second''', '22023', 'a sample that is over'),
		('APP, ''me@example.org'', period => ''1 month''', '22023', 'a period of months'),
	('APP, ''me@example.org'', period => ''40000 days''', '22023', 'a sample after all times'),
	('APP, ''me@example.org'', subject => ''{{#open}}''', '22023', 'a subject that does not parse'),
		('APP, ''me@example.org'', text_body => ''{{nobody}}''', '22023', 'a name that nobody knows'),
	('APP, ''me@example.org'', html_body => ''{{firstName''', '22023', 'HTML that does not parse'),
		('APP, ''me@example.org'', text_body => repeat(''x'', 262145)', '22023', 'a text that is a book')) r (arguments, state, what);
SELECT throws_ok('SELECT appt.send_test_sms(' || replace(arguments, 'APP', quote_literal(current_setting('test.app'))) || ')',
	state, NULL, 'by sms: ' || what)
  FROM (VALUES ('NULL, ''+306900000000''', '22023', 'no application'),
  	('gen_random_uuid(), ''+306900000000''', 'PT404', 'an unknown application'), ('APP, NULL', '22023', 'no number'),
  	('APP, ''12''', '22023', 'a bad one'),
	('APP, ''me@example.org''', '22023', 'an address'), ('APP, ''+306900000000'', ''UPDATE''', '22023', 'a type for subscribers'),
		('APP, ''+306900000000'', channel => ''EMAIL''', '22023', 'another channel'),
	('APP, ''+306900000000'', text_body => ''{{nobody}}''', '22023', 'a name that nobody knows'),
		('APP, ''+306900000000'', period => ''-1 day''', '22023', 'a sample that is over')) r (arguments, state, what);
SELECT is_empty('SELECT * FROM appt.notification', 'and none of these is sent');

-- What is planned.
SELECT appt.send_test_email(:'app', 'me@example.org') AS test \gset
SELECT is(ROW(type, channel, recipient_kind, recipient_id, state, due_at, appointment_id)::text,
	ROW('TEST', 'EMAIL', 'ADDRESS', 'me@example.org', 'PENDING', now(), NULL)::text, 'a test by email') FROM appt.notification
	WHERE id = :test;
SELECT is(recipient, 'me@example.org', 'is in the log') FROM appt.notification_log WHERE notification_id = :test;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :test), ROW(true, NULL::text), 'goes out');
UPDATE appt.organization SET notifications_enabled = false;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :test), ROW(true, NULL::text),
	'whatever the switches');
UPDATE appt.organization SET require_verified_sender = true;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :test),
	ROW(false, 'SENDER_NOT_VERIFIED'::text), 'but only from a verified sender where one is required');
UPDATE appt.organization SET notifications_enabled = true, require_verified_sender = false;

-- The sample against a real appointment of the same data: what the built-in templates of all types make of both.
UPDATE appt.application SET auto_activate = true;
SELECT (appt.schedule_appointment(:'app', now() + interval '1 day', '30 minutes', organizer_id => 'sample-agent',
	title => 'Sample appointment', notes => 'Sample notes', location => 'Sample location',
	customer => '{"name": {"firstName": "Maria", "lastName": "Sample"}, "username": "maria.sample", "contact": {"primaryEmail": '
		'"maria@example.org", "primaryPhone": "+306900000000"}}')).id AS real \gset
UPDATE appt.appointment SET cancel_reason = 'Sample reason' WHERE id = :'real';
UPDATE appt.room_access SET ticket = 'abc-def-ghi', url = 'https://video.example/q/abc-def-ghi';
SELECT p.id AS customer FROM appt.participant p WHERE type = 'CUSTOMER' \gset
CREATE FUNCTION pg_temp.words(test bigint, model uuid) RETURNS text[] LANGUAGE sql AS $$
	SELECT (array_agg(replace(part, '00000000-0000-0000-0000-000000000000', model::text) ORDER BY n))[3:]
		FROM unnest(appt_test.composed(test)) WITH ORDINALITY c (part, n)$$;
SELECT is(pg_temp.words(appt.send_test_email(:'app', 'me@example.org', type), :'real'), ARRAY[subject, text_body, html_body],
	type || ' by email')
  FROM unnest('{CREATE,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP}'::text[]) type,
  	appt.preview_notification(:'real', :'customer', type, 'EMAIL');
SELECT is((pg_temp.words(appt.send_test_sms(:'app', '0690 0000000', type), :'real'))[2], text_body, type || ' by sms')
  FROM unnest('{CREATE,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP}'::text[]) type,
  	appt.preview_notification(:'real', :'customer', type, 'SMS');
SELECT is(address, '+306900000000', 'to the number as E.164') FROM appt.notification WHERE type = 'TEST' AND channel = 'SMS' LIMIT 1;
SELECT ok(c[3] = 'Test message from Acme Bank' AND c[4] LIKE '%The sample appointment is on %', 'TEST is a type, too')
	FROM appt_test.composed(appt.send_test_email(:'app', 'me@example.org', 'TEST')) c;

-- Every name has a sample.
\set all '{{firstName}}|{{lastName}}|{{fullName}}|{{username}}|{{title}}|{{notes}}|{{location}}|{{organizer}}|{{cancelReason}}|{{joinUrl}}|{{icalUrl}}|{{googleCalendarUrl}}|{{time24}}|{{time12}}|{{date}}|{{zone}}|{{duration}}|{{applicationName}}|{{dd-MM-yyyy}}'
SELECT ok(array_length(values, 1) = 19 AND '' <> ALL (values), application || ': ' || array_to_string(values, '|'))
  FROM unnest(ARRAY[:'app', :'bare']) application,
  	LATERAL (SELECT string_to_array((appt_test.composed(appt.send_test_email(application::uuid, 'me@example.org',
  	text_body => :'all')))[4], '|') AS values) v;

-- What is given wins: locale, timezone, period, texts.
SELECT to_char((now() + interval '26 hours') AT TIME ZONE 'America/New_York', 'YYYY-MM-DD HH24:MI') AS at \gset
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', timezone => 'America/New_York',
	period => '1 day 2 hours', text_body => '{{yyyy-MM-dd HH:mm}} {{duration}}')))[4], :'at' || ' 30 minutes', 'timezone and period');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', period => '0',
	text_body => '{{yyyy-MM-dd HH:mm}}')))[4], to_char(now() AT TIME ZONE 'Europe/Athens', 'YYYY-MM-DD HH24:MI'),
	'now, in the application''s timezone');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', locale => 'de', timezone => 'UTC',
	text_body => '{{duration}}')))[4], '30 Minuten', 'locale');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', subject => 'For {{firstName}}',
	text_body => '{{title}} {{{title}}}', html_body => '<b>{{title}}</b>')))[3:5],
	'{For Maria,Sample appointment Sample appointment,<b>Sample appointment</b>}', 'subject and bodies');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', text_body => 'text', html_body => '')))[4:5],
	ARRAY['text', NULL], 'what is empty is not given');
SELECT is((appt_test.composed(appt.send_test_sms(:'app', '+306900000000', text_body => 'Hello {{firstName}}')))[4], 'Hello Maria',
	'and a text message''s');
INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
	VALUES (:'app', 'CREATE', 'EMAIL', 'de', 'Termin', 'Guten Tag {{firstName}}'),
	(:'app', 'CREATE', 'EMAIL', 'en', 'Own', 'Own {{firstName}}');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', 'CREATE')))[3:4], '{Own,Own Maria}',
	'the application''s own template');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'me@example.org', 'CREATE', locale => 'de-AT')))[3:4],
	'{Termin,Guten Tag Maria}', 'in the language asked for');

-- An admin's own organization.
SELECT set_config('request.jwt.claims', json_build_object('sub', 'admin', 'organization_id', :'organization')::text, true) AS ignored \gset
SET LOCAL ROLE appt_admin;
SELECT lives_ok(format('SELECT appt.send_test_email(%L, ''me@example.org'')', :'app'), 'an admin of the organization');
SELECT set_config('request.jwt.claims', json_build_object('sub', 'admin', 'organization_id', gen_random_uuid())::text,
	true) AS ignored \gset
SELECT throws_ok(format('SELECT appt.send_test_email(%L, ''me@example.org'')', :'app'), 'PT404', 'application not found', 'of another');
SELECT throws_ok(format('SELECT appt.send_test_sms(%L, ''+306900000000'')', :'app'), 'PT404', 'application not found', 'likewise by sms');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
