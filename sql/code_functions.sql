/* code_functions.sql: test messages. */

CREATE FUNCTION appt.send_test_email(
	application_id uuid,
	to_email text,
	type text DEFAULT 'REMINDER',
	channel text DEFAULT 'EMAIL',
	locale text DEFAULT NULL,
	timezone text DEFAULT NULL,
	period interval DEFAULT NULL,
	subject text DEFAULT NULL,
	text_body text DEFAULT NULL,
	html_body text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_test_email';
COMMENT ON FUNCTION appt.send_test_email(uuid, text, text, text, text, text, interval, text, text, text) IS
'Sends a test email about a sample appointment and returns the id of its notification, to be followed in notification_log.

It shows the template of the type, or what subject, text_body and html_body say, with a sample for every name. The sample starts after period, a day if left out; locale and timezone are the application''s unless given. 22023: a type that customers get no messages of, another channel, a bad address, locale, timezone, period or template. PT404: no such application, or it has no enabled EMAIL provider.';

CREATE FUNCTION appt.send_test_sms(
	application_id uuid,
	to_phone text,
	type text DEFAULT 'REMINDER',
	channel text DEFAULT 'SMS',
	locale text DEFAULT NULL,
	timezone text DEFAULT NULL,
	period interval DEFAULT NULL,
	text_body text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_test_sms';
COMMENT ON FUNCTION appt.send_test_sms(uuid, text, text, text, text, text, interval, text) IS
'Sends a test text message about a sample appointment and returns the id of its notification.

As send_test_email. A phone number without a country''s code is one of the application''s calling_code. PT404: no such application, or it has no enabled SMS provider.';
