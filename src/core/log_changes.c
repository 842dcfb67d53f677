/*
 * log_changes.c
 *		Counts of changes of logs, in shared memory.
 *
 * A count per application would need a table that grows with them. There are COUNTS
 * instead, chosen by a hash of database and application: two applications that share
 * one are read again a bit more often than necessary.
 *
 * A transaction remembers which it changes as a bitmap, and adds to them once it has
 * committed. The callback must not fail: it allocates nothing and raises nothing. A
 * rollback to a savepoint takes nothing back, and PREPARE TRANSACTION counts nothing:
 * readers look again after a minute in any case.
 *
 * Counts begin at the server's start time, so that they are not those of before.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "core/log_changes.h"

#define COUNTS 4096
#define WORDS (COUNTS / 64)

static pg_atomic_uint64 *counts = NULL;

/* What the present transaction has changed. */
static uint64 changed[WORDS];
static bool has_changed = false;

void
log_changes_shared_request(void)
{
	RequestAddinShmemSpace(COUNTS * sizeof(pg_atomic_uint64));
}

void
log_changes_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	counts = ShmemInitStruct("appt log changes", COUNTS * sizeof(pg_atomic_uint64), &found);
	if (!found)
		for (int i = 0; i < COUNTS; i++)
			pg_atomic_init_u64(&counts[i], (uint64) GetCurrentTimestamp());
	LWLockRelease(AddinShmemInitLock);
}

static int
place_of(const pg_uuid_t *application_id)
{
	return hash_bytes_extended(application_id->data, UUID_LEN, MyDatabaseId) % COUNTS;
}

static void
add_changes(void)
{
	for (int word = 0; word < WORDS; word++)
		for (uint64 left = changed[word]; left != 0; left &= left - 1)
			pg_atomic_fetch_add_u64(&counts[word * 64 + pg_rightmost_one_pos64(left)], 1);
}

static void
at_transaction_end(XactEvent event, void *unused)
{
	bool		is_commit = event == XACT_EVENT_COMMIT;

	if (!has_changed || (!is_commit && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	if (is_commit)
		add_changes();
	memset(changed, 0, sizeof(changed));
	has_changed = false;
}

void
log_changes_on_commit(const pg_uuid_t *application_id)
{
	static bool is_watching = false;
	int			place;

	if (counts == NULL || IsParallelWorker())
		return;
	if (!is_watching)
		RegisterXactCallback(at_transaction_end, NULL);
	is_watching = true;
	place = place_of(application_id);
	changed[place / 64] |= UINT64CONST(1) << (place % 64);
	has_changed = true;
}

bool
log_changes_count(const pg_uuid_t *application_id, uint64 *count)
{
	if (counts == NULL)
		return false;
	*count = pg_atomic_read_u64(&counts[place_of(application_id)]);
	return true;
}
