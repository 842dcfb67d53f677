/*
 * worker.c
 *		The frame of a worker process: how it comes to life, whom it runs as,
 *		when it may send, and how it ends.
 *
 * A worker attaches to its record in shared memory before it connects, so that
 * database DDL finds it however young it is. It serves the extension as its
 * owner, in a security-restricted operation, one short transaction at a time;
 * between them it is nobody's. What the owner's tables might run (a trigger, a
 * rule) thus runs with the owner's rights, also at commit.
 *
 * A step that fails is rolled back and reported, and the worker goes on. It
 * ends when it is told to (SIGTERM), when the extension has gone, or by an
 * error outside of any step; whoever caused it, the launcher starts the next.
 *
 * SIGTERM only sets a flag: the loop winds down by itself. A transaction that
 * hangs meanwhile (a synchronous standby that does not answer) is cancelled a
 * second after its start. Locks are waited for half as long as a deadlock
 * check takes, so that whoever drops or alters a table never loses to us.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/caller_name.h"
#include "core/encoding.h"
#include "core/identity.h"
#include "core/locks.h"
#include "core/settings.h"
#include "core/text.h"
#include "core/wake.h"
#include "process/shared.h"
#include "worker/journal.h"
#include "worker/loop.h"
#include "worker/worker.h"

/* The SQL versions that this library serves: its own and the one before. */
static const char *const served_versions[] = {APPT_VERSION};

/* How old an answer of worker_may_send may be, if nobody told of a change. */
#define CHECK_INTERVAL (100 * INT64CONST(1000))

/* How soon to look again while a table is locked. */
#define LOCKED_RETRY_MS 200

/* A transaction older than this is cancelled by a shutdown. */
#define STEP_PATIENCE_MS 1000

/* Memory that is not kept once it is freed. */
#define LARGE_BLOCK_BYTES (256 * 1024)

/* How long to wait for a predecessor that still holds the slot. */
#define SLOT_PATIENCE_MS 10000
#define SLOT_RETRY_MS 50

/* Class of the advisory locks of slots; the object is the slot's number. */
#define SLOT_LOCK_CLASS 0x6170

/* The extension as the last look found it. */
typedef struct Extension
{
	bool		is_installed;
	Oid			id;
	Oid			owner;
	bool		is_served;
	char		version[NAMEDATALEN];
} Extension;

static WorkerRecord *my_record = NULL;
static Extension extension;
static volatile sig_atomic_t shutdown_requested = false;
static volatile sig_atomic_t step_is_overdue = false;
static TimeoutId step_timeout;
static TimeoutId look_again_timeout;
static TimestampTz checked_at = DT_NOBEGIN;
static QuietReason quiet = QUIET_STARTING;
static bool has_pending_statistics = false;
static Oid	served_extension = InvalidOid;	/* the one that was there at the start */

static void check_everything(void);

PGDLLEXPORT void appt_worker_main(Datum main_arg);

/* ---- signals and timeouts ---- */

static void
request_shutdown(SIGNAL_ARGS)
{
	int			save_errno = errno;

	shutdown_requested = true;
	if (step_is_overdue)
		InterruptPending = QueryCancelPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

static void
step_takes_long(void)
{
	step_is_overdue = true;
	if (shutdown_requested)
		InterruptPending = QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
look_again(void)
{
	SetLatch(MyLatch);
}

/* ---- the journal ---- */

static emit_log_hook_type previous_log_hook = NULL;

/* SIGQUIT: another process crashed, or an immediate shutdown. That is no crash of ours. */
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
keep_journal(void)
{
	journal_open(my_record->database, my_record->slot);
	on_shmem_exit(end_journal, (Datum) 0);
	pqsignal(SIGQUIT, quit);
	previous_log_hook = emit_log_hook;
	emit_log_hook = watch_for_panic;
}

/* ---- the record in shared memory ---- */

static void
detach(int code, Datum unused)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	my_record->is_used = false;
	my_record->pid = 0;
	LWLockRelease(workers_shared->lock);
	launcher_wake();
}

/* Take over the record that the launcher made; false if it is no longer ours, or DDL holds the database. */
static bool
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
		my_record = record;
	}
	LWLockRelease(workers_shared->lock);
	if (is_held)
		launcher_wake();
	if (my_record == NULL)
		return false;
	on_shmem_exit(detach, (Datum) 0);
	return true;
}

/* What worker_status tells; the explanation NULL: the reason's own. */
static void
publish_quiet(QuietReason reason, const char *explanation)
{
	quiet = reason;
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	my_record->quiet = reason;
	copy_clipped(my_record->explanation, explanation != NULL ? explanation : "", EXPLANATION_LENGTH);
	LWLockRelease(workers_shared->lock);
}

static void
publish_error(const char *message)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	my_record->last_error_at = GetCurrentTimestamp();
	strlcpy(my_record->last_error, message, ERROR_LENGTH);
	LWLockRelease(workers_shared->lock);
}

/* ---- transactions ---- */

/*
 * A commit that only waits for the disk at a later time could send twice after a
 * crash. For this transaction only: a reload may ask for more than this.
 */
static void
raise_synchronous_commit(void)
{
	if (synchronous_commit < SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

static void
begin_transaction(Oid owner)
{
	/* A cancel that came between two steps was meant for the one before. */
	QueryCancelPending = false;
	step_is_overdue = false;
	enable_timeout_after(step_timeout, STEP_PATIENCE_MS);
	pgstat_report_activity(STATE_RUNNING, "delivering notifications");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	raise_synchronous_commit();
	if (OidIsValid(owner))
		SetUserIdAndSecContext(owner, SECURITY_RESTRICTED_OPERATION);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	disable_timeout(step_timeout, false);
	step_is_overdue = false;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The owner stays in charge to the end of the commit, which may run deferred triggers. */
static void
commit_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetUserIdAndSecContext(GetSessionUserId(), 0);
	end_transaction();
}

/* What dropping or altering the extension, or our own shutdown, does to a step under way. */
static bool
may_come_from_ddl(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_UNDEFINED_SCHEMA:
		case ERRCODE_INTERNAL_ERROR:	/* "could not open relation with OID" */
			return true;
		default:
			return false;
	}
}

/* Nobody need read about a step that failed because the extension was just dropped. */
static void
report_unless_ddl(ErrorData *error)
{
	static bool is_checking = false;

	if (is_checking)
		return;
	is_checking = true;
	check_everything();
	is_checking = false;
	if (worker_must_stop() || quiet == QUIET_DDL_IN_PROGRESS)
		return;
	error->elevel = LOG;
	ThrowErrorData(error);
}

/* What detail and context of such an error show are rows and values: of messages, and of the people they go to. */
static bool
shows_data(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* The server's log is read by others than the tables are. */
static void
report_without_data(ErrorData *error)
{
	error->detail = error->detail_log = error->context = NULL;
	error->elevel = LOG;
	ThrowErrorData(error);
}

/* The server has no code for a quota that is used up, nor for a limit on how large files may be. */
static bool
is_out_of_room(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_INTERNAL_ERROR &&
		(error->saved_errno == EDQUOT || error->saved_errno == EFBIG);
}

/* The lock table is full. That error has the same SQLSTATE as a lack of the process's own memory. */
static bool
is_out_of_locks(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_OUT_OF_MEMORY && error->message_id != NULL &&
		strcmp(error->message_id, "out of shared memory") == 0;
}

static int
sqlstate_of(const ErrorData *error)
{
	if (is_out_of_room(error))
		return ERRCODE_DISK_FULL;
	if (is_out_of_locks(error))
		return ERRCODE_INSUFFICIENT_RESOURCES;
	return error->sqlerrcode;
}

static FailureKind
failure_kind(int sqlstate)
{
	/* What is done alone and does not fit will not fit later. */
	if (sqlstate == ERRCODE_OUT_OF_MEMORY)
		return FAILURE_OF_DATA;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_INTERNAL_ERROR:
			return FAILURE_OF_DATA;
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return FAILURE_TRANSIENT;
		default:
			return FAILURE_UNKNOWN;
	}
}

static void
describe_failure(Failure *failure, const ErrorData *error)
{
	failure->kind = failure_kind(sqlstate_of(error));
	copy_clipped(failure->message, error->message != NULL ? error->message : "unknown error",
				 FAILURE_MESSAGE_SIZE);
}

/* Roll back; what went wrong goes to the log, to worker_status and into *failure. */
static void
recover_from_error(MemoryContext context, Failure *failure)
{
	ErrorData  *error;
	bool		may_be_ddl;
	bool		data;

	MemoryContextSwitchTo(context);
	HOLD_INTERRUPTS();
	error = CopyErrorData();
	may_be_ddl = may_come_from_ddl(error->sqlerrcode);
	data = shows_data(error->sqlerrcode);
	describe_failure(failure, error);
	if (!may_be_ddl && !data)
		EmitErrorReport();
	AbortCurrentTransaction();
	FlushErrorState();
	end_transaction();
	publish_error(failure->message);
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(context);
	if (may_be_ddl)
		report_unless_ddl(error);
	else if (data)
		report_without_data(error);
	FreeErrorData(error);
}

/* Dropped; or created anew since, and what we know is of the one before. */
static bool
extension_has_gone(void)
{
	return !extension.is_installed || extension.id != served_extension;
}

/* This may fail for lack of shared memory. That neither undoes what was committed nor ends the worker. */
static void
report_statistics(bool force)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		has_pending_statistics = (pgstat_report_stat(force) > 0);
	}
	PG_CATCH();
	{
		Failure		failure;

		has_pending_statistics = false;
		recover_from_error(context, &failure);
	}
	PG_END_TRY();
}

static bool
run_as(Oid owner, void (*step) (void *), void *argument, Failure *failure)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool succeeded = true;

	PG_TRY();
	{
		begin_transaction(owner);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		step(argument);
		SPI_finish();
		commit_transaction();
	}
	PG_CATCH();
	{
		recover_from_error(context, failure);
		succeeded = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	if (succeeded)
		report_statistics(false);
	return succeeded;
}

/* While the extension is altered or has gone, or cannot be read, any error may come from that. */
static bool
is_serving(void)
{
	return !extension_has_gone() && (quiet == QUIET_NOT || quiet == QUIET_DISABLED);
}

bool
worker_run(void (*step) (void *), void *argument, Failure *failure)
{
	Failure		unread;

	if (failure == NULL)
		failure = &unread;
	*failure = (Failure)
	{
		FAILURE_TRANSIENT, ""
	};
	if (extension_has_gone())
		return false;
	if (run_as(extension.owner, step, argument, failure))
		return true;
	if (!is_serving())
		failure->kind = FAILURE_TRANSIENT;
	/* It may be that there is no such table any more. */
	checked_at = DT_NOBEGIN;
	return false;
}

/* ---- may we send? ---- */

static bool
is_served(const char *version)
{
	for (int i = 0; i < lengthof(served_versions); i++)
		if (strcmp(served_versions[i], version) == 0)
			return true;
	return false;
}

static void
read_extension_row(Relation relation, HeapTuple tuple, Extension *found)
{
	bool		is_null;
	Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
									   RelationGetDescr(relation), &is_null);

	found->is_installed = true;
	found->id = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
	found->owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	strlcpy(found->version, is_null ? "" : TextDatumGetCString(version), NAMEDATALEN);
	found->is_served = is_served(found->version);
}

/* Is the extension there, whose is it, and which version? */
static void
read_extension(void)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	Extension	found = {0};
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("appt"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_extension_row(relation, tuple, &found);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	extension = found;
	if (!OidIsValid(served_extension))
		served_extension = found.id;
}

/* Who drops or alters the extension has its tables locked: stand aside until that is over. */
static bool
tables_are_locked(void)
{
	Oid			namespace = get_namespace_oid("appt", true);
	Oid			identity = OidIsValid(namespace) ? get_relname_relid("identity", namespace) : InvalidOid;

	return !OidIsValid(identity) || !ConditionalLockRelationOid(identity, AccessShareLock);
}

static void
judge_identity(void)
{
	const char *why;

	switch (identity_judge(&why))
	{
		case IDENTITY_ORIGINAL:
			if (quiet != QUIET_NOT && quiet != QUIET_DISABLED)
				publish_quiet(QUIET_NOT, NULL);
			break;
		case IDENTITY_MISSING:
			publish_quiet(QUIET_NO_IDENTITY, why);
			break;
		case IDENTITY_COPY:
			publish_quiet(QUIET_RESTORED_COPY, why);
			break;
	}
}

static void
check_step(void *unused)
{
	read_extension();
	if (extension_has_gone())
		return;
	if (!extension.is_served)
		publish_quiet(QUIET_VERSION_MISMATCH,
					  psprintf("The extension's version is %s; this library serves %s. ALTER EXTENSION appt UPDATE brings them together.",
							   extension.version, served_versions[0]));
	else if (tables_are_locked())
		publish_quiet(QUIET_DDL_IN_PROGRESS, NULL);
	else
		judge_identity();
}

/* Remember for the launcher that the extension is there, or not; unless somebody changed that meanwhile. */
static void
publish_presence(uint32 changes)
{
	DatabaseRecord *record;
	Presence	presence = extension.is_installed ? PRESENCE_PRESENT : PRESENCE_ABSENT;
	bool		is_news = false;

	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	record = database_record(MyDatabaseId);
	if (record != NULL && record->changes == changes && record->presence != presence)
	{
		record->presence = presence;
		is_news = true;
	}
	LWLockRelease(workers_shared->lock);
	if (is_news)
		launcher_wake();
}

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

static void
check_everything(void)
{
	uint32		changes = count_changes();
	Failure		failure;

	if (!run_as(InvalidOid, check_step, NULL, &failure))
		publish_quiet(QUIET_FAILING, failure.message);
	else
		publish_presence(changes);
	checked_at = GetCurrentTimestamp();
	if (quiet == QUIET_DDL_IN_PROGRESS || quiet == QUIET_FAILING)
		enable_timeout_after(look_again_timeout, LOCKED_RETRY_MS);
}

static bool
check_is_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		was_told = wake_take_recheck();

	return was_told || now < checked_at || now >= checked_at + CHECK_INTERVAL;
}

bool
worker_may_send(void)
{
	if (worker_must_stop())
		return false;
	if (check_is_due())
		check_everything();
	if (quiet != QUIET_NOT && quiet != QUIET_DISABLED)
		return false;
	if (appt_enabled != (quiet == QUIET_NOT))
		publish_quiet(appt_enabled ? QUIET_NOT : QUIET_DISABLED, NULL);
	return appt_enabled && !extension_has_gone();
}

bool
worker_may_recover(void)
{
	return !worker_must_stop() && (quiet == QUIET_NOT || quiet == QUIET_DISABLED);
}

/* ---- what else the loop asks ---- */

bool
worker_check_interrupts(void)
{
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	checked_at = DT_NOBEGIN;
	return true;
}

bool
worker_must_stop(void)
{
	return shutdown_requested || my_record->must_hurry || extension_has_gone();
}

bool
worker_must_hurry(void)
{
	return my_record->must_hurry || extension_has_gone();
}

/* Sleep on the latch; returns early when the worker must stop. */
static void
worker_pause(long milliseconds)
{
	if (worker_must_stop())
		return;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	(void) worker_check_interrupts();
}

/* Autovacuum must hear of our writes soon, also if there is no next batch. */
static void
flush_statistics(TimestampTz next_wake)
{
	if (has_pending_statistics && next_wake > GetCurrentTimestamp() + USECS_PER_SEC)
		report_statistics(true);
}

void
worker_report(int in_flight, int64 sent, int64 failed, TimestampTz next_wake)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	my_record->in_flight = in_flight;
	my_record->sent = sent;
	my_record->failed = failed;
	my_record->next_wake = next_wake;
	LWLockRelease(workers_shared->lock);
	flush_statistics(next_wake);
	if (quiet == QUIET_NOT)
		wake_sleep_until(next_wake);
	else
		wake_sleep_deaf();
}

void
worker_report_circuits(const CircuitReport *reports, int count)
{
	LWLockAcquire(workers_shared->lock, LW_EXCLUSIVE);
	my_record->open_circuits = count;
	memcpy(my_record->circuits, reports, sizeof(CircuitReport) * Min(count, CIRCUITS_SHOWN));
	LWLockRelease(workers_shared->lock);
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

/* Answers are read while no transaction is open, and compared with texts of the database. */
static void
prepare_encoding_step(void *argument)
{
	encoding_prepare();
}

static void
lock_slot_step(void *argument)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, SLOT_LOCK_CLASS, my_record->slot, LOCK_WORKER_SLOT);
	*(bool *) argument = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Whoever holds the slot's lock may close what the slot left open. Released when the process ends. */
static bool
lock_slot(void)
{
	bool		is_ours = false;
	Failure		failure;

	for (int waited = 0; waited < SLOT_PATIENCE_MS && !worker_must_stop(); waited += SLOT_RETRY_MS)
	{
		if (run_as(InvalidOid, lock_slot_step, &is_ours, &failure) && is_ours)
			return true;
		publish_quiet(QUIET_SLOT_TAKEN, NULL);
		worker_pause(SLOT_RETRY_MS);
	}
	if (!worker_must_stop())
		ereport(LOG,
				(errmsg("appt worker %d found its slot taken", my_record->slot)));
	return false;
}

static void
connect_to_database(void)
{
	BackgroundWorkerInitializeConnectionByOid(my_record->database, InvalidOid, 0);
	pqsignal(SIGTERM, request_shutdown);
	CHECK_FOR_INTERRUPTS();		/* one that came before ends us here */
	pin_settings();
	step_timeout = RegisterTimeout(USER_TIMEOUT, step_takes_long);
	look_again_timeout = RegisterTimeout(USER_TIMEOUT, look_again);
	wake_listen();
}

void
appt_worker_main(Datum main_arg)
{
	Failure		failure;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!attach(DatumGetInt32(main_arg)))
		proc_exit(0);
	keep_journal();
	return_large_blocks();
	connect_to_database();
	check_everything();
	if (extension.is_installed && run_as(InvalidOid, prepare_encoding_step, NULL, &failure) && lock_slot())
	{
		checked_at = DT_NOBEGIN;
		delivery_loop(my_record->slot);
	}
	proc_exit(0);
}
