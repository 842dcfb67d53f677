/*
 * create.c
 *		Creating organizations and applications.
 *
 * The shard commits first, the directory when the router's transaction ends. If that
 * fails or is rolled back, the shard has an application that the directory does not
 * know: appt.register_tenants finds it.
 *
 * An organization has a home, where its applications are created, and a copy on each
 * other shard that has had one of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "router/claims.h"
#include "router/create.h"
#include "router/directory.h"
#include "router/remote.h"
#include "router/statement.h"

#define MAX_DRAWS 20			/* of an id whose tag is free */

/* The shard that takes tenants and has the fewest. */
static int
emptiest_node(FunctionCallInfo fcinfo)
{
	int			node;

	if (directory_run(fcinfo,
					  "SELECT s.node FROM appt.shard s WHERE s.accepts_tenants"
					  " ORDER BY (SELECT count(*) FROM appt.tenant t WHERE t.node = s.node),"
					  "  (SELECT count(*) FROM appt.home h WHERE h.node = s.node), s.node LIMIT 1",
					  0, NULL, NULL, &node) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no shard accepts tenants"),
				 errhint("Insert shards into appt.shard.")));
	return node;
}

static void
register_home(FunctionCallInfo fcinfo, Datum organization_id, int node)
{
	Oid			types[] = {UUIDOID, INT4OID};
	Datum		arguments[] = {organization_id, Int32GetDatum(node)};

	(void) directory_run(fcinfo, "INSERT INTO appt.home (organization_id, node) VALUES ($1, $2)", 2, types, arguments, NULL);
}

/* False: another application of the cluster has the tag. */
static bool
register_tenant(FunctionCallInfo fcinfo, Datum application_id, Datum organization_id, int node)
{
	Oid			types[] = {UUIDOID, UUIDOID, INT4OID};
	Datum		arguments[] = {application_id, organization_id, Int32GetDatum(node)};

	return directory_run(fcinfo,
						 "INSERT INTO appt.tenant (application_id, organization_id, node) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
						 3, types, arguments, NULL) > 0;
}

/* ---- statements on shards ---- */

static Datum
id_made_on(int node, RemoteCall *call)
{
	Connection *connection = connection_to(node, call->caller);
	PGresult   *rows;

	remote_send(connection, call);
	rows = remote_rows(connection, call);
	if (PQntuples(rows) != 1 || PQnfields(rows) < 1)
		elog(ERROR, "unexpected result of a shard");
	return DirectFunctionCall1(uuid_in, CStringGetDatum(PQgetvalue(rows, 0, 0)));
}

static void
delete_application(int node, Datum application_id)
{
	const char *values[] = {DatumGetCString(DirectFunctionCall1(uuid_out, application_id))};
	RemoteCall	call = {.caller = &service_caller, .count = 1, .values = values,
	.statement = "DELETE FROM appt.application WHERE id = $1::uuid RETURNING id"};

	(void) shard_run(node, &call);
}

/* What the copy of an organization has of it, beside its id. */
#define COPIED "name, notifications_enabled, require_verified_sender"
#define COPIED_COUNT 3

static void
copy_organization(const char *id, int from, int to)
{
	const char *values[1 + COPIED_COUNT] = {id};
	RemoteCall	read = {.caller = &service_caller, .count = 1, .values = values,
	.statement = "SELECT " COPIED " FROM appt.organization WHERE id = $1::uuid"};
	RemoteCall	write = {.caller = &service_caller, .count = 1 + COPIED_COUNT, .values = values,
		.statement = "INSERT INTO appt.organization (id, " COPIED ") VALUES ($1::uuid, $2::text, $3::boolean, $4::boolean)"

		/*
		 * Where it has no application, nobody has told its copy what has
		 * changed.
		 */
		" ON CONFLICT (id) DO UPDATE SET (" COPIED ") = (excluded.name, excluded.notifications_enabled, excluded.require_verified_sender)"
	" WHERE NOT EXISTS (SELECT FROM appt.application a WHERE a.organization_id = organization.id) RETURNING id"};
	PGresult   *rows = shard_run(from, &read);

	if (PQntuples(rows) == 0)
		return;
	for (int i = 0; i < COPIED_COUNT; i++)
		values[1 + i] = PQgetvalue(rows, 0, i);
	(void) shard_run(to, &write);
}

/* ---- the two functions ---- */

/* On a standby the message says that it is one. */
static void
require_writable(const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
}

/* The node that the caller names, or this one. */
static int
named_node(const Function *function, FunctionCallInfo fcinfo, int otherwise)
{
	Shard		shard;
	int			node;

	if (function->node_argument < 0 || PG_ARGISNULL(function->node_argument))
		return otherwise;
	node = PG_GETARG_INT32(function->node_argument);
	if (!shard_of_node(node, &shard))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown node"),
				 errdetail("There is no shard %d.", node)));
	return node;
}

Datum
create_organization(Function *function, FunctionCallInfo fcinfo, RemoteCall *call)
{
	int			node = named_node(function, fcinfo, -1);
	Datum		id;

	require_writable("create_organization()");
	if (node < 0)
		node = emptiest_node(fcinfo);
	id = id_made_on(node, call);
	register_home(fcinfo, id, node);
	return id;
}

/* Only who may create an application there makes the organization appear on another shard. */
static bool
may_spread(const Caller *caller, const pg_uuid_t *organization_id)
{
	Claims		claims;

	claims_read(&claims, caller->claims);
	return caller->is_service ||
		(claims.has_organization && memcmp(&claims.organization_id, organization_id, UUID_LEN) == 0);
}

/* The node for a new application of the organization, which has a copy there then; -1: the directory does not know it. */
static int
prepare_node(const Function *function, FunctionCallInfo fcinfo, const Caller *caller)
{
	pg_uuid_t  *organization_id = PG_GETARG_UUID_P(function->argument);
	int			home = home_of_organization(organization_id);
	int			node = named_node(function, fcinfo, home);

	if (home < 0 || !may_spread(caller, organization_id))
		return home;
	if (node != home)
		copy_organization(DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(organization_id))), home, node);
	return node;
}

static Datum
create_where(Function *function, FunctionCallInfo fcinfo, RemoteCall *call, int node)
{
	for (int draw = 0; draw < MAX_DRAWS; draw++)
	{
		Datum		id = id_made_on(node, call);

		if (register_tenant(fcinfo, id, PG_GETARG_DATUM(function->argument), node))
			return id;
		delete_application(node, id);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("could not find a free tag for an application"),
			 errhint("Try again.")));
}

Datum
create_application(Function *function, FunctionCallInfo fcinfo, RemoteCall *call)
{
	int			node = -1;

	require_writable("create_application()");
	if (!PG_ARGISNULL(function->argument))
		node = prepare_node(function, fcinfo, call->caller);
	if (node < 0)
		return id_made_on(linitial_int(all_nodes()), call); /* the shard refuses it */
	return create_where(function, fcinfo, call, node);
}
