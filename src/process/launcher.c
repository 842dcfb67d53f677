/*
 * launcher.c
 *		Keeps appt.workers workers running in every database that has the
 *		extension.
 *
 * At its start the launcher tries the databases one by one with a worker, which
 * exits where there is no extension. Later, a session that creates, alters or
 * drops the extension or a database says so in shared memory at commit
 * (lifecycle.c). Once a minute the list of databases is read anyway.
 *
 * The postmaster never restarts a worker; the launcher does, at once the first
 * time and then after 1 s, doubling to 60 s, until one has lived for a minute.
 * All that must outlive the launcher is in shared memory: the launcher after it
 * finds the records of living workers and goes on. A worker that was registered
 * but never started, because the launcher or its fork failed in between, is
 * forgotten after a while. Should it start late after all, its record's
 * generation tells it to exit.
 *
 * A crash of a worker restarts the server, and with it the launcher, which then
 * remembers nothing. crashes.c tells it how often the workers of a database have
 * crashed, and so how long they pause.
 *
 * Any error ends the launcher, and the postmaster starts it anew after 1 s.
 * On a standby the postmaster starts it when recovery has finished; under
 * pg_upgrade it is not registered at all.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/bgworker_internals.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/caller_name.h"
#include "core/compat.h"
#include "core/settings.h"
#include "process/databases.h"
#include "process/launcher.h"
#include "process/shared.h"
#include "process/worker_main.h"
#include "worker/crashes.h"

#define LAUNCHER_RESTART_SECONDS 1

/* How often to read the list of databases if no session asks for it. */
#define REFRESH_INTERVAL (60 * USECS_PER_SEC)

/* The pause before a worker is started again: the first and the longest, and how long a life resets it. */
#define RESTART_DELAY_FIRST (1 * USECS_PER_SEC)
#define RESTART_DELAY_MOST (60 * USECS_PER_SEC)
#define RESTART_DELAY_RESET (60 * USECS_PER_SEC)

/* How soon a registered worker must have started. */
#define START_TIMEOUT (30 * USECS_PER_SEC)

/* How long the other databases wait for one to tell whether it has the extension. */
#define TRIAL_PATIENCE (5 * USECS_PER_SEC)

/* What the launcher remembers of one worker; it is lost when the launcher exits. */
typedef struct Supervised
{
	Oid			database;
	int			slot;
	TimestampTz not_before;		/* of the next start */
	int64		delay;			/* after the next end, in microseconds */
	bool		was_alive;
	TimestampTz alive_since;
	BackgroundWorkerHandle *handle; /* of the last one registered by us, or
									 * NULL */
} Supervised;

typedef struct Launcher
{
	List	   *supervised;		/* of Supervised *, in TopMemoryContext */
	TimestampTz last_turn;
	TimestampTz refresh_at;		/* of the list of databases */
} Launcher;

#define LAUNCHER_FUNCTION "appt_launcher_main"

PGDLLEXPORT void appt_launcher_main(Datum unused);

void
launcher_register(void)
{
	BackgroundWorker worker = {
		.bgw_name = "appt launcher",
		.bgw_type = "appt launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = LAUNCHER_RESTART_SECONDS,
		.bgw_library_name = "appt",
		.bgw_function_name = LAUNCHER_FUNCTION
	};

	RegisterBackgroundWorker(&worker);
}

bool
launcher_is_registered(void)
{
	RegisteredWorkerIterator iterator;

	registered_workers_foreach(iterator)
	{
		if (strcmp(registered_worker(iterator)->rw_worker.bgw_function_name, LAUNCHER_FUNCTION) == 0)
			return true;
	}
	return false;
}

/* ---- starting ---- */

static bool
register_worker(WorkerRecord *record, uint32 generation, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {
		.bgw_type = WORKER_TYPE,
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "appt",
		.bgw_function_name = WORKER_FUNCTION,
		.bgw_notify_pid = MyProcPid
	};
	MemoryContext previous;
	bool		registered;

	snprintf(worker.bgw_name, BGW_MAXLEN, "appt worker %d for database %u",
			 record->slot, record->database);
	worker.bgw_main_arg = Int32GetDatum(record - workers_shared->workers);
	memcpy(worker.bgw_extra, &generation, sizeof(generation));
	previous = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, handle);
	MemoryContextSwitchTo(previous);
	return registered;
}

/* Logged for the first database alone. */
static void
report_no_slot(Oid database, int slot)
{
	DatabaseRecord *record;
	bool		is_first = true;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < workers_shared->database_count; i++)
		if (OidIsValid(workers_shared->databases[i].database) &&
			workers_shared->databases[i].without_slot != 0)
			is_first = false;
	record = database_record(database);
	if (record != NULL)
		record->without_slot |= SLOT_BIT(slot);
	LWLockRelease(workers_shared->lock);
	if (is_first)
		ereport(LOG,
				(errmsg("no background worker slot is free for appt in the database with OID %u", database),
				 errdetail("It is tried again until there is one; worker_status shows it."),
				 errhint("Consider increasing max_worker_processes.")));
}

static void
forget_handle(Supervised *supervised)
{
	if (supervised->handle != NULL)
		pfree(supervised->handle);
	supervised->handle = NULL;
}

/* A new worker's last error is the crash of the one before. */
static void
recall_crash(WorkerRecord *record)
{
	CrashHistory history;

	if (!crashes_recall(record->database, &history))
		return;
	record->last_error_at = history.last_at;
	crashes_describe(&history, record->last_error, ERROR_LENGTH);
}

/* NULL: there is no room. */
static WorkerRecord *
create_record(const Supervised *supervised, uint32 *generation)
{
	WorkerRecord *record;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = worker_record_create(supervised->database, supervised->slot);
	if (record != NULL)
	{
		record->started_at = GetCurrentTimestamp();
		recall_crash(record);
		*generation = record->generation;
	}
	LWLockRelease(workers_shared->lock);
	return record;
}

static void
free_record(WorkerRecord *record)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record->is_used = false;
	LWLockRelease(workers_shared->lock);
}

static void
note_start(Supervised *supervised)
{
	DatabaseRecord *database;

	supervised->was_alive = true;
	supervised->alive_since = GetCurrentTimestamp();
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	database = database_record(supervised->database);
	if (database != NULL)
		database->without_slot &= ~SLOT_BIT(supervised->slot);
	LWLockRelease(workers_shared->lock);
}

/* The next start must wait, longer each time. */
static void
postpone_start(Supervised *supervised)
{
	supervised->not_before = GetCurrentTimestamp() + supervised->delay;
	supervised->delay = Min(2 * supervised->delay, RESTART_DELAY_MOST);
}

static void
start_worker(Supervised *supervised)
{
	uint32		generation = 0;
	WorkerRecord *record = create_record(supervised, &generation);

	forget_handle(supervised);
	if (record != NULL && register_worker(record, generation, &supervised->handle))
	{
		note_start(supervised);
		return;
	}
	if (record != NULL)
		free_record(record);
	report_no_slot(supervised->database, supervised->slot);
	postpone_start(supervised);
}

/* ---- supervising ---- */

/* Was the worker registered, but its process never started? */
static bool
never_started(Supervised *supervised, WorkerRecord *record)
{
	pid_t		pid;

	if (record->pid != 0)
		return false;
	if (supervised->handle != NULL)
		return GetBackgroundWorkerPid(supervised->handle, &pid) == BGWH_STOPPED;
	return GetCurrentTimestamp() > record->started_at + START_TIMEOUT;
}

static bool
is_alive(Supervised *supervised)
{
	WorkerRecord *record;
	bool		alive;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = worker_record(supervised->database, supervised->slot);
	if (record != NULL && never_started(supervised, record))
	{
		record->is_used = false;
		record = NULL;
	}
	alive = (record != NULL);
	if (alive && !supervised->was_alive)
		supervised->alive_since = record->started_at;	/* adopted */
	LWLockRelease(workers_shared->lock);
	return alive;
}

static void
note_end(Supervised *supervised)
{
	supervised->was_alive = false;
	forget_handle(supervised);
	if (GetCurrentTimestamp() >= supervised->alive_since + RESTART_DELAY_RESET)
		supervised->delay = RESTART_DELAY_FIRST;
	postpone_start(supervised);
}

/* Start the worker if it does not run and may start now; returns when to look again. */
static TimestampTz
supervise(Supervised *supervised)
{
	TimestampTz now = GetCurrentTimestamp();

	if (is_alive(supervised))
	{
		supervised->was_alive = true;
		if (crash_is_over(supervised->alive_since, now))
			crashes_forget_history(supervised->database);
		return now + START_TIMEOUT;
	}
	if (supervised->was_alive)
		note_end(supervised);
	supervised->not_before = Max(supervised->not_before,
								 crashes_pause_until(supervised->database, now));
	if (now >= supervised->not_before)
		start_worker(supervised);
	return supervised->was_alive ? now + START_TIMEOUT : supervised->not_before;
}

static Supervised *
supervised_for(Launcher *launcher, Oid database, int slot)
{
	MemoryContext previous;
	Supervised *supervised;
	ListCell   *cell;

	foreach(cell, launcher->supervised)
	{
		supervised = (Supervised *) lfirst(cell);
		if (supervised->database == database && supervised->slot == slot)
			return supervised;
	}
	previous = MemoryContextSwitchTo(TopMemoryContext);
	supervised = (Supervised *) palloc0(sizeof(Supervised));
	supervised->database = database;
	supervised->slot = slot;
	supervised->not_before = DT_NOBEGIN;
	supervised->delay = RESTART_DELAY_FIRST;
	launcher->supervised = lappend(launcher->supervised, supervised);
	MemoryContextSwitchTo(previous);
	return supervised;
}

static void
forget_supervised_except(Launcher *launcher, List *databases)
{
	ListCell   *cell;

	foreach(cell, launcher->supervised)
	{
		Supervised *supervised = (Supervised *) lfirst(cell);

		if (list_member_oid(databases, supervised->database))
			continue;
		forget_handle(supervised);
		pfree(supervised);
		launcher->supervised = foreach_delete_current(launcher->supervised, cell);
	}
}

/* Something happened to these databases: an end of their workers is no failure, and the next start need not wait. */
static void
start_anew(Launcher *launcher, List *databases)
{
	ListCell   *cell;

	foreach(cell, launcher->supervised)
	{
		Supervised *supervised = (Supervised *) lfirst(cell);

		if (!list_member_oid(databases, supervised->database))
			continue;
		supervised->not_before = DT_NOBEGIN;
		supervised->delay = RESTART_DELAY_FIRST;
		supervised->was_alive = false;
	}
}

/*
 * Try databases one at a time: does this one have the extension? Returns true if
 * the next one must wait; *next is when to look again at the latest.
 */
static bool
try_database(Launcher *launcher, Oid database, TimestampTz *next)
{
	Supervised *trial = supervised_for(launcher, database, 1);
	TimestampTz patience_ends;

	*next = Min(*next, supervise(trial));
	if (!trial->was_alive)
		return false;			/* it failed, and waits for its next start */
	patience_ends = trial->alive_since + TRIAL_PATIENCE;
	if (GetCurrentTimestamp() >= patience_ends)
		return false;
	*next = Min(*next, patience_ends);
	return true;
}

/* Start what is missing; returns when to look again at the latest. */
static TimestampTz
supervise_all(Launcher *launcher)
{
	DatabaseLists databases = databases_list();
	TimestampTz next = GetCurrentTimestamp() + REFRESH_INTERVAL;
	ListCell   *cell;

	forget_supervised_except(launcher, databases.known);
	foreach(cell, databases.present)
	{
		for (int slot = 1; slot <= appt_workers; slot++)
			next = Min(next, supervise(supervised_for(launcher, lfirst_oid(cell), slot)));
	}
	foreach(cell, databases.unknown)
	{
		if (try_database(launcher, lfirst_oid(cell), &next))
			break;
	}
	return next;
}

/* ---- the process ---- */

static void
leave(int code, Datum unused)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	workers_shared->launcher = NULL;
	LWLockRelease(workers_shared->lock);
}

static void
enter(void)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	workers_shared->launcher = &MyProc->procLatch;
	LWLockRelease(workers_shared->lock);
	before_shmem_exit(leave, (Datum) 0);
}

static void
handle_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	/* An exit code of 0 would tell the postmaster never to start it again. */
	if (ShutdownRequestPending)
		proc_exit(1);
}

/* A clock that is set back postpones nothing. */
static bool
clock_was_set_back(Launcher *launcher)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		was_set_back = now < launcher->last_turn;
	ListCell   *cell;

	launcher->last_turn = now;
	if (was_set_back)
		foreach(cell, launcher->supervised)
			((Supervised *) lfirst(cell))->not_before = DT_NOBEGIN;
	return was_set_back;
}

static void
sleep_until(TimestampTz wake)
{
	TimestampTz now = GetCurrentTimestamp();
	long		timeout = TimestampDifferenceMilliseconds(now, Min(wake, now + REFRESH_INTERVAL));

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout + 1, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

void
appt_launcher_main(Datum unused)
{
	MemoryContext context;
	Launcher	launcher = {NIL, DT_NOBEGIN, DT_NOBEGIN};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", "appt launcher", PGC_USERSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_IDLE, NULL);
	enter();
	crashes_collect();

	context = AllocSetContextCreate(TopMemoryContext, "appt launcher", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		TimestampTz wake;

		MemoryContextSwitchTo(context);
		handle_interrupts();
		if (clock_was_set_back(&launcher) || databases_must_refresh() ||
			GetCurrentTimestamp() >= launcher.refresh_at)
		{
			start_anew(&launcher, databases_refresh());
			launcher.refresh_at = GetCurrentTimestamp() + REFRESH_INTERVAL;
		}
		wake = Min(supervise_all(&launcher), launcher.refresh_at);
		MemoryContextReset(context);
		sleep_until(wake);
	}
}
