/* meeting_functions.sql: meeting templates, and what a person does to an appointment beside its times and words. */

CREATE FUNCTION appt.create_meeting_template(
	application_id uuid DEFAULT NULL,
	name text DEFAULT NULL,
	sequence integer DEFAULT 10,
	active boolean DEFAULT true,
	duration interval DEFAULT NULL,
	meeting_type text DEFAULT 'TBD',
	location text DEFAULT NULL,
	video_platform text DEFAULT NULL,
	title text DEFAULT NULL,
	significant_fields text[] DEFAULT '{start_at,duration,timezone,location}',
	require_location boolean DEFAULT false,
	lead_only_reminders boolean DEFAULT false,
	reminders_need_confirmation boolean DEFAULT false,
	notify_followers boolean DEFAULT true) RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_meeting_template';
COMMENT ON FUNCTION appt.create_meeting_template(uuid, text, integer, boolean, interval, text, text, text, text, text[],
	boolean, boolean, boolean, boolean) IS
'Creates a meeting template with its default rules and returns its id.

The rules, all over the channel that each customer prefers: CREATE, CONFIRMATION_REQUEST, RESCHEDULE and CANCELLED are sent by hand, REMINDER by itself 1 day and 1 hour before the start. CONFIRMATION_REQUEST has the buttons ACCEPT, DECLINE and RESCHEDULE; CREATE and REMINDER have VIEW_DETAILS; RESCHEDULE has VIEW_DETAILS and ADD_TO_CALENDAR. The comments on the columns of appt.meeting_template explain the settings. 22023: a value that a setting cannot have. PT404: no such application.';
