/* meeting_template.sql: what appointments of one kind have in common. Their rules and templates are in configuration.sql. */

CREATE TABLE appt.meeting_template (
	application_id uuid NOT NULL REFERENCES appt.application ON DELETE CASCADE,
	id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	name text NOT NULL CHECK (name <> '' AND appt.length_is_valid(name, 8192, 'name')),
	sequence integer NOT NULL DEFAULT 10,
	active boolean NOT NULL DEFAULT true,
	duration appt.elapsed_time CHECK (duration > '0'),
	meeting_type appt.meeting_type_code NOT NULL DEFAULT 'TBD',
	location text CHECK (appt.length_is_valid(location, 65536, 'location')),
	video_platform text CHECK (appt.length_is_valid(video_platform, 8192, 'video_platform')),
	title text CHECK (appt.length_is_valid(title, 8192, 'title') AND appt.template_is_valid(title)),
	significant_fields text[] NOT NULL DEFAULT '{start_at,duration,timezone,location}'
		CHECK (significant_fields <@ '{start_at,duration,timezone,location,title,notes,organizer}'
			AND array_position(significant_fields, NULL) IS NULL AND cardinality(significant_fields) <= 7),
	require_location boolean NOT NULL DEFAULT false,
	lead_only_reminders boolean NOT NULL DEFAULT false,
	reminders_need_confirmation boolean NOT NULL DEFAULT false,
	notify_followers boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (application_id, id)
);
CREATE INDEX meeting_template_id ON appt.meeting_template (id);
CREATE TRIGGER give_ids BEFORE INSERT ON appt.meeting_template
	FOR EACH ROW EXECUTE FUNCTION appt.give_ids('id');
COMMENT ON TRIGGER give_ids ON appt.meeting_template IS 'An id tells which application it belongs to.';
COMMENT ON TABLE appt.meeting_template IS
'What appointments of one kind have in common: defaults, rules and texts of their own, and how customers answer.';
COMMENT ON COLUMN appt.meeting_template.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.meeting_template.id IS 'Identifier, used in functions. It ends with the tag of the application.';
COMMENT ON COLUMN appt.meeting_template.name IS 'Name for people.';
COMMENT ON COLUMN appt.meeting_template.sequence IS 'Order in lists: low numbers first.';
COMMENT ON COLUMN appt.meeting_template.active IS 'False: no appointment can be given it any more; those that have it keep it.';
COMMENT ON COLUMN appt.meeting_template.duration IS 'Duration of an appointment that is scheduled without one; NULL means none.';
COMMENT ON COLUMN appt.meeting_template.meeting_type IS 'How people meet: IN_PERSON, PHONE, VIDEO, HYBRID or TBD.';
COMMENT ON COLUMN appt.meeting_template.location IS 'Location of an appointment that is scheduled without one; NULL means none.';
COMMENT ON COLUMN appt.meeting_template.video_platform IS 'Where people meet by video, for people; NULL means none.';
COMMENT ON COLUMN appt.meeting_template.title IS
'Title of an appointment that is scheduled without one, in Mustache; {{status}} is its booking state. NULL means none.';
COMMENT ON COLUMN appt.meeting_template.significant_fields IS
'Fields whose change customers must be told of: of start_at, duration, timezone, location, title, notes and organizer.';
COMMENT ON COLUMN appt.meeting_template.require_location IS 'True: an appointment needs a location.';
COMMENT ON COLUMN appt.meeting_template.lead_only_reminders IS 'True: reminders go only to the customer given at scheduling, unless a user who sends one names others.';
COMMENT ON COLUMN appt.meeting_template.reminders_need_confirmation IS
'True: no reminder is sent before a CREATE or CONFIRMATION_REQUEST was.';
COMMENT ON COLUMN appt.meeting_template.notify_followers IS 'True: the followers of an appointment are told of responses.';
COMMENT ON COLUMN appt.meeting_template.created_at IS 'When the row was created.';

CREATE TABLE appt.page_text (
	application_id uuid NOT NULL REFERENCES appt.application ON DELETE CASCADE,
	locale text NOT NULL CHECK (appt.length_is_valid(locale, 64, 'locale') AND appt.locale_is_valid(locale)),
	key text COLLATE "C" NOT NULL CHECK (key <> '' AND appt.length_is_valid(key, 64, 'key') AND appt.page_key_is_valid(key)),
	text text NOT NULL CHECK (appt.length_is_valid(text, 8192, 'text')),
	PRIMARY KEY (application_id, locale, key)
);
COMMENT ON TABLE appt.page_text IS 'Words of an application that replace the built-in ones on the pages for customers.';
COMMENT ON COLUMN appt.page_text.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.page_text.locale IS 'Locale of the reader, like en or en-GB.';
COMMENT ON COLUMN appt.page_text.key IS 'Which words are replaced.';
COMMENT ON COLUMN appt.page_text.text IS 'Plain text; it is escaped.';
