/*
 * rest_response.c
 *		Setting PostgREST's response.status and response.headers.
 *
 * They are set as by SET LOCAL, so they outlive call_end: at the end of a GUC
 * nest level a LOCAL value moves to the level around it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "core/rest_response.h"

static void
set_for_transaction(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

void
response_set_status(int status)
{
	set_for_transaction("response.status", psprintf("%d", status));
}

void
response_set_headers(const ResponseHeader *headers, int count)
{
	StringInfoData json;

	/* An array of objects, each with one member. */
	initStringInfo(&json);
	for (int i = 0; i < count; i++)
	{
		appendStringInfoString(&json, i == 0 ? "[{" : "}, {");
		escape_json(&json, headers[i].name);
		appendStringInfoString(&json, ": ");
		escape_json(&json, headers[i].value);
	}
	appendStringInfoString(&json, count == 0 ? "[]" : "}]");
	set_for_transaction("response.headers", json.data);
}
