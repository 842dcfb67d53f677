/*
 * shared.c
 *		What the launcher, the workers and the sessions of all databases know of
 *		each other.
 *
 * The size of this shared memory is fixed when the server starts: a record per
 * worker that may run, which max_worker_processes bounds; a record per database,
 * more than there can be workers, so that worker_status can say why a database has
 * none; and a record per session that holds a database for DDL. After a crash of
 * any process the server makes it anew, empty, and the launcher starts over.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "process/shared.h"

/* Room for databases, at least. One more gets no worker until another is dropped. */
#define DATABASES_MIN 1024

WorkersShared *workers_shared = NULL;

static int
database_capacity(void)
{
	return Max(DATABASES_MIN, 2 * max_worker_processes);
}

static Size
shared_size(void)
{
	Size		size = MAXALIGN(sizeof(WorkersShared));

	size = add_size(size, MAXALIGN(mul_size(max_worker_processes, sizeof(WorkerRecord))));
	size = add_size(size, MAXALIGN(mul_size(database_capacity(), sizeof(DatabaseRecord))));
	return add_size(size, MAXALIGN(mul_size(MaxBackends, sizeof(HoldRecord))));
}

void
workers_shared_request(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche("appt workers", 1);
}

void
workers_shared_create(bool has_launcher)
{
	bool		found;
	char	   *next;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	workers_shared = ShmemInitStruct("appt workers", shared_size(), &found);
	if (!found)
	{
		memset(workers_shared, 0, shared_size());
		workers_shared->lock = &GetNamedLWLockTranche("appt workers")->lock;
		workers_shared->has_launcher = has_launcher;
		workers_shared->worker_count = max_worker_processes;
		workers_shared->database_count = database_capacity();
		workers_shared->hold_count = MaxBackends;
		next = (char *) workers_shared + MAXALIGN(sizeof(WorkersShared));
		workers_shared->workers = (WorkerRecord *) next;
		for (int i = 0; i < workers_shared->worker_count; i++)
			workers_shared->workers[i].lock = workers_shared->lock;
		next += MAXALIGN(mul_size(max_worker_processes, sizeof(WorkerRecord)));
		workers_shared->databases = (DatabaseRecord *) next;
		next += MAXALIGN(mul_size(database_capacity(), sizeof(DatabaseRecord)));
		workers_shared->holds = (HoldRecord *) next;
	}
	LWLockRelease(AddinShmemInitLock);
}

WorkerRecord *
worker_record(Oid database, int slot)
{
	for (int i = 0; i < workers_shared->worker_count; i++)
	{
		WorkerRecord *record = &workers_shared->workers[i];

		if (record->is_used && record->database == database && record->slot == slot)
			return record;
	}
	return NULL;
}

WorkerRecord *
worker_record_create(Oid database, int slot)
{
	for (int i = 0; i < workers_shared->worker_count; i++)
	{
		WorkerRecord *record = &workers_shared->workers[i];
		uint32		generation = record->generation + 1;

		if (record->is_used)
			continue;
		memset(record, 0, sizeof(WorkerRecord));
		record->lock = workers_shared->lock;
		record->is_used = true;
		record->generation = generation;
		record->database = database;
		record->slot = slot;
		record->quiet = QUIET_STARTING;
		return record;
	}
	return NULL;
}

static DatabaseRecord *
find_database(Oid database)
{
	for (int i = 0; i < workers_shared->database_count; i++)
		if (workers_shared->databases[i].database == database)
			return &workers_shared->databases[i];
	return NULL;
}

DatabaseRecord *
database_record(Oid database)
{
	return OidIsValid(database) ? find_database(database) : NULL;
}

DatabaseRecord *
database_record_create(Oid database)
{
	DatabaseRecord *record = database_record(database);

	if (record != NULL)
		return record;
	record = find_database(InvalidOid);
	if (record == NULL)
		return NULL;
	memset(record, 0, sizeof(DatabaseRecord));
	record->database = database;
	return record;
}

bool
database_is_held(Oid database)
{
	for (int i = 0; i < workers_shared->hold_count; i++)
		if (workers_shared->holds[i].database == database)
			return true;
	return false;
}

void
database_recheck(Oid database)
{
	DatabaseRecord *record;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = database_record_create(database);
	if (record != NULL)
	{
		record->check = true;
		record->changes++;
	}
	else
		workers_shared->check_all = true;
	LWLockRelease(workers_shared->lock);
	wake_launcher();
}

void
database_invalidate(Oid database)
{
	DatabaseRecord *record;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = database_record(database);
	if (record != NULL && record->presence != PRESENCE_PRESENT)
		record->is_stale = true;
	LWLockRelease(workers_shared->lock);
}

void
wake_launcher(void)
{
	Latch	   *launcher;

	LWLockAcquire(workers_shared->lock, LW_SHARED);
	launcher = workers_shared->launcher;
	if (launcher != NULL)
		SetLatch(launcher);
	LWLockRelease(workers_shared->lock);
}
