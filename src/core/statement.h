/*
 * statement.h
 *		Statements that C code runs: constants beside the function that runs
 *		them, prepared once a session, parameters and results as binary datums.
 *
 *	static Statement find_room = {
 *		"SELECT url FROM appt.room_access WHERE application_id = $1", 1, {UUIDOID}
 *	};
 *	if (statement_run(&find_room, UUIDPGetDatum(&id)) > 0)
 *		url = row_text(0, 1);
 *
 * SPI must be connected. Results stand in SPI_tuptable until the next query or
 * SPI_finish; what the row_ functions return by reference is a copy in
 * CurrentMemoryContext (SPI's own, between SPI_connect and SPI_finish).
 */
#ifndef APPT_STATEMENT_H
#define APPT_STATEMENT_H

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#define STATEMENT_MAX_ARGUMENTS 32

typedef struct Statement
{
	const char *sql;
	int			argument_count;
	Oid			argument_types[STATEMENT_MAX_ARGUMENTS];
	bool		is_read_only;	/* sees the calling query's snapshot: for
								 * STABLE functions */
	SPIPlanPtr	plan;
} Statement;

/*
 * Run it with as many Datums as it has arguments, none of them NULL; returns
 * the number of rows.
 */
extern uint64 statement_run(Statement *statement,...);

/* The same where arguments may be NULL. */
extern uint64 statement_run_nullable(Statement *statement, const NullableDatum *arguments);

/* Run it and add its rows to a set-returning function's: of the same types as the function's own. */
extern void statement_store(Statement *statement, const NullableDatum *arguments,
							Tuplestorestate *rows);

/*
 * Run it for a result of any size: its rows are taken some at a time, each time
 * as if a statement had run that found these. What is allocated while they are
 * taken is freed after it.
 */
typedef void (*RowsTaker) (uint64 rows, void *whereto);
extern void statement_each(Statement *statement, const NullableDatum *arguments,
						   RowsTaker take, void *whereto);

/* Free the last result, once it has been read. */
extern void statement_done(void);

/* Arguments. */
#define SQL_NULL ((NullableDatum) {(Datum) 0, true})
#define SQL_VALUE(datum) ((NullableDatum) {(datum), false})
extern NullableDatum sql_text(const char *text);	/* NULL pointer: NULL */
extern NullableDatum sql_uuid(const pg_uuid_t *uuid);	/* NULL pointer: NULL */
extern NullableDatum sql_jsonb(const Jsonb *jsonb); /* NULL pointer: NULL */
extern Datum text_datum(const char *text);

/* Columns (from 1) of row (from 0) of the last result. */
extern bool row_is_null(uint64 row, int column);
extern Datum row_datum(uint64 row, int column, bool *is_null);
extern char *row_text(uint64 row, int column);	/* NULL if NULL; text and
												 * domains over it */
extern pg_uuid_t row_uuid(uint64 row, int column);	/* must not be NULL */
extern pg_uuid_t *row_uuid_or_null(uint64 row, int column);
extern bool row_bool(uint64 row, int column);
extern int32 row_int32(uint64 row, int column);
extern int64 row_int64(uint64 row, int column);
extern TimestampTz row_timestamp(uint64 row, int column);	/* 0 if NULL */
extern Jsonb *row_jsonb(uint64 row, int column);	/* NULL if NULL */
extern TimeOffset row_elapsed(uint64 row, int column);	/* interval without
														 * months, in
														 * microseconds; 0 if
														 * NULL */

/* An interval without months as microseconds of elapsed time, and back. */
extern TimeOffset elapsed_microseconds(const Interval *interval);
extern Interval *elapsed_interval(TimeOffset microseconds);

#endif							/* APPT_STATEMENT_H */
