CREATE FUNCTION appt_test.bucket_run(VARIADIC steps text[]) RETURNS text AS 'MODULE_PATHNAME', 'test_bucket_run' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.bucket_excess(rate float8, seconds float8, longest_nap float8) RETURNS float8[] AS 'MODULE_PATHNAME',
	'test_bucket_excess' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.circuit_run(VARIADIC steps text[]) RETURNS text AS 'MODULE_PATHNAME', 'test_circuit_run' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_reset() RETURNS void AS 'MODULE_PATHNAME', 'test_lanes_reset' LANGUAGE C;
CREATE FUNCTION appt_test.lane_refresh(lane bigint, application bigint, destination text = 'http://a:80',
	application_concurrency integer = NULL,
	application_rate float8 = NULL, own_concurrency integer = NULL, own_rate float8 = NULL, at float8 = 0, version integer = 1,
	local boolean = false)
RETURNS void AS 'MODULE_PATHNAME', 'test_lane_refresh' LANGUAGE C;
CREATE FUNCTION appt_test.lanes_allot(at float8, slots integer, free integer, max_per_host integer = 1000,
	destinations text[] = '{http://a:80}', start boolean = true, local integer = 0) RETURNS text AS 'MODULE_PATHNAME', 'test_lanes_allot' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_finish(lane bigint, count integer, at float8 = 0, of_lane text = 'GOOD', of_destination text = 'GOOD')
RETURNS integer AS 'MODULE_PATHNAME', 'test_lanes_finish' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_wake(at float8) RETURNS boolean AS 'MODULE_PATHNAME', 'test_lanes_wake' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_next_wake() RETURNS float8 AS 'MODULE_PATHNAME', 'test_lanes_next_wake' LANGUAGE C;
CREATE FUNCTION appt_test.lane_drain(lane bigint) RETURNS void AS 'MODULE_PATHNAME', 'test_lane_drain' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.open_circuits() RETURNS text AS 'MODULE_PATHNAME', 'test_open_circuits' LANGUAGE C;
CREATE FUNCTION appt_test.lanes_visits(at float8, max_per_host integer) RETURNS float8 AS 'MODULE_PATHNAME',
	'test_lanes_visits' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_churn(seed integer, steps integer) RETURNS text AS 'MODULE_PATHNAME', 'test_lanes_churn' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.lanes_invalidated(tenant integer) RETURNS text AS 'MODULE_PATHNAME', 'test_lanes_invalidated' LANGUAGE C STRICT;
