/*
 * column.c
 *		Growing arrays of datums.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/column.h"

Column *
column_create(Oid type, int capacity)
{
	Column	   *column = (Column *) palloc(sizeof(Column));

	column->type = type;
	column->count = 0;
	column->capacity = Max(capacity, 8);
	column->values = (Datum *) palloc(column->capacity * sizeof(Datum));
	column->nulls = (bool *) palloc(column->capacity * sizeof(bool));
	return column;
}

static void
append(Column *column, Datum value, bool is_null)
{
	if (column->count == column->capacity)
	{
		column->capacity *= 2;
		column->values = (Datum *) repalloc(column->values, column->capacity * sizeof(Datum));
		column->nulls = (bool *) repalloc(column->nulls, column->capacity * sizeof(bool));
	}
	column->values[column->count] = value;
	column->nulls[column->count] = is_null;
	column->count++;
}

void
column_add(Column *column, Datum value)
{
	append(column, value, false);
}

void
column_add_null(Column *column)
{
	append(column, (Datum) 0, true);
}

void
column_add_text(Column *column, const char *text)
{
	if (text == NULL)
		column_add_null(column);
	else
		column_add(column, CStringGetTextDatum(text));
}

void
column_add_uuid(Column *column, const pg_uuid_t *uuid)
{
	pg_uuid_t  *copy;

	if (uuid == NULL)
	{
		column_add_null(column);
		return;
	}
	copy = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	*copy = *uuid;
	column_add(column, UUIDPGetDatum(copy));
}

Datum
column_array(const Column *column)
{
	int16		length;
	bool		by_value;
	char		alignment;
	int			dimension = column->count;
	int			lower_bound = 1;

	get_typlenbyvalalign(column->type, &length, &by_value, &alignment);
	if (column->count == 0)
		return PointerGetDatum(construct_empty_array(column->type));
	return PointerGetDatum(construct_md_array(column->values, column->nulls, 1,
											  &dimension, &lower_bound, column->type,
											  length, by_value, alignment));
}
