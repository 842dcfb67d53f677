/* inbound_functions.sql: what providers report: messages that came in, and receipts of messages that they took. */

CREATE TYPE appt.inbound_details AS (
	id bigint,
	handled_as text,
	response_id bigint,
	notification_ids bigint[]);
COMMENT ON TYPE appt.inbound_details IS 'An inbound message, as record_inbound_sms returns it.';
COMMENT ON COLUMN appt.inbound_details.id IS 'Identifier of the message in appt.inbound_message.';
COMMENT ON COLUMN appt.inbound_details.handled_as IS
'What it was taken for: NONE (a message to people), RESPONSE, OPT_OUT, OPT_IN or HELP.';
COMMENT ON COLUMN appt.inbound_details.response_id IS 'Response that it gave; NULL means none.';
COMMENT ON COLUMN appt.inbound_details.notification_ids IS 'Notifications that tell users and subscribers of it, in the order of their ids.';

CREATE FUNCTION appt.record_inbound_sms(
	application_id uuid DEFAULT NULL,
	from_number text DEFAULT NULL,
	to_number text DEFAULT NULL,
	text text DEFAULT NULL,
	provider_message_id text DEFAULT NULL,
	received_at timestamptz DEFAULT NULL) RETURNS appt.inbound_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'record_inbound_sms';
COMMENT ON FUNCTION appt.record_inbound_sms(uuid, text, text, text, text, timestamptz) IS
'Records a text message that came in, and tells the users of the line that has the number (TEXT_MESSAGE) and the subscriptions that name the type INBOUND_MESSAGE.

Numbers are stored in E.164 where they can be read as phone numbers, by the application''s calling_code if they have no country''s code; other senders stay as they are. A message to a number of no line is recorded, too. The same provider_message_id twice is one message: the second call returns the result of the first. received_at is now if left out.

HIGH_SMS: when one sender''s messages to one number of a line exceed 15 within 30 seconds by received_at, the 16th alarms the users of the line, once; another alarm follows only after 30 seconds within the limit. A message that is exactly 30 seconds older does not count.

22023: an argument is missing, too long (numbers 256 bytes, text 64 kB, provider_message_id 1,024 bytes) or infinite. PT404: no such application.';

CREATE FUNCTION appt.record_receipt(
	application_id uuid DEFAULT NULL,
	provider_message_id text DEFAULT NULL,
	receipt text DEFAULT NULL,
	code text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'record_receipt';
COMMENT ON FUNCTION appt.record_receipt(uuid, text, text, text) IS
'Records what a provider reports of a text message that it took: DELIVERED or UNDELIVERED, with the provider''s code.

The message is found by the identifier that the provider gave it, which the log has as provider_message_id. The first report of each kind counts, and DELIVERED replaces UNDELIVERED, so repeated reports and their order do not matter. 22023: another receipt. PT404: no such application, or no such message yet; a report that is very quick may have to be repeated.';
