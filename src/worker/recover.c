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
 * before now, lane by lane: no index is kept for what should never happen.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/settings.h"
#include "core/statement.h"
#include "notify/facts.h"
#include "worker/delivery.h"
#include "worker/queue.h"
#include "worker/unsent.h"
#include "worker/worker.h"

#define RECOVERY_BATCH 500

typedef struct Recovery
{
	int			first_slot;
	int			last_slot;
	uint64		found;
} Recovery;

static Statement find_leftovers = {
	"WITH RECURSIVE lanes (lane) AS ("
	"  (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)"
	"  UNION ALL "
	"  SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > l.lane ORDER BY d.lane LIMIT 1)"
	"  FROM lanes l WHERE l.lane IS NOT NULL) "
	"SELECT n.id, d.due_at "
	"FROM lanes l JOIN appt.due d ON d.lane = l.lane AND d.due_at <= $3 "
	"JOIN appt.notification n ON n.id = d.notification_id "
	"WHERE n.state = 'SENDING' AND n.worker_slot BETWEEN $1 AND $2 "
	"ORDER BY n.id LIMIT $4 "
	"FOR UPDATE OF n",
	4, {INT2OID, INT2OID, TIMESTAMPTZOID, INT8OID}
};

static Statement close_attempts = {
	"UPDATE appt.attempt SET finished_at = $2, outcome = 'INTERRUPTED' "
	"WHERE notification_id = ANY ($1) AND outcome IS NULL",
	2, {INT8ARRAYOID, TIMESTAMPTZOID}
};

static Statement send_again = {
	"UPDATE appt.notification "
	"SET state = 'RETRYING', reason = 'INTERRUPTED', overtaken_by = NULL, worker_slot = NULL,"
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
		.overtaken_by = facts->overtaken_by
	};
	Decision	decision;

	if (facts->channel == CHANNEL_SMS && !appt_resend_interrupted_sms)
		retry.is_final = true;
	decision = retry_decide(&retry, now);
	if (decision.state == STATE_FAILED &&
		(decision.reason == REASON_REJECTED || facts->is_manual))
		decision.reason = REASON_INTERRUPTED;
	return decision;
}

static void
recover_step(void *argument)
{
	Recovery   *recovery = (Recovery *) argument;
	TimestampTz now = GetCurrentTimestamp();
	UnsentBatch *unsent = unsent_create();
	Places	   *again = places_create();
	Column	   *untils = column_create(TIMESTAMPTZOID, 8);
	int64		ids[RECOVERY_BATCH];
	TimestampTz places[RECOVERY_BATCH];
	Column	   *id_column = column_create(INT8OID, RECOVERY_BATCH);
	List	   *all_facts;
	ListCell   *cell;
	uint64		index = 0;

	recovery->found = statement_run(&find_leftovers, Int16GetDatum(recovery->first_slot),
									Int16GetDatum(recovery->last_slot),
									TimestampTzGetDatum(now), Int64GetDatum(RECOVERY_BATCH));
	for (uint64 row = 0; row < recovery->found; row++)
	{
		ids[row] = row_int64(row, 1);
		places[row] = row_timestamp(row, 2);
		column_add(id_column, Int64GetDatum(ids[row]));
	}
	if (recovery->found == 0)
		return;
	statement_run(&close_attempts, column_array(id_column), TimestampTzGetDatum(now));
	all_facts = facts_load(ids, (int) recovery->found, false);
	foreach(cell, all_facts)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);
		Decision	decision = decide(facts, now);

		while (index < recovery->found && ids[index] != facts->id)
			index++;
		if (index == recovery->found)
			elog(ERROR, "notification " INT64_FORMAT " was not asked for", facts->id);
		if (decision.state == STATE_RETRYING)
		{
			places_add(again, facts->lane, places[index], facts->id);
			column_add(untils, TimestampTzGetDatum(now));
		}
		else
			unsent_settle(unsent, facts->lane, places[index], facts->id, decision.state,
						  decision.reason, NULL);
	}
	if (again->ids->count > 0)
	{
		statement_run(&send_again, column_array(again->ids), TimestampTzGetDatum(now));
		queue_move(again, untils);
	}
	unsent_write(unsent, now);
}

static bool
recover_range(int first_slot, int last_slot)
{
	Recovery	recovery = {.first_slot = first_slot, .last_slot = last_slot};

	do
	{
		if (!worker_run(recover_step, &recovery))
			return false;
	} while (recovery.found == RECOVERY_BATCH);
	return true;
}

bool
recover_slot(int slot, bool and_above)
{
	return recover_range(slot, slot) &&
		(!and_above || recover_range(appt_workers + 1, SHRT_MAX));
}
