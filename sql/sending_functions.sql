/* sending_functions.sql: sending notifications to customers by hand. */

CREATE FUNCTION appt.send_notification(id uuid DEFAULT NULL, type text DEFAULT NULL, channel text DEFAULT NULL,
	participant_ids text[] DEFAULT NULL, confirmed boolean DEFAULT false)
	RETURNS SETOF appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'send_notification';
COMMENT ON FUNCTION appt.send_notification(uuid, text, text, text[], boolean) IS
'Sends the customers of an appointment a notification at once. Returns the notifications.

The enabled rules of the appointment''s meeting template, or of the application, decide on channel and words, whether they send by themselves or not. channel: one that the rule allows; a rule of PREFERRED or BOTH allows EMAIL and SMS. participant_ids: only these customers. Of several rules for a channel EMAIL and SMS go before BOTH, and BOTH before PREFERRED; of several offsets of a REMINDER, ROOM or FOLLOW_UP the nearest is taken, and a REMINDER may leave until the start. A customer whom nothing can be sent to gets a row in the log that tells why, unless that holds for all. What waits to be sent to the same customer, of the same type and channel, is not planned again but returned.

CREATE makes the booking state BOOKED, CONFIRMATION_REQUEST INVITED. CREATE, CONFIRMATION_REQUEST and RESCHEDULE, sent to all customers who can be reached, make the notification state CONFIRMED. RESCHEDULE needs the state UPDATE_DUE, where the appointment has a meeting template. CANCELLED cancels the appointment, cannot be undone, and needs confirmed = true; for an appointment that is cancelled already it goes to those who have not been sent it.

22023: a type that does not go to customers, a channel that the rules do not allow, participant_ids empty or over 1,000. PT404: no such appointment or customer. PT409: the appointment is over (for FOLLOW_UP: not ended) or archived, no update is due, no rule sends the type, nobody can be sent it (DETAIL tells why), or it needs confirmed = true (HINT tells what would go to how many).';

CREATE FUNCTION appt.notification_dialog(id uuid DEFAULT NULL, type text DEFAULT NULL, channel text DEFAULT NULL)
	RETURNS TABLE (participant_id text, recipient_name text, email text, phone text, channel text, can_send boolean, reason text,
		explanation text, subject text, text_body text, html_body text)
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'notification_dialog';
COMMENT ON FUNCTION appt.notification_dialog(uuid, text, text) IS
'Shows what send_notification would send now: a row for each customer and channel, with the message as it would read, and whether it can go.

can_send is decided as the worker decides; reason and explanation tell why not, or what stands against sending the type at all. Tokens in links are masked. 22023: a type that does not go to customers, or a channel that the rules do not allow. PT404: no such appointment.';
