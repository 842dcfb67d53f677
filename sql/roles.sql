\echo Use "CREATE EXTENSION appt" to load this file. \quit

/*
 * What stands first in the installer's search_path could hold a function or operator that fits what is called below
 * better than the server's own, and be kept in a default or a generated column for the owner to run.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA appt;
COMMENT ON SCHEMA appt IS
'Appointments, the notifications they owe, and the log of their delivery.';

/* Roles belong to the cluster: they may be there already, and DROP EXTENSION leaves them. */
CREATE FUNCTION appt.create_roles() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_roles';
COMMENT ON FUNCTION appt.create_roles() IS
'Creates the roles of appt that are missing in this cluster, as the install script does; 55000 if a name is taken by a role with powers that none of them may have.';

SELECT appt.create_roles();
