/*
 * owners.c
 *		Reads the owner of each lane, its destination, and the limits of its
 *		application and provider. This comes before the claim, so that no row is
 *		locked that may not be sent.
 *
 * The owner of a lane never changes. The rest changes with appt.application,
 * appt.provider and appt.subscription: triggers on these tables tell the workers
 * at commit which application has changed, and its lanes are refreshed; all lanes
 * are, if too many applications have changed. The sweep and a reload refresh all
 * lanes, for changes that no trigger reported.
 *
 * If a batch fails over a row of configuration that can't be read, its lanes are
 * refreshed one by one. Only the lane of that row waits, with an error in the log
 * and in worker_status, until the row has been changed.
 *
 * The workers of a database share each limit: every worker has its part, so that
 * all together keep it.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "channel/destination.h"
#include "core/column.h"
#include "core/row.h"
#include "core/settings.h"
#include "core/statement.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "worker/guard.h"
#include "worker/owners.h"

/* Lanes in one transaction. */
#define REFRESH_BATCH 250

/*
 * How long a lane is held that can't be refreshed, or whose application is held; a change
 * of configuration or a sweep ends that sooner.
 */
#define HOLD_TIME (60 * USECS_PER_SEC)

static Statement select_owners = {
	"SELECT l.ordinal, o.application_id, o.channel, p.kind, o.subscription_id, coalesce(s.url, p.url),"
	"  coalesce(s.xmin, p.xmin)::text::bigint, a.max_concurrency::float8, a.max_per_second::float8,"
	"  (p.settings->'max_concurrency')::float8, (p.settings->'max_per_second')::float8, a.is_held "
	"FROM unnest($1, $2) WITH ORDINALITY AS l (lane, low_water, ordinal) "
	"CROSS JOIN LATERAL ("
	"  SELECT n.application_id, n.channel, n.subscription_id"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND d.due_at >= l.low_water"
	"  ORDER BY d.due_at, d.notification_id LIMIT 1) o "

	/*
	 * OFFSET 0: one look-up by key a lane, however few rows there were when
	 * this was planned.
	 */
	"LEFT JOIN LATERAL (SELECT a.* FROM appt.application a WHERE a.id = o.application_id OFFSET 0) a ON true "
	"LEFT JOIN LATERAL ("
	"  SELECT s.url, s.xmin FROM appt.subscription s"
	"  WHERE s.application_id = o.application_id AND s.id = o.subscription_id OFFSET 0) s ON true "
	"LEFT JOIN LATERAL ("
	"  SELECT p.kind, p.url, p.settings, p.xmin FROM appt.provider p"
	"  WHERE p.application_id = o.application_id AND p.channel = o.channel AND p.enabled OFFSET 0) p ON true",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

typedef struct Refresh
{
	Worker	   *worker;
	Scheduler  *scheduler;
	TimestampTz now;
	Lane	  **lanes;
	int			count;
} Refresh;

/* ---- a worker's part of a limit ---- */

/* The first slots have one more if the limit can't be divided evenly; a slot may have none. */
static int
part_of_concurrency(double limit, int slot)
{
	int			whole = (int) Min(limit, INT_MAX);

	return whole / appt_workers + (slot <= whole % appt_workers ? 1 : 0);
}

static Limits
next_limits(Row *row, int slot)
{
	Limits		limits = {INT_MAX, 0};
	NullableDatum concurrency = next_value(row);

	if (!concurrency.isnull)
		limits.max_concurrency = part_of_concurrency(DatumGetFloat8(concurrency.value), slot);
	limits.max_per_second = next_double(row) / appt_workers;
	return limits;
}

/* ---- refreshing ---- */

/* A row of select_owners. */
static void
refresh_lane(const Refresh *refresh, Row *row)
{
	Lane	   *lane = refresh->lanes[next_int64(row) - 1];
	char		destination[DESTINATION_SIZE] = "";
	LaneOwner	owner = {.destination = destination};
	char	   *url;

	owner.application_id = next_uuid(row);
	(void) channel_from_code(next_text(row), &owner.channel);
	owner.is_local = channel_is_local(owner.channel, next_text(row));
	owner.subscription_id = next_uuid_or_null(row);
	url = next_text(row);
	if (url != NULL)
		destination_of_url(url, destination);
	owner.version = (uint32) next_int64(row);
	owner.application = next_limits(row, refresh->worker->slot);
	owner.own = next_limits(row, refresh->worker->slot);
	lane_refresh(refresh->scheduler, lane, &owner, refresh->now);
	if (next_bool(row))
		lane_hold(refresh->scheduler, lane, refresh->now + HOLD_TIME);
}

static void
refresh_step(void *argument)
{
	const Refresh *refresh = (const Refresh *) argument;
	Lane	  **lanes = refresh->lanes;
	Column	   *ids = column_create(INT8OID, refresh->count);
	Column	   *low_waters = column_create(TIMESTAMPTZOID, refresh->count);
	uint64		rows;

	for (int i = 0; i < refresh->count; i++)
	{
		column_add(ids, Int64GetDatum(lanes[i]->id));
		column_add(low_waters, TimestampTzGetDatum(lanes[i]->low_water));
	}
	rows = statement_run(&select_owners, column_array(ids), column_array(low_waters));
	for (uint64 number = 0; number < rows; number++)
		refresh_lane(refresh, ROW(number));

	/*
	 * The others have no row in appt.due any more: other workers have settled
	 * all of them.
	 */
	for (int i = 0; i < refresh->count; i++)
		if (lanes[i]->state == LANE_STALE)
			lane_wait(refresh->scheduler, lanes[i], DT_NOEND);
}

/* One of them broke the batch. It is held; the others are refreshed. */
static bool
refresh_one_by_one(const Refresh *batch)
{
	for (int i = 0; i < batch->count; i++)
	{
		Refresh		single = {batch->worker, batch->scheduler, batch->now, &batch->lanes[i], 1};
		Failure		failure;

		if (batch->lanes[i]->state != LANE_STALE || worker_run(batch->worker, refresh_step, &single, &failure))
			continue;
		if (failure.kind == FAILURE_TRANSIENT)
			return false;
		lane_hold(batch->scheduler, batch->lanes[i], batch->now + HOLD_TIME);
	}
	return true;
}

bool
owners_refresh(Worker *worker, Scheduler *scheduler, TimestampTz now)
{
	Refresh		refresh = {worker, scheduler, now};
	Failure		failure;

	if (!lanes_need_refresh(scheduler))
		return true;
	refresh.lanes = lanes_to_refresh(scheduler, REFRESH_BATCH, &refresh.count);
	return worker_run(worker, refresh_step, &refresh, &failure) ||
		(failure.kind != FAILURE_TRANSIENT && refresh_one_by_one(&refresh));
}
