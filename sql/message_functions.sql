/* message_functions.sql: telling users of events, and messages of applications. */

CREATE FUNCTION appt.notify_users(
	application_id uuid DEFAULT NULL,
	type text DEFAULT NULL,
	user_ids text[] DEFAULT NULL,
	line_id uuid DEFAULT NULL,
	contact jsonb DEFAULT NULL,
	title text DEFAULT NULL,
	payload jsonb DEFAULT NULL,
	idempotency_key text DEFAULT NULL) RETURNS SETOF appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'notify_users';
COMMENT ON FUNCTION appt.notify_users(uuid, text, text[], uuid, jsonb, text, jsonb, text) IS
'Tells users of an event: a call, a text message, a voicemail, a mention, a sync. Returns the notifications that it plans, none if nobody wants to be told.

The type decides who is told: owner, subscribed users and ring groups of the line (CALL, TEXT_MESSAGE, VOICEMAIL; FAX without ring groups), the users in user_ids (MENTION, CONTACT_ASSIGNED, REMINDER_ASSIGNED), admins (the account''s types, by email alone). For CALL, user_ids are those members of ring groups that the call was offered to; null means all, and a ring group with fisher_mode is told as a whole. Each user gets one notification for each channel that is on for it, unless its preferences say otherwise. Subscriptions whose types name the type get a webhook.

contact: {"name", "phone", "email", "id"}, texts. title and payload, a JSON object, are for the application''s own words; templates and webhooks have them.

idempotency_key: as of schedule_appointment. A repeated call returns the notifications that the first call planned, as they are now. The key is kept as long as these are in the log.

22023: a type that appt plans itself, no line_id or user_ids where the type needs it, user_ids where it takes none, no users or more than 1,000, a malformed contact, a payload over 256 kB. PT404: no such application, line or user. PT409: a call with other arguments was executed with the idempotency_key.';

CREATE FUNCTION appt.send_message(
	application_id uuid DEFAULT NULL,
	channel text DEFAULT NULL,
	recipient text DEFAULT NULL,
	text_body text DEFAULT NULL,
	subject text DEFAULT NULL,
	html_body text DEFAULT NULL,
	due_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	data jsonb DEFAULT NULL,
	idempotency_key text DEFAULT NULL) RETURNS appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_message';
COMMENT ON FUNCTION appt.send_message(uuid, text, text, text, text, text, timestamptz, timestamptz, jsonb, text) IS
'Plans a message of the application''s own, which is sent if the transaction commits. Returns its notification.

recipient: an email address (EMAIL), a phone number (SMS; without a country code it gets the application''s calling_code), the id of a user (IN_APP) or of a subscription (WEBHOOK). text_body, subject and html_body are Mustache templates over data, a JSON object; each of the four may have 256 kB. EMAIL takes all of them and needs a body; SMS takes text_body, IN_APP text_body and a subject as its title; WEBHOOK takes data alone, which is its payload, whatever the types of the subscription. due_at defaults to now. The first attempt may start until expires_at, which defaults to 24 hours after due_at.

idempotency_key: as of schedule_appointment. A repeated call returns the notification of the first, as it is now. The key is kept as long as the notification is in the log.

22023: an unknown channel, an invalid address, a text that the channel does not take or that is no template, no body, a time more than 10 years ahead, a message that expires before it can be sent. PT404: no such application, user or subscription. PT409: a call with other arguments was executed with the idempotency_key.';

CREATE FUNCTION appt.cancel_message(notification_id bigint DEFAULT NULL) RETURNS appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cancel_message';
COMMENT ON FUNCTION appt.cancel_message(bigint) IS
'Withdraws a notification that send_message or notify_users has planned, if it has not left yet. Returns it as it is now.

PENDING or RETRYING: it becomes CANCELLED, WITHDRAWN. SENDING: it is returned as SENDING; if this attempt fails, it is CANCELLED and not tried again. A notification that was withdrawn before is returned unchanged. PT404: no such notification. PT409: it is settled, or it has other causes: cancel or change the appointment instead.';

CREATE FUNCTION appt.send_sample_notification(
	type text DEFAULT NULL,
	channel text DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS SETOF bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_sample_notification';
COMMENT ON FUNCTION appt.send_sample_notification(text, text, text, uuid) IS
'Shows a user what notifications of a type look like. Returns the ids of the messages.

Sends a TEST in the words of the type, with sample values, over the channel; null means each channel of the user''s profile that the type has. It goes whatever the user''s preferences and the organization''s switch. The user is the caller; an admin names the application and, unless it means itself, the user; an SQL application names both. A user may be sent 3 samples within 10 minutes.

22023: a type that users do not get, a channel that the type does not have, or an application or user that must be named. 42501: the token names no user. PT404: no such application or user. PT429: too many samples.';
