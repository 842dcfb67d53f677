/*
 * identity.c
 *		core/identity.h for SQL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/identity.h"

PG_FUNCTION_INFO_V1(test_why_not_sending);

/* appt_test.why_not_sending() -> text: NULL if this database may send */
Datum
test_why_not_sending(PG_FUNCTION_ARGS)
{
	const char *why;

	if (identity_judge(&why) == IDENTITY_ORIGINAL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(why));
}
