/*
 * page.c
 *		A page of appointments of many shards.
 *
 * Nobody knows which of a shard's appointments belong to page n of all: each shard
 * gives its first n pages, and the router sorts these. A late page costs accordingly;
 * whoever reads all of them asks shard by shard.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"

#include "router/page.h"
#include "router/remote.h"

/* Arguments and result columns of appt.find_appointments. */
enum
{
	ARGUMENT_PAGE_SIZE = 4, ARGUMENT_PAGE_NUMBER, ARGUMENT_SORT_ORDER, ARGUMENT_SORT_FIELD
};
enum
{
	COLUMN_CONTENT, COLUMN_TOTAL = 6
};

#define MAX_PAGE_SIZE 500		/* of a shard */

/* How appt sorts by each of its fields (schedule/find.c), in terms of what a page contains. */
static const struct
{
	const char *name;
	const char *expression;
}			sort_fields[] = {
	{"start_at", "c.start_at"},
	{"end_at", "c.end_at"},
	{"created_at", "c.created_at"},
	{"updated_at", "c.updated_at"},
	{"title", "c.title"},
	{"state", "c.state COLLATE \"C\""},
	{"duration", "c.duration"},
	{"organizer_id", "c.organizer->>'id'"},
	{"id", "c.id"}
};

/* What the shards gave. */
typedef struct Portions
{
	ArrayBuildState *contents;	/* texts of arrays of appointments */
	int64		total;
} Portions;

static void
add_portion(Portions *portions, const PGresult *rows, bool is_first)
{
	if (PQntuples(rows) != 1 || PQnfields(rows) <= COLUMN_TOTAL)
		elog(ERROR, "unexpected page of a shard");
	portions->contents = accumArrayResult(portions->contents, CStringGetTextDatum(PQgetvalue(rows, 0, COLUMN_CONTENT)),
										  false, TEXTOID, CurrentMemoryContext);
	if (is_first)
		portions->total += pg_strtoint64(PQgetvalue(rows, 0, COLUMN_TOTAL));
}

/* The same portion of every shard. */
static void
ask_for_portion(List *nodes, RemoteCall *call, Portions *portions, bool is_first)
{
	List	   *connections = remote_send_all(nodes, call);
	ListCell   *cell;

	foreach(cell, connections)
		add_portion(portions, remote_rows(lfirst(cell), call), is_first);
}

static Portions
ask_for_portions(List *nodes, RemoteCall *call, int64 count)
{
	Portions	portions = {0};
	int			size = Min(count, MAX_PAGE_SIZE);
	const char **values = palloc(sizeof(char *) * call->count);
	RemoteCall	portion = *call;

	memcpy(values, call->values, sizeof(char *) * call->count);
	portion.values = values;
	values[ARGUMENT_PAGE_SIZE] = psprintf("%d", size);
	for (int number = 1; (int64) (number - 1) * size < count; number++)
	{
		if (number > 1 && (int64) (number - 1) * size >= portions.total)
			break;
		values[ARGUMENT_PAGE_NUMBER] = psprintf("%d", number);
		ask_for_portion(nodes, &portion, &portions, number == 1);
	}
	return portions;
}

static const char *
sort_expression(const char *name)
{
	for (int i = 0; i < lengthof(sort_fields); i++)
		if (strcmp(sort_fields[i].name, name) == 0)
			return sort_fields[i].expression;
	elog(ERROR, "unexpected sort field of a page");
}

/* The page that these portions contain, as appt.appointment_page. */
static Datum
merge(const Portions *portions, int size, int number, const char *order, const char *field)
{
	bool		is_descending = pg_strcasecmp(order, "desc") == 0;
	char	   *statement = psprintf("SELECT ROW(coalesce((SELECT array_agg(k.c ORDER BY k.n) FROM (SELECT c, row_number() OVER"
									 "   (ORDER BY %s %s NULLS LAST, c.id %s) AS n"
									 "  FROM unnest($1) AS t (content), unnest(t.content::appt.appointment_details[]) AS c) k"
									 "  WHERE k.n > $2::bigint * ($3 - 1) AND k.n <= $2::bigint * $3), '{}'),"
									 " ($4 + $2 - 1) / $2, $3, $2, $5, $6, $4)::appt.appointment_page",
									 sort_expression(field), is_descending ? "DESC" : "ASC", is_descending ? "DESC" : "ASC");
	Oid			types[] = {TEXTARRAYOID, INT4OID, INT4OID, INT8OID, TEXTOID, TEXTOID};
	Datum		arguments[] = {
		makeArrayResult(portions->contents, CurrentMemoryContext), Int32GetDatum(size), Int32GetDatum(number),
		Int64GetDatum(portions->total), CStringGetTextDatum(field),
		CStringGetTextDatum(is_descending ? "desc" : "asc")
	};
	int			guc_level = NewGUCNestLevel();
	bool		is_null;
	Datum		page;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (SPI_execute_with_args(statement, lengthof(types), types, arguments, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not merge pages");
	page = SPI_datumTransfer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null), false, -1);
	SPI_finish();
	AtEOXact_GUC(true, guc_level);
	return page;
}

static const char *
text_argument(FunctionCallInfo fcinfo, int argument, const char *otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static int
integer_argument(FunctionCallInfo fcinfo, int argument, int otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_INT32(argument);
}

/* The first shard judges the arguments: an answer of one of its pages means that they are good. */
static void
have_arguments_judged(List *nodes, RemoteCall *call)
{
	Portions	portions = {0};

	ask_for_portion(list_make1_int(linitial_int(nodes)), call, &portions, true);
}

Datum
page_of_all(Function *function, FunctionCallInfo fcinfo, List *nodes, RemoteCall *call)
{
	int			size = integer_argument(fcinfo, ARGUMENT_PAGE_SIZE, 25);
	int			number = integer_argument(fcinfo, ARGUMENT_PAGE_NUMBER, 1);
	Portions	portions;

	have_arguments_judged(nodes, call);
	portions = ask_for_portions(nodes, call, (int64) size * number);
	return merge(&portions, size, number, text_argument(fcinfo, ARGUMENT_SORT_ORDER, "asc"),
				 text_argument(fcinfo, ARGUMENT_SORT_FIELD, "start_at"));
}
