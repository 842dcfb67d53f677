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
	report_time time NOT NULL DEFAULT '07:00' CHECK (report_time < '24:00'),
	short_url text CHECK (appt.length_is_valid(short_url, 8192, 'short_url') AND appt.url_is_valid(short_url)),
	contact jsonb CHECK (appt.length_is_valid(contact, 8192, 'contact') AND appt.contact_is_valid(contact)),
	branding jsonb CHECK (appt.length_is_valid(branding, 8192, 'branding') AND appt.branding_is_valid(branding)),
	sender_image bytea CHECK (octet_length(sender_image) <= 65536
		AND (substr(sender_image, 1, 8) = '\x89504e470d0a1a0a' OR substr(sender_image, 1, 3) = '\xffd8ff')),
	one_click boolean NOT NULL DEFAULT true,
	suppress_undeliverable boolean NOT NULL DEFAULT true,
	is_held boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now()
);
/* The tag: see appt.tag_of_application. Built-in functions, because whoever inserts a row must be able to call them. */
CREATE UNIQUE INDEX application_tag ON appt.application (substr(uuid_send(id), 1, 4));
CREATE INDEX application_held ON appt.application (id) WHERE is_held;
CREATE INDEX application_organization_id ON appt.application (organization_id);
COMMENT ON TABLE appt.application IS 'Tenants. Rows of most other tables belong to one of them by their application_id.';
COMMENT ON COLUMN appt.application.id IS
'Identifier, used in functions, tables and tokens. Its first 4 bytes are the tag that ids of its rows end with; no other application of the database has the same.';
COMMENT ON COLUMN appt.application.organization_id IS 'Organization that owns the application; its admins configure it.';
COMMENT ON COLUMN appt.application.name IS 'Name for people; need not be unique.';
COMMENT ON COLUMN appt.application.platform IS
'Contact centre that the application belongs to: GENESYS_CLOUD, TALKDESK (webhooks only) or STANDALONE.';
COMMENT ON COLUMN appt.application.auto_activate IS 'True: scheduling an appointment also activates it. It cannot be switched off again.';
COMMENT ON COLUMN appt.application.room_activates IS 'True: sending a ROOM message activates the appointment.';
COMMENT ON COLUMN appt.application.room_url IS
'Start of join links; the code of the room follows. NULL means that rooms have a ticket but no link.';
COMMENT ON COLUMN appt.application.room_code_length IS
'Number of letters in the code of a room; NULL means 9 in groups of three, separated by hyphens.';
COMMENT ON COLUMN appt.application.public_url IS 'URL of the REST API as seen from outside; calendar links in messages start with it.';
COMMENT ON COLUMN appt.application.locale IS 'Default locale of appointments; also the last locale that templates fall back to.';
COMMENT ON COLUMN appt.application.timezone IS 'Default timezone of appointments; its days are those of reports.';
COMMENT ON COLUMN appt.application.calling_code IS 'Country calling code of phone numbers that are written without one; NULL means none.';
COMMENT ON COLUMN appt.application.max_duration IS 'Longest duration of an appointment.';
COMMENT ON COLUMN appt.application.end_grace IS 'Time from end_at until an ACTIVATED appointment ends by itself.';
COMMENT ON COLUMN appt.application.max_overlap IS
'Maximum number of SCHEDULED and ACTIVATED appointments at any instant; NULL means no limit.';
COMMENT ON COLUMN appt.application.organizer_exclusive IS 'True: an agent may not organize two appointments that overlap.';
COMMENT ON COLUMN appt.application.max_attempts IS 'Maximum number of attempts to deliver a notification; attempts by hand do not count.';
COMMENT ON COLUMN appt.application.retry_base IS
'Wait after the first failed attempt. It doubles after each further one, and varies by +- 20 %.';
COMMENT ON COLUMN appt.application.retry_cap IS 'Longest wait between two attempts.';
COMMENT ON COLUMN appt.application.max_concurrency IS
'Maximum number of messages under way at once, over all workers; NULL means that only the workers'' limits apply.';
COMMENT ON COLUMN appt.application.max_per_second IS
'Maximum number of messages started per second, over all workers; NULL means no limit.';
COMMENT ON COLUMN appt.application.agent_scope IS
'Appointments that an agent may use by id. APPLICATION: the agent reads and changes every appointment of the application. OWN: the agent reads the appointments that it organizes or attends, and changes those that it organizes. With either scope, find_appointments shows an agent only the appointments that it organizes.';
COMMENT ON COLUMN appt.application.report_time IS 'Time of day, in its timezone, at which the reports of the day before are due.';
COMMENT ON COLUMN appt.application.short_url IS 'Start of links in text messages; NULL means public_url.';
COMMENT ON COLUMN appt.application.contact IS
'Whom customers can turn to, shown on their page: {"name", "phone", "email", "url"}, each optional. NULL means nothing.';
COMMENT ON COLUMN appt.application.branding IS
'How emails look: {"logo_url", "color", "footer", "address"}, each optional: an https URL of an image, shown 40 pixels high; the colour of buttons, as #RRGGBB; and lines of text below the application''s name. NULL means the built-in look.';
COMMENT ON COLUMN appt.application.sender_image IS
'Image of the sender, PNG or JPEG, up to 65,536 bytes, shown on the customers'' page and in the console; NULL means none.';
COMMENT ON COLUMN appt.application.one_click IS
'True: emails to customers have a link to unsubscribe with one click (RFC 8058), which needs public_url and the web server in front.';
COMMENT ON COLUMN appt.application.suppress_undeliverable IS
'True: an address whose mail server says that there is no such mailbox is suppressed.';
COMMENT ON COLUMN appt.application.is_held IS 'True: the workers leave the application alone, see hold_application.';
COMMENT ON COLUMN appt.application.created_at IS 'When the application was created.';
