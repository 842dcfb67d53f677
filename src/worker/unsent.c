/*
 * unsent.c
 *		Writing down what was not sent, and moving what is looked at later.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/statement.h"
#include "worker/queue.h"
#include "worker/unsent.h"

struct UnsentBatch
{
	Places	   *settled;
	Column	   *states;
	Column	   *reasons;
	Column	   *details;
	Places	   *postponed;
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

	batch->settled = places_create();
	batch->states = column_create(TEXTOID, 8);
	batch->reasons = column_create(TEXTOID, 8);
	batch->details = column_create(TEXTOID, 8);
	batch->postponed = places_create();
	batch->untils = column_create(TIMESTAMPTZOID, 8);
	return batch;
}

void
unsent_settle(UnsentBatch *batch, int64 lane_id, TimestampTz place, int64 notification_id,
			  NotificationState state, Reason reason, const char *detail)
{
	places_add(batch->settled, lane_id, place, notification_id);
	column_add_text(batch->states, state_code(state));
	column_add_text(batch->reasons, reason_code(reason));
	column_add_text(batch->details, detail);
}

void
unsent_postpone(UnsentBatch *batch, int64 lane_id, TimestampTz place, int64 notification_id,
				TimestampTz until)
{
	places_add(batch->postponed, lane_id, place, notification_id);
	column_add(batch->untils, TimestampTzGetDatum(until));
}

static void
write_settled(UnsentBatch *batch, TimestampTz now)
{
	Places	   *places = batch->settled;

	statement_run(&settle_notifications, column_array(places->ids), column_array(batch->states),
				  column_array(batch->reasons), column_array(batch->details),
				  TimestampTzGetDatum(now));
	queue_leave(places);
}

static void
write_postponed(UnsentBatch *batch)
{
	Places	   *places = batch->postponed;

	statement_run(&postpone_notifications, column_array(places->ids), column_array(batch->untils));
	queue_move(places, batch->untils);
}

void
unsent_write(UnsentBatch *batch, TimestampTz now)
{
	if (batch->settled->ids->count > 0)
		write_settled(batch, now);
	if (batch->postponed->ids->count > 0)
		write_postponed(batch);
}
