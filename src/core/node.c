/*
 * node.c
 *		Numbers of rows that do not collide between databases.
 *
 * The node is where the sequences of the identity columns are, and nowhere else: a dump
 * has their positions, so what is restored from it goes on as the same node.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/node.h"
#include "core/row.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(set_node);
PG_FUNCTION_INFO_V1(node_of);

#define WITH_IDENTITIES \
	"WITH identity AS MATERIALIZED (" \
	" SELECT t.relname, pg_get_serial_sequence(format('appt.%I', t.relname), a.attname)::regclass AS sequence" \
	" FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid" \
	" WHERE t.relnamespace = 'appt'::regnamespace AND a.attidentity <> '') "

/* PT409 if a number was given. Nobody gives one until the end of the transaction: the first rows need an organization. */
static void
require_unused(void)
{
	static Statement lock = {
		"LOCK TABLE appt.organization, appt.application IN SHARE ROW EXCLUSIVE MODE", 0
	};
	static Statement find = {
		WITH_IDENTITIES "SELECT min(relname::text) FROM identity WHERE pg_sequence_last_value(sequence) IS NOT NULL", 0
	};
	char	   *table;

	(void) statement_run(&lock);
	(void) statement_run(&find);
	table = next_text(ROW(0));
	if (table != NULL)
		report_conflict("the database has numbered rows already",
						"The identity column of table \"%s\" has given a number.", table);
}

/*
 * appt.set_node(node integer) -> void
 *
 * The identity columns count from node x 2^43 on. Only the extension's owner and
 * superusers have EXECUTE. A rollback does not undo it: it moves sequences. 22023: not
 * 0 to 1023. PT409: a row has been numbered. Source: shards.md.
 */
Datum
set_node(PG_FUNCTION_ARGS)
{
	static Statement move = {
		WITH_IDENTITIES "SELECT setval(sequence, greatest($1, 1), false) FROM identity", 1, {INT8OID}
	};
	Call		call;

	require_argument(fcinfo, 0, "node");
	check_range(fcinfo, 0, "node", 0, NODES - 1);
	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	require_unused();
	(void) statement_run(&move, Int64GetDatum(first_of_node(PG_GETARG_INT32(0))));
	call_end(&call);
	PG_RETURN_VOID();
}

/* appt.node_of(id bigint) -> integer */
Datum
node_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(node_of_number(PG_GETARG_INT64(0)));
}
