/*
 * queue.c
 *		The worker's writes to appt.due.
 */
#include "postgres.h"

#include "core/statement.h"
#include "notify/blanking.h"
#include "worker/queue.h"

typedef struct MovedRow
{
	const QueueKey *key;
	TimestampTz until;
} MovedRow;

void
queue_delete(QueueChanges *changes, const QueueKey *key, bool has_context)
{
	changes->deleted = lappend(changes->deleted, (void *) key);
	if (has_context)
		changes->with_context = lappend(changes->with_context, (void *) key);
}

void
queue_move(QueueChanges *changes, const QueueKey *key, TimestampTz until)
{
	MovedRow   *row = (MovedRow *) palloc(sizeof(MovedRow));

	*row = (MovedRow) {key, until};
	changes->moved = lappend(changes->moved, row);
}

static void
refuse_locked(const QueueKey *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("a row of appt.due is locked"),
			 errdetail("Its notification is " INT64_FORMAT ".", key->notification_id)));
}

static FoundRow
find(TableWriter *writer, const QueueKey *key)
{
	const Datum values[] = {
		Int64GetDatum(key->lane_id), TimestampTzGetDatum(key->due_at), Int64GetDatum(key->notification_id)
	};

	return table_find(writer, &key->place, values);
}

bool
queue_row_is_free(TableWriter *writer, const QueueKey *key)
{
	return find(writer, key) != ROW_LOCKED;
}

/* False if it is not in the queue. */
static bool
find_to_write(TableWriter *writer, const QueueKey *key)
{
	FoundRow	found = find(writer, key);

	if (found == ROW_LOCKED)
		refuse_locked(key);
	return found == ROW_FREE;
}

static void
delete_rows(const List *deleted)
{
	TableWriter *writer = table_delete_begin("due");
	ListCell   *cell;

	foreach(cell, deleted)
	{
		const QueueKey *key = (const QueueKey *) lfirst(cell);

		if (find_to_write(writer, key) && !table_delete(writer))
			refuse_locked(key);
	}
	table_write_end(writer);
}

static void
move_rows(const List *moved)
{
	static const char *const columns[] = {"due_at"};
	TableWriter *writer = table_update_begin("due", columns, lengthof(columns), lengthof(columns));
	ListCell   *cell;

	foreach(cell, moved)
	{
		const MovedRow *row = (const MovedRow *) lfirst(cell);
		NullableDatum due_at = SQL_VALUE(TimestampTzGetDatum(row->until));
		ItemPointerData place;

		if (find_to_write(writer, row->key) && !table_update(writer, &due_at, &place))
			refuse_locked(row->key);
	}
	table_write_end(writer);
}

static void
request_blanking(const List *with_context)
{
	int64	   *ids = (int64 *) palloc(list_length(with_context) * sizeof(int64));
	ListCell   *cell;

	foreach(cell, with_context)
		ids[foreach_current_index(cell)] = ((const QueueKey *) lfirst(cell))->notification_id;
	blanking_request(ids, list_length(with_context));
}

void
queue_write(const QueueChanges *changes)
{
	if (changes->moved != NIL)
		move_rows(changes->moved);
	if (changes->deleted != NIL)
		delete_rows(changes->deleted);
	if (changes->with_context != NIL)
		request_blanking(changes->with_context);
}
