/*
 * databases.c
 *		For the launcher: the databases that may have workers, and which of them
 *		have the extension.
 *
 * The launcher is connected to no database: it sees the list of databases, but
 * not what is in them. A worker finds out whether its database has the extension
 * and leaves the answer in the database's record. The answer holds until a
 * session that creates, alters or drops the extension, or the database, asks for
 * a new look.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "process/databases.h"
#include "process/shared.h"
#include "worker/crashes.h"

/* Databases that may have workers: not templates, open to connections. */
static List *
read_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (database->datallowconn && !database->datistemplate)
		{
			MemoryContext previous = MemoryContextSwitchTo(context);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(previous);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/* ---- forgetting; the lock is held ---- */

static void
stop_workers_except(List *databases)
{
	for (int i = 0; i < workers_shared->worker_count; i++)
	{
		WorkerRecord *worker = &workers_shared->workers[i];

		if (worker->is_used && worker->pid != 0 && !list_member_oid(databases, worker->database))
			kill(worker->pid, SIGTERM);
	}
}

static void
forget_databases_except(List *databases)
{
	for (int i = 0; i < workers_shared->database_count; i++)
		if (!list_member_oid(databases, workers_shared->databases[i].database))
			workers_shared->databases[i].database = InvalidOid;
}

/* A session's transaction end releases what it holds; make sure. */
static void
forget_dead_holders(void)
{
	for (int i = 0; i < workers_shared->hold_count; i++)
		if (OidIsValid(workers_shared->holds[i].database) &&
			BackendPidGetProc(workers_shared->holds[i].pid) == NULL)
			workers_shared->holds[i].database = InvalidOid;
}

/* ---- refreshing ---- */

/*
 * Something happened to the database. A worker that serves it finds out by
 * itself. One that found no extension is about to exit, and its answer may be
 * wrong by now.
 */
static void
recheck(DatabaseRecord *record)
{
	record->check = record->is_stale = false;
	if (record->presence == PRESENCE_ABSENT || worker_record(record->database, 1) == NULL)
		record->presence = PRESENCE_UNKNOWN;
}

List *
databases_refresh(void)
{
	List	   *databases;
	List	   *changed = NIL;
	ListCell   *cell;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	workers_shared->check_all = false;
	LWLockRelease(workers_shared->lock);
	databases = read_databases();

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	stop_workers_except(databases);
	forget_databases_except(databases);
	crashes_forget_databases_except(databases);
	forget_dead_holders();
	foreach(cell, databases)
	{
		DatabaseRecord *record = database_record_create(lfirst_oid(cell));

		if (record == NULL || !(record->check || record->is_stale))
			continue;
		recheck(record);
		changed = lappend_oid(changed, record->database);
	}
	LWLockRelease(workers_shared->lock);
	list_free(databases);
	return changed;
}

bool
databases_must_refresh(void)
{
	bool		must;

	LWLockAcquire(workers_shared->lock, LW_SHARED);
	must = workers_shared->check_all;
	for (int i = 0; i < workers_shared->database_count; i++)
		if (OidIsValid(workers_shared->databases[i].database) &&
			workers_shared->databases[i].check)
			must = true;
	LWLockRelease(workers_shared->lock);
	return must;
}

DatabaseLists
databases_list(void)
{
	DatabaseLists lists = {NIL, NIL, NIL};

	LWLockAcquire(workers_shared->lock, LW_SHARED);
	for (int i = 0; i < workers_shared->database_count; i++)
	{
		DatabaseRecord *record = &workers_shared->databases[i];

		if (!OidIsValid(record->database))
			continue;
		lists.known = lappend_oid(lists.known, record->database);
		if (database_is_held(record->database))
			continue;
		if (record->presence == PRESENCE_PRESENT)
			lists.present = lappend_oid(lists.present, record->database);
		else if (record->presence == PRESENCE_UNKNOWN)
			lists.unknown = lappend_oid(lists.unknown, record->database);
	}
	LWLockRelease(workers_shared->lock);
	return lists;
}
