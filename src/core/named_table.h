/*
 * named_table.h
 *		Tables of the extension, opened by their names without a statement.
 */
#ifndef APPT_NAMED_TABLE_H
#define APPT_NAMED_TABLE_H

#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* A table in the schema appt. */
extern Relation named_table_open(const char *name, LOCKMODE lock);

/* The numbers of these columns of the table; fastest if they are named in its order. */
extern void named_columns(Relation table, const char *const *names, int count, AttrNumber *numbers);

#endif							/* APPT_NAMED_TABLE_H */
