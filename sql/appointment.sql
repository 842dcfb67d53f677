/* appointment.sql: appointments, their participants and rooms. */

/* Vacuumed more often than others: counts of overlaps need not look at rows of pages that are visible to all. */
CREATE TABLE appt.appointment (
	application_id uuid NOT NULL REFERENCES appt.application,
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	conference_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
	organizer_id text NOT NULL CHECK (organizer_id <> '' AND appt.length_is_valid(organizer_id, 1024, 'organizer_id')),
	organizer_type appt.participant_type_code NOT NULL DEFAULT 'AGENT',
	state appt.appointment_state_code NOT NULL DEFAULT 'SCHEDULED',
	title text CHECK (appt.length_is_valid(title, 65536, 'title')),
	notes text CHECK (appt.length_is_valid(notes, 65536, 'notes')),
	location text CHECK (appt.length_is_valid(location, 65536, 'location')),
	start_at timestamptz NOT NULL CHECK (isfinite(start_at)),
	end_at timestamptz NOT NULL CHECK (isfinite(end_at) AND end_at > start_at),
	duration_class smallint NOT NULL
		GENERATED ALWAYS AS (ceil(ln(greatest(extract(epoch FROM end_at - start_at)::float8, 1)) / ln(4::float8))) STORED,
	ended_at timestamptz,
	timezone text NOT NULL CHECK (appt.length_is_valid(timezone, 8192, 'timezone')),
	locale text NOT NULL CHECK (appt.length_is_valid(locale, 8192, 'locale')),
	notifications_active boolean NOT NULL,
	metadata jsonb NOT NULL DEFAULT '{}' CHECK (appt.length_is_valid(metadata, 262144, 'metadata') AND jsonb_typeof(metadata) = 'object'),
	/* The bound for callers, 262144, and room for the state that is added. */
	interaction jsonb NOT NULL DEFAULT '{"state": "PENDING"}'
		CHECK (appt.length_is_valid(interaction, 263168, 'interaction') AND jsonb_typeof(interaction) = 'object'),
	notification_headers jsonb
		CHECK (appt.length_is_valid(notification_headers, 262144, 'notification_headers') AND appt.headers_are_valid(notification_headers)),
	sequence integer NOT NULL DEFAULT 0,
	cancel_reason text CHECK (appt.length_is_valid(cancel_reason, 65536, 'cancel_reason')),
	activated_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT appt.caller_name() CHECK (appt.length_is_valid(created_by, 8192, 'created_by')),
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by text NOT NULL DEFAULT appt.caller_name() CHECK (appt.length_is_valid(updated_by, 8192, 'updated_by'))
) USING heap
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
/*
 * All indexes cost the same while the table is nearly empty, and the planner
 * then takes the one created last of those that can be used at all: the key, so
 * that plans made early (foreign keys' too) stay good as the table grows.
 */
CREATE INDEX appointment_id ON appt.appointment (id);
CREATE INDEX appointment_overlap ON appt.appointment (application_id, start_at, end_at)
	WHERE state IN ('SCHEDULED', 'ACTIVATED') AND duration_class <= 7;
CREATE INDEX appointment_overlap_long ON appt.appointment (application_id, duration_class, start_at, end_at)
	WHERE state IN ('SCHEDULED', 'ACTIVATED') AND duration_class > 7;
CREATE INDEX appointment_open_end ON appt.appointment (application_id, end_at) WHERE state = 'ACTIVATED';
CREATE INDEX appointment_start ON appt.appointment (application_id, start_at);
CREATE INDEX appointment_organizer ON appt.appointment (application_id, organizer_id, start_at, id)
	INCLUDE (organizer_type);
ALTER TABLE appt.appointment ADD PRIMARY KEY (application_id, id);
COMMENT ON TABLE appt.appointment IS 'Planned calls, [start_at, end_at), owned by an organizer.';
COMMENT ON COLUMN appt.appointment.conference_id IS 'The call''s id for the video front end; a customer''s token names it.';
COMMENT ON COLUMN appt.appointment.duration_class IS
'The least c with 4^c seconds >= the duration: bounds how far back a search for overlaps of this class must look.';
COMMENT ON COLUMN appt.appointment.notifications_active IS
'The organization''s switch as it was when the appointment was scheduled; nothing changes it later.';
COMMENT ON COLUMN appt.appointment.interaction IS
'The call itself: {"state": PENDING, ACTIVE or ENDED, "routing", "customFields"}.';
COMMENT ON COLUMN appt.appointment.notification_headers IS 'Headers that every webhook about this appointment carries.';
COMMENT ON COLUMN appt.appointment.sequence IS 'Grows with every change that calendars must take over (RFC 5545 SEQUENCE).';
COMMENT ON COLUMN appt.appointment.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.appointment.id IS 'Names it in functions.';
COMMENT ON COLUMN appt.appointment.organizer_id IS 'Who owns it: an agent''s user id, or the id of a customer who booked by itself.';
COMMENT ON COLUMN appt.appointment.organizer_type IS 'AGENT or CUSTOMER.';
COMMENT ON COLUMN appt.appointment.state IS 'SCHEDULED, ACTIVATED, ENDED or CANCELLED.';
COMMENT ON COLUMN appt.appointment.title IS 'What it is about; NULL if nobody said.';
COMMENT ON COLUMN appt.appointment.notes IS 'For those who prepare it.';
COMMENT ON COLUMN appt.appointment.location IS 'Where, if it is not a video call alone.';
COMMENT ON COLUMN appt.appointment.start_at IS 'The first instant of the call.';
COMMENT ON COLUMN appt.appointment.end_at IS 'The instant after its last.';
COMMENT ON COLUMN appt.appointment.ended_at IS 'When it ended; NULL before.';
COMMENT ON COLUMN appt.appointment.timezone IS 'Timezone of the times in messages to its participants.';
COMMENT ON COLUMN appt.appointment.locale IS 'Locale of messages to its participants.';
COMMENT ON COLUMN appt.appointment.metadata IS 'Whatever the application keeps with it.';
COMMENT ON COLUMN appt.appointment.cancel_reason IS 'What cancel_appointment was told; NULL: nothing.';
COMMENT ON COLUMN appt.appointment.activated_at IS 'When it was activated; NULL before.';
COMMENT ON COLUMN appt.appointment.created_at IS 'When it was scheduled.';
COMMENT ON COLUMN appt.appointment.created_by IS
'Who scheduled it: the role and sub of a token ("appt_agent:agent-7"), the login of any other session ("login:my_app").';
COMMENT ON COLUMN appt.appointment.updated_at IS 'When anything of it was last changed.';
COMMENT ON COLUMN appt.appointment.updated_by IS
'Who last changed it, as in created_by; "appt worker" where the worker ended or activated it.';

CREATE TABLE appt.participant (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	id text NOT NULL CHECK (id <> '' AND appt.length_is_valid(id, 1024, 'id')),
	type appt.participant_type_code NOT NULL,
	username text CHECK (appt.length_is_valid(username, 8192, 'username')),
	first_name text CHECK (appt.length_is_valid(first_name, 8192, 'first_name')),
	last_name text CHECK (appt.length_is_valid(last_name, 8192, 'last_name')),
	email text CHECK (appt.length_is_valid(email, 8192, 'email')),
	phone text CHECK (appt.length_is_valid(phone, 8192, 'phone')),
	locale text CHECK (appt.length_is_valid(locale, 8192, 'locale') AND appt.locale_is_valid(locale)),
	preferred_channel appt.channel_code,
	verified_channel appt.channel_code,
	metadata jsonb NOT NULL DEFAULT '{}' CHECK (appt.length_is_valid(metadata, 262144, 'metadata') AND jsonb_typeof(metadata) = 'object'),
	joined_at timestamptz,
	left_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	FOREIGN KEY (application_id, appointment_id) REFERENCES appt.appointment ON DELETE CASCADE
);
CREATE INDEX participant_agent ON appt.participant (application_id, id, appointment_id) WHERE type = 'AGENT';
ALTER TABLE appt.participant ADD PRIMARY KEY (application_id, appointment_id, id);
COMMENT ON TABLE appt.participant IS 'The customers and agents of appointments.';
COMMENT ON COLUMN appt.participant.id IS 'An agent''s is its user id.';
COMMENT ON COLUMN appt.participant.verified_channel IS
'Of a customer who booked without an agent: the channel whose address was shown to be its own. Over the other nothing is sent until an agent organizes the appointment.';
COMMENT ON COLUMN appt.participant.joined_at IS 'When it first joined the call.';
COMMENT ON COLUMN appt.participant.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.participant.appointment_id IS 'The appointment that it takes part in.';
COMMENT ON COLUMN appt.participant.type IS 'CUSTOMER or AGENT.';
COMMENT ON COLUMN appt.participant.username IS 'Its name in the application; NULL if nobody said.';
COMMENT ON COLUMN appt.participant.first_name IS 'As messages call it.';
COMMENT ON COLUMN appt.participant.last_name IS 'As messages call it.';
COMMENT ON COLUMN appt.participant.email IS 'Where email goes to.';
COMMENT ON COLUMN appt.participant.phone IS 'Where text messages go to, in E.164; as it was written, if it is no number that can be called.';
COMMENT ON COLUMN appt.participant.locale IS 'Locale of messages to this participant; NULL means the appointment''s.';
COMMENT ON COLUMN appt.participant.preferred_channel IS 'EMAIL or SMS, as the customer prefers; kept for the application.';
COMMENT ON COLUMN appt.participant.metadata IS 'Whatever the application keeps with it.';
COMMENT ON COLUMN appt.participant.left_at IS 'When it left the call; NULL while it is in it.';
COMMENT ON COLUMN appt.participant.created_at IS
'When it was added. For participants since scheduling: when the transaction that scheduled the appointment began.';

CREATE TABLE appt.room_access (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	ticket text NOT NULL UNIQUE CHECK (appt.length_is_valid(ticket, 1024, 'ticket')),
	type text NOT NULL DEFAULT 'MULTI_USE_TICKET' CHECK (type IN ('MULTI_USE_TICKET')),
	/* The application's room_url and the ticket. */
	url text NOT NULL CHECK (appt.length_is_valid(url, 16384, 'url')),
	expires timestamptz NOT NULL,
	PRIMARY KEY (application_id, appointment_id),
	FOREIGN KEY (application_id, appointment_id) REFERENCES appt.appointment ON DELETE CASCADE
);
COMMENT ON TABLE appt.room_access IS 'Join links of activated appointments.';
COMMENT ON COLUMN appt.room_access.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.room_access.appointment_id IS 'The appointment whose room it is.';
COMMENT ON COLUMN appt.room_access.ticket IS 'What admits to the room: who knows it may enter.';
COMMENT ON COLUMN appt.room_access.type IS 'MULTI_USE_TICKET.';
COMMENT ON COLUMN appt.room_access.url IS 'The application''s room_url and the ticket; empty where it has none.';
COMMENT ON COLUMN appt.room_access.expires IS 'One hour after the appointment''s end.';
