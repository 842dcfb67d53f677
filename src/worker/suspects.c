/*
 * suspects.c
 *		Notifications over which a worker may have crashed, for the workers of
 *		their database.
 *
 * Every worker leaves them out of its claims. Slot 1 claims them one by one,
 * beside its ordinary claims, and clears each that went well: a notification that
 * was being claimed at the crash, when its claim has committed; one that was in
 * flight, when it is settled. The facts of a guilty one are not loaded, because
 * they may cause the crash. It is settled as FAILED, WORKER_CRASHED.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/row.h"
#include "core/statement.h"
#include "worker/attempt_ends.h"
#include "worker/crashes.h"
#include "worker/guard.h"
#include "worker/suspects.h"
#include "worker/unsent.h"

struct Suspects
{
	Worker	   *worker;
	MemoryContext context;		/* of all this */
	Suspect    *all;			/* a copy of this database's */
	int			count;
	uint32		seen_version;	/* that was copied */
	int64		alone_id;		/* in flight alone; 0: none */
	TimestampTz alone_since;
};

static Statement lock_open = {
	"SELECT n.lane, d.due_at FROM appt.notification n "
	"JOIN appt.due d ON d.lane = n.lane AND d.notification_id = n.id "
	"WHERE n.id = $1 AND n.settled_at IS NULL FOR UPDATE OF n SKIP LOCKED",
	1, {INT8OID}
};

static Statement close_attempt = {
	"UPDATE appt.attempt SET finished_at = now(), " IS_INTERRUPTED
	"WHERE notification_id = $1 AND outcome IS NULL",
	1, {INT8OID}
};

/* A suspect that is not SENDING and has no next attempt can't be claimed; no function of appt writes such a row. */
static Statement find_settled = {
	"SELECT s.id FROM unnest($1) s (id) WHERE NOT EXISTS ("
	"  SELECT FROM appt.notification n WHERE n.id = s.id AND n.settled_at IS NULL"
	"    AND (n.next_attempt_at IS NOT NULL OR n.state = 'SENDING'))",
	1, {INT8ARRAYOID}
};

/* ---- which they are ---- */

Suspects *
suspects_create(Worker *worker)
{
	Suspects   *suspects = (Suspects *) palloc0(sizeof(Suspects));

	suspects->worker = worker;
	suspects->context = CurrentMemoryContext;
	return suspects;
}

static void
refresh(Suspects *suspects)
{
	uint32		version = crashes_version();
	MemoryContext previous;

	if (version == suspects->seen_version)
		return;
	previous = MemoryContextSwitchTo(suspects->context);
	if (suspects->all != NULL)
		pfree(suspects->all);
	suspects->all = crashes_suspects(MyDatabaseId, &suspects->count);
	suspects->seen_version = version;
	MemoryContextSwitchTo(previous);
}

static const Suspect *
find(Suspects *suspects, int64 id)
{
	refresh(suspects);
	for (int i = 0; i < suspects->count; i++)
		if (suspects->all[i].id == id && suspects->all[i].kind != SUSPECT_SLOT)
			return &suspects->all[i];
	return NULL;
}

bool
suspects_exist(Suspects *suspects)
{
	refresh(suspects);
	return suspects->count > 0;
}

bool
suspect_is(Suspects *suspects, int64 notification_id)
{
	return find(suspects, notification_id) != NULL;
}

bool
suspect_is_guilty(Suspects *suspects, int64 notification_id)
{
	const Suspect *suspect = find(suspects, notification_id);

	return suspect != NULL && suspect->kind == SUSPECT_GUILTY;
}

Column *
suspects_all(Suspects *suspects)
{
	Column	   *ids;

	refresh(suspects);
	ids = column_create(INT8OID, Max(suspects->count, 1));
	for (int i = 0; i < suspects->count; i++)
		if (suspects->all[i].kind != SUSPECT_SLOT)
			column_add(ids, Int64GetDatum(suspects->all[i].id));
	return ids;
}

/*
 * A suspect has the pause after a crash for itself. The pause doubles with each
 * crash, so that in the end even the slowest transfer is in flight alone.
 */
static bool
is_one_alone(const Suspects *suspects, TimestampTz now)
{
	CrashHistory history = {0};

	if (suspects->alone_id == 0)
		return false;
	(void) crashes_recall(MyDatabaseId, &history);
	return now < suspects->alone_since + crash_pause(&history);
}

Column *
suspects_to_claim(Suspects *suspects, TimestampTz now)
{
	Column	   *ids;
	bool		must_wait = is_one_alone(suspects, now);

	refresh(suspects);
	ids = column_create(INT8OID, Max(suspects->count, 1));
	for (int i = 0; i < suspects->count; i++)
		if (suspects->all[i].kind == SUSPECT_CLAIMED || (suspects->all[i].kind == SUSPECT_IN_FLIGHT && !must_wait))
			column_add(ids, Int64GetDatum(suspects->all[i].id));
	return ids;
}

/* ---- what becomes of them ---- */

void
suspect_claimed(Suspects *suspects, int64 notification_id, bool is_sent, TimestampTz now)
{
	const Suspect *suspect = find(suspects, notification_id);

	if (suspect == NULL)
		return;
	if (suspect->kind == SUSPECT_IN_FLIGHT && is_sent)
	{
		suspects->alone_id = notification_id;
		suspects->alone_since = now;
	}
	else
		crashes_clear(MyDatabaseId, &notification_id, 1);
}

void
suspect_settled(Suspects *suspects, int64 notification_id, bool was_tried)
{
	if (suspects->count == 0)
		return;
	if (notification_id == suspects->alone_id)
		suspects->alone_id = 0;
	if (was_tried && suspect_is(suspects, notification_id))
		crashes_clear(MyDatabaseId, &notification_id, 1);
}

void
suspects_blame_slots(Suspects *suspects, int first, int last,
					 const int64 *notification_ids, int count)
{
	refresh(suspects);
	for (int i = 0; i < suspects->count; i++)
		if (suspects->all[i].kind == SUSPECT_SLOT && suspects->all[i].id >= first && suspects->all[i].id <= last)
			crashes_blame_slot(MyDatabaseId, (int) suspects->all[i].id, notification_ids, count);
}

typedef struct Guilty
{
	int64		id;
	bool		is_settled;
} Guilty;

/* If a caller has it locked, it is left for another time. */
static void
settle_guilty_step(void *argument)
{
	Guilty	   *guilty = (Guilty *) argument;
	UnsentBatch *unsent = unsent_create();
	QueueKey	key = {.notification_id = guilty->id};
	Row		   *row;

	if (statement_run(&lock_open, Int64GetDatum(guilty->id)) == 0)
		return;
	row = ROW(0);
	key.lane_id = next_int64(row);
	key.due_at = next_timestamp(row);
	(void) statement_run(&close_attempt, Int64GetDatum(guilty->id));
	unsent_settle(unsent, &key, STATE_FAILED, REASON_WORKER_CRASHED, NULL);
	unsent_write(unsent, GetCurrentTimestamp());
	guilty->is_settled = true;
}

static bool
settle_guilty(Worker *worker, int64 id)
{
	Guilty		guilty = {id, false};

	if (!worker_run(worker, settle_guilty_step, &guilty, NULL))
		return false;
	if (guilty.is_settled)
		ereport(LOG,
				(errmsg("notification " INT64_FORMAT " has failed, because appt workers crashed over it", id),
				 errdetail("Twice a worker crashed while this was the only notification that it was claiming or sending.")));
	return true;
}

bool
suspects_settle_guilty(Suspects *suspects)
{
	bool		succeeded = true;

	refresh(suspects);
	for (int i = 0; i < suspects->count; i++)
		if (suspects->all[i].kind == SUSPECT_GUILTY)
			succeeded &= settle_guilty(suspects->worker, suspects->all[i].id);
	return succeeded;
}

typedef struct Settled
{
	Column	   *asked;
	int64	   *ids;
	int			count;
} Settled;

static void
find_settled_step(void *argument)
{
	Settled    *settled = (Settled *) argument;

	settled->count = (int) statement_run(&find_settled, column_array(settled->asked));
	for (int n = 0; n < settled->count; n++)
		settled->ids[n] = next_int64(ROW(n));
}

bool
suspects_forget_settled(Suspects *suspects)
{
	Settled		settled = {.asked = suspects_all(suspects)};

	if (settled.asked->count == 0)
		return true;
	settled.ids = (int64 *) palloc(settled.asked->count * sizeof(int64));
	if (!worker_run(suspects->worker, find_settled_step, &settled, NULL))
		return false;
	if (settled.count > 0)
		crashes_clear(MyDatabaseId, settled.ids, settled.count);
	return true;
}
