/*
 * statement.c
 *		Preparing and running statements through SPI.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/statement.h"

/* Rows of a large result that are fetched at once. */
#define ROWS_AT_ONCE 1000

/* Prepare the statement if this session has not done so yet. */
static void
statement_prepare(Statement *statement)
{
	SPIPlanPtr	plan;

	if (statement->plan != NULL)
		return;
	plan = SPI_prepare(statement->sql, statement->argument_count, statement->argument_types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	statement->plan = plan;
}

static uint64
execute(Statement *statement, Datum *values, const char *nulls)
{
	int			result;

	statement_prepare(statement);
	result = SPI_execute_plan(statement->plan, values, nulls,
							  statement->is_read_only, 0);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	return SPI_processed;
}

uint64
statement_run(Statement *statement,...)
{
	Datum		values[STATEMENT_MAX_ARGUMENTS];
	va_list		arguments;

	va_start(arguments, statement);
	for (int i = 0; i < statement->argument_count; i++)
		values[i] = va_arg(arguments, Datum);
	va_end(arguments);
	return execute(statement, values, NULL);
}

uint64
statement_run_nullable(Statement *statement, const NullableDatum *arguments)
{
	Datum		values[STATEMENT_MAX_ARGUMENTS];
	char		nulls[STATEMENT_MAX_ARGUMENTS];

	for (int i = 0; i < statement->argument_count; i++)
	{
		values[i] = arguments[i].value;
		nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
	return execute(statement, values, nulls);
}

void
statement_done(void)
{
	SPI_freetuptable(SPI_tuptable);
	SPI_tuptable = NULL;
}

static ParamListInfo
parameters(const Statement *statement, const NullableDatum *arguments)
{
	ParamListInfo list = makeParamList(statement->argument_count);

	for (int i = 0; i < statement->argument_count; i++)
	{
		list->params[i].value = arguments[i].value;
		list->params[i].isnull = arguments[i].isnull;
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = statement->argument_types[i];
	}
	return list;
}

void
statement_store(Statement *statement, const NullableDatum *arguments, Tuplestorestate *rows)
{
	SPIExecuteOptions options = {0};
	int			result;

	statement_prepare(statement);
	options.params = parameters(statement, arguments);
	options.read_only = statement->is_read_only;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, rows, CurrentMemoryContext, false, NULL, NULL);
	result = SPI_execute_plan_extended(statement->plan, &options);
	options.dest->rDestroy(options.dest);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
}

/* Fetch the next rows of a result; false after the last. */
static bool
fetch(Portal result)
{
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_fetch(result, true, ROWS_AT_ONCE);
	return SPI_processed > 0;
}

void
statement_each(Statement *statement, const NullableDatum *arguments, RowsTaker take, void *whereto)
{
	MemoryContext previous = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(previous, "appt rows", ALLOCSET_DEFAULT_SIZES);
	Portal		result;

	statement_prepare(statement);
	result = SPI_cursor_open_with_paramlist(NULL, statement->plan, parameters(statement, arguments),
											statement->is_read_only);
	while (fetch(result))
	{
		MemoryContextSwitchTo(context);
		take(SPI_processed, whereto);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(context);
	}
	SPI_cursor_close(result);
	MemoryContextDelete(context);
}

Datum
text_datum(const char *text)
{
	return CStringGetTextDatum(text);
}

NullableDatum
sql_text(const char *text)
{
	return text == NULL ? SQL_NULL : SQL_VALUE(CStringGetTextDatum(text));
}

NullableDatum
sql_time(TimestampTz time)
{
	return time == 0 ? SQL_NULL : SQL_VALUE(TimestampTzGetDatum(time));
}

NullableDatum
sql_uuid(const pg_uuid_t *uuid)
{
	return uuid == NULL ? SQL_NULL : SQL_VALUE(UUIDPGetDatum(uuid));
}

NullableDatum
sql_jsonb(const Jsonb *jsonb)
{
	return jsonb == NULL ? SQL_NULL : SQL_VALUE(JsonbPGetDatum(jsonb));
}
