/*
 * notification_rows.c
 *		What the worker reads and writes of notifications.
 *
 * Columns that keep their values are written as they are stored, so that updates
 * stay HOT.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/statement.h"
#include "worker/notification_rows.h"

enum
{
	STATE, REASON, SUPERSEDED_BY, DETAIL, ADDRESS, ATTEMPT_COUNT, NEXT_ATTEMPT_AT, SETTLED_AT, MANUAL, WORKER_SLOT,
	CONTEXT
};
#define COLUMNS (CONTEXT + 1)
#define WRITTEN_COLUMNS CONTEXT

static const char *const columns[COLUMNS] = {
	[STATE] = "state",
	[REASON] = "reason",
	[SUPERSEDED_BY] = "superseded_by",
	[DETAIL] = "detail",
	[ADDRESS] = "address",
	[ATTEMPT_COUNT] = "attempt_count",
	[NEXT_ATTEMPT_AT] = "next_attempt_at",
	[SETTLED_AT] = "settled_at",
	[MANUAL] = "manual",
	[WORKER_SLOT] = "worker_slot",
	[CONTEXT] = "context"
};

struct NotificationRows
{
	TableWriter *writer;
	MemoryContext context;		/* for the row at hand */
};

NotificationRows *
notification_rows_open(void)
{
	NotificationRows *rows = (NotificationRows *) palloc(sizeof(NotificationRows));

	rows->writer = table_update_begin("notification", columns, COLUMNS, WRITTEN_COLUMNS);
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "appt notification", ALLOCSET_SMALL_SIZES);
	return rows;
}

void
notification_rows_close(NotificationRows *rows)
{
	table_write_end(rows->writer);
	MemoryContextDelete(rows->context);
}

/* ---- reading ---- */

static NotificationState
state_value(NullableDatum value)
{
	NotificationState state = STATE_PENDING;

	if (value.isnull || !state_from_code(TextDatumGetCString(value.value), &state))
		elog(ERROR, "a notification has an unknown state");
	return state;
}

static Reason
reason_value(NullableDatum value)
{
	Reason		reason = REASON_NONE;

	if (!value.isnull)
		(void) reason_from_code(TextDatumGetCString(value.value), &reason);
	return reason;
}

static TimestampTz
time_value(NullableDatum value)
{
	return value.isnull ? 0 : DatumGetTimestampTz(value.value);
}

static void
read_row(NotificationRows *rows, NotificationRow *row)
{
	NullableDatum values[COLUMNS];

	table_read(rows->writer, values);
	row->state = state_value(values[STATE]);
	row->reason = reason_value(values[REASON]);
	row->superseded_by = reason_value(values[SUPERSEDED_BY]);
	row->detail = values[DETAIL];
	row->address = values[ADDRESS];
	row->attempt_count = DatumGetInt32(values[ATTEMPT_COUNT].value);
	row->next_attempt_at = time_value(values[NEXT_ATTEMPT_AT]);
	row->settled_at = time_value(values[SETTLED_AT]);
	row->is_manual = DatumGetBool(values[MANUAL].value);
	row->worker_slot = values[WORKER_SLOT].isnull ? 0 : DatumGetInt16(values[WORKER_SLOT].value);
	row->has_context = !values[CONTEXT].isnull;
}

static FoundRow
take_found(NotificationRows *rows, FoundRow found, NotificationRow *row)
{
	MemoryContextReset(rows->context);
	if (found == ROW_FREE)
	{
		MemoryContext previous = MemoryContextSwitchTo(rows->context);

		read_row(rows, row);
		MemoryContextSwitchTo(previous);
	}
	return found;
}

FoundRow
notification_rows_find(NotificationRows *rows, int64 id, const ItemPointerData *place, NotificationRow *row)
{
	Datum		key = Int64GetDatum(id);

	return take_found(rows, table_find(rows->writer, place, &key), row);
}

bool
notification_rows_find_same(NotificationRows *rows, int64 id, const ItemPointerData *place, NotificationRow *row)
{
	Datum		key = Int64GetDatum(id);
	FoundRow	found;

	found = ItemPointerIsValid(place) ? table_find_same(rows->writer, place, &key) : table_find(rows->writer, place, &key);
	return take_found(rows, found, row) == ROW_FREE;
}

/* ---- writing ---- */

void
notification_row_set_address(NotificationRow *row, const char *address)
{
	bool		is_same;

	if (row->address.isnull || address == NULL)
		is_same = row->address.isnull && address == NULL;
	else
		is_same = strcmp(TextDatumGetCString(row->address.value), address) == 0;
	if (!is_same)
		row->address = sql_text(address);
}

bool
notification_rows_write(NotificationRows *rows, const NotificationRow *row, ItemPointer place)
{
	MemoryContext previous = MemoryContextSwitchTo(rows->context);
	const NullableDatum values[WRITTEN_COLUMNS] = {
		[STATE] = sql_text(state_code(row->state)),
		[REASON] = sql_text(reason_code(row->reason)),
		[SUPERSEDED_BY] = sql_text(reason_code(row->superseded_by)),
		[DETAIL] = row->detail,
		[ADDRESS] = row->address,
		[ATTEMPT_COUNT] = SQL_VALUE(Int32GetDatum(row->attempt_count)),
		[NEXT_ATTEMPT_AT] = sql_time(row->next_attempt_at),
		[SETTLED_AT] = sql_time(row->settled_at),
		[MANUAL] = SQL_VALUE(BoolGetDatum(row->is_manual)),
		[WORKER_SLOT] = row->worker_slot == 0 ? SQL_NULL : SQL_VALUE(Int16GetDatum(row->worker_slot))
	};
	bool		is_written = table_update(rows->writer, values, place);

	MemoryContextSwitchTo(previous);
	return is_written;
}
