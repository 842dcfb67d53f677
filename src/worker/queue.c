/*
 * queue.c
 *		The worker's writes to appt.due.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/statement.h"
#include "notify/blanking.h"
#include "worker/queue.h"

static Statement delete_rows = {
	"DELETE FROM appt.due d "
	"USING (SELECT unnest($1) AS lane, unnest($2) AS due_at, unnest($3) AS id) c "
	"WHERE d.lane = c.lane AND d.due_at = c.due_at AND d.notification_id = c.id",
	3, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID}
};

static Statement move_rows = {
	"UPDATE appt.due d SET due_at = c.until "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS due_at, unnest($3) AS id, unnest($4) AS until) c "
	"WHERE d.lane = c.lane AND d.due_at = c.due_at AND d.notification_id = c.id",
	4, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

QueueKeys *
queue_keys_create(void)
{
	QueueKeys  *keys = (QueueKeys *) palloc(sizeof(QueueKeys));

	keys->lane_ids = column_create(INT8OID, 8);
	keys->due_ats = column_create(TIMESTAMPTZOID, 8);
	keys->notification_ids = column_create(INT8OID, 8);
	return keys;
}

void
queue_keys_add(QueueKeys *keys, const QueueKey *key)
{
	column_add(keys->lane_ids, Int64GetDatum(key->lane_id));
	column_add(keys->due_ats, TimestampTzGetDatum(key->due_at));
	column_add(keys->notification_ids, Int64GetDatum(key->notification_id));
}

void
queue_delete(const QueueKeys *keys)
{
	int			count = keys->notification_ids->count;
	int64	   *ids = (int64 *) palloc(sizeof(int64) * Max(count, 1));

	statement_run(&delete_rows, column_array(keys->lane_ids), column_array(keys->due_ats),
				  column_array(keys->notification_ids));
	for (int i = 0; i < count; i++)
		ids[i] = DatumGetInt64(keys->notification_ids->values[i]);
	blanking_request(ids, count);
}

void
queue_move(const QueueKeys *keys, const Column *untils)
{
	statement_run(&move_rows, column_array(keys->lane_ids), column_array(keys->due_ats),
				  column_array(keys->notification_ids), column_array(untils));
}
