/*
 * lru.c
 *		The values that a cache creates, finds and destroys.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/lru.h"

PG_FUNCTION_INFO_V1(test_lru);

typedef struct LoggedValue
{
	const char *key;
	StringInfo	log;
} LoggedValue;

/* "-x" has no value, "!x" raises an error, "#x" is large. */
static void *
make_logged(const void *key, void *argument)
{
	const char *name = key;
	LoggedValue *value = palloc(sizeof(LoggedValue));

	value->key = name;
	value->log = argument;
	if (name[0] == '!')
		elog(ERROR, "no value for %s", name);
	if (name[0] == '#')
		(void) palloc(100000);
	appendStringInfo(value->log, " %s%s", name[0] == '-' ? "no " : "+", name);
	return name[0] == '-' ? NULL : value;
}

static void
destroy_logged(void *argument)
{
	LoggedValue *value = argument;

	appendStringInfo(value->log, " ~%s", value->key);
}

static void
ask(LruCache *cache, char *name, StringInfo log)
{
	LoggedValue *value;
	int			length = log->len;

	value = lru_get(cache, name, strlen(name) + 1, log);
	if (value != NULL && strcmp(value->key, name) != 0)
		elog(ERROR, "%s found for %s", value->key, name);
	if (log->len == length)
		appendStringInfo(log, " =%s", name);
}

/*
 * (keys text[], max_entries int, max_bytes int, max_entry_bytes int): what happens when the keys are
 * asked for in this order: +x made, =x found, ~x destroyed. At the end, all are destroyed.
 */
Datum
test_lru(PG_FUNCTION_ARGS)
{
	LruCache	cache = {
		.max_entries = PG_GETARG_INT32(1), .max_bytes = PG_GETARG_INT32(2), .max_entry_bytes = PG_GETARG_INT32(3),
		.make = make_logged, .destroy = destroy_logged
	};
	MemoryContext caller = AllocSetContextCreate(CurrentMemoryContext, "caller", ALLOCSET_SMALL_SIZES);
	StringInfoData log;
	Datum	   *keys;
	int			count;

	initStringInfo(&log);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &keys, NULL, &count);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		for (int i = 0; i < count; i++)
			ask(&cache, TextDatumGetCString(keys[i]), &log);
	}
	PG_CATCH();
	{
		FlushErrorState();
		appendStringInfoString(&log, " error");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(MemoryContextGetParent(caller));
	appendStringInfoString(&log, " |");
	MemoryContextDelete(caller);
	appendStringInfo(&log, " | %d |", cache.count);
	if (cache.context != NULL)
		MemoryContextDelete(cache.context);
	PG_RETURN_TEXT_P(cstring_to_text(log.data + 1));
}
