/*
 * queue.c
 *		Writing to appt.due from the worker.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/statement.h"
#include "notify/blanking.h"
#include "worker/queue.h"

static Statement leave = {
	"DELETE FROM appt.due d "
	"USING (SELECT unnest($1) AS lane, unnest($2) AS due_at, unnest($3) AS id) c "
	"WHERE d.lane = c.lane AND d.due_at = c.due_at AND d.notification_id = c.id",
	3, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID}
};

static Statement move = {
	"UPDATE appt.due d SET due_at = c.until "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS due_at, unnest($3) AS id, unnest($4) AS until) c "
	"WHERE d.lane = c.lane AND d.due_at = c.due_at AND d.notification_id = c.id",
	4, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

Places *
places_create(void)
{
	Places	   *places = (Places *) palloc(sizeof(Places));

	places->lanes = column_create(INT8OID, 8);
	places->dues = column_create(TIMESTAMPTZOID, 8);
	places->ids = column_create(INT8OID, 8);
	return places;
}

void
places_add(Places *places, int64 lane_id, TimestampTz due_at, int64 notification_id)
{
	column_add(places->lanes, Int64GetDatum(lane_id));
	column_add(places->dues, TimestampTzGetDatum(due_at));
	column_add(places->ids, Int64GetDatum(notification_id));
}

void
queue_leave(const Places *places)
{
	int			count = places->ids->count;
	int64	   *ids = (int64 *) palloc(sizeof(int64) * Max(count, 1));

	statement_run(&leave, column_array(places->lanes), column_array(places->dues),
				  column_array(places->ids));
	for (int i = 0; i < count; i++)
		ids[i] = DatumGetInt64(places->ids->values[i]);
	blanking_request(ids, count);
}

void
queue_move(const Places *places, const Column *untils)
{
	statement_run(&move, column_array(places->lanes), column_array(places->dues),
				  column_array(places->ids), column_array(untils));
}
