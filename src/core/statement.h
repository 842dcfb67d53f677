/*
 * statement.h
 *		Statements that C code runs: constants beside the function that runs
 *		them, prepared once a session, parameters and results as binary datums.
 *
 *	static Statement find_room = {
 *		"SELECT url FROM appt.room_access WHERE application_id = $1", 1, {UUIDOID}
 *	};
 *	if (statement_run(&find_room, UUIDPGetDatum(&id)) > 0)
 *		url = next_text(ROW(0));
 *
 * SPI must be connected. The result is in SPI_tuptable until the next query or
 * SPI_finish; row.h reads it.
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
	bool		is_read_only;	/* uses the calling query's snapshot: for
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

/* Run it and add its rows, which have the types of a set-returning function's result, to that result. */
extern void statement_store(Statement *statement, const NullableDatum *arguments,
							Tuplestorestate *rows);

/*
 * Run it for a result of any size: `take` is called for some rows at a time, as if
 * they were the result of a statement. What `take` allocates is freed afterwards.
 */
typedef void (*RowsTaker) (uint64 rows, void *whereto);
extern void statement_each(Statement *statement, const NullableDatum *arguments,
						   RowsTaker take, void *whereto);

/* Free the last result. */
extern void statement_done(void);

/* Arguments. */
#define SQL_NULL ((NullableDatum) {(Datum) 0, true})
#define SQL_VALUE(datum) ((NullableDatum) {(datum), false})
extern NullableDatum sql_text(const char *text);	/* NULL pointer: NULL */
extern NullableDatum sql_time(TimestampTz time);	/* 0: NULL */
extern NullableDatum sql_uuid(const pg_uuid_t *uuid);	/* NULL pointer: NULL */
extern NullableDatum sql_jsonb(const Jsonb *jsonb); /* NULL pointer: NULL */
extern Datum text_datum(const char *text);

#endif							/* APPT_STATEMENT_H */
