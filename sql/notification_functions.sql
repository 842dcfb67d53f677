/* notification_functions.sql: lanes, snapshots, and functions about notifications. */

CREATE FUNCTION appt.lane(application_id uuid, channel text, subscription_id uuid) RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'lane';
COMMENT ON FUNCTION appt.lane(uuid, text, uuid) IS
'Queue that a notification waits in: one per subscription, else one per application and channel.';

/*
 * Only what messages need, and nothing that is NULL: each notification has a copy, and the smaller the copies are, the more
 * updates of rows find room on their page.
 */
CREATE FUNCTION appt.appointment_snapshot(application_id uuid, appointment_id uuid) RETURNS jsonb
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'appointment', (SELECT jsonb_object_agg(e.key, e.value)
			FROM jsonb_each(to_jsonb(a) - '{duration_class,created_by,updated_by,has_own_title,told,reopened_at,reopened_after}'::text[]) e
			WHERE e.value <> 'null'),
		'room', (SELECT to_jsonb(r) FROM appt.room_access r
			WHERE r.application_id = a.application_id AND r.appointment_id = a.id))
	FROM appt.appointment a
	WHERE a.application_id = appointment_snapshot.application_id AND a.id = appointment_snapshot.appointment_id;
END;
COMMENT ON FUNCTION appt.appointment_snapshot(uuid, uuid) IS
'The appointment and its room, for notification.context: messages are composed from them once the appointment is deleted.';

CREATE FUNCTION appt.participants_snapshot(application_id uuid, appointment_id uuid) RETURNS jsonb
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('participants', coalesce(jsonb_agg(jsonb_build_object(
			'application_id', p.application_id, 'appointment_id', p.appointment_id, 'id', p.id, 'type', p.type,
			'metadata', '{}'::jsonb, 'created_at', p.created_at) ORDER BY p.created_at, p.id COLLATE "C"), '[]'))
	FROM appt.participant p
	WHERE p.application_id = participants_snapshot.application_id
		AND p.appointment_id = participants_snapshot.appointment_id;
END;
COMMENT ON FUNCTION appt.participants_snapshot(uuid, uuid) IS
'Ids and types of an appointment''s participants, for notification.context: webhooks list them once the appointment is deleted.';

CREATE TYPE appt.notification_details AS (
	id bigint,
	uid uuid,
	application_id uuid,
	appointment_id uuid,
	recipient_kind text,
	recipient_id text,
	subscription_id uuid,
	rule_id bigint,
	type text,
	channel text,
	time_offset interval,
	due_at timestamptz,
	state text,
	reason text,
	attempt_count integer,
	next_attempt_at timestamptz,
	context jsonb,
	created_at timestamptz,
	settled_at timestamptz
);
COMMENT ON TYPE appt.notification_details IS
'A notification as functions return it: the columns of the table notification that applications may rely on.';
COMMENT ON COLUMN appt.notification_details.id IS 'Identifier, used in functions and in the log.';
COMMENT ON COLUMN appt.notification_details.uid IS
'Identity of the message outside the database: Message-ID and webhook-id are derived from it.';
COMMENT ON COLUMN appt.notification_details.application_id IS 'The application that the notification belongs to.';
COMMENT ON COLUMN appt.notification_details.appointment_id IS 'Appointment that it is about; null for one-time codes and test messages.';
COMMENT ON COLUMN appt.notification_details.recipient_kind IS 'What recipient_id identifies: CUSTOMER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.notification_details.recipient_id IS 'A participant, a subscription or the address itself.';
COMMENT ON COLUMN appt.notification_details.subscription_id IS 'Subscription that a webhook is sent to; null for other channels.';
COMMENT ON COLUMN appt.notification_details.rule_id IS 'Rule that planned it; null means none.';
COMMENT ON COLUMN appt.notification_details.type IS 'Type of the notification: see the view notification_type.';
COMMENT ON COLUMN appt.notification_details.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.notification_details.time_offset IS 'How long before the start or after the end it is due; 0 means at once.';
COMMENT ON COLUMN appt.notification_details.due_at IS 'When its first attempt is due; never changes.';
COMMENT ON COLUMN appt.notification_details.state IS 'PENDING, SENDING, RETRYING, SENT, FAILED, SUPPRESSED, SKIPPED, MISSED or CANCELLED.';
COMMENT ON COLUMN appt.notification_details.reason IS 'Why it is in its state: see the view reason; null if there is nothing to explain.';
COMMENT ON COLUMN appt.notification_details.attempt_count IS 'Number of attempts so far.';
COMMENT ON COLUMN appt.notification_details.next_attempt_at IS 'When the worker judges it next; null while SENDING and once settled.';
COMMENT ON COLUMN appt.notification_details.context IS
'Values to compose the message from: copies of an appointment or participant that was deleted, or the values of a message without an appointment. Null means none.';
COMMENT ON COLUMN appt.notification_details.created_at IS 'When it was planned.';
COMMENT ON COLUMN appt.notification_details.settled_at IS 'When it reached its final state; null means not yet.';

CREATE FUNCTION appt.notification_eligibility(notification_id bigint DEFAULT NULL, at timestamptz DEFAULT now(),
	OUT eligible boolean, OUT reason text, OUT explanation text)
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'notification_eligibility';
COMMENT ON FUNCTION appt.notification_eligibility(bigint, timestamptz) IS
'Tells whether a notification would be sent, and if not, why.

Decided as the worker decides, from the present data. For a notification that is not due yet, it tells what would happen when it is. For a settled one it returns the reason of its state.';

CREATE FUNCTION appt.forecast(application_id uuid DEFAULT NULL, until timestamptz DEFAULT NULL, at timestamptz DEFAULT now(),
	max integer DEFAULT 10000)
	RETURNS TABLE (due_at timestamptz, notification_id bigint, appointment_id uuid, type text, channel text, recipient_kind text,
		recipient_id text, address text, judged_at timestamptz, verdict text, reason text, explanation text, waits_until timestamptz)
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'forecast';
COMMENT ON FUNCTION appt.forecast(uuid, timestamptz, timestamptz, integer) IS
'Tells what an application would send to whom up to a time, as things stand: a row for each notification that waits in the queue, in the order in which they are due.

Decided as the worker decides, from the data that the query sees, each at judged_at: when it is due or, if it is overdue, at the given time. So after changes in the same transaction it tells what they would do. verdict is SEND, WAIT (for the activation of the appointment, until waits_until), or the state in which the notification would be settled, with its reason. Limits, circuits and appt.enabled may delay messages; a template that fails is found only when the message is composed. Returns at most max rows, from 1 to 100,000. 22023: max out of range. PT404: no such application.';

CREATE FUNCTION appt.retry_notification(notification_id bigint DEFAULT NULL) RETURNS appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'retry_notification';
COMMENT ON FUNCTION appt.retry_notification(bigint) IS
'Sends a failed notification once more, at once.

Only the latest failure of its appointment, recipient, channel and type can be retried; after the appointment is over, only CANCELLED and FOLLOW_UP. Both switches are obeyed; the time window and max_attempts are not. PT409 in any other case, with the obstacle in DETAIL.';

CREATE FUNCTION appt.retry_notifications(application_id uuid DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
	type text DEFAULT NULL, channel text DEFAULT NULL, recipient text DEFAULT NULL, subscription_id uuid DEFAULT NULL,
	reason text DEFAULT NULL, max integer DEFAULT 1000)
	RETURNS TABLE (notification_id bigint, retried boolean, explanation text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'retry_notifications';
COMMENT ON FUNCTION appt.retry_notifications(uuid, timestamptz, timestamptz, text, text, text, uuid, text, integer) IS
'Sends an application''s failed notifications once more, at once. Returns a row for each: whether it is sent, and if not, why.

Takes those that were due in [since, until) with the given type, channel, recipient (an address, or a participant''s id), subscription and reason; null matches all. Takes at most max of them, from 1 to 10,000, the earliest due first. Each is judged as by retry_notification. A notification that another transaction has locked is skipped. 22023: an unknown type, channel or reason, or max out of range. PT404: no such application.';

CREATE FUNCTION appt.resend_notification(notification_id bigint DEFAULT NULL) RETURNS appt.notification_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'resend_notification';
COMMENT ON FUNCTION appt.resend_notification(bigint) IS
'Sends a notification that is SENT, MISSED or SUPPRESSED once more, at once. Returns the new notification.

The message is composed anew, and resent_from names the old notification. Both switches are obeyed, the time window is not. If the attempt fails, the new notification is FAILED, and retry_notification can retry it. PT404: no such notification. PT409, with the obstacle in DETAIL: it is a one-time code, it is in another state, it would not be sent, or events superseded it.';

CREATE FUNCTION appt.resend_notifications(subscription_id uuid DEFAULT NULL, since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL, types text[] DEFAULT NULL, failed_only boolean DEFAULT false, max integer DEFAULT 1000)
	RETURNS TABLE (notification_id bigint, resent boolean, explanation text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'resend_notifications';
COMMENT ON FUNCTION appt.resend_notifications(uuid, timestamptz, timestamptz, text[], boolean, integer) IS
'Sends an endpoint again what it lost. Returns a row for each notification: whether it is sent again, and if not, why.

Takes what was due in [since, until) over the subscription; until = null means now. types: only these; null means all. failed_only: only what is FAILED and did not arrive when it was sent again. Takes at most max of them, from 1 to 10,000, the earliest due first. Each is sent at once as a new notification, composed anew; it has the uid of the old one, so that the endpoint gets the same webhook-id, and resent_from names the old one. The old one stays as it is, so a second call sends it again; copies are not copied. What is still to be sent, was superseded by an event, is locked by another transaction or would not be sent is not sent again. 22023: an unknown type, or max out of range. PT404: no such subscription.';

CREATE FUNCTION appt.not_retriable_because(notification_id bigint DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME', 'not_retriable_because';
COMMENT ON FUNCTION appt.not_retriable_because(bigint) IS
'Why retry_notification would refuse the notification now; null if it would accept it. For the view latest_failure.';

CREATE FUNCTION appt.preview_notification(appointment_id uuid DEFAULT NULL, participant_id text DEFAULT NULL, type text DEFAULT NULL, channel text DEFAULT NULL,
	time_offset interval DEFAULT NULL, rule_id bigint DEFAULT NULL,
	OUT recipient text, OUT subject text, OUT text_body text, OUT html_body text)
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'preview_notification';
COMMENT ON FUNCTION appt.preview_notification(uuid, text, text, text, interval, bigint) IS
'Returns the message that would be sent now, of the given type, over the given channel, to this customer of the appointment.

The template is that of the rule with this id or offset, else that of the type. For WEBHOOK, text_body is the body that the first subscription would get.';

CREATE FUNCTION appt.due_notifications() RETURNS TABLE (notification_id bigint, due_at timestamptz)
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'due_notifications';
COMMENT ON FUNCTION appt.due_notifications() IS
'Entries of the queue that are due, of the notifications that the caller may read. For the view notification_stats.';
