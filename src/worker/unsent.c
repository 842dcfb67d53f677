/*
 * unsent.c
 *		Writes what becomes of notifications that are not sent now.
 */
#include "postgres.h"

#include "core/statement.h"
#include "core/text.h"
#include "worker/notification_rows.h"
#include "worker/unsent.h"

typedef struct Unsent
{
	const QueueKey *key;
	NotificationState state;
	Reason		reason;
	const char *detail;
	TimestampTz until;			/* postponed until then; 0: settled */
} Unsent;

struct UnsentBatch
{
	MemoryContext context;
	List	   *all;			/* Unsent * */
};

UnsentBatch *
unsent_create(void)
{
	UnsentBatch *batch = (UnsentBatch *) palloc0(sizeof(UnsentBatch));

	batch->context = CurrentMemoryContext;
	return batch;
}

static void
add(UnsentBatch *batch, Unsent values)
{
	MemoryContext previous = MemoryContextSwitchTo(batch->context);
	Unsent	   *unsent = (Unsent *) palloc(sizeof(Unsent));

	*unsent = values;
	unsent->detail = copy_text(values.detail);
	batch->all = lappend(batch->all, unsent);
	MemoryContextSwitchTo(previous);
}

void
unsent_settle(UnsentBatch *batch, const QueueKey *key, NotificationState state, Reason reason,
			  const char *detail)
{
	add(batch, (Unsent) {key, state, reason, detail, 0});
}

void
unsent_postpone(UnsentBatch *batch, const QueueKey *key, TimestampTz until)
{
	add(batch, (Unsent) {.key = key, .until = until});
}

static void
settle(NotificationRow *row, const Unsent *unsent, TimestampTz now)
{
	row->state = unsent->state;
	row->reason = unsent->reason;
	row->detail = sql_text(unsent->detail);
	row->next_attempt_at = 0;
	row->is_manual = false;
	row->superseded_by = REASON_NONE;
	row->worker_slot = 0;
	row->settled_at = now;
}

static void
write_one(NotificationRows *rows, const Unsent *unsent, TimestampTz now, QueueChanges *queue)
{
	const QueueKey *key = unsent->key;
	NotificationRow row;
	ItemPointerData place;

	if (!notification_rows_find_same(rows, key->notification_id, &key->notification_place, &row))
		return;
	if (unsent->until != 0)
		row.next_attempt_at = unsent->until;
	else
		settle(&row, unsent, now);
	if (!notification_rows_write(rows, &row, &place))
		return;
	if (unsent->until != 0)
		queue_move(queue, key, unsent->until);
	else
		queue_delete(queue, key, row.has_context);
}

void
unsent_write(const UnsentBatch *batch, TimestampTz now)
{
	QueueChanges queue = {NIL};
	NotificationRows *rows;
	ListCell   *cell;

	if (batch->all == NIL)
		return;
	rows = notification_rows_open();
	foreach(cell, batch->all)
		write_one(rows, (const Unsent *) lfirst(cell), now, &queue);
	notification_rows_close(rows);
	queue_write(&queue);
}
