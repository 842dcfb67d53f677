/*
 * call_statement.h
 *		The statement by which a shard executes a function.
 *
 * It names the arguments and the columns that the router knows, so a shard may have more
 * of them, and in another order.
 */
#ifndef ROUTER_CALL_STATEMENT_H
#define ROUTER_CALL_STATEMENT_H

#include "access/tupdesc.h"
#include "libpq-fe.h"

typedef struct CallShape
{
	char	   *function;		/* qualified and quoted */
	int			count;			/* of arguments */
	char	  **names;			/* of arguments; "": none */
	char	  **types;			/* of arguments, as SQL */
	TupleDesc	columns;		/* of the result; NULL: void */
	bool		is_row;			/* the columns have names */
} CallShape;

/* Kinds of names in the list of what a shard has. */
#define KIND_ARGUMENT "argument"
#define KIND_COLUMN "column"	/* of the result; "a.b": column b of the
								 * composites of which a is an array */
#define KIND_VERSION "version"	/* of appt */

/*
 * The statement, in CurrentMemoryContext. Its parameters are the arguments, as texts.
 *
 * For a shard that lacks some, theirs has what it has of the function: rows of a kind and
 * a name. The statement has no parameter for an argument that is not among them; such a
 * column is null. One more column, the last one, is the shard's version of appt.
 */
extern char *call_statement(const CallShape *shape, const PGresult *theirs);

/* A name to prepare it under, another one for another statement. */
extern char *call_statement_name(const char *statement);

/* Has a shard that has these the argument? */
extern bool shard_has_argument(const CallShape *shape, const PGresult *theirs, int argument);

/* Does a shard that has these have all that the statement names? */
extern bool shard_has_all(const CallShape *shape, const PGresult *theirs);

#endif							/* ROUTER_CALL_STATEMENT_H */
