CREATE FUNCTION appt_test.one_time_code(application_id uuid, purpose text, contact text, nonce uuid) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_one_time_code';
CREATE FUNCTION appt_test.guess(nonce uuid, is_right boolean, now timestamptz) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_guess';
CREATE FUNCTION appt_test.guess_used(nonce uuid, is_right boolean) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_guess_used';
CREATE FUNCTION appt_test.code_limit(by_contact bigint, by_client bigint, by_application bigint) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_code_limit';
CREATE FUNCTION appt_test.count_request(organization_id uuid, application_id uuid, purpose text, contact text, client_address text,
	nonce uuid, now timestamptz) RETURNS text
LANGUAGE C AS 'MODULE_PATHNAME', 'test_count_request';
-- The clock goes on by ten minutes for what is counted of an application's codes.
CREATE FUNCTION appt_test.forget_codes(application_id uuid) RETURNS text
LANGUAGE SQL VOLATILE STRICT AS $$
SELECT appt_test.count_request(gen_random_uuid(), $1, 'TEST', gen_random_uuid()::text, NULL, gen_random_uuid(),
	clock_timestamp() + interval '10 minutes 1 second')
$$;
CREATE FUNCTION appt_test.latest_code(application_id uuid, purpose text, contact text) RETURNS text
LANGUAGE SQL VOLATILE STRICT AS $$
SELECT appt_test.one_time_code(c.application_id, c.purpose, c.contact, c.nonce) FROM appt.one_time_code c
 WHERE c.application_id = $1 AND c.purpose = $2 AND c.contact = $3 ORDER BY c.id DESC LIMIT 1
$$;
