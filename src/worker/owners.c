/*
 * owners.c
 *		Whose the lanes are, where they lead and what their tenant and provider
 *		allow: learned before anything of them is claimed, so that no row is
 *		taken that may not go.
 *
 * A lane's owner never changes; the rest does, with appt.application,
 * appt.provider and appt.subscription. Triggers on those tell the workers at
 * commit (tell_workers), and that application's lanes are learned anew, or all,
 * if too many have changed to be told one by one. The sweep and a reload do so
 * for what no trigger told.
 *
 * What breaks a batch, a row of configuration that can't be read, is found by
 * learning its lanes one by one. Only that lane waits, with an error in the log
 * and in worker_status, until the row has been mended.
 *
 * Several workers of a database share what a limit allows: each has its part,
 * so that together they keep it.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "channel/destination.h"
#include "core/column.h"
#include "core/settings.h"
#include "core/statement.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "worker/guard.h"
#include "worker/owners.h"

/* As many in one transaction; the others are learned by the next. */
#define LEARN_BATCH 250

/* So long is a lane left alone that can't be learned; a change of configuration or a sweep comes back to it sooner. */
#define SET_ASIDE (60 * USECS_PER_SEC)

static Statement select_owners = {
	"SELECT l.ordinal, o.application_id, o.channel, o.subscription_id, coalesce(s.url, p.url),"
	"  coalesce(s.xmin, p.xmin)::text::bigint, a.max_concurrency::float8, a.max_per_second::float8,"
	"  (p.settings->'max_concurrency')::float8, (p.settings->'max_per_second')::float8 "
	"FROM unnest($1, $2) WITH ORDINALITY AS l (lane, low_water, ordinal) "
	"CROSS JOIN LATERAL ("
	"  SELECT n.application_id, n.channel, n.subscription_id"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND d.due_at >= l.low_water"
	"  ORDER BY d.due_at, d.notification_id LIMIT 1) o "
	/* Each by its own key, however few rows there were when this was planned. */
	"LEFT JOIN LATERAL (SELECT a.* FROM appt.application a WHERE a.id = o.application_id OFFSET 0) a ON true "
	"LEFT JOIN LATERAL ("
	"  SELECT s.url, s.xmin FROM appt.subscription s"
	"  WHERE s.application_id = o.application_id AND s.id = o.subscription_id OFFSET 0) s ON true "
	"LEFT JOIN LATERAL ("
	"  SELECT p.url, p.settings, p.xmin FROM appt.provider p"
	"  WHERE p.application_id = o.application_id AND p.channel = o.channel AND p.enabled OFFSET 0) p ON true",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

typedef struct Learning
{
	Worker	   *worker;
	Scheduler  *scheduler;
	TimestampTz now;
	Lane	  **lanes;
	int			count;
} Learning;

/* ---- what a worker has of a limit ---- */

/* Of the first slots one more, where it can't be divided; a slot may have none. */
static int
part_of_concurrency(double limit, int slot)
{
	int			whole = (int) Min(limit, INT_MAX);

	return whole / appt_workers + (slot <= whole % appt_workers ? 1 : 0);
}

static Limits
read_limits(uint64 row, int column, int slot)
{
	Limits		limits = {INT_MAX, 0};
	bool		is_null;
	Datum		value = row_datum(row, column, &is_null);

	if (!is_null)
		limits.max_concurrency = part_of_concurrency(DatumGetFloat8(value), slot);
	value = row_datum(row, column + 1, &is_null);
	if (!is_null)
		limits.max_per_second = DatumGetFloat8(value) / appt_workers;
	return limits;
}

/* ---- learning ---- */

static void
learn(Lane *lane, uint64 row, const Learning *learning)
{
	char		destination[DESTINATION_SIZE] = "";
	char	   *url = row_text(row, 5);
	LaneOwner	owner = {
		.application_id = row_uuid(row, 2),
		.subscription_id = row_uuid_or_null(row, 4),
		.destination = destination,
		.version = (uint32) row_int64(row, 6),
		.application = read_limits(row, 7, learning->worker->slot),
		.own = read_limits(row, 9, learning->worker->slot)
	};

	(void) channel_from_code(row_text(row, 3), &owner.channel);
	if (url != NULL)
		destination_of_url(url, destination);
	lane_refresh(learning->scheduler, lane, &owner, learning->now);
}

static void
learn_step(void *argument)
{
	const Learning *learning = (const Learning *) argument;
	Lane	  **lanes = learning->lanes;
	Column	   *ids = column_create(INT8OID, learning->count);
	Column	   *low_waters = column_create(TIMESTAMPTZOID, learning->count);
	uint64		rows;

	for (int i = 0; i < learning->count; i++)
	{
		column_add(ids, Int64GetDatum(lanes[i]->id));
		column_add(low_waters, TimestampTzGetDatum(lanes[i]->low_water));
	}
	rows = statement_run(&select_owners, column_array(ids), column_array(low_waters));
	for (uint64 row = 0; row < rows; row++)
		learn(lanes[row_int64(row, 1) - 1], row, learning);
	/* Of which there is nothing, others have settled everything. */
	for (int i = 0; i < learning->count; i++)
		if (lanes[i]->state == LANE_STALE)
			lane_wait(learning->scheduler, lanes[i], DT_NOEND);
}

/* One of them broke the batch. It is set aside; the others are learned. */
static bool
learn_one_by_one(const Learning *batch)
{
	for (int i = 0; i < batch->count; i++)
	{
		Learning	single = {batch->worker, batch->scheduler, batch->now, &batch->lanes[i], 1};
		Failure		failure;

		if (batch->lanes[i]->state != LANE_STALE || worker_run(batch->worker, learn_step, &single, &failure))
			continue;
		if (failure.kind == FAILURE_TRANSIENT)
			return false;
		lane_hold(batch->scheduler, batch->lanes[i], batch->now + SET_ASIDE);
	}
	return true;
}

bool
owners_refresh(Worker *worker, Scheduler *scheduler, TimestampTz now)
{
	Learning	learning = {worker, scheduler, now};
	Failure		failure;

	if (!lanes_need_refresh(scheduler))
		return true;
	learning.lanes = lanes_to_refresh(scheduler, LEARN_BATCH, &learning.count);
	return worker_run(worker, learn_step, &learning, &failure) ||
		(failure.kind != FAILURE_TRANSIENT && learn_one_by_one(&learning));
}
