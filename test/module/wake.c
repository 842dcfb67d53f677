/*
 * wake.c
 *		A session that listens as a worker does.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/wake.h"

#define TAKE_MAX 4096

PG_FUNCTION_INFO_V1(test_wake_listen);
PG_FUNCTION_INFO_V1(test_wake_on_commit);
PG_FUNCTION_INFO_V1(test_wake_take);

Datum
test_wake_listen(PG_FUNCTION_ARGS)
{
	wake_listen();
	PG_RETURN_VOID();
}

Datum
test_wake_on_commit(PG_FUNCTION_ARGS)
{
	wake_on_commit(PG_GETARG_INT64(0), PG_GETARG_TIMESTAMPTZ(1));
	PG_RETURN_VOID();
}

/* "lane:count ..." of what was reported, then "sweep" if some was lost. */
Datum
test_wake_take(PG_FUNCTION_ARGS)
{
	static WakeEntry entries[TAKE_MAX];
	StringInfoData text;
	bool		sweep_needed;
	int			count = wake_take(entries, TAKE_MAX, &sweep_needed);

	initStringInfo(&text);
	if (PG_GETARG_BOOL(0))
		appendStringInfo(&text, "%d ", count);
	else
		for (int i = 0; i < count; i++)
			appendStringInfo(&text, INT64_FORMAT "@%s ", entries[i].lane,
							 timestamptz_to_str(entries[i].due_at));
	if (sweep_needed)
		appendStringInfoString(&text, "sweep ");
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}
