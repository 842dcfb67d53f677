CREATE FUNCTION appt_test.eligibility_mismatches(type text, channel text, condition text, try text,
	due_at timestamptz, start_at timestamptz, end_at timestamptz, at timestamptz,
	vary integer, masks integer[], outcomes text[], until timestamptz) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_eligibility_mismatches';
CREATE FUNCTION appt_test.window_end(type text, due_at timestamptz, start_at timestamptz, end_at timestamptz) RETURNS timestamptz
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_window_end';
CREATE FUNCTION appt_test.retry_wait(attempt_count integer, base float8, cap float8, retry_after float8, jitter float8) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_retry_wait';
CREATE FUNCTION appt_test.retry_decide(type text, due_at timestamptz, start_at timestamptz, at timestamptz,
	is_manual boolean, attempt_count integer, max_attempts integer, final text, superseded_by text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_retry_decide';
