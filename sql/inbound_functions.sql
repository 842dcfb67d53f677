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
'Records a text message that came in, and handles it.

A message that is a single word (case, digits of any script, and blanks and punctuation around it apart) may ask for something. STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, OPTOUT and REVOKE opt the number out of text messages (handled_as OPT_OUT), START and UNSTOP in again (OPT_IN), HELP and INFO are answered (HELP). A reply code of the latest message with such codes to that number, from the number that was written to, responds to it (RESPONSE, with response_id), if the appointment is still as the message told it. Each is answered by an AUTO_REPLY: at most 3 within an hour and number, and none to numbers that were never written to, short codes, and numbers of the application itself.

Every other message is for people (NONE): the users of the line that has the number are told (TEXT_MESSAGE), and the subscriptions that name the type INBOUND_MESSAGE. So is a code that could not respond, because the appointment has changed or is over; its sender is answered, too.

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

The message is found by the identifier that the provider gave it, which the log has as provider_message_id. The first report of each kind counts, and DELIVERED replaces UNDELIVERED, so repeated reports and their order do not matter. UNDELIVERED with Twilio''s code 21610 opts the number out; other codes, such as 30003, 30005 and 30006, do not. 22023: another receipt. PT404: no such application, or no such message yet; a report that is very quick may have to be repeated.';

CREATE FUNCTION appt.receive_sms(text) RETURNS appt."*/*"
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'receive_sms_text';
COMMENT ON FUNCTION appt.receive_sms(text) IS
'Takes what a provider sends of its own accord: text messages that came in, as record_inbound_sms, and receipts, as record_receipt. For the web server in front (doc/nginx.conf), which hands on the provider''s id in X-Gateway-Key, and X-Gateway-Content-Type, X-Gateway-Authorization and X-Twilio-Signature of the request.

The provider must have an inbound_secret (set_provider). TWILIO proves itself by X-Twilio-Signature, HTTP by the secret in Authorization: as it is, as a bearer token, or as the password of basic authentication. The body is a form or JSON; its other fields are ignored. Returns the answer for the provider (TwiML for TWILIO) with its Content-Type.

By response.status, without an error: 403 with nothing written for what is not proven, whatever the reason; 400 for what is no message or receipt; 404 for a receipt of a message that is not known (yet).';
CREATE FUNCTION appt.receive_sms(json) RETURNS appt."*/*"
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'receive_sms_json';
COMMENT ON FUNCTION appt.receive_sms(json) IS 'The same for a body of Content-Type application/json.';
