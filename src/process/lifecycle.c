/*
 * lifecycle.c
 *		Hooks that follow DDL on databases and on the extension, in the session
 *		that runs it.
 *
 * DROP DATABASE, ALTER DATABASE RENAME or SET TABLESPACE, and CREATE DATABASE
 * with a template fail while another process is connected to the database. Before
 * such a statement runs, the workers of that database are stopped at once and kept
 * out ("held") until the transaction ends, however it ends. A rollback to a
 * savepoint releases the databases held since. A user who may not run the
 * statement stops no worker.
 *
 * When a transaction has created, altered or dropped the extension or a database,
 * its end is reported to the launcher and to living workers. A rollback is
 * reported too: a worker that has paused because of the locks may go on.
 *
 * When a prepared transaction is committed, by any session, perhaps after a
 * restart, nobody knows any more what it did. So COMMIT PREPARED has the workers
 * look at everything. Where there are none, the launcher may be wrong about the
 * extension, and tries the database again with its next regular look.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/wake.h"
#include "process/lifecycle.h"
#include "process/shared.h"
#include "process/table_locks.h"

/* How many databases one transaction may hold, and report. */
#define HELD_MAX 16
#define CHANGED_MAX 16

/* How long to wait for workers to exit. After that the statement itself fails because of them. */
#define EXIT_PATIENCE_MS 5000
#define EXIT_LOOK_MS 5

typedef struct Held
{
	Oid			database;
	SubTransactionId subtransaction;
} Held;

/* File-level, for hooks and transaction callbacks share them. */
static Held held[HELD_MAX];
static int	held_count = 0;
static Oid	changed[CHANGED_MAX];
static int	changed_count = 0;

static ProcessUtility_hook_type previous_utility_hook = NULL;
static object_access_hook_type previous_access_hook = NULL;

/* ---- holding ---- */

/* Keep workers out from now on, and tell the running ones to exit. */
static void
record_hold(Oid database)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < workers_shared->hold_count; i++)
	{
		HoldRecord *hold = &workers_shared->holds[i];

		if (OidIsValid(hold->database))
			continue;
		hold->database = database;
		hold->pid = MyProcPid;
		break;
	}
	for (int i = 0; i < workers_shared->worker_count; i++)
	{
		WorkerRecord *worker = &workers_shared->workers[i];

		if (!worker->is_used || worker->database != database)
			continue;
		worker->must_hurry = true;
		if (worker->pid != 0)
			kill(worker->pid, SIGTERM);
	}
	LWLockRelease(workers_shared->lock);
}

/* A worker that is registered but has not started does not count: it will not attach. */
static bool
has_workers(Oid database)
{
	bool		found = false;

	LWLockAcquire(workers_shared->lock, LW_SHARED);
	for (int i = 0; i < workers_shared->worker_count; i++)
	{
		WorkerRecord *worker = &workers_shared->workers[i];

		if (worker->is_used && worker->database == database && worker->pid != 0)
			found = true;
	}
	LWLockRelease(workers_shared->lock);
	return found;
}

static void
wait_for_exit(Oid database)
{
	for (int waited = 0; waited < EXIT_PATIENCE_MS && has_workers(database); waited += EXIT_LOOK_MS)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 EXIT_LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
hold(Oid database)
{
	for (int i = 0; i < held_count; i++)
		if (held[i].database == database)
			return;
	if (held_count == HELD_MAX)
		return;
	held[held_count].database = database;
	held[held_count].subtransaction = GetCurrentSubTransactionId();
	held_count++;
	record_hold(database);
	wait_for_exit(database);
}

static void
release(Oid database)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < workers_shared->hold_count; i++)
	{
		HoldRecord *record = &workers_shared->holds[i];

		if (record->database == database && record->pid == MyProcPid)
			record->database = InvalidOid;
	}
	LWLockRelease(workers_shared->lock);
	database_recheck(database);
}

static void
end_hold_of_subtransaction(SubTransactionId ended, SubTransactionId parent, bool committed)
{
	int			kept = 0;

	for (int i = 0; i < held_count; i++)
	{
		Held		one = held[i];

		if (one.subtransaction == ended && !committed)
		{
			release(one.database);
			continue;
		}
		if (one.subtransaction == ended)
			one.subtransaction = parent;
		held[kept++] = one;
	}
	held_count = kept;
}

/* ---- which statements hold a database ---- */

/* The database if the current user owns it, else InvalidOid. */
static Oid
database_of_owner(const char *name)
{
	Oid			database = get_database_oid(name, true);

	return OidIsValid(database) && role_owns_database(GetUserId(), database) ? database : InvalidOid;
}

static DefElem *
find_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

static Oid
template_of(CreatedbStmt *statement)
{
	DefElem    *option = find_option(statement->options, "template");

	return database_of_owner(option != NULL && option->arg != NULL ? defGetString(option) : "template1");
}

static Oid
database_to_hold(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return database_of_owner(((DropdbStmt *) statement)->dbname);
		case T_CreatedbStmt:
			return template_of((CreatedbStmt *) statement);
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				return database_of_owner(((RenameStmt *) statement)->subname);
			return InvalidOid;
		case T_AlterDatabaseStmt:
			if (find_option(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				return database_of_owner(((AlterDatabaseStmt *) statement)->dbname);
			return InvalidOid;
		default:
			return InvalidOid;
	}
}

static bool
commits_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static void
process_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo parameters,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	Oid			database = database_to_hold(planned->utilityStmt);
	bool		was_prepared = commits_prepared(planned->utilityStmt);

	if (IsA(planned->utilityStmt, LockStmt))
		table_locks_check((const LockStmt *) planned->utilityStmt);
	if (OidIsValid(database))
		hold(database);
	if (previous_utility_hook)
		previous_utility_hook(planned, query, read_only_tree, context, parameters,
							  environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters,
								environment, destination, completion);
	if (was_prepared)
	{
		wake_database(MyDatabaseId);
		database_invalidate(MyDatabaseId);
	}
}

/* ---- changes ---- */

static void
remember_change(Oid database)
{
	for (int i = 0; i < changed_count; i++)
		if (changed[i] == database)
			return;
	if (changed_count < CHANGED_MAX)
		changed[changed_count++] = database;
}

static void
report_changes(void)
{
	for (int i = 0; i < changed_count; i++)
	{
		database_recheck(changed[i]);
		wake_database(changed[i]);
	}
	changed_count = 0;
}

/* It may be another extension: looking once too often does no harm. */
static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
	if (previous_access_hook)
		previous_access_hook(access, class_id, object_id, sub_id, argument);
	if (access != OAT_POST_CREATE && access != OAT_POST_ALTER && access != OAT_DROP)
		return;
	if (class_id == ExtensionRelationId)
		remember_change(MyDatabaseId);
	else if (class_id == DatabaseRelationId)
		remember_change(object_id);
}

/* ---- transactions ---- */

static void
at_transaction_end(XactEvent event, void *unused)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	while (held_count > 0)
		release(held[--held_count].database);
	report_changes();
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId ended,
					  SubTransactionId parent, void *unused)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
		end_hold_of_subtransaction(ended, parent, event == SUBXACT_EVENT_COMMIT_SUB);
}

void
lifecycle_install(void)
{
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	previous_access_hook = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
