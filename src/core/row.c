/*
 * row.c
 *		Reading a row of a statement's result in the order of its columns.
 *
 * The row is taken apart as a whole: to find the columns of a wide row one by
 * one would walk over the same bytes each time.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/elapsed.h"
#include "core/row.h"

Row
row_at(uint64 number)
{
	TupleDesc	descriptor = SPI_tuptable->tupdesc;
	Row			row;

	Assert(number < SPI_tuptable->numvals);
	if (descriptor->natts > ROW_MAX_COLUMNS)
		elog(ERROR, "a row has %d columns, more than %d", descriptor->natts, ROW_MAX_COLUMNS);
	row.count = descriptor->natts;
	row.next = 0;
	heap_deform_tuple(SPI_tuptable->vals[number], descriptor, row.values, row.nulls);
	return row;
}

NullableDatum
next_value(Row *row)
{
	int			column = row->next++;

	if (column >= row->count)
		elog(ERROR, "a row has no more than %d columns", row->count);
	return (NullableDatum) {row->values[column], row->nulls[column]};
}

char *
next_text(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? NULL : TextDatumGetCString(value.value);
}

pg_uuid_t
next_uuid(Row *row)
{
	NullableDatum value = next_value(row);

	if (value.isnull)
		elog(ERROR, "unexpected null in column %d", row->next);
	return *DatumGetUUIDP(value.value);
}

pg_uuid_t *
next_uuid_or_null(Row *row)
{
	NullableDatum value = next_value(row);
	pg_uuid_t  *uuid;

	if (value.isnull)
		return NULL;
	uuid = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	*uuid = *DatumGetUUIDP(value.value);
	return uuid;
}

bool *
next_bool_or_null(Row *row)
{
	NullableDatum value = next_value(row);
	bool	   *copy;

	if (value.isnull)
		return NULL;
	copy = (bool *) palloc(sizeof(bool));
	*copy = DatumGetBool(value.value);
	return copy;
}

Interval *
next_interval_or_null(Row *row)
{
	NullableDatum value = next_value(row);
	Interval   *interval;

	if (value.isnull)
		return NULL;
	interval = (Interval *) palloc(sizeof(Interval));
	*interval = *DatumGetIntervalP(value.value);
	return interval;
}

bool
next_bool(Row *row)
{
	NullableDatum value = next_value(row);

	return !value.isnull && DatumGetBool(value.value);
}

int32
next_int32(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? 0 : DatumGetInt32(value.value);
}

int64
next_int64(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? 0 : DatumGetInt64(value.value);
}

double
next_double(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? 0 : DatumGetFloat8(value.value);
}

TimestampTz
next_timestamp(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? 0 : DatumGetTimestampTz(value.value);
}

TimeOffset
next_elapsed(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? 0 : elapsed_microseconds(DatumGetIntervalP(value.value));
}

Jsonb *
next_jsonb(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? NULL : DatumGetJsonbPCopy(value.value);
}
