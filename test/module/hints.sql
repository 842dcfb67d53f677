CREATE FUNCTION appt_test.pending_hints(max integer, dropped integer, VARIADIC added integer[]) RETURNS text AS 'MODULE_PATHNAME',
	'test_pending_hints' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.hold_notify_lock() RETURNS void AS 'MODULE_PATHNAME', 'test_hold_notify_lock' LANGUAGE C;
