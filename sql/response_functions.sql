/* response_functions.sql: what customers answer. */

CREATE TYPE appt.response_details AS (
	id bigint,
	appointment_id uuid,
	participant_id text,
	notification_id bigint,
	action text,
	reason text,
	proposed_start_at timestamptz,
	source text,
	created_at timestamptz
);
COMMENT ON TYPE appt.response_details IS 'A customer''s response as functions return it.';
COMMENT ON COLUMN appt.response_details.id IS 'Identifier, in the order of the responses.';
COMMENT ON COLUMN appt.response_details.appointment_id IS 'Appointment that it is about.';
COMMENT ON COLUMN appt.response_details.participant_id IS 'Customer who responded.';
COMMENT ON COLUMN appt.response_details.notification_id IS 'Message that the customer responded to.';
COMMENT ON COLUMN appt.response_details.action IS 'ACCEPT, DECLINE or RESCHEDULE.';
COMMENT ON COLUMN appt.response_details.reason IS 'Reason that the customer gave; null means none.';
COMMENT ON COLUMN appt.response_details.proposed_start_at IS 'Start that the customer proposes; null means none.';
COMMENT ON COLUMN appt.response_details.source IS 'How it came in: EMAIL, PAGE, SMS or API.';
COMMENT ON COLUMN appt.response_details.created_at IS 'When it was recorded.';

CREATE FUNCTION appt.respond(
	token text DEFAULT NULL,
	action text DEFAULT NULL,
	reason text DEFAULT NULL,
	proposed_start_at timestamptz DEFAULT NULL) RETURNS appt.response_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'respond';
COMMENT ON FUNCTION appt.respond(text, text, text, timestamptz) IS
'Records what a customer answers to a message, for applications with a page of their own. Returns the response.

token: of the message''s links. action: ACCEPT, DECLINE or RESCHEDULE, in either case; the message must have had that button. RESCHEDULE may propose another start. The participant''s response and the appointment''s booking state follow, organizer and followers are told (RESPONSE), and so are subscriptions that name the type, all in the caller''s transaction. The last response counts; each is kept, up to 20 to a message. A response that repeats the customer''s last one is that one: nothing is written again.

22023: an unknown action, a reason of over 2,000 characters, a proposal that is not in the future or that does not belong to RESCHEDULE. PT404: no such token. PT409: time or place of the appointment is not what the message showed, the message did not offer the action, or it was answered 20 times. PT410: the appointment has ended, was cancelled or archived, or has been reopened since.';
