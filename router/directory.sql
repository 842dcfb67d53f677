\echo Use "CREATE EXTENSION appt_router" to load this file. \quit

/* directory.sql: the language, and which shard has which tenant. */

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA appt;
COMMENT ON SCHEMA appt IS 'Functions of appt, which the shards of a cluster execute, and the directory of the shards.';

CREATE FUNCTION appt.create_roles() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_roles';
COMMENT ON FUNCTION appt.create_roles() IS
'Creates those roles of appt that this cluster does not have yet, as the install script does. 55000: a role of one of these names has an attribute that no role of appt may have.';

SELECT appt.create_roles();

CREATE FUNCTION appt.route_call() RETURNS language_handler
LANGUAGE C AS 'MODULE_PATHNAME', 'route_call';
COMMENT ON FUNCTION appt.route_call() IS 'Sends a call to the shards that the route of the function names, and returns their answer.';

CREATE FUNCTION appt.route_check(oid) RETURNS void
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'route_check';
COMMENT ON FUNCTION appt.route_check(oid) IS 'Checks the route of a function. 42P13: it is none.';

/* Not trusted: only superusers create functions in it. */
CREATE LANGUAGE appt_router HANDLER appt.route_call VALIDATOR appt.route_check;
COMMENT ON LANGUAGE appt_router IS 'Functions that shards of appt execute; their body is a route.';

CREATE FUNCTION appt.conninfo_is_valid(conninfo text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'conninfo_is_valid';
COMMENT ON FUNCTION appt.conninfo_is_valid(text) IS 'True if libpq can read it as a connection string; otherwise raises 22023 with the reason.';

CREATE TABLE appt.shard (
	node integer PRIMARY KEY CHECK (node BETWEEN 0 AND 1023),
	conninfo text NOT NULL CHECK (appt.conninfo_is_valid(conninfo)),
	token_login text NOT NULL DEFAULT 'router_tokens',
	service_login text NOT NULL DEFAULT 'router_services',
	named_statements boolean NOT NULL DEFAULT true,
	accepts_tenants boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE appt.shard IS 'The databases with appt that this router leads to.';
COMMENT ON COLUMN appt.shard.node IS 'Number of the shard: the one that appt.set_node was given there.';
COMMENT ON COLUMN appt.shard.conninfo IS
'Connection string of libpq, without a user. Passwords belong into the password file of the router''s operating system user (passfile) rather than here.';
COMMENT ON COLUMN appt.shard.token_login IS 'Login there for callers with a token: a member of appt_authenticator.';
COMMENT ON COLUMN appt.shard.service_login IS 'Login there for callers who are not restricted to a tenant: a member of appt_service.';
COMMENT ON COLUMN appt.shard.named_statements IS
'Whether connections prepare statements under names, which saves the shard processor time. False: not, for a PgBouncer before 1.21 in transaction mode.';
COMMENT ON COLUMN appt.shard.accepts_tenants IS 'Whether create_organization may choose it.';

CREATE TABLE appt.home (
	organization_id uuid PRIMARY KEY,
	node integer NOT NULL REFERENCES appt.shard
);
COMMENT ON TABLE appt.home IS 'The shard of each organization: its applications are created there unless create_application names another node.';
COMMENT ON COLUMN appt.home.organization_id IS 'The organization.';
COMMENT ON COLUMN appt.home.node IS 'Its shard.';

CREATE TABLE appt.tenant (
	application_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	node integer NOT NULL REFERENCES appt.shard,
	state text COLLATE "C" NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'MOVING')),
	tag bytea GENERATED ALWAYS AS (substring(uuid_send(application_id) FROM 1 FOR 4)) STORED UNIQUE
);
CREATE INDEX ON appt.tenant (organization_id);
CREATE INDEX ON appt.tenant (node);
CREATE INDEX tenant_moving ON appt.tenant (application_id) WHERE state = 'MOVING';
COMMENT ON TABLE appt.tenant IS 'The shard of each application.';
COMMENT ON COLUMN appt.tenant.application_id IS 'The application.';
COMMENT ON COLUMN appt.tenant.organization_id IS 'Its organization.';
COMMENT ON COLUMN appt.tenant.node IS 'Its shard.';
COMMENT ON COLUMN appt.tenant.state IS 'ACTIVE, or MOVING while it is on its way to another shard: its calls wait, at most appt_router.move_timeout.';
COMMENT ON COLUMN appt.tenant.tag IS 'The first 4 bytes of its id, which its ids and tokens have too: they tell the shard.';

SELECT pg_catalog.pg_extension_config_dump('appt.shard', '');
SELECT pg_catalog.pg_extension_config_dump('appt.home', '');
SELECT pg_catalog.pg_extension_config_dump('appt.tenant', '');

CREATE FUNCTION appt.shard_of(application_id uuid) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'shard_of';
COMMENT ON FUNCTION appt.shard_of(uuid) IS
'Returns the connection string of the application''s shard, without user and password, for those who need an appointment and rows of their own in one transaction.

Null if the router does not know the application. PT503: it is being moved.';

CREATE FUNCTION appt.shard_status(OUT node integer, OUT host text, OUT accepts_tenants boolean, OUT tenants bigint,
	OUT answers boolean, OUT problem text, OUT version text, OUT own_node integer, OUT applications bigint,
	OUT workers integer, OUT running integer, OUT why_quiet text, OUT due_now bigint, OUT oldest_due_at timestamptz,
	OUT in_flight bigint, OUT sent bigint, OUT failed bigint, OUT open_circuits bigint)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 8 AS 'MODULE_PATHNAME', 'shard_status';
COMMENT ON FUNCTION appt.shard_status() IS
'Shows a row for each shard, also for one that does not answer within appt_router.connect_timeout. All are asked at the same time.

The router knows node, host, accepts_tenants and tenants (applications that the directory has there). answers is false if the shard does not answer; problem says why, and the columns after it are null. The shard says its version of appt, own_node (which must be node), applications, and of its workers: workers (that should run), running, why_quiet, and due_now, oldest_due_at, in_flight, sent, failed and open_circuits as in worker_status, of all of them together.';

CREATE FUNCTION appt.register_tenants(node integer) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'register_tenants';
COMMENT ON FUNCTION appt.register_tenants(integer) IS
'Reads the organizations and applications of a shard and adds those to the directory that it does not know. Returns how many applications were new. An application that is held is left out: it is being moved, or a copy.

For a database that becomes a shard, and after a call of create_application that was undone on the router. 55000: there is no such shard. 23505: another application has the tag of one of them.';

CREATE SCHEMA appt_shards;
COMMENT ON SCHEMA appt_shards IS 'Foreign tables of the shards, which appt.link_shards makes; the views appt.all_... read them.';

CREATE FUNCTION appt.link_shards(nodes integer[] DEFAULT NULL) RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'link_shards';
COMMENT ON FUNCTION appt.link_shards(integer[]) IS
'Makes the views all_application, all_notification_log, all_attempt and all_worker_status show these shards, by foreign tables of postgres_fdw; by default all that are in appt.shard now. Returns their number.

Call it again when appt.shard has changed. If a shard is down, the views fail: name the others until it is back. 22023: there is no such shard. 42704: the extension postgres_fdw is not installed in the database.';

REVOKE ALL ON SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA appt FROM PUBLIC;
GRANT USAGE ON SCHEMA appt TO appt_agent, appt_supervisor, appt_client_service,
	appt_customer, appt_admin, appt_anonymous, appt_service;
GRANT EXECUTE ON FUNCTION appt.shard_of TO appt_service;
GRANT USAGE ON SCHEMA appt TO pg_monitor;
GRANT EXECUTE ON FUNCTION appt.shard_status TO pg_monitor;
GRANT SELECT ON appt.home, appt.tenant TO appt_service;
GRANT SELECT (node, accepts_tenants) ON appt.shard TO appt_service;

/* ---- the functions of appt, as the generator finds them in its catalog ---- */

