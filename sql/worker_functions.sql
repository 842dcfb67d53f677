/* worker_functions.sql: what operators see of the worker. */

CREATE FUNCTION appt.worker_status(
	OUT slot integer, OUT pid integer, OUT started_at timestamptz, OUT in_flight integer,
	OUT sent bigint, OUT failed bigint, OUT next_wake timestamptz,
	OUT last_error text, OUT last_error_at timestamptz, OUT why_quiet text, OUT explanation text)
RETURNS SETOF record
LANGUAGE C VOLATILE ROWS 4 AS 'MODULE_PATHNAME', 'worker_status';
COMMENT ON FUNCTION appt.worker_status() IS
'The workers that serve this database, or should, as they describe themselves. The view of the same name adds what is due.';
