\echo Use "CREATE EXTENSION appt" to load this file. \quit

/*
 * A schema that comes first in the installer's search_path could have a function or operator that matches a call below
 * better than the server's own. A default or generated column would keep it, and the owner would execute it.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA appt;
COMMENT ON SCHEMA appt IS 'Appointments, their notifications, and the log of deliveries.';

/* Roles belong to the cluster: they may exist already, and DROP EXTENSION does not drop them. */
CREATE FUNCTION appt.create_roles() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_roles';
COMMENT ON FUNCTION appt.create_roles() IS
'Creates those roles of appt that this cluster does not have yet, as the install script does. 55000: a role of one of these names has an attribute that no role of appt may have.';

SELECT appt.create_roles();
