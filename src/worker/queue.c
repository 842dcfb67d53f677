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

/* The values of the primary key of appt.due. */
#define KEY_VALUES(key) \
	((const Datum[]) {Int64GetDatum((key)->lane_id), TimestampTzGetDatum((key)->due_at), Int64GetDatum((key)->notification_id)})

bool
queue_row_is_free(TableWriter *writer, const QueueKey *key)
{
	return table_find(writer, &key->place, KEY_VALUES(key)) != ROW_LOCKED;
}

static void
delete_rows(const List *deleted)
{
	TableWriter *writer = table_delete_begin("due");
	ListCell   *cell;

	foreach(cell, deleted)
	{
		const QueueKey *key = (const QueueKey *) lfirst(cell);

		if (table_find_to_write(writer, &key->place, KEY_VALUES(key)))
			table_delete(writer);
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

		if (table_find_to_write(writer, &row->key->place, KEY_VALUES(row->key)) && !table_update(writer, &due_at, &place))
			table_refuse_locked(writer);
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
