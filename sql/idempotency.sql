/* idempotency.sql: keys of calls, so that a repeated call is not executed again. */

CREATE TABLE appt.idempotency_key (
	application_id uuid NOT NULL,
	function_name text NOT NULL CHECK (appt.length_is_valid(function_name, 64, 'function_name')),
	caller text NOT NULL CHECK (appt.length_is_valid(caller, 1152, 'caller')),
	key text NOT NULL CHECK (key <> '' AND appt.length_is_valid(key, 1020, 'key')),
	arguments bytea NOT NULL CHECK (octet_length(arguments) = 32),
	appointment_id uuid,
	user_event_id bigint,
	notification_id bigint,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (application_id, function_name, caller, key),
	FOREIGN KEY (appointment_id, application_id) REFERENCES appt.appointment ON DELETE CASCADE,
	FOREIGN KEY (application_id, user_event_id) REFERENCES appt.user_event ON DELETE CASCADE,
	CONSTRAINT idempotency_key_result_check CHECK (num_nonnulls(appointment_id, user_event_id, notification_id) <= 1)
);
/*
 * None begins with application_id, so that the planner looks up a call by the
 * primary key. Created last, so that it looks up a result by one of these
 * indexes.
 */
CREATE INDEX idempotency_key_notification ON appt.idempotency_key (notification_id) WHERE notification_id IS NOT NULL;
CREATE INDEX idempotency_key_user_event ON appt.idempotency_key (user_event_id, application_id) WHERE user_event_id IS NOT NULL;
CREATE INDEX idempotency_key_appointment ON appt.idempotency_key (appointment_id) WHERE appointment_id IS NOT NULL;
COMMENT ON TABLE appt.idempotency_key IS
'Calls that were executed with an idempotency key. The same call by the same caller with the same key gets the result of the first. A row is kept as long as what the call created: an appointment, an event that users are told of, or a notification.';
COMMENT ON COLUMN appt.idempotency_key.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.idempotency_key.function_name IS 'Name of the function that was called.';
COMMENT ON COLUMN appt.idempotency_key.caller IS 'Who called it, in the form of appointment.created_by.';
COMMENT ON COLUMN appt.idempotency_key.key IS 'The key: up to 255 characters that the caller chose.';
COMMENT ON COLUMN appt.idempotency_key.arguments IS 'SHA-256 of the arguments of the call.';
COMMENT ON COLUMN appt.idempotency_key.appointment_id IS 'Appointment that the call created; NULL means none.';
COMMENT ON COLUMN appt.idempotency_key.user_event_id IS 'Event that the call told users of; NULL means none.';
COMMENT ON COLUMN appt.idempotency_key.notification_id IS 'Notification that the call planned; NULL means none.';
COMMENT ON COLUMN appt.idempotency_key.created_at IS 'When the first call with the key was made.';
