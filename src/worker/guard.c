/*
 * guard.c
 *		One worker: the extension that it serves, whether it may send, and the
 *		transactions that it runs as the extension's owner.
 *
 * The worker checks repeatedly that the extension exists, has a version that this
 * library serves, is not being altered, and that the database is no copy. An error
 * in a step may come from DDL on the extension. So it is followed by a check, and
 * not reported if the check finds such DDL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/identity.h"
#include "core/settings.h"
#include "core/wake.h"
#include "worker/guard.h"
#include "worker/shutdown.h"

/* The SQL versions that this library serves: its own and the one before. */
static const char *const served_versions[] = {APPT_VERSION};

/* How old the answer of a check may be, if no commit gives reason for another one. */
#define CHECK_INTERVAL (100 * INT64CONST(1000))

/* How soon to check again while a table is locked. */
#define LOCKED_RETRY_MS 200

static void
wake_up(void)
{
	SetLatch(MyLatch);
}

void
worker_create(Worker *worker, WorkerRecord *record)
{
	memset(worker, 0, sizeof(Worker));
	worker->slot = record->slot;
	worker->record = record;
	worker->quiet = QUIET_STARTING;
	worker->checked_at = DT_NOBEGIN;
	worker->check_timeout = RegisterTimeout(USER_TIMEOUT, wake_up);
}

/* ---- must it stop? ---- */

bool
worker_has_extension(const Worker *worker)
{
	return worker->extension.is_installed && worker->extension.id == worker->served_extension;
}

bool
worker_must_hurry(const Worker *worker)
{
	return worker->record->must_hurry || !worker_has_extension(worker);
}

bool
worker_must_stop(const Worker *worker)
{
	return shutdown_is_requested() || worker_must_hurry(worker);
}

bool
worker_check_interrupts(Worker *worker)
{
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	worker->checked_at = DT_NOBEGIN;
	return true;
}

/* ---- the check ---- */

static void
publish_quiet(Worker *worker, QuietReason reason, const char *explanation)
{
	worker->quiet = reason;
	record_quiet(worker->record, reason, explanation);
}

/* Does nothing keep the worker from sending, but perhaps appt.enabled? */
static bool
is_serving(const Worker *worker)
{
	return worker->quiet == QUIET_NOT || worker->quiet == QUIET_DISABLED;
}

static bool
is_served(const char *version)
{
	for (int i = 0; i < lengthof(served_versions); i++)
		if (strcmp(served_versions[i], version) == 0)
			return true;
	return false;
}

static void
read_extension_row(Relation relation, HeapTuple tuple, Extension *extension)
{
	bool		is_null;
	Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
									   RelationGetDescr(relation), &is_null);

	extension->is_installed = true;
	extension->id = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
	extension->owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	strlcpy(extension->version, is_null ? "" : TextDatumGetCString(version), NAMEDATALEN);
}

static Extension
read_extension(void)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	Extension	extension = {0};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("appt"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_extension_row(relation, tuple, &extension);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return extension;
}

/* A session that drops or alters the extension has its tables locked. */
static bool
tables_are_locked(void)
{
	Oid			namespace = get_namespace_oid("appt", true);
	Oid			identity = OidIsValid(namespace) ? get_relname_relid("identity", namespace) : InvalidOid;

	return !OidIsValid(identity) || !ConditionalLockRelationOid(identity, AccessShareLock);
}

static void
judge_identity(Worker *worker)
{
	const char *why;

	switch (identity_judge(&why))
	{
		case IDENTITY_ORIGINAL:
			if (!is_serving(worker))
				publish_quiet(worker, QUIET_NOT, NULL);
			break;
		case IDENTITY_MISSING:
			publish_quiet(worker, QUIET_NO_IDENTITY, why);
			break;
		case IDENTITY_COPY:
			publish_quiet(worker, QUIET_RESTORED_COPY, why);
			break;
	}
}

static void
check_step(void *argument)
{
	Worker	   *worker = (Worker *) argument;
	Extension	extension = read_extension();

	worker->extension = extension;
	worker->has_read = true;
	if (!OidIsValid(worker->served_extension))
		worker->served_extension = extension.id;
	if (!worker_has_extension(worker))
		return;
	if (!is_served(extension.version))
		publish_quiet(worker, QUIET_VERSION_MISMATCH,
					  psprintf("The extension's version is %s; this library serves %s. ALTER EXTENSION appt UPDATE brings them together.",
							   extension.version, served_versions[0]));
	else if (tables_are_locked())
		publish_quiet(worker, QUIET_DDL_IN_PROGRESS, NULL);
	else
		judge_identity(worker);
}

/* Returns an error that DDL may have caused, or NULL. */
static ErrorData *
check_once(Worker *worker)
{
	Failure		failure;
	ErrorData  *unreported;

	worker->has_read = false;
	if (transaction_run(InvalidOid, check_step, worker, &failure, &unreported))
		return NULL;
	record_error(worker->record, failure.message);
	publish_quiet(worker, QUIET_FAILING, failure.message);
	return unreported;
}

/* To be called after a check. */
static void
report_unless_ddl(const Worker *worker, ErrorData *error)
{
	if (!worker_must_stop(worker) && worker->quiet != QUIET_DDL_IN_PROGRESS)
		transaction_report_error(error);
	FreeErrorData(error);
}

void
worker_check(Worker *worker)
{
	ErrorData  *error = check_once(worker);

	if (error != NULL)
	{
		ErrorData  *again = check_once(worker);

		if (again != NULL)
			FreeErrorData(again);
		report_unless_ddl(worker, error);
	}
	worker->checked_at = GetCurrentTimestamp();
	if (worker->quiet == QUIET_DDL_IN_PROGRESS || worker->quiet == QUIET_FAILING)
		enable_timeout_after(worker->check_timeout, LOCKED_RETRY_MS);
}

/* ---- may we send? ---- */

static bool
check_is_due(const Worker *worker)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		was_told = wake_take_recheck();

	return was_told || now < worker->checked_at || now >= worker->checked_at + CHECK_INTERVAL;
}

bool
worker_may_send(Worker *worker)
{
	if (worker_must_stop(worker))
		return false;
	if (check_is_due(worker))
		worker_check(worker);
	if (!is_serving(worker))
		return false;
	if (appt_enabled != (worker->quiet == QUIET_NOT))
		publish_quiet(worker, appt_enabled ? QUIET_NOT : QUIET_DISABLED, NULL);
	return appt_enabled && worker_has_extension(worker);
}

bool
worker_may_recover(const Worker *worker)
{
	return !worker_must_stop(worker) && is_serving(worker);
}

void
worker_set_quiet(Worker *worker, QuietReason reason)
{
	publish_quiet(worker, reason, NULL);
	worker->checked_at = DT_NOBEGIN;
}

/* ---- transactions ---- */

static void
note_failure(Worker *worker, const Failure *failure, ErrorData *unreported)
{
	record_error(worker->record, failure->message);
	if (unreported == NULL)
		return;
	worker_check(worker);
	report_unless_ddl(worker, unreported);
}

static void
report_statistics(Worker *worker, bool force)
{
	Failure		failure;
	ErrorData  *unreported;

	if (!transaction_report_statistics(force, &worker->has_pending_statistics, &failure, &unreported))
		note_failure(worker, &failure, unreported);
}

bool
worker_run(Worker *worker, void (*step) (void *), void *argument, Failure *failure)
{
	Failure		unread;
	ErrorData  *unreported;

	if (failure == NULL)
		failure = &unread;
	*failure = (Failure) {FAILURE_TRANSIENT, ""};
	if (!worker_has_extension(worker))
		return false;
	if (transaction_run(worker->extension.owner, step, argument, failure, &unreported))
	{
		report_statistics(worker, false);
		return true;
	}
	note_failure(worker, failure, unreported);
	/* Any error may come from an extension that is being altered or has gone. */
	if (!is_serving(worker) || !worker_has_extension(worker))
		failure->kind = FAILURE_TRANSIENT;
	worker->checked_at = DT_NOBEGIN;
	return false;
}

void
worker_report(Worker *worker, int in_flight, int64 sent, int64 failed, TimestampTz next_wake)
{
	record_progress(worker->record, in_flight, sent, failed, next_wake);

	/*
	 * Autovacuum must hear of our writes soon, also if there is no next
	 * batch.
	 */
	if (worker->has_pending_statistics && next_wake > GetCurrentTimestamp() + USECS_PER_SEC)
		report_statistics(worker, true);
	if (worker->quiet == QUIET_NOT)
		wake_sleep_until(next_wake);
	else
		wake_sleep_deaf();
}
