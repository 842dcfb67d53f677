/*
 * table_write.h
 *		Writing rows of a table of the extension without a statement: for many
 *		rows, where most of the cost of a statement is to unpack arrays and to run a
 *		plan, and for few that a user waits for, where it is to start the plan.
 *
 * Constraints are checked, triggers run and indexes filled as by a statement.
 * Defaults, privileges, row security and the checks of domains are not applied. A
 * trigger on an update of certain columns runs if any of the columns that the writer
 * names is one of them.
 *
 * Nothing here waits for the lock of a row.
 *
 * A writer is in CurrentMemoryContext, which must live until table_write_end. Each
 * begins and ends like a statement: it sees what is committed when it begins, and
 * what it has written is seen after it has ended.
 */
#ifndef APPT_TABLE_WRITE_H
#define APPT_TABLE_WRITE_H

#include "storage/itemptr.h"

#include "core/compat.h"

typedef struct TableWriter TableWriter;

/* For a table in the schema appt. */
extern TableWriter *table_insert_begin(const char *table, const char *const *columns, int column_count);

/* The first written_count columns are written, the others only read. */
extern TableWriter *table_update_begin(const char *table, const char *const *columns, int column_count, int written_count);
extern TableWriter *table_delete_begin(const char *table);
extern TableWriter *table_look_begin(const char *table);	/* only to find rows */

/* Write what was added. */
extern void table_write_end(TableWriter *writer);

/* ---- inserting ---- */

/* The next value of the identity column. */
extern int64 table_next_id(const TableWriter *writer);

/*
 * Add a row: the values of the writer's columns, in their order; other columns are
 * NULL. What they point to must live until table_write_end, which sets `place`, if
 * that is not NULL.
 */
extern void table_add(TableWriter *writer, const NullableDatum *values, ItemPointer place);

/*
 * A text that is compressed and stored out of line, if its row is longer than the
 * table's toast_tuple_target: a new version of the row need not copy it. Without this,
 * only rows of more than 2 kB are looked at.
 */
extern Datum text_out_of_line(const char *text);

/* ---- finding, updating and deleting ---- */

typedef enum FoundRow
{
	ROW_NONE,					/* there is none */
	ROW_LOCKED,					/* another transaction has locked or changed
								 * it */
	ROW_FREE
} FoundRow;

/*
 * Find the row with these values of the primary key, which are passed by value. It
 * is mostly still at `place`, where it was when it was written or read last.
 */
extern FoundRow table_find(TableWriter *writer, const ItemPointerData *place, const Datum *key);

/*
 * The same for a row that this transaction has read at `place`. ROW_LOCKED if it is
 * not there any more: it has another version.
 */
extern FoundRow table_find_same(TableWriter *writer, const ItemPointerData *place, const Datum *key);

/*
 * The same as table_find for a row that has to be written, because what belongs to it
 * has been. 55P03 if it is ROW_LOCKED. False: there is none.
 */
extern bool table_find_to_write(TableWriter *writer, const ItemPointerData *place, const Datum *key);

/* Read the columns of the writer from the row that was found. What the values point to is valid until the next is looked for. */
extern void table_read(TableWriter *writer, NullableDatum *values);

/*
 * Give the columns to write these values in the row that was found, and set `place`
 * to where it is now. False if another transaction has locked or changed it since.
 */
extern bool table_update(TableWriter *writer, const NullableDatum *values, ItemPointer place);

/* Delete the row that was found. 55P03 if another transaction has locked or changed it since. */
extern void table_delete(TableWriter *writer);

/* Raise 55P03 for the row that was found. */
pg_noreturn extern void table_refuse_locked(TableWriter *writer);

#endif							/* APPT_TABLE_WRITE_H */
