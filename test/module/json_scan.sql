CREATE FUNCTION appt_test.json_path_problem(path text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_json_path_problem';
CREATE FUNCTION appt_test.json_scalar_at(source bytea, path text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_json_scalar_at';
CREATE FUNCTION appt_test.json_is_valid(source bytea) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_json_is_valid';
