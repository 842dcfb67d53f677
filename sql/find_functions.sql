/* find_functions.sql: finding and counting appointments. */

CREATE TYPE appt.appointment_page AS (
	content appt.appointment_details[],
	page_count integer,
	page_number integer,
	page_size integer,
	sort_field text,
	sort_order text,
	total bigint
);
COMMENT ON TYPE appt.appointment_page IS 'A page of appointments, and the total number.';
COMMENT ON COLUMN appt.appointment_page.content IS 'Appointments of this page, in order; their room_access is always null.';
COMMENT ON COLUMN appt.appointment_page.page_count IS 'Number of pages of this size; 0 if nothing matches.';
COMMENT ON COLUMN appt.appointment_page.page_number IS 'Number of this page; the first is 1.';
COMMENT ON COLUMN appt.appointment_page.page_size IS 'Maximum number of appointments on a page.';
COMMENT ON COLUMN appt.appointment_page.sort_field IS 'Field that the appointments are sorted by.';
COMMENT ON COLUMN appt.appointment_page.sort_order IS 'asc or desc.';
COMMENT ON COLUMN appt.appointment_page.total IS 'Number of appointments that match, on all pages.';

CREATE FUNCTION appt.find_appointments(
	application_id uuid DEFAULT NULL,
	organizer_id text[] DEFAULT NULL,
	duration interval[] DEFAULT NULL,
	range tstzrange DEFAULT NULL,
	page_size integer DEFAULT 25,
	page_number integer DEFAULT 1,
	sort_order text DEFAULT 'asc',
	sort_field text DEFAULT 'start_at',
	archived boolean DEFAULT false) RETURNS appt.appointment_page
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'find_appointments';
COMMENT ON FUNCTION appt.find_appointments(uuid, text[], interval[], tstzrange, integer, integer, text, text, boolean) IS
'Returns a page of the appointments that the caller may see, in any state.

A supervisor sees those of its application, and may name organizers; an agent or a client service sees those that it organizes, whatever organizer_id says; an SQL application sees all, or those of the application that it names. duration: elapsed times, one of which the appointment must have. range: must contain start_at. A filter that is null or an empty list filters nothing. Archived appointments are left out unless archived is true.

Sorted by start_at, end_at, created_at, updated_at, title, state, duration, organizer_id or id, ties by id; title and organizer_id by the database''s collation, state by its code, appointments without a title last. Pages are counted from 1; past the last, content is empty. page_size is 1 to 500. room_access is null here: get_appointment returns it. To read a page in psql: SELECT jsonb_pretty(to_jsonb(appt.find_appointments())); as rows: SELECT c.* FROM appt.find_appointments() p, unnest(p.content) c.

22023: a duration of 0 or less or with months, a page_size or page_number out of range, an unknown sort_field or sort_order. PT404: no such application.';

CREATE TYPE appt.appointment_count AS (
	start_at timestamptz,
	end_at timestamptz,
	duration interval,
	timezone text,
	count bigint
);
COMMENT ON TYPE appt.appointment_count IS 'Number of appointments with the same start, end and timezone.';
COMMENT ON COLUMN appt.appointment_count.start_at IS 'Their start.';
COMMENT ON COLUMN appt.appointment_count.end_at IS 'Their end.';
COMMENT ON COLUMN appt.appointment_count.duration IS 'Their duration, in elapsed time.';
COMMENT ON COLUMN appt.appointment_count.timezone IS 'Timezone of the times in messages to their participants.';
COMMENT ON COLUMN appt.appointment_count.count IS 'Number of appointments.';

CREATE FUNCTION appt.count_appointments(application_id uuid DEFAULT NULL, start_at timestamptz DEFAULT NULL, time_frame interval DEFAULT NULL)
RETURNS SETOF appt.appointment_count
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'count_appointments';
COMMENT ON FUNCTION appt.count_appointments(uuid, timestamptz, interval) IS
'Counts the appointments of an application that start within a time frame, by start, end and timezone.

Returns a row for each start, end and timezone of SCHEDULED or ACTIVATED appointments that start in [start_at, start_at + time_frame), in that order. time_frame is elapsed time; a day is 24 hours. No rows for an unknown application. 22023: an infinite start, a time frame of 0 or less or with months.';

CREATE FUNCTION appt.appointments_eligible_for_activation(time_frame interval DEFAULT NULL)
RETURNS SETOF appt.appointment_details
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'appointments_eligible_for_activation';
COMMENT ON FUNCTION appt.appointments_eligible_for_activation(interval) IS
'DEPRECATED: returns the caller''s appointments that are SCHEDULED, by start_at and id.

Activation no longer has time constraints, so all of them are eligible, and time_frame makes no difference; it must still be a duration. find_appointments has filters and pages. A client service gets all appointments of its application, whoever organizes them. 22023: a time frame of 0 or less or with months.';

CREATE FUNCTION appt.resolve_room(ticket text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'resolve_room';
COMMENT ON FUNCTION appt.resolve_room(text) IS
'Returns the appointment that a ticket admits to, for the video front end.

A ticket is valid until its expiry, an hour after the appointment''s end, even if the appointment was ended before. A client service resolves the tickets of its application, whoever organizes. PT404: no such ticket, it has expired, or the appointment is CANCELLED.';
