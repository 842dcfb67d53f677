/* code_functions.sql: one-time codes, what they are used for, and test messages. */

CREATE FUNCTION appt.request_customer_code(application_id uuid DEFAULT NULL, contact text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'request_customer_code';
COMMENT ON FUNCTION appt.request_customer_code(uuid, text) IS
'Sends a one-time code to an email address or phone number, for scheduling an appointment.

The code has six digits. It is valid for 10 minutes, until it is used, the contact requests another, or five guesses were wrong. A phone number without a country code gets the application''s calling_code. 22023: neither an email address nor a phone number. PT404: no such application. PT429: within 10 minutes, more than 3 requests for the contact, 20 from the client''s address (where it is known) or 300 of the application, including requests that were rolled back.';

CREATE FUNCTION appt.schedule_appointment_as_customer(
	application_id uuid DEFAULT NULL,
	contact text DEFAULT NULL,
	code text DEFAULT NULL,
	start_at timestamptz DEFAULT NULL,
	duration interval DEFAULT NULL,
	customer jsonb DEFAULT NULL,
	title text DEFAULT NULL,
	notes text DEFAULT NULL,
	location text DEFAULT NULL,
	timezone text DEFAULT NULL,
	locale text DEFAULT NULL,
	metadata jsonb DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'schedule_appointment_as_customer';
COMMENT ON FUNCTION appt.schedule_appointment_as_customer(uuid, text, text, timestamptz, interval, jsonb, text, text, text, text, text, jsonb) IS
'Schedules an appointment for a customer who has a one-time code.

contact and code are those of request_customer_code. The customer organizes the appointment until it is reassigned; the contact is the customer''s email address or phone number. An address of the other channel is not verified: nothing is sent to it until the appointment is reassigned. All else is as in schedule_appointment. If the appointment cannot be scheduled, the code stays valid. A repeated call with a used code and exactly the same arguments returns the appointment that the first call scheduled, as long as the customer takes part in it and the server runs.

PT401: the code is wrong, has expired, was used by another call, was guessed at five times, was not requested, or was requested by the same transaction. 22023: as schedule_appointment, or the customer has another address than the contact. PT404: no such application. 22023 and PT404 are raised whatever the code.';

CREATE FUNCTION appt.initiate_email_verification(application_id uuid DEFAULT NULL, email text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'initiate_email_verification';
COMMENT ON FUNCTION appt.initiate_email_verification(uuid, text) IS
'Sends a one-time code to the address that the application''s emails come from, to verify that it can be read there.

The code is sent even where only verified senders may send. 22023: not an email address. PT404: it is not the sender address of the enabled EMAIL provider, or there is no such application. PT429: more than 3 requests for the address or 300 of the application within 10 minutes.';

CREATE FUNCTION appt.confirm_email_verification(application_id uuid DEFAULT NULL, code text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'confirm_email_verification';
COMMENT ON FUNCTION appt.confirm_email_verification(uuid, text) IS
'Verifies the sender of the application''s emails by the one-time code that was sent to it.

If the code is right, sets the provider''s verified_at and returns true with HTTP status 204. PT400: a wrong code. PT404: the code has expired, was used, was guessed at five times, was not requested, or was requested by the same transaction; or there is no such application.';

CREATE FUNCTION appt.send_test_email(
	application_id uuid DEFAULT NULL,
	to_email text DEFAULT NULL,
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
'Sends a test email about a sample appointment. Returns the id of its notification, for notification_log.

It is rendered from the template of the type, or from subject, text_body and html_body where given; every name has a sample value. The sample appointment starts after period, by default a day; locale and timezone default to the application''s. 22023: a type that customers get no messages of, another channel, a bad address, locale, timezone, period or template. PT404: no such application, or it has no enabled EMAIL provider.';

CREATE FUNCTION appt.send_test_sms(
	application_id uuid DEFAULT NULL,
	to_phone text DEFAULT NULL,
	type text DEFAULT 'REMINDER',
	channel text DEFAULT 'SMS',
	locale text DEFAULT NULL,
	timezone text DEFAULT NULL,
	period interval DEFAULT NULL,
	text_body text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_test_sms';
COMMENT ON FUNCTION appt.send_test_sms(uuid, text, text, text, text, text, interval, text) IS
'Sends a test text message about a sample appointment. Returns the id of its notification, for notification_log.

Otherwise as send_test_email. A phone number without a country code gets the application''s calling_code. PT404: no such application, or it has no enabled SMS provider.';
