/* slot_functions.sql: counting overlaps and finding free slots. */

CREATE FUNCTION appt.count_overlapping(application_id uuid DEFAULT NULL, start_at timestamptz DEFAULT NULL, duration interval DEFAULT NULL, OUT count bigint)
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'count_overlapping';
COMMENT ON FUNCTION appt.count_overlapping(uuid, timestamptz, interval) IS
'Counts the SCHEDULED and ACTIVATED appointments of an application that overlap a time window.

An appointment that ends as the window starts, or starts as the window ends, does not overlap. 0 for an unknown application. 22023: an infinite start, a duration of 0 or less or with months.';

CREATE FUNCTION appt.available_slots(application_id uuid DEFAULT NULL, range tstzrange DEFAULT NULL, duration interval DEFAULT NULL, step interval DEFAULT NULL,
	organizer_id text DEFAULT NULL)
RETURNS TABLE (start_at timestamptz, end_at timestamptz, remaining integer)
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'available_slots';
COMMENT ON FUNCTION appt.available_slots(uuid, tstzrange, interval, interval, text) IS
'Finds the slots of a time range in which an appointment of this duration could be scheduled.

Slots start at the lower bound of the range and whole steps after it, and lie within the range. duration and step are elapsed time; a day is 24 hours. remaining is what is left of the application''s max_overlap at the slot''s peak, null without such a limit. Left out are full slots, slots that start more than a minute ago and, with organizer_id, slots that overlap an appointment which this agent organizes.

22023: a range that is empty or unbounded, a duration or step of 0 or less or with months, a duration over the application''s max_duration, more than 100,000 slots. PT404: no such application.';
