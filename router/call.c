/*
 * call.c
 *		The language of the router's functions: a call goes to the shards that its route
 *		names, and their answer is the function's.
 *
 * The body of a function is its route. PostgreSQL has checked the caller's privilege on
 * the router's function, which is granted as appt's own is; the shard checks it again.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "router/caller.h"
#include "router/connection.h"
#include "router/create.h"
#include "router/destination.h"
#include "router/directory.h"
#include "router/function.h"
#include "router/page.h"
#include "router/remote.h"

PG_FUNCTION_INFO_V1(route_call);
PG_FUNCTION_INFO_V1(route_check);

#define NOT_FOUND "PT404"

/* As PostgREST reads them at the end of this transaction. */
static void
hand_on_response(const RemoteCall *call)
{
	if (call->response_status[0] != '\0')
		(void) set_config_option("response.status", call->response_status,
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	if (call->response_headers[0] != '\0')
		(void) set_config_option("response.headers", call->response_headers,
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* The answer of the first shard that does not say PT404; NULL: an error, which *failed has. */
static PGresult *
ask_until_found(const List *nodes, RemoteCall *call, Connection **failed)
{
	ListCell   *cell;

	foreach(cell, nodes)
	{
		Connection *connection = connection_to(lfirst_int(cell), call->caller);
		PGresult   *rows;

		remote_send(connection, call);
		rows = remote_finish(connection, call);
		if (rows != NULL)
		{
			hand_on_response(call);
			return rows;
		}
		*failed = connection;
		if (strcmp(connection_sqlstate(connection), NOT_FOUND) != 0)
			break;
	}
	return NULL;
}

/*
 * Can a number that no shard has found be a tenant's that was just on its way between
 * two of them? The directory is not asked about the tenant, because nobody has named it.
 */
static bool
was_on_its_way(const Function *function, const List *nodes, const Connection *failed)
{
	return function->kind == ROUTE_NUMBER && list_length(nodes) > 1 &&
		strcmp(connection_sqlstate(failed), NOT_FOUND) == 0 && waited_for_moves();
}

/*
 * If the tenant has moved since the directory was read, its old shard has refused the
 * call and changed nothing: ask the new one. Otherwise raise the error.
 */
static PGresult *
ask_where_tenant_is(List *nodes, const Function *function, FunctionCallInfo fcinfo, RemoteCall *call)
{
	for (bool has_waited = false;;)
	{
		Connection *failed = NULL;
		PGresult   *rows = ask_until_found(nodes, call, &failed);
		List	   *nodes_now;

		if (rows != NULL)
			return rows;
		nodes_now = destination_of(function, fcinfo, call->caller).nodes;
		if (equal(nodes_now, nodes))
		{
			if (has_waited || !was_on_its_way(function, nodes, failed))
				connection_raise(failed);
			has_waited = true;
		}
		nodes = nodes_now;
	}
}

static Datum
result_of(Function *function, FunctionCallInfo fcinfo, const PGresult *rows)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;

	if (function->returns_set)
	{
		function_set_add(function, set, rows);
		return (Datum) 0;
	}
	if (PQntuples(rows) != 1)
		elog(ERROR, "unexpected number of rows from a shard: %d", PQntuples(rows));
	return function_result(function, rows, 0, &fcinfo->isnull);
}

/* Every shard executes the call at the same time. */
static Datum
ask_all(Function *function, FunctionCallInfo fcinfo, List *nodes, RemoteCall *call)
{
	List	   *connections = remote_send_all(nodes, call);
	Datum		result = (Datum) 0;
	ListCell   *cell;

	foreach(cell, connections)
	{
		PGresult   *rows = remote_rows(lfirst(cell), call);

		hand_on_response(call);
		result = result_of(function, fcinfo, rows);
	}
	return result;
}

static Datum
execute(Function *function, FunctionCallInfo fcinfo)
{
	Caller		caller = caller_of(fcinfo);
	RemoteCall	call = {
		.caller = &caller,
		.function = function,
		.name = function->statement_name,
		.statement = function->statement,
		.count = function->shape.count,
		.values = function_texts(function, fcinfo),
		.wants_response = function->has_response
	};
	Destination destination;

	if (function->kind == ROUTE_CREATE_ORGANIZATION)
		return create_organization(function, fcinfo, &call);
	if (function->kind == ROUTE_CREATE_APPLICATION)
		return create_application(function, fcinfo, &call);
	if (function->returns_set)
		function_set_begin(function, (ReturnSetInfo *) fcinfo->resultinfo);
	destination = destination_of(function, fcinfo, &caller);
	if (function->kind == ROUTE_PAGE && list_length(destination.nodes) > 1)
		return page_of_all(function, fcinfo, destination.nodes, &call);
	if (destination.until_found || list_length(destination.nodes) == 1)
		return result_of(function, fcinfo, ask_where_tenant_is(destination.nodes, function, fcinfo, &call));
	return ask_all(function, fcinfo, destination.nodes, &call);
}

/* appt.route_call() -> language_handler */
Datum
route_call(PG_FUNCTION_ARGS)
{
	volatile Datum result = (Datum) 0;

	PG_TRY();
	{
		result = execute(function_of(fcinfo), fcinfo);
	}
	PG_CATCH();
	{
		connections_abandon();
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}

/* appt.route_check(oid) -> void: the validator of the language */
Datum
route_check(PG_FUNCTION_ARGS)
{
	Oid			function_id = PG_GETARG_OID(0);

	if (CheckFunctionValidatorAccess(fcinfo->flinfo->fn_oid, function_id))
		function_check(function_id);
	PG_RETURN_VOID();
}
