/* idempotency.sql: the keys of calls, so that a repeated call is not carried out again. */

CREATE TABLE appt.idempotency_key (
	application_id uuid NOT NULL,
	function_name text NOT NULL CHECK (appt.length_is_valid(function_name, 64, 'function_name')),
	caller text NOT NULL CHECK (appt.length_is_valid(caller, 1152, 'caller')),
	key text NOT NULL CHECK (key <> '' AND appt.length_is_valid(key, 1020, 'key')),
	arguments bytea NOT NULL CHECK (octet_length(arguments) = 32),
	appointment_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (application_id, function_name, caller, key),
	FOREIGN KEY (application_id, appointment_id) REFERENCES appt.appointment ON DELETE CASCADE
);
/*
 * Without application_id, so that the planner finds a call's row in the primary
 * key; created last, so that it finds an appointment's row in this index.
 */
CREATE INDEX idempotency_key_appointment ON appt.idempotency_key (appointment_id) WHERE appointment_id IS NOT NULL;
COMMENT ON TABLE appt.idempotency_key IS
'Calls that were carried out under a key. The same call by the same caller under the same key gets the result of the first. A row is kept as long as the appointment that the call made.';
COMMENT ON COLUMN appt.idempotency_key.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.idempotency_key.function_name IS 'The function that was called.';
COMMENT ON COLUMN appt.idempotency_key.caller IS 'Who called it, named as in appointment.created_by.';
COMMENT ON COLUMN appt.idempotency_key.key IS 'The key: up to 255 characters that the caller chose.';
COMMENT ON COLUMN appt.idempotency_key.arguments IS 'SHA-256 of the call''s arguments.';
COMMENT ON COLUMN appt.idempotency_key.appointment_id IS 'The appointment that the call made; NULL only until it has done so.';
COMMENT ON COLUMN appt.idempotency_key.created_at IS 'When it was called first.';
