CREATE FUNCTION appt_test.wake_listen() RETURNS void AS 'MODULE_PATHNAME', 'test_wake_listen' LANGUAGE C;
CREATE FUNCTION appt_test.wake_on_commit(lane bigint, due_at timestamptz) RETURNS void AS 'MODULE_PATHNAME',
	'test_wake_on_commit' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.wake_take(count_only boolean = false) RETURNS text AS 'MODULE_PATHNAME', 'test_wake_take' LANGUAGE C STRICT;
