/*
 * recover.c
 *		Closes what a worker left open, after a crash or at a shutdown that could
 *		not wait.
 *
 * This worker holds the advisory lock of its slot, so no other worker is sending
 * what is SENDING under that slot. The attempt was on disk before the first byte
 * was sent, and nobody knows whether the message arrived. The attempt is closed as
 * INTERRUPTED, which counts as an attempt. Email and webhooks are sent again, with
 * the same Message-ID and webhook-id; text messages only if
 * appt.resend_interrupted_sms is on.
 *
 * Leftovers are found through appt.due, lane by lane: their rows there are due at
 * or before the last attempt. An index would have to be kept for what should never
 * happen. The search runs once, before the first claim under the slot; what a
 * caller has locked is remembered and closed later, while the worker sends again.
 *
 * If the last worker of the slot crashed over what it was sending, one of these is
 * to blame: they are closed one by one, after the others (suspects.c).
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/node.h"
#include "core/row.h"
#include "core/settings.h"
#include "core/statement.h"
#include "fairness/lanes.h"
#include "notify/eligibility.h"
#include "notify/facts.h"
#include "notify/facts_load.h"
#include "worker/attempt_ends.h"
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

struct Recovery
{
	MemoryContext context;
	Worker	   *worker;
	Scheduler  *scheduler;
	Suspects   *suspects;
	Leftover   *leftovers;		/* not closed yet, suspects last, by id; NULL
								 * if there are none */
	int			count;
};

typedef struct Search
{
	Recovery   *recovery;		/* where it adds what it finds */
	int			first_slot;
	int			last_slot;
} Search;

/* Some of the leftovers, in one transaction. */
typedef struct Batch
{
	const Recovery *recovery;
	Leftover   *leftovers;		/* by id; all suspect or none */
	int			count;
	bool	   *is_closed;		/* by this transaction or by somebody else */
	const char *error;			/* why its facts cannot be loaded */
} Batch;

/* The last attempt of this node is in the future if the clock has been set back since. */
static Statement find_leftovers = {
	WITH_LANES
	"SELECT d.lane, d.due_at, n.id "
	"FROM lanes l JOIN appt.due d ON d.lane = l.lane "
	"  AND d.due_at <= greatest($3, (SELECT a.started_at FROM appt.attempt a"
	"   WHERE a.id <= " LAST_OWN("attempt") " ORDER BY a.id DESC LIMIT 1)) "
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
	"UPDATE appt.attempt SET finished_at = $2, " IS_INTERRUPTED
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

Recovery *
recovery_create(Worker *worker, Scheduler *scheduler, Suspects *suspects)
{
	Recovery   *recovery = (Recovery *) palloc0(sizeof(Recovery));

	recovery->context = CurrentMemoryContext;
	recovery->worker = worker;
	recovery->scheduler = scheduler;
	recovery->suspects = suspects;
	return recovery;
}

/* Should it be sent again at once? If not, what becomes of it? */
static Decision
decide(const NotificationFacts *facts, TimestampTz now)
{
	RetryInput	retry = {
		.type = facts->type,
		.times = notification_times(facts),
		.is_manual = facts->is_manual,
		.attempt_count = facts->attempt_count,
		.max_attempts = facts->application != NULL ? facts->application->max_attempts : 1,
		.retry_after = -1,
		.superseded_by = facts->superseded_by
	};
	Decision	decision;

	if (!channel_infos[facts->channel].has_message_id && !appt_resend_interrupted_sms)
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
	Recovery   *recovery = search->recovery;
	uint64		found = statement_run(&find_leftovers, Int16GetDatum(search->first_slot),
									  Int16GetDatum(search->last_slot),
									  TimestampTzGetDatum(GetCurrentTimestamp()));

	if (found == 0)
		return;
	if (recovery->leftovers == NULL)
		recovery->leftovers = (Leftover *) MemoryContextAlloc(recovery->context, found * sizeof(Leftover));
	else
		recovery->leftovers = (Leftover *) repalloc(recovery->leftovers,
													(recovery->count + found) * sizeof(Leftover));
	for (uint64 number = 0; number < found; number++)
	{
		Row		   *row = ROW(number);
		Leftover   *leftover = &recovery->leftovers[recovery->count++];

		memset(leftover, 0, sizeof(Leftover));
		leftover->key.lane_id = next_int64(row);
		leftover->key.due_at = next_timestamp(row);
		leftover->key.notification_id = next_int64(row);
	}
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
forget_leftovers(Recovery *recovery)
{
	if (recovery->leftovers != NULL)
		pfree(recovery->leftovers);
	recovery->leftovers = NULL;
	recovery->count = 0;
}

/* What these slots left open. A worker of theirs may have crashed over one of them. */
static bool
find_of_slots(Search search)
{
	Recovery   *recovery = search.recovery;
	int			before = recovery->count;
	int64	   *ids;
	int			count;

	if (!worker_run(recovery->worker, find_step, &search, NULL))
		return false;
	count = recovery->count - before;
	ids = (int64 *) palloc(Max(count, 1) * sizeof(int64));
	for (int i = 0; i < count; i++)
		ids[i] = recovery->leftovers[before + i].key.notification_id;
	suspects_blame_slots(recovery->suspects, search.first_slot, search.last_slot, ids, count);
	pfree(ids);
	return true;
}

/* Mark the suspects and drop the guilty ones: suspects.c settles those without reading their facts. */
static void
sort_leftovers(Recovery *recovery)
{
	int			kept = 0;

	for (int i = 0; i < recovery->count; i++)
	{
		Leftover	leftover = recovery->leftovers[i];

		leftover.is_suspect = suspect_is(recovery->suspects, leftover.key.notification_id);
		if (!suspect_is_guilty(recovery->suspects, leftover.key.notification_id))
			recovery->leftovers[kept++] = leftover;
	}
	recovery->count = kept;
	if (kept > 0)
		qsort(recovery->leftovers, kept, sizeof(Leftover), compare_leftovers);
}

bool
recover_find(Recovery *recovery, bool and_above)
{
	int			slot = recovery->worker->slot;
	Search		own = {recovery, slot, slot};
	Search		above = {recovery, appt_workers + 1, SHRT_MAX};

	forget_leftovers(recovery);
	if (!find_of_slots(own) || (and_above && !find_of_slots(above)))
		return false;
	sort_leftovers(recovery);
	return true;
}

/* ---- closing ---- */

static void
note_in_journal(const Batch *batch)
{
	int64	   *ids = (int64 *) palloc(batch->count * sizeof(int64));

	for (int i = 0; i < batch->count; i++)
		ids[i] = batch->leftovers[i].key.notification_id;
	journal_begin(ACTIVITY_RECOVERING, ids, batch->count);
	pfree(ids);
}

static Column *
ids_of(const Batch *batch)
{
	Column	   *ids = column_create(INT8OID, batch->count);

	for (int i = 0; i < batch->count; i++)
		column_add(ids, Int64GetDatum(batch->leftovers[i].key.notification_id));
	return ids;
}

static const Leftover *
leftover_of(const Batch *batch, int64 id)
{
	Leftover	key = {.key.notification_id = id, .is_suspect = batch->leftovers[0].is_suspect};

	return (const Leftover *) bsearch(&key, batch->leftovers, batch->count,
									  sizeof(Leftover), compare_leftovers);
}

/* What becomes of the leftovers of a batch. */
typedef struct Closing
{
	Scheduler  *scheduler;
	TimestampTz now;
	UnsentBatch *unsent;
	QueueChanges again;
	Column	   *again_ids;
} Closing;

static void
close_one(Closing *closing, const Leftover *leftover, const NotificationFacts *facts)
{
	Decision	decision = decide(facts, closing->now);

	if (leftover == NULL)
		elog(ERROR, "notification " INT64_FORMAT " was not asked for", facts->id);
	if (decision.state == STATE_RETRYING)
	{
		queue_move(&closing->again, &leftover->key, closing->now);
		column_add(closing->again_ids, Int64GetDatum(facts->id));
		lane_expect(closing->scheduler, leftover->key.lane_id, closing->now);
	}
	else
		unsent_settle(closing->unsent, &leftover->key, decision.state, decision.reason, NULL);
}

/* Loads as many facts at once as their budget allows. */
static void
close_locked(const Batch *batch, const int64 *ids, int count, TimestampTz now)
{
	Closing		closing = {
		batch->recovery->scheduler, now, unsent_create(), {NIL}, column_create(INT8OID, 8)
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

			close_one(&closing, leftover_of(batch, facts->id), facts);
		}
		MemoryContextReset(facts_context);
	}
	if (closing.again_ids->count > 0)
	{
		statement_run(&send_again, column_array(closing.again_ids), TimestampTzGetDatum(now));
		queue_write(&closing.again);
	}
	unsent_write(closing.unsent, now);
}

/* Those that are still SENDING are locked by somebody; the others are closed. */
static void
note_closed(Batch *batch)
{
	uint64		unclosed = statement_run(&find_unclosed, column_array(ids_of(batch)));

	for (int i = 0; i < batch->count; i++)
		batch->is_closed[i] = true;
	for (uint64 number = 0; number < unclosed; number++)
		batch->is_closed[leftover_of(batch, next_int64(ROW(number))) - batch->leftovers] = false;
}

static void
recover_step(void *argument)
{
	Batch	   *batch = (Batch *) argument;
	TimestampTz now = GetCurrentTimestamp();
	int			count = (int) statement_run(&lock_leftovers, column_array(ids_of(batch)));
	int64	   *ids = (int64 *) palloc(Max(count, 1) * sizeof(int64));
	Column	   *id_column = column_create(INT8OID, count);

	for (int i = 0; i < count; i++)
	{
		ids[i] = next_int64(ROW(i));
		column_add(id_column, Int64GetDatum(ids[i]));
	}
	if (count > 0)
	{
		statement_run(&close_attempts, column_array(id_column), TimestampTzGetDatum(now));
		close_locked(batch, ids, count, now);
	}
	note_closed(batch);
}

/* The facts of the only one can't be loaded: it is not sent again. */
static void
close_broken_step(void *argument)
{
	Batch	   *batch = (Batch *) argument;
	TimestampTz now = GetCurrentTimestamp();
	UnsentBatch *unsent = unsent_create();
	const Leftover *leftover = &batch->leftovers[0];

	if (statement_run(&lock_leftovers, column_array(ids_of(batch))) > 0)
	{
		statement_run(&close_attempts, column_array(ids_of(batch)), TimestampTzGetDatum(now));
		unsent_settle(unsent, &leftover->key, STATE_FAILED, REASON_INTERRUPTED, batch->error);
		unsent_write(unsent, now);
	}
	note_closed(batch);
}

static bool
recover_these(const Recovery *recovery, Leftover *these, int count, Failure *failure)
{
	Batch		batch = {recovery, these, count, (bool *) palloc0(count * sizeof(bool))};
	bool		succeeded;

	note_in_journal(&batch);
	succeeded = worker_run(recovery->worker, recover_step, &batch, failure);
	if (!succeeded && count == 1 && failure->kind == FAILURE_OF_DATA)
	{
		Failure		cause = *failure;

		batch.error = cause.message;
		succeeded = worker_run(recovery->worker, close_broken_step, &batch, failure);
	}
	journal_end();
	for (int i = 0; succeeded && i < count; i++)
		these[i].is_closed = batch.is_closed[i];
	pfree(batch.is_closed);
	return succeeded;
}

static void
recover_one_by_one(const Recovery *recovery, Leftover *these, int count)
{
	for (int i = 0; i < count; i++)
	{
		Failure		failure;

		if (!recover_these(recovery, &these[i], 1, &failure) && failure.kind == FAILURE_TRANSIENT)
			return;
	}
}

static int
count_unsuspected(const Recovery *recovery)
{
	int			count = 0;

	while (count < recovery->count && !recovery->leftovers[count].is_suspect)
		count++;
	return count;
}

static void
drop_closed(Recovery *recovery)
{
	int			unclosed = 0;

	for (int i = 0; i < recovery->count; i++)
		if (!recovery->leftovers[i].is_closed)
			recovery->leftovers[unclosed++] = recovery->leftovers[i];
	recovery->count = unclosed;
	if (unclosed == 0)
		forget_leftovers(recovery);
}

bool
recover_some(Recovery *recovery)
{
	Leftover   *leftovers = recovery->leftovers;
	int			unsuspected = count_unsuspected(recovery);

	for (int first = 0; first < unsuspected; first += RECOVERY_BATCH)
	{
		int			count = Min(RECOVERY_BATCH, unsuspected - first);
		Failure		failure;

		if (!recover_these(recovery, &leftovers[first], count, &failure) && failure.kind != FAILURE_TRANSIENT)
			recover_one_by_one(recovery, &leftovers[first], count);
	}
	recover_one_by_one(recovery, &leftovers[unsuspected], recovery->count - unsuspected);
	drop_closed(recovery);
	return recovery->count == 0;
}
