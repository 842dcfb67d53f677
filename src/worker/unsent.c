/*
 * unsent.c
 *		Writes what becomes of notifications that are not sent now.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/statement.h"
#include "worker/unsent.h"

struct UnsentBatch
{
	QueueKeys  *settled;
	Column	   *states;
	Column	   *reasons;
	Column	   *details;
	QueueKeys  *postponed;
	Column	   *untils;
};

static Statement settle_notifications = {
	"UPDATE appt.notification n "
	"SET state = c.state, reason = c.reason, detail = c.detail, next_attempt_at = NULL, manual = false,"
	"  superseded_by = NULL, worker_slot = NULL, settled_at = $5 "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS state, unnest($3) AS reason, unnest($4) AS detail) c "
	"WHERE n.id = c.id",
	5, {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
};

static Statement postpone_notifications = {
	"UPDATE appt.notification n SET next_attempt_at = c.until "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS until) c WHERE n.id = c.id",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

UnsentBatch *
unsent_create(void)
{
	UnsentBatch *batch = (UnsentBatch *) palloc(sizeof(UnsentBatch));

	batch->settled = queue_keys_create();
	batch->states = column_create(TEXTOID, 8);
	batch->reasons = column_create(TEXTOID, 8);
	batch->details = column_create(TEXTOID, 8);
	batch->postponed = queue_keys_create();
	batch->untils = column_create(TIMESTAMPTZOID, 8);
	return batch;
}

void
unsent_settle(UnsentBatch *batch, const QueueKey *key, NotificationState state, Reason reason,
			  const char *detail)
{
	queue_keys_add(batch->settled, key);
	column_add_text(batch->states, state_code(state));
	column_add_text(batch->reasons, reason_code(reason));
	column_add_text(batch->details, detail);
}

void
unsent_postpone(UnsentBatch *batch, const QueueKey *key, TimestampTz until)
{
	queue_keys_add(batch->postponed, key);
	column_add(batch->untils, TimestampTzGetDatum(until));
}

static void
write_settled(UnsentBatch *batch, TimestampTz now)
{
	statement_run(&settle_notifications, column_array(batch->settled->notification_ids),
				  column_array(batch->states), column_array(batch->reasons),
				  column_array(batch->details), TimestampTzGetDatum(now));
	queue_delete(batch->settled);
}

static void
write_postponed(UnsentBatch *batch)
{
	statement_run(&postpone_notifications, column_array(batch->postponed->notification_ids),
				  column_array(batch->untils));
	queue_move(batch->postponed, batch->untils);
}

void
unsent_write(UnsentBatch *batch, TimestampTz now)
{
	if (batch->settled->notification_ids->count > 0)
		write_settled(batch, now);
	if (batch->postponed->notification_ids->count > 0)
		write_postponed(batch);
}
