/*
 * call_statement.c
 *		The statement by which a shard executes a function.
 *
 * A composite type is the same text on both sides only if both have the same columns. So
 * an array of composites is taken apart and put together from the columns that the
 * router knows; a result that is one composite is a row, whose columns are selected.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "router/call_statement.h"

#define THEIR_VERSION "(SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'appt')"

/* theirs NULL: it lacks nothing. */
static bool
shard_has(const PGresult *theirs, const char *kind, const char *name)
{
	for (int row = 0; theirs != NULL && row < PQntuples(theirs); row++)
		if (strcmp(PQgetvalue(theirs, row, 0), kind) == 0 && strcmp(PQgetvalue(theirs, row, 1), name) == 0)
			return true;
	return theirs == NULL;
}

/* One without a name is among what a shard has if the function is. */
bool
shard_has_argument(const CallShape *shape, const PGresult *theirs, int argument)
{
	return shape->names[argument][0] == '\0' || shard_has(theirs, KIND_ARGUMENT, shape->names[argument]);
}

/* The columns of the composites of which a column is an array; NULL: it is no such array. */
static TupleDesc
columns_of_elements(const CallShape *shape, int number)
{
	Oid			element = get_element_type(TupleDescAttr(shape->columns, number)->atttypid);

	return OidIsValid(element) && type_is_rowtype(element) ? lookup_rowtype_tupdesc_copy(element, -1) : NULL;
}

static char *
column_name(TupleDesc columns, int number)
{
	return NameStr(TupleDescAttr(columns, number)->attname);
}

bool
shard_has_all(const CallShape *shape, const PGresult *theirs)
{
	for (int i = 0; i < shape->count; i++)
		if (!shard_has_argument(shape, theirs, i))
			return false;
	for (int i = 0; shape->is_row && i < shape->columns->natts; i++)
	{
		char	   *name = column_name(shape->columns, i);
		TupleDesc	elements = columns_of_elements(shape, i);

		if (!shard_has(theirs, KIND_COLUMN, name))
			return false;
		for (int j = 0; elements != NULL && j < elements->natts; j++)
			if (!shard_has(theirs, KIND_COLUMN, psprintf("%s.%s", name, column_name(elements, j))))
				return false;
	}
	return true;
}

static void
add_elements(StringInfo text, const char *name, TupleDesc elements, const PGresult *theirs)
{
	const char *quoted = quote_identifier(name);

	appendStringInfo(text, "CASE WHEN r.%s IS NOT NULL THEN ARRAY(SELECT ROW(", quoted);
	for (int i = 0; i < elements->natts; i++)
	{
		char	   *part = column_name(elements, i);

		appendStringInfoString(text, i == 0 ? "" : ", ");
		if (shard_has(theirs, KIND_COLUMN, psprintf("%s.%s", name, part)))
			appendStringInfo(text, "e.%s", quote_identifier(part));
		else
			appendStringInfoString(text, "NULL");
	}
	appendStringInfo(text, ") FROM pg_catalog.unnest(r.%s) e) END", quoted);
}

static void
add_column(StringInfo text, const CallShape *shape, int number, const PGresult *theirs)
{
	char	   *name = column_name(shape->columns, number);
	TupleDesc	elements = columns_of_elements(shape, number);

	appendStringInfoString(text, number == 0 ? "" : ", ");
	if (!shard_has(theirs, KIND_COLUMN, name))
		appendStringInfoString(text, "NULL");
	else if (elements != NULL)
		add_elements(text, name, elements, theirs);
	else
		appendStringInfo(text, "r.%s", quote_identifier(name));
}

static void
add_columns(StringInfo text, const CallShape *shape, const PGresult *theirs)
{
	if (shape->is_row)
		for (int i = 0; i < shape->columns->natts; i++)
			add_column(text, shape, i, theirs);
	else if (shape->columns != NULL)
		appendStringInfoString(text, "r.*");
	if (theirs != NULL)
		appendStringInfo(text, "%s" THEIR_VERSION, shape->columns == NULL ? "" : ", ");
}

static void
add_arguments(StringInfo text, const CallShape *shape, const PGresult *theirs)
{
	int			parameter = 0;

	for (int i = 0; i < shape->count; i++)
	{
		if (!shard_has_argument(shape, theirs, i))
			continue;
		appendStringInfoString(text, parameter == 0 ? "" : ", ");
		if (shape->names[i][0] != '\0')
			appendStringInfo(text, "%s => ", quote_identifier(shape->names[i]));
		appendStringInfo(text, "$%d::%s", ++parameter, shape->types[i]);
	}
}

char *
call_statement(const CallShape *shape, const PGresult *theirs)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	add_columns(&text, shape, theirs);
	appendStringInfo(&text, " FROM %s(", shape->function);
	add_arguments(&text, shape, theirs);
	appendStringInfoString(&text, ") r");
	return text.data;
}

char *
call_statement_name(const char *statement)
{
	return psprintf("appt_router_" UINT64_FORMAT,
					DatumGetUInt64(hash_any_extended((const unsigned char *) statement, strlen(statement), 0)));
}
