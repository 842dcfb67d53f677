/*
 * links.c
 *		The views of all shards: foreign tables of postgres_fdw, one for each shard and
 *		view.
 *
 * A view appt.all_x reads the table appt_shards.x, which has no rows of its own: the
 * shards' foreign tables appt_shards.x_NODE inherit from it. So a filter is pushed down
 * to the shards, which execute it at the same time.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "router/conninfo.h"
#include "router/directory.h"
#include "router/statement.h"

PG_FUNCTION_INFO_V1(link_shards);

/* The tables of schema appt_shards, as scripts/generate-router makes them. */
static const char *const linked[] = {"application", "notification_log", "attempt", "worker_status"};

static void
run(FunctionCallInfo fcinfo, const char *statement)
{
	(void) directory_run(fcinfo, statement, 0, NULL, NULL, NULL);
}

/* Options of postgres_fdw from a connection string: those of the server, or of the user. */
static char *
fdw_options(const char *conninfo, bool of_user)
{
	PQconninfoOption *options = conninfo_options(conninfo);
	StringInfoData text;

	initStringInfo(&text);
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		bool		is_users = strcmp(option->keyword, "password") == 0;

		if (option->val == NULL || is_users != of_user || strcmp(option->keyword, "user") == 0)
			continue;
		appendStringInfo(&text, ", %s %s", quote_identifier(option->keyword), quote_literal_cstr(option->val));
	}
	PQconninfoFree(options);
	return text.data;
}

static void
link_shard(FunctionCallInfo fcinfo, int node)
{
	Shard		shard;

	if (!shard_of_node(node, &shard))
		return;
	run(fcinfo, psprintf("CREATE SERVER appt_shard_%d FOREIGN DATA WRAPPER postgres_fdw OPTIONS (async_capable 'true'%s)",
						 node, fdw_options(shard.conninfo, false)));
	run(fcinfo, psprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER appt_shard_%d OPTIONS (user %s, password_required 'false'%s)",
						 node, quote_literal_cstr(shard.service_login), fdw_options(shard.conninfo, true)));
	for (int i = 0; i < lengthof(linked); i++)
		run(fcinfo, psprintf("CREATE FOREIGN TABLE appt_shards.%s_%d () INHERITS (appt_shards.%s) SERVER appt_shard_%d"
							 " OPTIONS (schema_name 'appt', table_name '%s')", linked[i], node, linked[i], node, linked[i]));
}

/* Servers of postgres_fdw that this made before. */
static List *
linked_nodes(FunctionCallInfo fcinfo)
{
	List	   *nodes = NIL;
	int			node = -1;
	Oid			types[] = {INT4OID};

	for (;;)
	{
		Datum		arguments[] = {Int32GetDatum(node)};

		if (directory_run(fcinfo, "SELECT substring(srvname FROM 12)::integer AS node FROM pg_foreign_server"
						  " WHERE srvname ~ '^appt_shard_[0-9]+$' AND substring(srvname FROM 12)::integer > $1 ORDER BY 1 LIMIT 1",
						  1, types, arguments, &node) == 0)
			return nodes;
		nodes = lappend_int(nodes, node);
	}
}

/* The nodes of an array. 22023: one is no shard. */
static List *
nodes_of(ArrayType *array)
{
	List	   *known = all_nodes();
	List	   *nodes = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] || !list_member_int(known, DatumGetInt32(values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown node"),
					 errdetail("Each of the nodes must be in appt.shard.")));
		nodes = list_append_unique_int(nodes, DatumGetInt32(values[i]));
	}
	return nodes;
}

/*
 * appt.link_shards(nodes integer[]) -> integer
 *
 * The number of shards. 22023: there is no such shard. 42704: postgres_fdw is not
 * installed.
 */
Datum
link_shards(PG_FUNCTION_ARGS)
{
	List	   *nodes = PG_ARGISNULL(0) ? all_nodes() : nodes_of(PG_GETARG_ARRAYTYPE_P(0));
	ListCell   *cell;

	foreach(cell, linked_nodes(fcinfo))
		run(fcinfo, psprintf("DROP SERVER appt_shard_%d CASCADE", lfirst_int(cell)));
	foreach(cell, nodes)
		link_shard(fcinfo, lfirst_int(cell));
	PG_RETURN_INT32(list_length(nodes));
}
