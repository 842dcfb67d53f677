/*
 * column.h
 *		Arrays of values, the parameters of set-based statements.
 *
 * A statement applies unnest to each in the select list of a subquery; in
 * FROM, each unnest would first write its array into a tuplestore.
 */
#ifndef APPT_COLUMN_H
#define APPT_COLUMN_H

#include "utils/uuid.h"

typedef struct Column
{
	Oid			type;
	int			count;
	int			capacity;
	Datum	   *values;
	bool	   *nulls;
} Column;

/* In CurrentMemoryContext; the types of core/statement.h: uuid, text, bigint, integer, smallint, boolean, timestamptz. */
extern Column *column_create(Oid type, int capacity);

extern void column_add(Column *column, Datum value);
extern void column_add_null(Column *column);
extern void column_add_text(Column *column, const char *text);	/* NULL pointer: NULL */

/* Copies the uuid; NULL pointer: NULL. */
extern void column_add_uuid(Column *column, const pg_uuid_t *uuid);

/* The array, in CurrentMemoryContext. */
extern Datum column_array(const Column *column);

#endif							/* APPT_COLUMN_H */
