/*
 * change_values.h
 *		Which values of a changed row appt.change records.
 *
 * Pure functions of the two versions of the row.
 */
#ifndef APPT_CHANGE_VALUES_H
#define APPT_CHANGE_VALUES_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/jsonb.h"

/* The columns of a version of a row. */
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

/* Deform the tuples, one of which may be NULL. The result is in CurrentMemoryContext. */
extern RowChange *row_change_read(const char *table, TupleDesc descriptor, HeapTuple old, HeapTuple new);

/* Did a column change that appt.change records? */
extern bool row_change_is_recorded(const RowChange *change);

/* Values of appt.change.row_key, old_values and new_values; the latter two may be NULL. */
extern Jsonb *row_change_key(const RowChange *change);
extern Jsonb *row_change_old(const RowChange *change);
extern Jsonb *row_change_new(const RowChange *change);

/* A column of the row's latest version; (Datum) 0 and *is_null if there is no such column. */
extern Datum row_change_column(const RowChange *change, const char *column, bool *is_null);

/*
 * The columns that appt.change keeps of a deleted row of this table, as
 * text[]; (Datum) 0: all, because the table is not about persons.
 */
extern Datum row_change_kept(const char *table);

#endif							/* APPT_CHANGE_VALUES_H */
