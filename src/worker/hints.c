/*
 * hints.c
 *		Hints for applications that LISTEN to appt_inbox.
 *
 * A commit with a NOTIFY takes a lock that all databases of the server share, and
 * holds it to its end. Another session's commit may hold it for any time, for
 * example while it waits for a synchronous standby. So hints are not sent by the
 * transaction that delivers the messages, but later by one of their own. That
 * takes the lock only if it is free, and does not wait for its own commit to reach
 * the disk or a standby. If the lock is not free, it tries again after a pause.
 * lock_timeout is a second protection.
 *
 * All new messages of a user until then cause one hint. At most HINTS_MAX users
 * wait for theirs; beyond that the oldest hints are dropped. A worker that ends or
 * crashes drops those that it has. Only hints are lost by that, no messages.
 *
 * The queue of notifications fills up if a session that listens does not end its
 * transaction. A full one makes the commits of applications fail that use NOTIFY.
 * So hints wait while it is more than half full.
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "commands/async.h"
#include "fmgr.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/text.h"
#include "worker/hints.h"
#include "worker/pending_hints.h"
#include "worker/transaction.h"

#define HINTS_CHANNEL "appt_inbox"

/* Users that wait for their hint at most. */
#define HINTS_MAX 65536

/* Hints of one transaction at most: so long it holds the lock. */
#define HINTS_AT_ONCE 1000

/* Between two transactions; what comes meanwhile is sent together. */
#define HINTS_INTERVAL (50 * INT64CONST(1000))

/* After one that could not send: doubled with each further one; and after one that failed. */
#define SHORTEST_PAUSE (100 * INT64CONST(1000))
#define LONGEST_PAUSE USECS_PER_SEC
#define FAILURE_PAUSE (60 * USECS_PER_SEC)

#define QUEUE_LIMIT 0.5

struct Hints
{
	Worker	   *worker;
	PendingHints *pending;
	TimestampTz next_at;		/* not before */
	TimeOffset	pause;			/* 0: the last transaction has sent some */
	bool		is_queue_full;	/* that was logged */
};

/* One transaction. */
typedef struct Sending
{
	pg_uuid_t	notify_keys[HINTS_AT_ONCE];
	int			count;
	bool		was_sent;
	bool		is_queue_full;
} Sending;

Hints *
hints_create(Worker *worker)
{
	Hints	   *hints = (Hints *) palloc0(sizeof(Hints));

	hints->worker = worker;
	hints->pending = pending_hints_create(HINTS_MAX);
	return hints;
}

void
hints_add(Hints *hints, const pg_uuid_t *notify_key)
{
	pending_hints_add(hints->pending, notify_key);
}

TimestampTz
hints_next(const Hints *hints)
{
	return pending_hints_count(hints->pending) == 0 ? DT_NOEND : hints->next_at;
}

void
hints_clock_was_set(Hints *hints)
{
	hints->next_at = 0;
}

/* ---- sending ---- */

static void
bound_lock_waits(void)
{
	(void) set_config_option("lock_timeout", "100", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* The lock that PreCommit_Notify takes; it is released by the end of the transaction. */
static bool
lock_if_free(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, InvalidOid, 0);
	return LockAcquire(&tag, AccessExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static bool
queue_is_filling(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetFloat8(pg_notification_queue_usage(fcinfo)) > QUEUE_LIMIT;
}

static void
send_step(void *argument)
{
	Sending    *sending = (Sending *) argument;

	transaction_commit_without_flush();
	bound_lock_waits();
	sending->is_queue_full = queue_is_filling();
	if (sending->is_queue_full || !lock_if_free())
		return;
	for (int i = 0; i < sending->count; i++)
		Async_Notify(HINTS_CHANNEL, uuid_text(&sending->notify_keys[i]));
	sending->was_sent = true;
}

static void
note_queue(Hints *hints, bool is_full)
{
	if (is_full && !hints->is_queue_full)
		ereport(LOG,
				(errmsg("appt sends no hints about inboxes, because the queue of notifications is more than half full"),
				 errhint("A session that listens has not ended its transaction; see pg_notification_queue_usage().")));
	hints->is_queue_full = is_full;
}

/* The hints that this transaction has sent wait no more; the others do until the next time. */
static void
conclude(Hints *hints, const Sending *sending, TimestampTz now)
{
	if (!sending->was_sent)
	{
		hints->pause = Min(Max(2 * hints->pause, SHORTEST_PAUSE), LONGEST_PAUSE);
		hints->next_at = now + hints->pause;
		return;
	}
	pending_hints_drop(hints->pending, sending->count);
	hints->pause = 0;
	hints->next_at = now + HINTS_INTERVAL;
}

void
hints_send(Hints *hints, TimestampTz now)
{
	Sending    *sending;

	if (now < hints_next(hints))
		return;
	sending = (Sending *) palloc0(sizeof(Sending));
	sending->count = pending_hints_oldest(hints->pending, sending->notify_keys, HINTS_AT_ONCE);
	if (worker_run(hints->worker, send_step, sending, NULL))
	{
		conclude(hints, sending, now);
		note_queue(hints, sending->is_queue_full);
	}
	else
		hints->next_at = now + FAILURE_PAUSE;
}
