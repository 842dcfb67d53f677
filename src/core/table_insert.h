/*
 * table_insert.h
 *		Inserting rows into a table of the extension without a statement: for rows
 *		so many that parsing arrays and running a plan is most of their cost.
 *
 * Constraints are checked, triggers run and indexes filled as by INSERT. Defaults,
 * row security and the checks of domains are not applied: each column that the rows
 * do not have is NULL.
 */
#ifndef APPT_TABLE_INSERT_H
#define APPT_TABLE_INSERT_H

typedef struct TableInsert TableInsert;

/* Into these columns of a table in the schema appt. In CurrentMemoryContext, which must live until table_insert_end. */
extern TableInsert *table_insert_begin(const char *table, const char *const *columns, int column_count);

/* The next value of the identity column. */
extern int64 table_insert_next_id(TableInsert *insert);

/* Add a row: the values of the columns, in their order. What they point to must live until table_insert_end. */
extern void table_insert_add(TableInsert *insert, const NullableDatum *values);

/* Write the rows. Later statements of the transaction see them. */
extern void table_insert_end(TableInsert *insert);

/*
 * A text that is compressed and stored out of line, if its row is longer than the
 * table's toast_tuple_target: a new version of the row need not copy it. Without this,
 * only rows of more than 2 kB are looked at.
 */
extern Datum text_out_of_line(const char *text);

#endif							/* APPT_TABLE_INSERT_H */
