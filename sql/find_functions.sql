/* find_functions.sql: looking for appointments. */

CREATE TYPE appt.appointment_page AS (
	content appt.appointment_details[],
	page_count integer,
	page_number integer,
	page_size integer,
	sort_field text,
	sort_order text,
	total bigint
);
COMMENT ON TYPE appt.appointment_page IS 'A page of appointments, and how many there are in all.';
COMMENT ON COLUMN appt.appointment_page.content IS 'The appointments of this page, in order; room_access is null in all of them.';
COMMENT ON COLUMN appt.appointment_page.page_count IS 'How many pages of this size there are; 0 where nothing matches.';
COMMENT ON COLUMN appt.appointment_page.page_number IS 'Which page it is, the first being 1.';
COMMENT ON COLUMN appt.appointment_page.page_size IS 'The most appointments that a page has.';
COMMENT ON COLUMN appt.appointment_page.sort_field IS 'What the appointments are sorted by.';
COMMENT ON COLUMN appt.appointment_page.sort_order IS 'asc or desc.';
COMMENT ON COLUMN appt.appointment_page.total IS 'How many appointments match, on all pages.';

CREATE FUNCTION appt.find_appointments(
	application_id uuid DEFAULT NULL,
	organizer_id text[] DEFAULT NULL,
	duration interval[] DEFAULT NULL,
	range tstzrange DEFAULT NULL,
	page_size integer DEFAULT 25,
	page_number integer DEFAULT 1,
	sort_order text DEFAULT 'asc',
	sort_field text DEFAULT 'start_at') RETURNS appt.appointment_page
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'find_appointments';
COMMENT ON FUNCTION appt.find_appointments(uuid, text[], interval[], tstzrange, integer, integer, text, text) IS
'Returns a page of the appointments that the caller may see, of every state.

A supervisor sees its application''s, and may name organizers; an agent or a client service sees those that it organizes, whatever organizer_id says; an SQL application sees all, or those of the application that it names. duration: elapsed times, of which the appointment''s must be one; range: start_at lies in it. A filter that is null or an empty list filters nothing.

Sorted by start_at, end_at, created_at, updated_at, title, state, duration, organizer_id or id, ties by id; title and organizer_id as the database''s collation has it, state by its code, those without a title last. Pages are counted from 1; past the last, content is empty. page_size is 1 to 500. room_access is null here: get_appointment has it.

22023: a duration of 0 or less or with months, a page_size or page_number out of range, an unknown sort_field or sort_order. PT404: no such application.';
