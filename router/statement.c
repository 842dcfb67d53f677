/*
 * statement.c
 *		Statements on the router's own tables, and on shards.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "core/roles.h"
#include "router/statement.h"

const Caller service_caller = {.is_service = true, .claims = "", .headers = "", .method = ""};

uint64
directory_run(FunctionCallInfo fcinfo, const char *statement, int count, Oid *types, Datum *arguments, int *value)
{
	Oid			user;
	int			context;
	int			guc_level = NewGUCNestLevel();
	uint64		processed;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(function_owner(fcinfo->flinfo->fn_oid), context | SECURITY_LOCAL_USERID_CHANGE);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (SPI_execute_with_args(statement, count, types, arguments, NULL, false, 0) < 0)
		elog(ERROR, "SPI failed: %s", statement);
	processed = SPI_processed;
	if (value != NULL && processed > 0)
	{
		bool		is_null;

		*value = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	}
	SPI_finish();
	AtEOXact_GUC(true, guc_level);
	SetUserIdAndSecContext(user, context);
	return processed;
}

PGresult *
shard_run(int node, RemoteCall *call)
{
	Connection *connection = connection_to(node, call->caller);
	PGresult   *rows;

	connection_send(connection, call);
	rows = connection_finish(connection, call);
	if (rows == NULL)
		connection_raise(connection);
	return rows;
}
