/*
 * recover.c
 *		Closing what a worker left open: after a crash, or at a shutdown that
 *		could not wait.
 *
 * What is SENDING under a slot whose advisory lock we hold is in nobody's
 * hands: the attempt was on disk before a byte left, and nobody knows whether
 * the message arrived. Its attempt is closed as INTERRUPTED, which counts as
 * an attempt. Email and webhook go again, under the same Message-ID and
 * webhook-id; a text message only if appt.resend_interrupted_sms is on.
 *
 * Leftovers are found through appt.due, where their rows still stand at or
 * before the last attempt, lane by lane: no index is kept for what should never
 * happen. They are looked for once, before anything is claimed under the slot,
 * and then remembered: what a caller has locked is closed later, while the
 * worker is sending again.
 *
 * If our predecessor crashed over what it was sending, one of them is to blame:
 * they are closed one by one, after the others (suspects.c).
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/settings.h"
#include "core/statement.h"
#include "fairness/lanes.h"
#include "notify/eligibility.h"
#include "notify/facts.h"
#include "worker/guard.h"
#include "worker/journal.h"
#include "worker/queue.h"
#include "worker/recover.h"
#include "worker/suspects.h"
#include "worker/unsent.h"

#define RECOVERY_BATCH 500

typedef struct Leftover
{
	QueueKey	key;			/* of its row in appt.due */
	bool		is_suspect;
	bool		is_closed;
} Leftover;

typedef struct Search
{
	int			first_slot;
	int			last_slot;
} Search;

/* Some of the leftovers, in one transaction. */
typedef struct Recovery
{
	Scheduler  *scheduler;
	Leftover   *leftovers;		/* by id; all suspect or none */
	int			count;
	bool	   *is_closed;		/* by this transaction, or by somebody else */
	const char *error;			/* why its facts cannot be loaded */
} Recovery;

/* What was found and is not closed yet, suspects last, by id; in TopMemoryContext. */
static Leftover *leftovers = NULL;
static int	leftover_count = 0;

/* Attempts may lie in the future, if the clock was set back since. */
static Statement find_leftovers = {
	WITH_LANES
	"SELECT d.lane, d.due_at, n.id "
	"FROM lanes l JOIN appt.due d ON d.lane = l.lane "
	"  AND d.due_at <= greatest($3, (SELECT a.started_at FROM appt.attempt a ORDER BY a.id DESC LIMIT 1)) "
	"JOIN appt.notification n ON n.id = d.notification_id "
	"WHERE n.state = 'SENDING' AND n.worker_slot BETWEEN $1 AND $2 "
	"ORDER BY n.id",
	3, {INT2OID, INT2OID, TIMESTAMPTZOID}
};

static Statement lock_leftovers = {
	"SELECT n.id FROM appt.notification n WHERE n.id = ANY ($1) AND n.state = 'SENDING' "
	"ORDER BY n.id FOR UPDATE SKIP LOCKED",
	1, {INT8ARRAYOID}
};

static Statement find_unclosed = {
	"SELECT n.id FROM appt.notification n WHERE n.id = ANY ($1) AND n.state = 'SENDING' ORDER BY n.id",
	1, {INT8ARRAYOID}
};

static Statement close_attempts = {
	"UPDATE appt.attempt SET finished_at = $2, outcome = 'INTERRUPTED' "
	"WHERE notification_id = ANY ($1) AND outcome IS NULL",
	2, {INT8ARRAYOID, TIMESTAMPTZOID}
};

static Statement send_again = {
	"UPDATE appt.notification "
	"SET state = 'RETRYING', reason = 'INTERRUPTED', superseded_by = NULL, worker_slot = NULL,"
	"  next_attempt_at = $2 "
	"WHERE id = ANY ($1)",
	2, {INT8ARRAYOID, TIMESTAMPTZOID}
};

/* May and should it go again at once? */
static Decision
decide(const NotificationFacts *facts, TimestampTz now)
{
	RetryInput	retry = {
		.type = facts->type,
		.due_at = facts->due_at,
		.start_at = facts->appointment != NULL ? facts->appointment->start_at : DT_NOEND,
		.is_manual = facts->is_manual,
		.attempt_count = facts->attempt_count,
		.max_attempts = facts->application != NULL ? facts->application->max_attempts : 1,
		.retry_after = -1,
		.superseded_by = facts->superseded_by
	};
	Decision	decision;

	if (facts->channel == CHANNEL_SMS && !appt_resend_interrupted_sms)
		retry.final = REASON_INTERRUPTED;
	decision = retry_decide(&retry, now);
	if (decision.state == STATE_FAILED && facts->is_manual)
		decision.reason = REASON_INTERRUPTED;
	return decision;
}

/* ---- looking ---- */

static void
find_step(void *argument)
{
	const Search *search = (const Search *) argument;
	uint64		found = statement_run(&find_leftovers, Int16GetDatum(search->first_slot),
									  Int16GetDatum(search->last_slot),
									  TimestampTzGetDatum(GetCurrentTimestamp()));

	if (found == 0)
		return;
	if (leftovers == NULL)
		leftovers = (Leftover *) MemoryContextAlloc(TopMemoryContext, found * sizeof(Leftover));
	else
		leftovers = (Leftover *) repalloc(leftovers, (leftover_count + found) * sizeof(Leftover));
	for (uint64 row = 0; row < found; row++)
		leftovers[leftover_count++] = (Leftover)
	{
		{
			row_int64(row, 1), row_timestamp(row, 2), row_int64(row, 3)
		}, false, false
	};
}

static int
compare_leftovers(const void *a, const void *b)
{
	const Leftover *one = (const Leftover *) a;
	const Leftover *other = (const Leftover *) b;

	if (one->is_suspect != other->is_suspect)
		return one->is_suspect ? 1 : -1;
	return one->key.notification_id < other->key.notification_id ? -1 :
		(one->key.notification_id > other->key.notification_id ? 1 : 0);
}

static void
forget_leftovers(void)
{
	if (leftovers != NULL)
		pfree(leftovers);
	leftovers = NULL;
	leftover_count = 0;
}

/* These slots may have crashed over one of these notifications. */
static bool
find_of_slots(Search search)
{
	int			before = leftover_count;
	int64	   *ids;
	int			count;

	if (!worker_run(find_step, &search, NULL))
		return false;
	count = leftover_count - before;
	ids = (int64 *) palloc(Max(count, 1) * sizeof(int64));
	for (int i = 0; i < count; i++)
		ids[i] = leftovers[before + i].key.notification_id;
	suspects_blame_slots(search.first_slot, search.last_slot, ids, count);
	pfree(ids);
	return true;
}

/* Guilty ones are not loaded here; suspects.c settles them. */
static void
sort_leftovers(void)
{
	int			kept = 0;

	for (int i = 0; i < leftover_count; i++)
	{
		leftovers[i].is_suspect = suspect_is(leftovers[i].key.notification_id);
		if (!suspect_is_guilty(leftovers[i].key.notification_id))
			leftovers[kept++] = leftovers[i];
	}
	leftover_count = kept;
	if (kept > 0)
		qsort(leftovers, kept, sizeof(Leftover), compare_leftovers);
}

bool
recover_find(int slot, bool and_above)
{
	Search		own = {slot, slot};
	Search		above = {appt_workers + 1, SHRT_MAX};

	forget_leftovers();
	if (!find_of_slots(own) || (and_above && !find_of_slots(above)))
		return false;
	sort_leftovers();
	return true;
}

/* ---- closing ---- */

static void
note_in_journal(const Recovery *recovery)
{
	int64	   *ids = (int64 *) palloc(recovery->count * sizeof(int64));

	for (int i = 0; i < recovery->count; i++)
		ids[i] = recovery->leftovers[i].key.notification_id;
	journal_begin(ACTIVITY_RECOVERING, ids, recovery->count);
	pfree(ids);
}

static Column *
ids_of(const Recovery *recovery)
{
	Column	   *ids = column_create(INT8OID, recovery->count);

	for (int i = 0; i < recovery->count; i++)
		column_add(ids, Int64GetDatum(recovery->leftovers[i].key.notification_id));
	return ids;
}

static const Leftover *
leftover_of(const Recovery *recovery, int64 id)
{
	Leftover	key = {.key.notification_id = id,.is_suspect = recovery->leftovers[0].is_suspect};

	return (const Leftover *) bsearch(&key, recovery->leftovers, recovery->count,
									  sizeof(Leftover), compare_leftovers);
}

/* What becomes of them. */
typedef struct Closing
{
	Scheduler  *scheduler;
	TimestampTz now;
	UnsentBatch *unsent;
	QueueKeys  *again;
	Column	   *untils;
} Closing;

/* Whether it goes again, and if not, why. */
static void
close_one(Closing *closing, const Leftover *leftover, const NotificationFacts *facts)
{
	Decision	decision = decide(facts, closing->now);

	if (leftover == NULL)
		elog(ERROR, "notification " INT64_FORMAT " was not asked for", facts->id);
	if (decision.state == STATE_RETRYING)
	{
		queue_keys_add(closing->again, &leftover->key);
		column_add(closing->untils, TimestampTzGetDatum(closing->now));
		lane_expect(closing->scheduler, leftover->key.lane_id, closing->now);
	}
	else
		unsent_settle(closing->unsent, &leftover->key, decision.state, decision.reason, NULL);
}

/* As many at once as their facts fit into the budget. */
static void
close_locked(const Recovery *recovery, const int64 *ids, int count, TimestampTz now)
{
	Closing		closing = {
		recovery->scheduler, now, unsent_create(), queue_keys_create(), column_create(TIMESTAMPTZOID, 8)
	};
	MemoryContext facts_context = AllocSetContextCreate(CurrentMemoryContext, "appt batch",
														ALLOCSET_DEFAULT_SIZES);
	int			loaded;

	for (int first = 0; first < count; first += loaded)
	{
		MemoryContext previous = MemoryContextSwitchTo(facts_context);
		List	   *all_facts;
		ListCell   *cell;

		loaded = count - first;
		all_facts = facts_load(&ids[first], &loaded);
		MemoryContextSwitchTo(previous);
		foreach(cell, all_facts)
		{
			const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);

			close_one(&closing, leftover_of(recovery, facts->id), facts);
		}
		MemoryContextReset(facts_context);
	}
	if (closing.again->notification_ids->count > 0)
	{
		statement_run(&send_again, column_array(closing.again->notification_ids), TimestampTzGetDatum(now));
		queue_move(closing.again, closing.untils);
	}
	unsent_write(closing.unsent, now);
}

/* What is SENDING still is locked by somebody; the others are closed. */
static void
note_closed(Recovery *recovery)
{
	uint64		unclosed = statement_run(&find_unclosed, column_array(ids_of(recovery)));

	for (int i = 0; i < recovery->count; i++)
		recovery->is_closed[i] = true;
	for (uint64 row = 0; row < unclosed; row++)
		recovery->is_closed[leftover_of(recovery, row_int64(row, 1)) - recovery->leftovers] = false;
}

static void
recover_step(void *argument)
{
	Recovery   *recovery = (Recovery *) argument;
	TimestampTz now = GetCurrentTimestamp();
	int			count = (int) statement_run(&lock_leftovers, column_array(ids_of(recovery)));
	int64	   *ids = (int64 *) palloc(Max(count, 1) * sizeof(int64));
	Column	   *id_column = column_create(INT8OID, count);

	for (int row = 0; row < count; row++)
	{
		ids[row] = row_int64(row, 1);
		column_add(id_column, Int64GetDatum(ids[row]));
	}
	if (count > 0)
	{
		statement_run(&close_attempts, column_array(id_column), TimestampTzGetDatum(now));
		close_locked(recovery, ids, count, now);
	}
	note_closed(recovery);
}

/* One whose facts can't even be read: it is not sent again. */
static void
close_broken_step(void *argument)
{
	Recovery   *recovery = (Recovery *) argument;
	TimestampTz now = GetCurrentTimestamp();
	UnsentBatch *unsent = unsent_create();
	const Leftover *leftover = &recovery->leftovers[0];

	if (statement_run(&lock_leftovers, column_array(ids_of(recovery))) > 0)
	{
		statement_run(&close_attempts, column_array(ids_of(recovery)), TimestampTzGetDatum(now));
		unsent_settle(unsent, &leftover->key, STATE_FAILED, REASON_INTERRUPTED, recovery->error);
		unsent_write(unsent, now);
	}
	note_closed(recovery);
}

static bool
recover_these(Scheduler *scheduler, Leftover *these, int count, Failure *failure)
{
	Recovery	recovery = {scheduler, these, count, (bool *) palloc0(count * sizeof(bool))};
	bool		succeeded;

	note_in_journal(&recovery);
	succeeded = worker_run(recover_step, &recovery, failure);
	if (!succeeded && count == 1 && failure->kind == FAILURE_OF_DATA)
	{
		Failure		cause = *failure;

		recovery.error = cause.message;
		succeeded = worker_run(close_broken_step, &recovery, failure);
	}
	journal_end();
	for (int i = 0; succeeded && i < count; i++)
		these[i].is_closed = recovery.is_closed[i];
	pfree(recovery.is_closed);
	return succeeded;
}

static void
recover_one_by_one(Scheduler *scheduler, Leftover *these, int count)
{
	for (int i = 0; i < count; i++)
	{
		Failure		failure;

		if (!recover_these(scheduler, &these[i], 1, &failure) && failure.kind == FAILURE_TRANSIENT)
			return;
	}
}

static int
count_unsuspected(void)
{
	int			count = 0;

	while (count < leftover_count && !leftovers[count].is_suspect)
		count++;
	return count;
}

bool
recover_some(Scheduler *scheduler)
{
	int			unclosed = 0;
	int			unsuspected = count_unsuspected();

	for (int first = 0; first < unsuspected; first += RECOVERY_BATCH)
	{
		int			count = Min(RECOVERY_BATCH, unsuspected - first);
		Failure		failure;

		if (!recover_these(scheduler, &leftovers[first], count, &failure) && failure.kind != FAILURE_TRANSIENT)
			recover_one_by_one(scheduler, &leftovers[first], count);
	}
	recover_one_by_one(scheduler, &leftovers[unsuspected], leftover_count - unsuspected);
	for (int i = 0; i < leftover_count; i++)
		if (!leftovers[i].is_closed)
			leftovers[unclosed++] = leftovers[i];
	leftover_count = unclosed;
	if (unclosed == 0)
		forget_leftovers();
	return unclosed == 0;
}
