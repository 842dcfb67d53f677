CREATE FUNCTION appt_test.one_time_code(application_id uuid, purpose text, contact text, nonce uuid) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_one_time_code';
CREATE FUNCTION appt_test.guess(application_id uuid, purpose text, contact text, nonce uuid, guess text,
	expires_at timestamptz, now timestamptz) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_guess';
CREATE FUNCTION appt_test.guess_others(count integer, expires_at timestamptz, now timestamptz) RETURNS integer
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_guess_others';
CREATE FUNCTION appt_test.latest_code(application_id uuid, purpose text, contact text) RETURNS text
LANGUAGE SQL VOLATILE STRICT AS $$
SELECT appt_test.one_time_code(c.application_id, c.purpose, c.contact, c.nonce) FROM appt.one_time_code c
 WHERE c.application_id = $1 AND c.purpose = $2 AND c.contact = $3 ORDER BY c.id DESC LIMIT 1
$$;
