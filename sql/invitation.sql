/* invitation.sql: reminders that asked for an answer. */

/*
 * A queue for the worker: settling writes a row in its own transaction, a chore takes it as soon as nobody holds the
 * appointment. There is no foreign key: settling waits for nobody.
 */
CREATE TABLE appt.invitation (
	notification_id bigint PRIMARY KEY,
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL
);
COMMENT ON TABLE appt.invitation IS
'Reminders that were sent with buttons to accept or decline, whose appointments are still to become INVITED.';
COMMENT ON COLUMN appt.invitation.notification_id IS 'Notification that was sent.';
COMMENT ON COLUMN appt.invitation.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.invitation.appointment_id IS 'Appointment that it is about, which may be deleted.';
