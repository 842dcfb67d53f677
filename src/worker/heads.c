/*
 * heads.c
 *		Finds the head of a lane: when the first entry that can be claimed is due.
 *
 * After a claim has drained a lane, this looks at that lane only, from its low
 * water on. The sweep looks at all lanes from their starts: for entries that no
 * wake reported, and for entries that a claim passed over because they were
 * locked.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "worker/guard.h"
#include "worker/heads.h"
#include "worker/queue.h"

/* A lane comes back to a locked entry after this time or, if that is longer, this multiple of what the claim took. */
#define LOCKED_RETRY (100 * INT64CONST(1000))
#define LOCKED_FACTOR 10

static Statement select_heads = {
	"SELECT l.ordinal, h.due_at "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS low_water, generate_subscripts($1, 1) AS ordinal) l "
	"LEFT JOIN LATERAL ("
	"  SELECT d.due_at"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND d.due_at >= l.low_water AND n.state IN ('PENDING', 'RETRYING')"
	"    AND (n.next_attempt_at = d.due_at OR n.next_attempt_at IS NULL)"
	"  ORDER BY d.due_at, d.notification_id LIMIT 1) h ON true",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

static Statement select_lanes = {WITH_LANES "SELECT lane FROM lanes"};

/* When a lane comes back to a locked entry, after a claim that began then. */
static TimestampTz
after_locked(TimestampTz begin)
{
	return begin + Max(LOCKED_RETRY, LOCKED_FACTOR * (GetCurrentTimestamp() - begin));
}

void
find_heads(Scheduler *scheduler, Lane **lanes, int count, TimestampTz now)
{
	Column	   *ids = column_create(INT8OID, count);
	Column	   *low_waters = column_create(TIMESTAMPTZOID, count);
	uint64		rows;

	for (int i = 0; i < count; i++)
	{
		column_add(ids, Int64GetDatum(lanes[i]->id));
		column_add(low_waters, TimestampTzGetDatum(lanes[i]->low_water));
	}
	rows = statement_run(&select_heads, column_array(ids), column_array(low_waters));
	for (uint64 number = 0; number < rows; number++)
	{
		Row		   *row = ROW(number);
		Lane	   *lane = lanes[next_int32(row) - 1];
		NullableDatum due_at = next_value(row);
		TimestampTz head = due_at.isnull ? DT_NOEND : DatumGetTimestampTz(due_at.value);

		if (head != DT_NOEND)
			lane->low_water = head;
		if (head <= lane->position_due)
		{
			lane->position_due = head;
			lane->position_id = 0;
		}
		lane_wait(scheduler, lane, head <= now ? after_locked(now) : head);
	}
}

static void
sweep_step(void *argument)
{
	Scheduler  *scheduler = (Scheduler *) argument;
	uint64		rows = statement_run(&select_lanes);
	Lane	  **all;
	int			count;

	for (uint64 number = 0; number < rows; number++)
		lane_get(scheduler, next_int64(ROW(number)))->is_seen = true;
	lanes_forget_unseen(scheduler, GetCurrentTimestamp());
	lanes_invalidate(scheduler);
	all = lanes_all(scheduler, &count);

	/*
	 * Entries may lie before a low water: no wake reports what is planned for
	 * later than the worker's next wake, nor what COMMIT PREPARED commits.
	 */
	for (int i = 0; i < count; i++)
		all[i]->low_water = DT_NOBEGIN;
	if (count > 0)
		find_heads(scheduler, all, count, DT_NOBEGIN);
}

bool
sweep_lanes(Worker *worker, Scheduler *scheduler)
{
	return worker_run(worker, sweep_step, scheduler, NULL);
}
