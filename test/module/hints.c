/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  The users that wait for a hint, and the lock that NOTIFY takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "worker/pending_hints.h"

PG_FUNCTION_INFO_V1(test_pending_hints);
PG_FUNCTION_INFO_V1(test_hold_notify_lock);

#define SHOWN 100

static int32
number_of(const pg_uuid_t *notify_key)
{
	int32		number;

	memcpy(&number, notify_key->data, sizeof(number));
	return number;
}

/*
 * pending_hints(max integer, dropped integer, added integer[]) -> text: of a queue
 * for `max` users to which these were added, after `dropped` were dropped.
 */
Datum
test_pending_hints(PG_FUNCTION_ARGS)
{
	PendingHints *hints = pending_hints_create(PG_GETARG_INT32(0));
	ArrayType  *added = PG_GETARG_ARRAYTYPE_P(2);
	int32	   *numbers = (int32 *) ARR_DATA_PTR(added);
	pg_uuid_t	kept[SHOWN];
	StringInfoData text;
	int			count;

	initStringInfo(&text);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(added), ARR_DIMS(added)); i++)
	{
		pg_uuid_t	notify_key = {0};

		memcpy(notify_key.data, &numbers[i], sizeof(int32));
		pending_hints_add(hints, &notify_key);
	}
	pending_hints_drop(hints, PG_GETARG_INT32(1));
	count = pending_hints_oldest(hints, kept, SHOWN);
	appendStringInfo(&text, "%d:", pending_hints_count(hints));
	for (int i = 0; i < count; i++)
		appendStringInfo(&text, " %d", number_of(&kept[i]));
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/* hold_notify_lock(): until the end of the transaction */
Datum
test_hold_notify_lock(PG_FUNCTION_ARGS)
{
	LockSharedObject(DatabaseRelationId, InvalidOid, 0, AccessExclusiveLock);
	PG_RETURN_VOID();
}
