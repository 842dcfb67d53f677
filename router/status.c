/*
 * status.c
 *		shard_status(): what the shards say of themselves, a row for each, also for one
 *		that does not answer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "router/directory.h"
#include "router/probe.h"
#include "router/statement.h"

PG_FUNCTION_INFO_V1(shard_status);

/* Columns of the result: what the router knows comes before what the shard says, as columns of STATUS. */
enum
{
	COLUMN_NODE, COLUMN_HOST, COLUMN_ACCEPTS_TENANTS, COLUMN_TENANTS, COLUMN_ANSWERS, COLUMN_PROBLEM, KNOWN_COLUMNS
};
#define SAID_COLUMNS 12

/* Every version of appt has these. */
#define STATUS \
	"SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'appt')," \
	" (SELECT appt.node_of(last_value) FROM appt.notification_id_seq)," \
	" (SELECT count(*) FROM appt.application)," \
	" count(*), count(pid), string_agg(DISTINCT why_quiet, ', ' ORDER BY why_quiet), max(due_now), min(oldest_due_at)," \
	" coalesce(sum(in_flight), 0), coalesce(sum(sent), 0), coalesce(sum(failed), 0), coalesce(sum(open_circuits), 0)" \
	" FROM appt.worker_status"

typedef struct Table
{
	FunctionCallInfo fcinfo;
	ReturnSetInfo *set;
	AttInMetadata *columns;
} Table;

static int
count_tenants(FunctionCallInfo fcinfo, int node)
{
	Oid			types[] = {INT4OID};
	Datum		arguments[] = {Int32GetDatum(node)};
	int			count = 0;

	(void) directory_run(fcinfo, "SELECT count(*)::integer FROM appt.tenant WHERE node = $1", 1, types, arguments, &count);
	return count;
}

static void
add_row(const Answer *answer, void *context)
{
	Table	   *table = context;
	char	   *texts[KNOWN_COLUMNS + SAID_COLUMNS] = {
		[COLUMN_NODE] = psprintf("%d", answer->shard.node),
		[COLUMN_HOST] = (char *) answer->host,
		[COLUMN_ACCEPTS_TENANTS] = answer->shard.accepts_tenants ? "t" : "f",
		[COLUMN_TENANTS] = psprintf("%d", count_tenants(table->fcinfo, answer->shard.node)),
		[COLUMN_ANSWERS] = answer->rows != NULL ? "t" : "f",
		[COLUMN_PROBLEM] = (char *) answer->problem
	};

	for (int i = 0; answer->rows != NULL && i < SAID_COLUMNS; i++)
		if (!PQgetisnull(answer->rows, 0, i))
			texts[KNOWN_COLUMNS + i] = PQgetvalue(answer->rows, 0, i);
	tuplestore_puttuple(table->set->setResult, BuildTupleFromCStrings(table->columns, texts));
}

/* appt.shard_status() -> set of rows */
Datum
shard_status(PG_FUNCTION_ARGS)
{
	Table		table = {.fcinfo = fcinfo, .set = (ReturnSetInfo *) fcinfo->resultinfo};

	InitMaterializedSRF(fcinfo, 0);
	table.columns = TupleDescGetAttInMetadata(table.set->setDesc);
	probe_shards(all_nodes(), STATUS, add_row, &table);
	return (Datum) 0;
}
