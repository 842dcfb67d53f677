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
