-- Errors of a first hour say what to do next.

BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();
SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Bank') AS application \gset

CREATE FUNCTION pg_temp.hint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;

SELECT matches(pg_temp.hint(replace(statement, 'APP', quote_literal(:'application'))), hint, statement) FROM (VALUES
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', ''smtp://mail.example:587'')', 'sender => ''Name <name@example.com>'''),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', sender => ''a@b.example'')', 'url => .*LOG'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', ''mail.example'', ''a@b.example'')', 'smtp://mail.example.com:587'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', ''smtp://mail.example'', ''Acme'')', 'Name <name@example.com>'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''MAIL'', ''smtp://mail.example'', ''a@b.example'')', 'SMTP, .*LOG'),
	('SELECT appt.set_provider(APP, ''SMS'', ''TWILIO'', ''https://api.twilio.com'')', 'df\+ appt.set_provider'),
	('SELECT appt.set_provider(APP, ''EMAIL'', ''SMTP'', ''smtp://mail.example'', ''a@b.example'',
		settings => ''{"tls": true}'')', 'starttls'),
	('SELECT appt.set_provider(APP, ''SMS'', ''GENESYS_CLOUD'', ''https://api.mypurecloud.ie'', ''+306900000001'', ''id'')', 'secret =>'),
	('SELECT appt.create_subscription(APP, ''crm.example/hooks'')', 'https://example.com/path'),
	('SELECT appt.create_application(' || quote_literal(:'organization') || ', ''x'', timezone => ''Athens'')', 'pg_timezone_names'),
	('SELECT appt.schedule_appointment(APP, now(), ''1 hour'')', 'organizer_id =>'),
	('SELECT appt.schedule_appointment(APP, now(), ''25 hours'', organizer_id => ''ann'')', 'max_duration'),
	('DELETE FROM appt.rule WHERE application_id = APP; SELECT appt.send_notification(id, ''REMINDER'') FROM appt.schedule_appointment(APP, '
		'now(), ''1 hour'', ''{"contact": {"primaryEmail": "a@b.example"}}'', organizer_id => ''ann'')', 'appt.rule'),
	('SELECT appt.send_test_email(APP, ''me@example.org'')', 'appt.set_provider; one of kind LOG')) s (statement, hint);

-- What the log and the eligibility say.
SELECT matches(explanation, command, reason) FROM appt.reason JOIN (VALUES
	('NO_PROVIDER', 'appt.set_provider'), ('SENDER_NOT_VERIFIED', 'appt.initiate_email_verification'),
	('ADDRESS_NOT_ALLOWED', 'appt.allowed_addresses')) c (code, command) ON code = reason;

-- A role that may not call, though it was granted the function itself.
CREATE ROLE appt_test_stranger;
GRANT USAGE ON SCHEMA appt TO appt_test_stranger;
GRANT EXECUTE ON FUNCTION appt.cancel_appointment TO appt_test_stranger;
SELECT matches(pg_temp.hint('SET LOCAL ROLE appt_test_stranger; SELECT appt.cancel_appointment(gen_random_uuid())'), 'appt_service',
	'who may call is said');
SELECT * FROM finish();
ROLLBACK;
