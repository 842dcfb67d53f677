/* application.sql: the tenants and their settings. */

CREATE TABLE appt.application (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	organization_id uuid NOT NULL REFERENCES appt.organization,
	name text NOT NULL CHECK (name <> '' AND appt.length_is_valid(name, 8192, 'name')),
	platform appt.platform_code NOT NULL DEFAULT 'STANDALONE',
	auto_activate boolean NOT NULL DEFAULT true,
	room_activates boolean NOT NULL DEFAULT false,
	room_url text CHECK (appt.length_is_valid(room_url, 8192, 'room_url') AND appt.url_is_valid(room_url)),
	room_code_length integer CHECK (room_code_length BETWEEN 6 AND 64),
	public_url text CHECK (appt.length_is_valid(public_url, 8192, 'public_url') AND appt.url_is_valid(public_url)),
	locale text NOT NULL DEFAULT 'en' CHECK (appt.length_is_valid(locale, 8192, 'locale') AND appt.locale_is_valid(locale)),
	timezone text NOT NULL DEFAULT 'UTC' CHECK (appt.length_is_valid(timezone, 8192, 'timezone') AND appt.timezone_is_valid(timezone)),
	calling_code text CHECK (calling_code ~ '^\+?[1-9][0-9]{0,2}$'),
	max_duration appt.elapsed_time NOT NULL DEFAULT '24 hours' CHECK (max_duration > '0'),
	end_grace appt.elapsed_time NOT NULL DEFAULT '15 minutes',
	max_overlap integer CHECK (max_overlap > 0),
	organizer_exclusive boolean NOT NULL DEFAULT false,
	max_attempts integer NOT NULL DEFAULT 4 CHECK (max_attempts BETWEEN 1 AND 100),
	retry_base appt.elapsed_time NOT NULL DEFAULT '10 seconds' CHECK (retry_base > '0'),
	retry_cap appt.elapsed_time NOT NULL DEFAULT '10 minutes' CHECK (retry_cap > '0'),
	max_concurrency integer CHECK (max_concurrency > 0),
	max_per_second numeric CHECK (max_per_second BETWEEN 0.000001 AND 1000000),
	agent_scope appt.agent_scope_code NOT NULL DEFAULT 'APPLICATION',
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX application_organization_id ON appt.application (organization_id);
COMMENT ON TABLE appt.application IS 'Tenants: every row of the other tables carries the id of one.';
COMMENT ON COLUMN appt.application.auto_activate IS
'Scheduling activates at once. Once on it is never switched off again.';
COMMENT ON COLUMN appt.application.room_activates IS 'Sending a ROOM message activates the appointment.';
COMMENT ON COLUMN appt.application.room_url IS 'What join links start with; the room''s code follows it.';
COMMENT ON COLUMN appt.application.room_code_length IS 'Characters in the code of a join link; NULL means 9 with hyphens.';
COMMENT ON COLUMN appt.application.public_url IS 'Where the REST API is reached from outside; calendar links in messages start with it.';
COMMENT ON COLUMN appt.application.calling_code IS 'Country calling code of phone numbers written without one.';
COMMENT ON COLUMN appt.application.max_duration IS 'The longest appointment that may be scheduled.';
COMMENT ON COLUMN appt.application.end_grace IS 'How long after end_at an activated appointment ends by itself.';
COMMENT ON COLUMN appt.application.max_overlap IS 'At no instant may more SCHEDULED or ACTIVATED appointments overlap; NULL means no limit.';
COMMENT ON COLUMN appt.application.organizer_exclusive IS 'An agent may not organize two appointments that overlap.';
COMMENT ON COLUMN appt.application.max_attempts IS 'Attempts to deliver one notification, manual ones not counted.';
COMMENT ON COLUMN appt.application.retry_base IS 'Wait after the first failed attempt; doubled after each further one, +- 20 %.';
COMMENT ON COLUMN appt.application.retry_cap IS 'The longest wait between two attempts.';
COMMENT ON COLUMN appt.application.max_concurrency IS 'Messages under way at once, of all workers together; NULL means no limit of its own.';
COMMENT ON COLUMN appt.application.max_per_second IS 'Messages started per second, by all workers together; NULL means no limit.';
COMMENT ON COLUMN appt.application.agent_scope IS
'Which appointments an agent may use by id. APPLICATION: it reads and changes every appointment of the application. OWN: it reads those that it organizes or attends, and changes those that it organizes. find_appointments shows an agent only those that it organizes, either way.';
COMMENT ON COLUMN appt.application.id IS 'Names it in functions, tables and tokens.';
COMMENT ON COLUMN appt.application.organization_id IS 'The organization that owns it; its admins configure it.';
COMMENT ON COLUMN appt.application.name IS 'As people call it; need not be unique.';
COMMENT ON COLUMN appt.application.platform IS 'The contact centre it belongs to: GENESYS_CLOUD, TALKDESK (webhooks only) or STANDALONE.';
COMMENT ON COLUMN appt.application.locale IS 'Of appointments, unless they have their own; also the last one that templates fall back to.';
COMMENT ON COLUMN appt.application.timezone IS 'Of appointments, unless they have their own.';
COMMENT ON COLUMN appt.application.created_at IS 'When it was created.';
