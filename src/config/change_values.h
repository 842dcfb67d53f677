/*
 * change_values.h
 *		Which values of a changed row appt.change keeps. Pure: reads the two
 *		versions of the row, and nothing else.
 */
#ifndef APPT_CHANGE_VALUES_H
#define APPT_CHANGE_VALUES_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/jsonb.h"

/* A version of a row, taken apart. */
typedef struct RowVersion
{
	Datum	   *values;
	bool	   *nulls;
} RowVersion;

typedef struct RowChange
{
	const char *table;
	TupleDesc	descriptor;
	RowVersion *old;			/* NULL: an INSERT */
	RowVersion *new;			/* NULL: a DELETE */
} RowChange;

/* Take the tuples apart, of which one may be NULL. All is allocated in CurrentMemoryContext. */
extern RowChange *row_change_read(const char *table, TupleDesc descriptor, HeapTuple old, HeapTuple new);

/* Did any column change that is recorded? */
extern bool row_change_is_recorded(const RowChange *change);

/* Columns appt.change.row_key, old_values and new_values; the latter two may be NULL. */
extern Jsonb *row_change_key(const RowChange *change);
extern Jsonb *row_change_old(const RowChange *change);
extern Jsonb *row_change_new(const RowChange *change);

/* A column of the row as it is now, or was before it was deleted; (Datum) 0 and *is_null if there is none of that name. */
extern Datum row_change_column(const RowChange *change, const char *column, bool *is_null);

/*
 * The columns that a deleted row of this table leaves behind in appt.change, as
 * text[]; (Datum) 0: all, because it tells of no person.
 */
extern Datum row_change_kept(const char *table);

#endif							/* APPT_CHANGE_VALUES_H */
