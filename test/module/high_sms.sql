CREATE FUNCTION appt_test.high_sms_begins(times timestamptz[], at timestamptz) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_high_sms_begins';
