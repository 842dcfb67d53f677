/*
 * status.c
 *		worker_status(): what the workers of this database are doing, and why
 *		one sends nothing; open_circuits(): the lanes and destinations that have
 *		failed repeatedly.
 *
 * worker_status has one row per worker that should serve the database, whether
 * it runs or not: operators ask most about a worker that is missing. Both
 * functions run everywhere, also where the library is not preloaded and on a
 * standby.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/settings.h"
#include "process/shared.h"
#include "worker/crashes.h"

#define STATUS_COLUMNS 12
#define CIRCUIT_COLUMNS 9

static const struct
{
	const char *code;
	const char *explanation;
}			quiet_reasons[QUIET_REASONS] = {
	[QUIET_NOT] = {NULL, NULL},
	[QUIET_NOT_PRELOADED] = {"NOT_PRELOADED", "Add appt to shared_preload_libraries, and restart the server."},
	[QUIET_STANDBY] = {"STANDBY", "The server is a standby; it sends once it is promoted."},
	[QUIET_EXCLUDED] = {"EXCLUDED", "The database is a template or does not allow connections."},
	[QUIET_HELD] = {"HELD", "A session is dropping, renaming, moving or copying the database."},
	[QUIET_NO_SLOT] = {"NO_SLOT", "No background worker slot is free; consider increasing max_worker_processes."},
	[QUIET_AFTER_CRASH] = {"AFTER_CRASH", "A worker has crashed, and the server with it; the next starts at next_wake, later after each crash."},
	[QUIET_STARTING] = {"STARTING", "The worker is about to start; after a failure the launcher waits for up to a minute."},
	[QUIET_SLOT_TAKEN] = {"SLOT_TAKEN", "The worker's predecessor has not left yet."},
	[QUIET_DDL_IN_PROGRESS] = {"DDL_IN_PROGRESS", "A session has locked the extension's tables."},
	[QUIET_VERSION_MISMATCH] = {"VERSION_MISMATCH", "The library does not serve the extension's version."},
	[QUIET_NO_IDENTITY] = {"NO_IDENTITY", "The database has no identity."},
	[QUIET_RESTORED_COPY] = {"RESTORED_COPY", "The database is a copy."},
	[QUIET_DISABLED] = {"DISABLED", "appt.enabled is off; turn it on and reload the configuration."},
	[QUIET_FAILING] = {"FAILING", "The worker cannot find out whether it may send."}
};

PG_FUNCTION_INFO_V1(worker_status);
PG_FUNCTION_INFO_V1(open_circuits);

static bool
database_is_excluded(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Form_pg_database database;
	bool		excluded;

	if (!HeapTupleIsValid(tuple))
		return false;
	database = (Form_pg_database) GETSTRUCT(tuple);
	excluded = database->datistemplate || !database->datallowconn;
	ReleaseSysCache(tuple);
	return excluded;
}

/*
 * No background worker slot was free for this worker. While it is not known
 * whether the extension is there, only slot 1 is tried, and stands for all.
 */
static bool
is_without_slot(const DatabaseRecord *database, int slot)
{
	if (database->presence == PRESENCE_PRESENT)
		return (database->without_slot & SLOT_BIT(slot)) != 0;
	return database->without_slot != 0;
}

/* Why is there no worker? The caller holds the lock, if there is shared memory. */
static QuietReason
why_no_worker(int slot, bool is_excluded)
{
	DatabaseRecord *database;

	if (workers_shared == NULL)
		return QUIET_NOT_PRELOADED;
	if (RecoveryInProgress())
		return QUIET_STANDBY;
	if (is_excluded)
		return QUIET_EXCLUDED;
	if (database_is_held(MyDatabaseId))
		return QUIET_HELD;
	if (!workers_shared->has_launcher)
		return QUIET_NO_SLOT;
	if (crashes_pause_until(MyDatabaseId, GetCurrentTimestamp()) != 0)
		return QUIET_AFTER_CRASH;
	database = database_record(MyDatabaseId);
	return database != NULL && is_without_slot(database, slot) ? QUIET_NO_SLOT : QUIET_STARTING;
}

static void
put_row(ReturnSetInfo *result, const WorkerRecord *worker)
{
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS] = {0};
	bool		is_running = worker->pid != 0;
	const char *explanation = worker->explanation[0] != '\0' ? worker->explanation :
	quiet_reasons[worker->quiet].explanation;

	values[0] = Int32GetDatum(worker->slot);
	values[1] = Int32GetDatum(worker->pid);
	values[2] = TimestampTzGetDatum(worker->started_at);
	values[3] = Int32GetDatum(worker->in_flight);
	values[4] = Int64GetDatum(worker->sent);
	values[5] = Int64GetDatum(worker->failed);
	values[6] = TimestampTzGetDatum(worker->next_wake);
	values[7] = Int32GetDatum(worker->open_circuits);
	for (int i = 1; i <= 7; i++)
		nulls[i] = !is_running;
	nulls[6] = worker->next_wake == 0 || (worker->quiet != QUIET_NOT && worker->quiet != QUIET_AFTER_CRASH);
	nulls[8] = nulls[9] = worker->last_error_at == 0;
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(worker->last_error);
	values[9] = TimestampTzGetDatum(worker->last_error_at);
	nulls[10] = nulls[11] = worker->quiet == QUIET_NOT;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(quiet_reasons[worker->quiet].code);
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(explanation);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The status of a worker that does not run. */
static void
describe_missing(WorkerRecord *worker, bool is_excluded)
{
	CrashHistory history;

	worker->quiet = why_no_worker(worker->slot, is_excluded);
	if (worker->quiet != QUIET_AFTER_CRASH || !crashes_recall(MyDatabaseId, &history))
		return;
	worker->next_wake = history.last_at + crash_pause(&history);
	worker->last_error_at = history.last_at;
	crashes_describe(&history, worker->last_error, ERROR_LENGTH);
}

/* Copies of the records of workers 1 to appt_workers, so that rows are made without the lock. */
static WorkerRecord *
copy_records(void)
{
	WorkerRecord *copies = (WorkerRecord *) palloc0(appt_workers * sizeof(WorkerRecord));
	bool		is_excluded = database_is_excluded();

	if (workers_shared != NULL)
		LWLockAcquire(workers_shared->lock, LW_SHARED);
	for (int slot = 1; slot <= appt_workers; slot++)
	{
		WorkerRecord *record = workers_shared != NULL ? worker_record(MyDatabaseId, slot) : NULL;
		WorkerRecord *copy = &copies[slot - 1];

		if (record != NULL)
			*copy = *record;
		copy->slot = slot;
		if (record == NULL)
			describe_missing(copy, is_excluded);
	}
	if (workers_shared != NULL)
		LWLockRelease(workers_shared->lock);
	return copies;
}

/*
 * appt.worker_status() -> setof (slot, pid, started_at, in_flight, sent,
 * failed, next_wake, open_circuits, last_error, last_error_at, why_quiet,
 * explanation)
 *
 * For operators: only the owner, superusers and pg_monitor have EXECUTE.
 * Source: design.md section 4, Visible.
 */
Datum
worker_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerRecord *copies;

	InitMaterializedSRF(fcinfo, 0);
	copies = copy_records();
	for (int i = 0; i < appt_workers; i++)
		put_row(result, &copies[i]);
	pfree(copies);
	return (Datum) 0;
}

static void
put_circuit(ReturnSetInfo *result, int slot, const CircuitReport *circuit)
{
	Datum		values[CIRCUIT_COLUMNS];
	bool		nulls[CIRCUIT_COLUMNS] = {0};

	values[0] = Int32GetDatum(slot);
	values[1] = CStringGetTextDatum(circuit->destination);
	values[2] = UUIDPGetDatum(&circuit->application_id);
	values[3] = circuit->of_lane ? CStringGetTextDatum(channel_code(circuit->channel)) : (Datum) 0;
	nulls[2] = nulls[3] = !circuit->of_lane;
	values[4] = UUIDPGetDatum(&circuit->subscription_id);
	nulls[4] = !circuit->has_subscription;
	values[5] = TimestampTzGetDatum(circuit->opened_at);
	values[6] = Int32GetDatum(circuit->failures);
	values[7] = TimestampTzGetDatum(circuit->probe_at);
	values[8] = CStringGetTextDatum(circuit->last_error);
	nulls[8] = circuit->last_error[0] == '\0';
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * appt.open_circuits() -> setof (slot, destination, application_id, channel,
 * subscription_id, opened_at, failures, probe_at, last_error)
 *
 * For operators, as worker_status. At most CIRCUITS_SHOWN of each worker.
 */
Datum
open_circuits(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerRecord *copies;

	InitMaterializedSRF(fcinfo, 0);
	copies = copy_records();
	for (int i = 0; i < appt_workers; i++)
		for (int j = 0; copies[i].pid != 0 && j < Min(copies[i].open_circuits, CIRCUITS_SHOWN); j++)
			put_circuit(result, copies[i].slot, &copies[i].circuits[j]);
	pfree(copies);
	return (Datum) 0;
}
