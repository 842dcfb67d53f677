CREATE FUNCTION appt_test.resident_bytes() RETURNS bigint LANGUAGE C AS 'MODULE_PATHNAME', 'test_resident_bytes';
