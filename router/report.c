/*
 * report.c
 *		Errors and notices of shards, as if there were no router, and the router's own.
 *
 * PostgREST turns SQLSTATE PT503 into the HTTP status, but can send no header with it.
 * SQLSTATE PGRST can: its message and detail are JSON.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "core/compat.h"
#include "router/report.h"

#define ERRCODE_ROUTER_REST MAKE_SQLSTATE('P', 'G', 'R', 'S', 'T')
#define RETRY_AFTER_SECONDS 2

static bool
is_rest(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method != NULL && method[0] != '\0';
}

pg_noreturn static void raise_unavailable(const char *message, const char *detail, const char *hint);

static void
raise_unavailable(const char *message, const char *detail, const char *hint)
{
	StringInfoData json;

	if (!is_rest())
		ereport(ERROR,
				(errcode(ERRCODE_ROUTER_UNAVAILABLE), errmsg_internal("%s", message), errdetail_internal("%s", detail), errhint("%s", hint)));
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"code\": \"PT503\", \"message\": ");
	escape_json(&json, message);
	appendStringInfoString(&json, ", \"details\": ");
	escape_json(&json, detail);
	appendStringInfoString(&json, ", \"hint\": ");
	escape_json(&json, hint);
	appendStringInfoChar(&json, '}');
	ereport(ERROR,
			(errcode(ERRCODE_ROUTER_REST),
			 errmsg_internal("%s", json.data),
			 errdetail_internal("{\"status\": 503, \"headers\": {\"Retry-After\": \"%d\"}}", RETRY_AFTER_SECONDS)));
}

void
report_moving(void)
{
	raise_unavailable("tenant is being moved", "The application is on its way to another database.", "Try again in a few seconds.");
}

void
report_unavailable(int node, const char *problem, bool was_sent)
{
	ereport(LOG, (errmsg("shard %d does not answer", node), errdetail_internal("%s", problem)));
	raise_unavailable("shard not available",
					  was_sent ? "The connection to the database of the application was lost; the call may have been executed."
					  : "The database of the application does not answer; the call was not executed.",
					  "Try again later.");
}

static int
sqlstate_of(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state == NULL ? ERRCODE_CONNECTION_FAILURE : MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

/* The whole session is at its end, not just the call. */
static bool
is_fatal(const PGresult *error)
{
	const char *severity = PQresultErrorField(error, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity == NULL || strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static void
report_as_is(int level, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);

	ereport(level,
			(errcode(sqlstate_of(result)),
			 errmsg_internal("%s", message == NULL ? PQresultErrorMessage(result) : message),
			 detail == NULL ? 0 : errdetail_internal("%s", detail),
			 hint == NULL ? 0 : errhint("%s", hint),
			 context == NULL ? 0 : errcontext_msg("%s", context)));
}

void
report_remote(int node, const PGresult *error)
{
	if (is_fatal(error))
		report_unavailable(node, PQresultErrorMessage(error), true);
	report_as_is(ERROR, error);
	pg_unreachable();
}

static int
level_of(const char *severity)
{
	if (severity != NULL && strcmp(severity, "WARNING") == 0)
		return WARNING;
	if (severity != NULL && strcmp(severity, "INFO") == 0)
		return INFO;
	return NOTICE;
}

void
report_notice(void *unused, const PGresult *notice)
{
	report_as_is(level_of(PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED)), notice);
}
