CREATE FUNCTION appt_test.set_booking_state(id uuid, state text) RETURNS text
AS 'MODULE_PATHNAME', 'test_set_booking_state' LANGUAGE C STRICT;
