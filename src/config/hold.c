/*
 * hold.c
 *		Holding an application: the workers leave it alone until it is woken.
 *
 * For who moves a tenant to another database. The hold is a column of its row, so a crash
 * and a dump keep it. Callers may still write.
 *
 * A worker reads the column in each transaction that takes something of the application
 * (core/held.h, judge.c). So what it took of it was taken by a transaction that began
 * before the hold was committed. count_sending waits for the transactions that the
 * workers run when it is called. After that nothing is taken any more, and each message
 * that was is visible as SENDING until its outcome is settled.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/caller_name.h"
#include "core/compat.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"

PG_FUNCTION_INFO_V1(hold_application);
PG_FUNCTION_INFO_V1(wake_application);
PG_FUNCTION_INFO_V1(count_sending);

/* PT404: there is no such application. */
static void
set_held(const pg_uuid_t *id, bool is_held)
{
	static Statement update = {
		"UPDATE appt.application SET is_held = $2 WHERE id = $1", 2, {UUIDOID, BOOLOID}
	};

	if (statement_run(&update, UUIDPGetDatum(id), BoolGetDatum(is_held)) == 0)
		report_not_found("application", id);
}

/*
 * appt.hold_application(application_id uuid) -> void
 *
 * When it has committed, the workers take nothing more of the application: see
 * count_sending. Only the extension's owner and superusers have EXECUTE, as of all of
 * these. PT404: no such application. Source: shards.md.
 */
Datum
hold_application(PG_FUNCTION_ARGS)
{
	Call		call;

	require_argument(fcinfo, 0, "application_id");
	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	set_held(PG_GETARG_UUID_P(0), true);
	wake_for_switch_on_commit();	/* what waits for its turn to leave is
									 * withdrawn (switches.c) */
	call_end(&call);
	PG_RETURN_VOID();
}

/* appt.wake_application(application_id uuid) -> void: the workers look for what is due. PT404: no such application. */
Datum
wake_application(PG_FUNCTION_ARGS)
{
	Call		call;

	require_argument(fcinfo, 0, "application_id");
	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	set_held(PG_GETARG_UUID_P(0), false);
	wake_all_on_commit();
	call_end(&call);
	PG_RETURN_VOID();
}

static bool
is_worker(const VirtualTransactionId *transaction)
{
	PGPROC	   *process = process_of_transaction(transaction);
	const char *type = process == NULL ? NULL : GetBackgroundWorkerTypeByPid(process->pid);

	return type != NULL && strcmp(type, WORKER_TYPE) == 0;
}

/* Wait for the transactions that the workers of this database run now. They are short, and wait for nobody. */
static void
wait_for_workers(void)
{
	int			count;
	VirtualTransactionId *transactions = GetCurrentVirtualXIDs(InvalidTransactionId, false, false, 0, &count);

	for (int i = 0; i < count; i++)
		if (is_worker(&transactions[i]))
			(void) VirtualXactLock(transactions[i], true);
	pfree(transactions);
}

/* PT409 unless a transaction that has committed holds the application, PT404 if there is none. */
static void
require_held(const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT is_held, xmin = pg_current_xact_id_if_assigned()::xid FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("application", id);
	row = ROW(0);
	if (!next_bool(row))
		report_conflict("the application is not held", "hold_application holds it.");
	if (next_bool(row))
		report_conflict("the hold is not committed", "This transaction has changed the application.");
}

/*
 * appt.count_sending(application_id uuid) -> bigint
 *
 * Messages of a held application that are under way; the number only falls. It waits for
 * the end of the workers' present transactions. 25001: in a transaction that does not see
 * what commits meanwhile. PT404: no such application. PT409: it is not held.
 */
Datum
count_sending(PG_FUNCTION_ARGS)
{
	static Statement count = {
		"SELECT count(*) FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
		" WHERE d.application_id = $1 AND n.state = 'SENDING'",
		1, {UUIDOID}
	};
	int64		sending;
	Call		call;

	require_argument(fcinfo, 0, "application_id");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("count_sending needs the isolation level READ COMMITTED")));
	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	require_held(PG_GETARG_UUID_P(0));
	wait_for_workers();
	(void) statement_run(&count, PG_GETARG_DATUM(0));
	sending = next_int64(ROW(0));
	call_end(&call);
	PG_RETURN_INT64(sending);
}
