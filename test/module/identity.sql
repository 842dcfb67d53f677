CREATE FUNCTION appt_test.why_not_sending() RETURNS text
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'test_why_not_sending';
