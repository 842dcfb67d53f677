/* worker_functions.sql: the state of the workers, and triggers that inform them. */

CREATE FUNCTION appt.worker_status(
	OUT slot integer, OUT pid integer, OUT started_at timestamptz, OUT in_flight integer,
	OUT sent bigint, OUT failed bigint, OUT next_wake timestamptz, OUT open_circuits integer,
	OUT last_error text, OUT last_error_at timestamptz, OUT why_quiet text, OUT explanation text)
RETURNS SETOF record
LANGUAGE C VOLATILE ROWS 4 AS 'MODULE_PATHNAME', 'worker_status';
COMMENT ON FUNCTION appt.worker_status() IS
'Workers that serve this database, or should, with their own figures. The view worker_status adds what is due.';

CREATE FUNCTION appt.open_circuits(
	OUT slot integer, OUT destination text, OUT application_id uuid, OUT channel text, OUT subscription_id uuid,
	OUT opened_at timestamptz, OUT failures integer, OUT probe_at timestamptz, OUT last_error text)
RETURNS SETOF record
LANGUAGE C VOLATILE ROWS 4 AS 'MODULE_PATHNAME', 'open_circuits';
COMMENT ON FUNCTION appt.open_circuits() IS 'Destinations that kept failing and get one message at a time: rows of the view circuit.';

CREATE FUNCTION appt.tell_workers() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tell_workers';
COMMENT ON FUNCTION appt.tell_workers() IS
'Tells the workers at commit that limits, destinations or a switch may have changed.';
CREATE TRIGGER tell_workers AFTER UPDATE OF notifications_enabled ON appt.organization
	EXECUTE FUNCTION appt.tell_workers();
COMMENT ON TRIGGER tell_workers ON appt.organization IS 'A message that has not left yet is stopped, however long it has been under way.';
CREATE TRIGGER tell_workers AFTER UPDATE OF max_concurrency, max_per_second, is_held ON appt.application
	FOR EACH ROW EXECUTE FUNCTION appt.tell_workers('id');
COMMENT ON TRIGGER tell_workers ON appt.application IS 'A new limit applies from the next message on, and so does a hold.';
CREATE TRIGGER tell_workers AFTER INSERT OR UPDATE OR DELETE ON appt.provider
	FOR EACH ROW EXECUTE FUNCTION appt.tell_workers('application_id');
COMMENT ON TRIGGER tell_workers ON appt.provider IS 'A new provider or limit applies from the next message on.';
CREATE TRIGGER tell_workers AFTER UPDATE OR DELETE ON appt.subscription
	FOR EACH ROW EXECUTE FUNCTION appt.tell_workers('application_id');
COMMENT ON TRIGGER tell_workers ON appt.subscription IS 'A changed endpoint is tried with the next message.';
