/* appointment.sql: appointments, their participants and rooms. */

/* Vacuumed more often than others: counts of overlaps need not look at rows of pages that are visible to all. */
CREATE TABLE appt.appointment (
	application_id uuid NOT NULL REFERENCES appt.application,
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	conference_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
	organizer_id text NOT NULL CHECK (organizer_id <> ''),
	organizer_type appt.participant_type_code NOT NULL DEFAULT 'AGENT',
	state appt.appointment_state_code NOT NULL DEFAULT 'SCHEDULED',
	title text,
	notes text,
	location text,
	start_at timestamptz NOT NULL CHECK (isfinite(start_at)),
	end_at timestamptz NOT NULL CHECK (isfinite(end_at) AND end_at > start_at),
	duration_class smallint NOT NULL
		GENERATED ALWAYS AS (ceil(ln(greatest(extract(epoch FROM end_at - start_at)::float8, 1)) / ln(4::float8))) STORED,
	ended_at timestamptz,
	timezone text NOT NULL,
	locale text NOT NULL,
	notifications_active boolean NOT NULL,
	metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
	interaction jsonb NOT NULL DEFAULT '{"state": "PENDING"}' CHECK (jsonb_typeof(interaction) = 'object'),
	notification_headers jsonb CHECK (appt.headers_are_valid(notification_headers)),
	sequence integer NOT NULL DEFAULT 0,
	cancel_reason text,
	activated_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
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

CREATE TABLE appt.participant (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	id text NOT NULL CHECK (id <> ''),
	type appt.participant_type_code NOT NULL,
	username text,
	first_name text,
	last_name text,
	email text,
	phone text,
	locale text CHECK (appt.locale_is_valid(locale)),
	preferred_channel appt.channel_code,
	verified_channel appt.channel_code,
	metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
	joined_at timestamptz,
	left_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (application_id, appointment_id) REFERENCES appt.appointment ON DELETE CASCADE
);
CREATE INDEX participant_agent ON appt.participant (application_id, id, appointment_id) WHERE type = 'AGENT';
ALTER TABLE appt.participant ADD PRIMARY KEY (application_id, appointment_id, id);
COMMENT ON TABLE appt.participant IS 'The customers and agents of appointments.';
COMMENT ON COLUMN appt.participant.id IS 'An agent''s is its user id.';
COMMENT ON COLUMN appt.participant.verified_channel IS
'Of a customer who booked without an agent: the channel whose address was shown to be its own. Over the other nothing is sent until an agent organizes the appointment.';
COMMENT ON COLUMN appt.participant.joined_at IS 'When it first joined the call.';

CREATE TABLE appt.room_access (
	application_id uuid NOT NULL,
	appointment_id uuid NOT NULL,
	ticket text NOT NULL UNIQUE,
	type text NOT NULL DEFAULT 'MULTI_USE_TICKET' CHECK (type IN ('MULTI_USE_TICKET')),
	url text NOT NULL,
	expires timestamptz NOT NULL,
	PRIMARY KEY (application_id, appointment_id),
	FOREIGN KEY (application_id, appointment_id) REFERENCES appt.appointment ON DELETE CASCADE
);
COMMENT ON TABLE appt.room_access IS 'Join links of activated appointments.';
