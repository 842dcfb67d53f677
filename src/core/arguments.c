/*
 * arguments.c
 *		Required arguments of functions.
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/syscache.h"

#include "core/arguments.h"
#include "core/errors.h"

/* `names` are quoted. */
static void
report_missing(const char *names)
{
	report_invalid("a required argument is missing", "These are null or were left out: %s.", names);
}

void
require_argument(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (PG_ARGISNULL(index))
		report_missing(psprintf("\"%s\"", name));
}

/* The SQL names of a function's arguments. */
static char **
argument_names(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid		   *types;
	char	  **names;
	char	   *modes;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	(void) get_func_arg_info(tuple, &types, &names, &modes);
	ReleaseSysCache(tuple);
	return names;
}

void
require_arguments(FunctionCallInfo fcinfo, int count)
{
	char	  **names = NULL;
	StringInfoData missing;

	for (int i = 0; i < count; i++)
	{
		if (!PG_ARGISNULL(i))
			continue;
		if (names == NULL)
		{
			names = argument_names(fcinfo->flinfo->fn_oid);
			initStringInfo(&missing);
		}
		appendStringInfo(&missing, "%s\"%s\"", missing.len > 0 ? ", " : "", names[i]);
	}
	if (names != NULL)
		report_missing(missing.data);
}
