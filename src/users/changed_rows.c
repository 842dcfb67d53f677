/*
 * changed_rows.c
 *		The frame of triggers that check all rows of a statement at once.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "core/row.h"
#include "users/changed_rows.h"

void
changed_rows_begin(Call *call, FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) || trigger->tg_newtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function is a trigger for changed rows")));
	call_begin_as_owner(call, fcinfo);
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "could not read the changed rows");
}

/* ---- locks ---- */

typedef struct NameLock
{
	uint32		application;	/* hash */
	uint32		number;			/* below LOCKS_PER_APPLICATION */
} NameLock;

static NameLock
read_lock(Row *row)
{
	pg_uuid_t	application_id = next_uuid(row);
	char	   *name = next_text(row);

	return (NameLock)
	{
		hash_bytes(application_id.data, UUID_LEN),
			hash_bytes((unsigned char *) name, strlen(name)) % LOCKS_PER_APPLICATION
	};
}

static int
compare_locks(const void *a, const void *b)
{
	const NameLock *one = a;
	const NameLock *other = b;

	if (one->application != other->application)
		return one->application < other->application ? -1 : 1;
	return (one->number > other->number) - (one->number < other->number);
}

static void
lock_name(const NameLock *lock, AdvisoryLockKind kind, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock->application, lock->number, kind);
	(void) LockAcquire(&tag, mode, false, false);
}

void
changed_rows_lock(Statement *names, AdvisoryLockKind kind, LOCKMODE mode)
{
	uint64		count = statement_run_nullable(names, NULL);
	NameLock   *locks = (NameLock *) palloc_extended(Max(count, 1) * sizeof(NameLock), MCXT_ALLOC_HUGE);

	for (uint64 n = 0; n < count; n++)
		locks[n] = read_lock(ROW(n));
	statement_done();
	qsort(locks, count, sizeof(NameLock), compare_locks);
	for (uint64 n = 0; n < count; n++)
		if (n == 0 || compare_locks(&locks[n - 1], &locks[n]) != 0)
			lock_name(&locks[n], kind, mode);
	pfree(locks);
}

uint64
changed_rows_find(Statement *statement)
{
	uint64		count;

	PushActiveSnapshot(GetLatestSnapshot());
	count = statement_run_nullable(statement, NULL);
	PopActiveSnapshot();
	return count;
}
