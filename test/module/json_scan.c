/*-------------------------------------------------------------------------
 *
 * json_scan.c
 *	  One value out of JSON text; the text as bytes, for it may be anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "core/json_scan.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(test_json_path_problem);
PG_FUNCTION_INFO_V1(test_json_scalar_at);
PG_FUNCTION_INFO_V1(test_json_is_valid);

static char *
bytes_arg(FunctionCallInfo fcinfo, int i)
{
	return text_to_cstring((text *) PG_GETARG_BYTEA_PP(i));
}

Datum
test_json_path_problem(PG_FUNCTION_ARGS)
{
	const char *problem = json_path_problem(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (problem == NULL)
		PG_RETURN_NULL();
	return CStringGetTextDatum(problem);
}

Datum
test_json_scalar_at(PG_FUNCTION_ARGS)
{
	char	   *found = json_scalar_at(bytes_arg(fcinfo, 0), text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (found == NULL)
		PG_RETURN_NULL();
	return CStringGetTextDatum(found);
}

Datum
test_json_is_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(json_is_valid(bytes_arg(fcinfo, 0)));
}
