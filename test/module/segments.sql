CREATE FUNCTION appt_test.count_segments(message text) RETURNS integer
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_count_segments';
CREATE FUNCTION appt_test.charge(settings jsonb, segments integer) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_charge';
