/*
 * transaction.c
 *		Run one step in a transaction, and return why it failed.
 *
 * The role stays in charge to the end of the commit: what the extension's tables
 * may run (a trigger, a rule, at commit too) runs with its owner's rights, in a
 * security-restricted operation.
 *
 * A step that fails is rolled back, and the worker goes on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/text.h"
#include "worker/shutdown.h"
#include "worker/transaction.h"

/* ---- begin and end ---- */

/*
 * A commit that does not wait for the disk could send twice after a crash. For
 * this transaction only: a reload may ask for more than this.
 */
static void
raise_synchronous_commit(void)
{
	if (synchronous_commit < SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

static void
begin_transaction(Oid role)
{
	/* A cancel that came between two steps was meant for the one before. */
	QueryCancelPending = false;
	shutdown_watch();
	pgstat_report_activity(STATE_RUNNING, "delivering notifications");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	raise_synchronous_commit();
	if (OidIsValid(role))
		SetUserIdAndSecContext(role, SECURITY_RESTRICTED_OPERATION);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	shutdown_unwatch();
	pgstat_report_activity(STATE_IDLE, NULL);
}

static void
commit_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetUserIdAndSecContext(GetSessionUserId(), 0);
	end_transaction();
}

/* PGC_S_OVERRIDE would also change the session's default; claims would then no longer wait for a standby. */
void
transaction_commit_without_flush(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* ---- failures ---- */

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
	/* What does not fit into memory when it is done alone will not fit later. */
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

/* What dropping or altering the extension, or a shutdown, does to a step under way. */
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

/* Detail and context of such an error show rows and values: messages, and the people they go to. */
static bool
shows_data(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

void
transaction_report_error(ErrorData *error)
{
	error->elevel = LOG;
	ThrowErrorData(error);
}

/* More people read the server's log than the tables. */
static void
report_without_data(ErrorData *error)
{
	error->detail = error->detail_log = error->context = NULL;
	transaction_report_error(error);
}

static void
recover_from_error(MemoryContext context, Failure *failure, ErrorData **unreported)
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
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(context);
	*unreported = may_be_ddl ? error : NULL;
	if (may_be_ddl)
		return;
	if (data)
		report_without_data(error);
	FreeErrorData(error);
}

/* ---- the whole ---- */

bool
transaction_run(Oid role, void (*step) (void *), void *argument,
				Failure *failure, ErrorData **unreported)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool succeeded = true;

	PG_TRY();
	{
		begin_transaction(role);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		step(argument);
		SPI_finish();
		commit_transaction();
	}
	PG_CATCH();
	{
		recover_from_error(context, failure, unreported);
		succeeded = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return succeeded;
}

/* This may fail for lack of shared memory. */
bool
transaction_report_statistics(bool force, bool *has_more, Failure *failure, ErrorData **unreported)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool succeeded = true;

	*has_more = false;
	PG_TRY();
	{
		*has_more = (pgstat_report_stat(force) > 0);
	}
	PG_CATCH();
	{
		recover_from_error(context, failure, unreported);
		succeeded = false;
	}
	PG_END_TRY();
	return succeeded;
}
