/*
 * worker_main.c
 *		The life of a worker process: attach, connect, hold the slot, deliver,
 *		exit.
 *
 * A worker attaches to its record in shared memory before it connects, so that
 * database DDL finds every worker process. It exits on SIGTERM, when the extension
 * has gone, or by an error outside of any step. In each case the launcher decides
 * when the next one starts.
 *
 * It waits for locks half as long as a deadlock check takes. So in a deadlock with
 * a session that drops or alters a table the worker fails, never the session.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/caller_name.h"
#include "core/encoding.h"
#include "core/locks.h"
#include "core/wake.h"
#include "process/shared.h"
#include "process/worker_main.h"
#include "worker/guard.h"
#include "worker/journal.h"
#include "worker/loop.h"
#include "worker/shutdown.h"

/* Memory that is not kept once it is freed. */
#define LARGE_BLOCK_BYTES (1024 * 1024)

/* How long to wait for a predecessor that still holds the slot. */
#define SLOT_PATIENCE_MS 10000
#define SLOT_RETRY_MS 50

#define SLOT_LOCK_CLASS 0x6170

/* ---- the journal ---- */

static emit_log_hook_type previous_log_hook = NULL;

/* SIGQUIT: another process crashed, or an immediate shutdown. This worker did not crash. */
static void
quit(SIGNAL_ARGS)
{
	journal_close();
	SignalHandlerForCrashExit(postgres_signal_arg);
}

/* A PANIC is a crash, but no notification is to blame for it. */
static void
watch_for_panic(ErrorData *error)
{
	if (error->elevel == PANIC)
		journal_begin(ACTIVITY_PANIC, NULL, 0);
	if (previous_log_hook)
		previous_log_hook(error);
}

static void
end_journal(int code, Datum unused)
{
	journal_close();
}

static void
keep_journal(const WorkerRecord *record)
{
	journal_open(record->database, record->slot);
	on_shmem_exit(end_journal, (Datum) 0);
	pqsignal(SIGQUIT, quit);
	previous_log_hook = emit_log_hook;
	emit_log_hook = watch_for_panic;
}

/* ---- the record in shared memory ---- */

static void
detach(int code, Datum argument)
{
	WorkerRecord *record = (WorkerRecord *) DatumGetPointer(argument);

	LWLockAcquire(record->lock, LW_EXCLUSIVE);
	record->is_used = false;
	record->pid = 0;
	LWLockRelease(record->lock);
	wake_launcher();
}

/* The record that the launcher made for this process; NULL if it is no longer ours, or DDL holds the database. */
static WorkerRecord *
attach(int index)
{
	WorkerRecord *record = &workers_shared->workers[index];
	uint32		generation;
	bool		is_ours;
	bool		is_held;

	memcpy(&generation, MyBgworkerEntry->bgw_extra, sizeof(generation));
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	is_ours = record->is_used && record->generation == generation && record->pid == 0;
	is_held = is_ours && database_is_held(record->database);
	if (is_held)
		record->is_used = false;
	else if (is_ours)
	{
		record->pid = MyProcPid;
		record->started_at = GetCurrentTimestamp();
	}
	LWLockRelease(workers_shared->lock);
	if (is_held)
		wake_launcher();
	if (is_held || !is_ours)
		return NULL;
	on_shmem_exit(detach, PointerGetDatum(record));
	return record;
}

/* ---- is the extension there? ---- */

static uint32
count_changes(void)
{
	DatabaseRecord *record;
	uint32		changes;

	LWLockAcquire(workers_shared->lock, LW_SHARED);
	record = database_record(MyDatabaseId);
	changes = record != NULL ? record->changes : 0;
	LWLockRelease(workers_shared->lock);
	return changes;
}

/* False if a session has created, altered or dropped the extension since. */
static bool
publish_presence(Presence presence, uint32 changes)
{
	DatabaseRecord *record;
	bool		is_current;
	bool		is_news;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = database_record(MyDatabaseId);
	is_current = record == NULL || record->changes == changes;
	is_news = record != NULL && is_current && record->presence != presence;
	if (is_news)
		record->presence = presence;
	LWLockRelease(workers_shared->lock);
	if (is_news)
		wake_launcher();
	return is_current;
}

/* Check, and leave the answer for the launcher, even if the check failed after it had read the extension. */
static void
look_for_extension(Worker *worker)
{
	uint32		changes;

	do
	{
		changes = count_changes();
		worker_check(worker);
	} while (worker->has_read &&
			 !publish_presence(worker->extension.is_installed ? PRESENCE_PRESENT : PRESENCE_ABSENT, changes));
}

/* ---- the slot ---- */

/* Sleep on the latch; returns early when the worker must stop. */
static void
pause_worker(Worker *worker, long milliseconds)
{
	if (worker_must_stop(worker))
		return;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	(void) worker_check_interrupts(worker);
}

typedef struct SlotLock
{
	int			slot;
	bool		is_ours;
} SlotLock;

static void
lock_slot_step(void *argument)
{
	SlotLock   *lock = (SlotLock *) argument;
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, SLOT_LOCK_CLASS, lock->slot, LOCK_WORKER_SLOT);
	lock->is_ours = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* The process that holds the slot's lock may close what the slot left open. Released when it exits. */
static bool
lock_slot(Worker *worker)
{
	SlotLock	lock = {worker->slot, false};

	for (int waited = 0; waited < SLOT_PATIENCE_MS && !worker_must_stop(worker); waited += SLOT_RETRY_MS)
	{
		if (worker_run(worker, lock_slot_step, &lock, NULL) && lock.is_ours)
			return true;
		worker_set_quiet(worker, QUIET_SLOT_TAKEN);
		pause_worker(worker, SLOT_RETRY_MS);
	}
	if (!worker_must_stop(worker))
		ereport(LOG,
				(errmsg("appt worker %d found its slot taken", worker->slot)));
	return false;
}

/* ---- the process ---- */

/*
 * Large blocks go back to the system as soon as they are freed. By default
 * glibc raises its thresholds when a large block is freed, then keeps such
 * blocks, and longer-lived messages fragment them.
 */
static void
return_large_blocks(void)
{
#ifdef __GLIBC__
	(void) mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
	(void) mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK_BYTES);
#endif
}

static void
pin_settings(void)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			settings[] = {
		{"application_name", WORKER_TYPE},
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"row_security", "off"},
		{"session_replication_role", "origin"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i].name, settings[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", psprintf("%d", Max(1, Min(500, DeadlockTimeout / 2))),
					PGC_SUSET, PGC_S_OVERRIDE);
}

/* lz4 costs a fraction of pglz, and less than writing what it saves; an administrator's choice stays. */
static void
prefer_lz4(void)
{
#ifdef USE_LZ4
	SetConfigOption("default_toast_compression", "lz4", PGC_USERSET, PGC_S_DYNAMIC_DEFAULT);
	SetConfigOption("wal_compression", "lz4", PGC_SUSET, PGC_S_DYNAMIC_DEFAULT);
#endif
}

static void
connect_to_database(Oid database)
{
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	shutdown_handle_signal();
	CHECK_FOR_INTERRUPTS();		/* a SIGTERM that came before ends us here */
	pin_settings();
	prefer_lz4();
	wake_listen();
}

/* Answers are read while no transaction is open, and compared with texts of the database. */
static void
prepare_encoding_step(void *unused)
{
	encoding_prepare();
}

static void
serve(Worker *worker)
{
	look_for_extension(worker);
	if (!worker_has_extension(worker))
		return;
	if (worker_run(worker, prepare_encoding_step, NULL, NULL) && lock_slot(worker))
		delivery_loop(worker);
	if (!worker_has_extension(worker) && !worker->record->must_hurry)
		look_for_extension(worker);
}

void
appt_worker_main(Datum record_index)
{
	WorkerRecord *record;
	Worker		worker;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	record = attach(DatumGetInt32(record_index));
	if (record == NULL)
		proc_exit(0);
	keep_journal(record);
	return_large_blocks();
	connect_to_database(record->database);
	worker_create(&worker, record);
	serve(&worker);
	proc_exit(0);
}
