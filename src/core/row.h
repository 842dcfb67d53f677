/*
 * row.h
 *		Reading a row of a statement's result column by column, in the order of
 *		its SELECT list, so that nobody counts columns.
 *
 *	static Statement find = {
 *		"SELECT max_duration, end_grace FROM appt.application WHERE id = $1", 1, {UUIDOID}
 *	};
 *	if (statement_run(&find, UUIDPGetDatum(&id)) > 0)
 *	{
 *		Row		   *row = ROW(0);
 *
 *		limits.max_duration = next_elapsed(row);
 *		limits.end_grace = next_elapsed(row);
 *	}
 *
 * Each next_ function reads one column and moves to the next, so two of them
 * must not stand in one argument list or initializer: C does not say which is
 * called first. A single column needs no variable: next_uuid(ROW(0)).
 *
 * A row may be read until statement_done or SPI_finish frees its result, also
 * after another statement has run. What is returned by reference is a copy in
 * CurrentMemoryContext, unless a function says otherwise.
 */
#ifndef APPT_ROW_H
#define APPT_ROW_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define ROW_MAX_COLUMNS 64

typedef struct Row
{
	int			count;			/* of columns */
	int			next;			/* the column to be read next, from 0 */
	Datum		values[ROW_MAX_COLUMNS];
	bool		nulls[ROW_MAX_COLUMNS];
} Row;

/* Row `number` (from 0) of the last result, at its first column. The pointer is valid within the enclosing block. */
#define ROW(number) ((Row[]) {row_at(number)})
extern Row	row_at(uint64 number);

/* For a column of any type. The value points into the row; it is not copied. */
extern NullableDatum next_value(Row *row);

extern char *next_text(Row *row);	/* text and domains over it; NULL if NULL */
extern pg_uuid_t next_uuid(Row *row);	/* XX000 if NULL */
extern pg_uuid_t *next_uuid_or_null(Row *row);
extern bool next_bool(Row *row);	/* false if NULL */
extern bool *next_bool_or_null(Row *row);
extern Interval *next_interval_or_null(Row *row);
extern int32 next_int32(Row *row);	/* 0 if NULL, as the next three */
extern int64 next_int64(Row *row);
extern double next_double(Row *row);
extern TimestampTz next_timestamp(Row *row);
extern TimeOffset next_elapsed(Row *row);	/* an interval without months, in
											 * microseconds; 0 if NULL */
extern Jsonb *next_jsonb(Row *row); /* NULL if NULL */

#endif							/* APPT_ROW_H */
