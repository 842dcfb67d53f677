/* schedule.sql: what the worker asks of appointments */

CREATE FUNCTION appt_test.end_overdue(now timestamptz, most integer, OUT ended integer, OUT next timestamptz)
AS 'MODULE_PATHNAME', 'test_end_overdue' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.activate_for_room(application_id uuid, id uuid) RETURNS boolean
AS 'MODULE_PATHNAME', 'test_activate_for_room' LANGUAGE C STRICT;
