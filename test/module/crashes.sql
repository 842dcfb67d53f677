CREATE FUNCTION appt_test.crash_worker() RETURNS trigger AS 'MODULE_PATHNAME', 'test_crash_worker' LANGUAGE C;
CREATE FUNCTION appt_test.suspicion_run(VARIADIC steps text[]) RETURNS text AS 'MODULE_PATHNAME', 'test_suspicion_run' LANGUAGE C STRICT;
