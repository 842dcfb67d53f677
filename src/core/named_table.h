/*
 * named_table.h
 *		Tables of the extension, and their columns and indexes, without a statement.
 */
#ifndef APPT_NAMED_TABLE_H
#define APPT_NAMED_TABLE_H

#include "access/skey.h"
#include "access/tupdesc.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* A table in the schema appt. */
extern Relation named_table_open(const char *name, LOCKMODE lock);

/* The numbers of these columns of a table; fastest if they are named in its order. */
extern void named_columns(TupleDesc descriptor, const char *const *names, int count, AttrNumber *numbers);

/*
 * The condition of a scan that key `number` (from 0) of this B-tree is `value`, or at
 * least that. The value has the type that the index compares.
 */
extern void set_equality(ScanKey condition, Relation index, int number, Datum value);
extern void set_at_least(ScanKey condition, Relation index, int number, Datum value);

#endif							/* APPT_NAMED_TABLE_H */
