CREATE FUNCTION appt_test.parse_random(parser text, count integer, seed bigint) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_parse_random';
