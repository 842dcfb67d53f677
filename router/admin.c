/*
 * admin.c
 *		Functions for those who run the router.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "router/conninfo.h"
#include "router/directory.h"
#include "router/statement.h"

PG_FUNCTION_INFO_V1(shard_of);
PG_FUNCTION_INFO_V1(conninfo_is_valid);
PG_FUNCTION_INFO_V1(register_tenants);

/* Options that identify who connects, or are secret. */
static const char *const left_out[] = {"user", "password", "passfile", "sslkey", "sslcert", "sslpassword", "service"};

static bool
is_left_out(const char *keyword)
{
	for (int i = 0; i < lengthof(left_out); i++)
		if (strcmp(left_out[i], keyword) == 0)
			return true;
	return false;
}

static void
append_option(StringInfo conninfo, const char *keyword, const char *value)
{
	appendStringInfo(conninfo, "%s%s='", conninfo->len == 0 ? "" : " ", keyword);
	for (const char *c = value; *c != '\0'; c++)
	{
		if (*c == '\\' || *c == '\'')
			appendStringInfoChar(conninfo, '\\');
		appendStringInfoChar(conninfo, *c);
	}
	appendStringInfoChar(conninfo, '\'');
}

/*
 * appt.shard_of(application_id uuid) -> text
 *
 * NULL: the directory does not know the application. PT503: it is being moved.
 */
Datum
shard_of(PG_FUNCTION_ARGS)
{
	int			node = node_of_application(PG_GETARG_UUID_P(0));
	PQconninfoOption *options;
	StringInfoData conninfo;
	Shard		shard;

	if (node < 0 || !shard_of_node(node, &shard))
		PG_RETURN_NULL();
	options = conninfo_options(shard.conninfo);
	initStringInfo(&conninfo);
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		if (option->val != NULL && !is_left_out(option->keyword))
			append_option(&conninfo, option->keyword, option->val);
	PQconninfoFree(options);
	PG_RETURN_TEXT_P(cstring_to_text(conninfo.data));
}

/* appt.conninfo_is_valid(conninfo text) -> boolean; 22023: it is not. */
Datum
conninfo_is_valid(PG_FUNCTION_ARGS)
{
	PQconninfoFree(conninfo_options(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	PG_RETURN_BOOL(true);
}

/* Register what a shard has, one row after the other; the number of rows that were new. */
static int64
register_rows(FunctionCallInfo fcinfo, int node, const char *read, const char *insert)
{
	RemoteCall	call = {.caller = &service_caller, .statement = read};
	PGresult   *rows = shard_run(node, &call);
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID};
	int64		count = 0;

	for (int row = 0; row < PQntuples(rows); row++)
	{
		Datum		arguments[] = {
			CStringGetTextDatum(PQgetvalue(rows, row, 0)), CStringGetTextDatum(PQgetvalue(rows, row, 1)), Int32GetDatum(node)
		};

		count += directory_run(fcinfo, insert, 3, types, arguments, NULL);
	}
	return count;
}

/*
 * appt.register_tenants(node integer) -> bigint
 *
 * The number of applications that were new. One that is held may be a copy, whose
 * original another shard has. 23505: another application has the tag of one of them.
 */
Datum
register_tenants(PG_FUNCTION_ARGS)
{
	int			node = PG_GETARG_INT32(0);

	(void) register_rows(fcinfo, node, "SELECT id, id FROM appt.organization",
						 "INSERT INTO appt.home (organization_id, node) SELECT $1::uuid, $3 WHERE $2 IS NOT NULL"
						 " ON CONFLICT (organization_id) DO NOTHING");
	PG_RETURN_INT64(register_rows(fcinfo, node, "SELECT id, organization_id FROM appt.application WHERE NOT is_held",
								  "INSERT INTO appt.tenant (application_id, organization_id, node) VALUES ($1::uuid, $2::uuid, $3)"
								  " ON CONFLICT (application_id) DO NOTHING"));
}
