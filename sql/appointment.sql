/* appointment.sql: appointments, their participants and rooms. */

/* Vacuumed more often than other tables: a count of overlaps skips the rows of pages that are visible to all. */
CREATE TABLE appt.appointment (
	application_id uuid NOT NULL REFERENCES appt.application,
	id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	conference_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000' UNIQUE,
	organizer_id text NOT NULL,
	organizer_type appt.participant_type_code NOT NULL DEFAULT 'AGENT',
	state appt.appointment_state_code NOT NULL DEFAULT 'SCHEDULED',
	title text,
	notes text,
	location text,
	start_at timestamptz NOT NULL,
	end_at timestamptz NOT NULL,
	duration_class smallint NOT NULL GENERATED ALWAYS AS (appt.duration_class(start_at, end_at)) STORED,
	ended_at timestamptz,
	timezone text NOT NULL,
	locale text NOT NULL,
	notifications_active boolean NOT NULL,
	metadata jsonb NOT NULL DEFAULT '{}',
	interaction jsonb NOT NULL DEFAULT '{"state": "PENDING"}',
	notification_headers jsonb,
	sequence integer NOT NULL DEFAULT 0,
	cancel_reason text,
	/* No foreign key: bookings would gather locks on the rows of busy templates. */
	meeting_template_id uuid,
	has_own_title boolean NOT NULL DEFAULT true,
	title_for_customers text,
	booking_state appt.booking_state_code,
	notification_state appt.told_state_code,
	changed_fields text[],
	told jsonb,
	archived_at timestamptz,
	reopened_at timestamptz,
	reopened_after bigint,
	activated_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT appt.caller_name(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by text NOT NULL DEFAULT appt.caller_name(),
	CONSTRAINT appointment_check CHECK (appt.appointment_is_valid(organizer_id, title, notes, location, start_at, end_at, timezone,
		locale, metadata, interaction, notification_headers, cancel_reason, meeting_template_id, title_for_customers, booking_state,
		notification_state, changed_fields, told, created_by, updated_by))
) USING heap
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
/*
 * While the table is nearly empty all indexes cost the same, and the planner
 * takes the usable one that was created last. That is the primary key, so that
 * plans made early (also those of foreign keys) stay good as the table grows.
 */
CREATE INDEX appointment_overlap ON appt.appointment (application_id, start_at, end_at)
	WHERE state IN ('SCHEDULED', 'ACTIVATED') AND duration_class <= 7;
CREATE INDEX appointment_overlap_long ON appt.appointment (application_id, duration_class, start_at, end_at)
	WHERE state IN ('SCHEDULED', 'ACTIVATED') AND duration_class > 7;
CREATE INDEX appointment_open_end ON appt.appointment (application_id, end_at) WHERE state = 'ACTIVATED';
CREATE INDEX appointment_start ON appt.appointment (application_id, start_at);
CREATE INDEX appointment_organizer ON appt.appointment (application_id, organizer_id, start_at, id)
	INCLUDE (organizer_type);
/* For counts of what is not archived: all but these. */
CREATE INDEX appointment_archived ON appt.appointment (application_id, organizer_id, start_at)
	INCLUDE (organizer_type) WHERE archived_at IS NOT NULL;
/* By the id first: ids grow with time, so entries are added at the right edge, and an appointment is also found by its id alone. */
ALTER TABLE appt.appointment ADD PRIMARY KEY (id, application_id);
CREATE TRIGGER give_ids BEFORE INSERT ON appt.appointment
	FOR EACH ROW EXECUTE FUNCTION appt.give_ids('id', 'conference_id');
COMMENT ON TRIGGER give_ids ON appt.appointment IS 'An id tells which application it belongs to.';
COMMENT ON TABLE appt.appointment IS 'Planned calls, each owned by its organizer. A call takes the time [start_at, end_at).';
COMMENT ON COLUMN appt.appointment.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.appointment.id IS 'Identifier, used in functions and other tables. It ends with the tag of the application: see tag_of.';
COMMENT ON COLUMN appt.appointment.conference_id IS
'Identifier of the video call. A customer''s token names it. It ends with the tag of the application.';
COMMENT ON COLUMN appt.appointment.organizer_id IS
'The organizer: the user id of an agent, or the id of a customer who booked without an agent.';
COMMENT ON COLUMN appt.appointment.organizer_type IS 'Whether the organizer is an AGENT or a CUSTOMER.';
COMMENT ON COLUMN appt.appointment.state IS 'SCHEDULED, ACTIVATED, ENDED or CANCELLED.';
COMMENT ON COLUMN appt.appointment.title IS 'Title; NULL means none.';
COMMENT ON COLUMN appt.appointment.notes IS 'Notes for those who prepare the call; NULL means none.';
COMMENT ON COLUMN appt.appointment.location IS 'Address, if people also meet in person; NULL means none.';
COMMENT ON COLUMN appt.appointment.start_at IS 'Start of the call.';
COMMENT ON COLUMN appt.appointment.end_at IS 'End of the call: the first instant after it.';
COMMENT ON COLUMN appt.appointment.duration_class IS
'Size class of the duration, for the search for overlaps: the least c such that 4^c seconds are at least the duration.';
COMMENT ON COLUMN appt.appointment.ended_at IS 'When the appointment ended; NULL means not yet.';
COMMENT ON COLUMN appt.appointment.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt.appointment.locale IS 'Locale of messages to the participants, unless they have their own.';
COMMENT ON COLUMN appt.appointment.notifications_active IS
'Copy of organization.notifications_enabled from when the appointment was scheduled; never changes. False: its messages are SUPPRESSED.';
COMMENT ON COLUMN appt.appointment.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt.appointment.interaction IS
'JSON object about the call: "state" (PENDING, ACTIVE or ENDED), and "routing" and "customFields" as given when it was scheduled.';
COMMENT ON COLUMN appt.appointment.notification_headers IS 'HTTP headers of every webhook about this appointment; NULL means none.';
COMMENT ON COLUMN appt.appointment.sequence IS
'Revision number for calendars (RFC 5545 SEQUENCE): grows with every change that calendars must take over.';
COMMENT ON COLUMN appt.appointment.cancel_reason IS 'Reason given to cancel_appointment; NULL means none.';
COMMENT ON COLUMN appt.appointment.meeting_template_id IS 'Meeting template that it follows; NULL means none.';
COMMENT ON COLUMN appt.appointment.has_own_title IS 'True: the title was given by a caller; false: it is made from the meeting template.';
COMMENT ON COLUMN appt.appointment.title_for_customers IS
'Title for customers where it is made from the meeting template: like title, without the booking state. NULL means none.';
COMMENT ON COLUMN appt.appointment.booking_state IS
'What its customers were told and said: NEW, BOOKED, INVITED, CONFIRMED, DECLINED or RESCHEDULE_REQUESTED; NULL without a meeting template.';
COMMENT ON COLUMN appt.appointment.notification_state IS
'Whether its customers know what is so: NONE, CONFIRMED or UPDATE_DUE; NULL without a meeting template.';
COMMENT ON COLUMN appt.appointment.changed_fields IS
'Significant fields that have changed since customers were last told, while UPDATE_DUE; else NULL.';
COMMENT ON COLUMN appt.appointment.told IS 'Values of the significant fields that customers were last told; NULL means that they were not told.';
COMMENT ON COLUMN appt.appointment.archived_at IS 'When it was archived; NULL means not.';
COMMENT ON COLUMN appt.appointment.reopened_at IS
'When it was last brought back after it had been cancelled; NULL means never.';
COMMENT ON COLUMN appt.appointment.reopened_after IS
'Last notification about it before it was reopened, of those that this database has numbered: that one and those before cannot be answered. NULL means that it never was.';
COMMENT ON COLUMN appt.appointment.activated_at IS 'When the appointment was activated; NULL means not yet.';
COMMENT ON COLUMN appt.appointment.created_at IS 'When the appointment was scheduled.';
COMMENT ON COLUMN appt.appointment.created_by IS
'Who scheduled it: the role and sub of a token ("appt_agent:agent-7"), or the login of any other session ("login:my_app").';
COMMENT ON COLUMN appt.appointment.updated_at IS 'When the appointment was last changed.';
COMMENT ON COLUMN appt.appointment.updated_by IS
'Who changed it last, in the form of created_by; "appt worker" if the worker ended or activated it.';

CREATE TABLE appt.participant (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	id text NOT NULL,
	type appt.participant_type_code NOT NULL,
	username text,
	first_name text,
	last_name text,
	email text,
	phone text,
	locale text,
	preferred_channel appt.channel_code,
	verified_channel appt.channel_code,
	metadata jsonb NOT NULL DEFAULT '{}',
	joined_at timestamptz,
	left_at timestamptz,
	is_lead boolean NOT NULL DEFAULT false,
	response appt.participant_response_code,
	responded_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	FOREIGN KEY (appointment_id, application_id) REFERENCES appt.appointment ON DELETE CASCADE,
	CONSTRAINT participant_check CHECK (appt.participant_is_valid(id, username, first_name, last_name, email, phone, locale, metadata))
);
CREATE INDEX participant_agent ON appt.participant (application_id, id, appointment_id) WHERE type = 'AGENT';
ALTER TABLE appt.participant ADD PRIMARY KEY (application_id, appointment_id, id);
COMMENT ON TABLE appt.participant IS 'Customers and agents of appointments.';
COMMENT ON COLUMN appt.participant.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.participant.appointment_id IS 'Appointment that the participant takes part in.';
COMMENT ON COLUMN appt.participant.id IS 'Identifier within the appointment; for an agent, its user id.';
COMMENT ON COLUMN appt.participant.type IS 'CUSTOMER or AGENT.';
COMMENT ON COLUMN appt.participant.username IS 'User name in the application; NULL means none.';
COMMENT ON COLUMN appt.participant.first_name IS 'First name, as used in messages; NULL means none.';
COMMENT ON COLUMN appt.participant.last_name IS 'Last name, as used in messages; NULL means none.';
COMMENT ON COLUMN appt.participant.email IS 'Email address; NULL means none.';
COMMENT ON COLUMN appt.participant.phone IS
'Phone number for text messages, in E.164; kept as written if it cannot be called. NULL means none.';
COMMENT ON COLUMN appt.participant.locale IS 'Locale of messages to this participant; NULL means the appointment''s.';
COMMENT ON COLUMN appt.participant.preferred_channel IS
'Channel that the customer prefers, EMAIL or SMS, for the application''s own use; NULL means none.';
COMMENT ON COLUMN appt.participant.verified_channel IS
'For a customer who booked without an agent: channel of the address that a one-time code verified. Nothing is sent over the other channel until an agent organizes the appointment. NULL means that no code was needed.';
COMMENT ON COLUMN appt.participant.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt.participant.joined_at IS 'When the participant first joined the call; NULL means not yet.';
COMMENT ON COLUMN appt.participant.left_at IS 'When the participant left the call; NULL before that, and again once it returns.';
COMMENT ON COLUMN appt.participant.is_lead IS 'True: the customer that was given when the appointment was scheduled.';
COMMENT ON COLUMN appt.participant.response IS 'Last response of the customer; NULL means none.';
COMMENT ON COLUMN appt.participant.responded_at IS 'When the customer responded last; NULL means never.';
COMMENT ON COLUMN appt.participant.created_at IS
'When the participant was added. For a participant that was added by scheduling: start of the transaction that scheduled the appointment.';

CREATE TABLE appt.room_access (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	ticket text NOT NULL UNIQUE,
	type text NOT NULL DEFAULT 'MULTI_USE_TICKET',
	/* The application's room_url and the ticket. */
	url text NOT NULL,
	expires timestamptz NOT NULL,
	PRIMARY KEY (application_id, appointment_id),
	FOREIGN KEY (appointment_id, application_id) REFERENCES appt.appointment ON DELETE CASCADE,
	CONSTRAINT room_access_check CHECK (appt.room_access_is_valid(ticket, type, url))
);
COMMENT ON TABLE appt.room_access IS 'Join links of activated appointments.';
COMMENT ON COLUMN appt.room_access.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.room_access.appointment_id IS 'Appointment that the room belongs to.';
COMMENT ON COLUMN appt.room_access.ticket IS 'Secret code of the room: everybody who knows it may enter.';
COMMENT ON COLUMN appt.room_access.type IS 'Kind of the ticket: MULTI_USE_TICKET.';
COMMENT ON COLUMN appt.room_access.url IS
'Join link: the application''s room_url and the ticket; empty if the application has no room_url.';
COMMENT ON COLUMN appt.room_access.expires IS 'When the ticket expires: one hour after the appointment''s end.';
