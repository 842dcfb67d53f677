/*
 * remote.c
 *		Calls of functions on shards, whose appt may be of another version.
 *
 * A shard that has more than the router knows answers the router's statement as it is. One
 * that lacks something refuses it before it executes anything. Then it is asked what it
 * has of the function, and gets a statement without the rest. The session keeps this
 * statement until an answer shows that the shard has another version by now.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "router/remote.h"
#include "router/statement.h"

/* What a shard has of a function: see KIND_ARGUMENT. Functions of one name are taken as one. */
#define WHAT_A_SHARD_HAS \
	"WITH f AS (SELECT p.* FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace" \
	"  WHERE n.nspname = $1 AND p.proname = $2)," \
	" result AS (SELECT a.attname AS name, a.atttypid AS type FROM f JOIN pg_catalog.pg_type t ON t.oid = f.prorettype" \
	"   JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped" \
	"  UNION ALL SELECT u.name, u.type FROM f, ROWS FROM (pg_catalog.unnest(f.proargnames), pg_catalog.unnest(f.proallargtypes)," \
	"   pg_catalog.unnest(f.proargmodes)) u (name, type, mode)" \
	"   WHERE u.mode IN ('o', 'b', 't'))" \
	"SELECT '" KIND_VERSION "', extversion FROM pg_catalog.pg_extension WHERE extname = 'appt' AND EXISTS (SELECT FROM f)" \
	" UNION ALL SELECT '" KIND_ARGUMENT "', u.name FROM f, pg_catalog.unnest(f.proargnames) WITH ORDINALITY u (name, number)" \
	"  WHERE u.number <= f.pronargs" \
	" UNION ALL SELECT '" KIND_COLUMN "', r.name FROM result r" \
	" UNION ALL SELECT '" KIND_COLUMN "', r.name || '.' || a.attname FROM result r JOIN pg_catalog.pg_type t ON t.oid = r.type" \
	"  JOIN pg_catalog.pg_type e ON e.oid = t.typelem" \
	"  JOIN pg_catalog.pg_attribute a ON a.attrelid = e.typrelid AND a.attnum > 0 AND NOT a.attisdropped"

typedef struct VariantKey
{
	int			node;
	char		statement_name[NAMEDATALEN];	/* the router's */
} VariantKey;

/* The statement for a shard that lacks something. */
typedef struct Variant
{
	VariantKey	key;			/* of the hash table, first */
	MemoryContext context;		/* of all else */
	char	   *statement;
	char	   *name;
	char	   *version;		/* of the shard */
	bool	   *has_argument;
} Variant;

static HTAB *variants = NULL;

static VariantKey
key_of(int node, const Function *function)
{
	VariantKey	key;

	memset(&key, 0, sizeof(key));
	key.node = node;
	strlcpy(key.statement_name, function->statement_name, NAMEDATALEN);
	return key;
}

/* NULL: as far as is known the shard lacks nothing. */
static Variant *
find_variant(int node, const RemoteCall *call)
{
	VariantKey	key;

	if (variants == NULL || call->function == NULL)
		return NULL;
	key = key_of(node, call->function);
	return hash_search(variants, &key, HASH_FIND, NULL);
}

static void
forget_variant(Variant *variant)
{
	MemoryContextDelete(variant->context);
	(void) hash_search(variants, &variant->key, HASH_REMOVE, NULL);
}

/* ---- what a shard has ---- */

static const char *
version_of(const PGresult *theirs)
{
	for (int row = 0; row < PQntuples(theirs); row++)
		if (strcmp(PQgetvalue(theirs, row, 0), KIND_VERSION) == 0)
			return PQgetvalue(theirs, row, 1);
	return NULL;
}

pg_noreturn static void report_other_version(int node, const char *detail);

static void
report_other_version(int node, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("shard has another version of appt"),
			 errdetail_internal("%s", detail),
			 errhint("Update appt on shard %d, and appt_router, to the same version.", node)));
}

static void
keep_variant(int node, const Function *function, const PGresult *theirs)
{
	HASHCTL		control = {.keysize = sizeof(VariantKey), .entrysize = sizeof(Variant), .hcxt = TopMemoryContext};
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "appt_router variant", ALLOCSET_SMALL_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);
	Variant		variant = {.key = key_of(node, function), .context = context};

	variant.statement = call_statement(&function->shape, theirs);
	variant.name = call_statement_name(variant.statement);
	variant.version = pstrdup(version_of(theirs));
	variant.has_argument = palloc(sizeof(bool) * (function->shape.count + 1));
	for (int i = 0; i < function->shape.count; i++)
		variant.has_argument[i] = shard_has_argument(&function->shape, theirs, i);
	MemoryContextSwitchTo(previous);
	if (variants == NULL)
		variants = hash_create("appt_router variants", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	*(Variant *) hash_search(variants, &variant.key, HASH_ENTER, NULL) = variant;
}

/* Find out what the shard of the connection has, and keep a statement for it if it lacks something. */
static void
ask_what_it_has(int node, const RemoteCall *call)
{
	const char *values[] = {call->function->schema, call->function->name};
	RemoteCall	ask = {
		.caller = call->caller, .name = "appt_router_has", .statement = WHAT_A_SHARD_HAS, .count = 2, .values = values
	};
	Variant    *variant = find_variant(node, call);
	PGresult   *theirs;

	if (variant != NULL)
		forget_variant(variant);
	theirs = shard_run(node, &ask);
	if (version_of(theirs) == NULL)
		report_other_version(node, psprintf("Shard %d has no function %s of version " APPT_VERSION ".",
											node, call->function->shape.function));
	if (!shard_has_all(&call->function->shape, theirs))
		keep_variant(node, call->function, theirs);
}

/* ---- a call ---- */

/* An argument that the shard lacks must have the value that it has without being given. */
static void
require_default(Variant *variant, const RemoteCall *call, int argument)
{
	bool		has_default;
	const char *usual = function_default(call->function, argument, &has_default);
	const char *value = call->values[argument];
	int			node = variant->key.node;
	char	   *detail;

	if (has_default && (value == NULL ? usual == NULL : usual != NULL && strcmp(value, usual) == 0))
		return;
	detail = psprintf("Shard %d has version %s and the router " APPT_VERSION ": its function %s has no argument \"%s\".",
					  node, variant->version, call->function->shape.function, call->function->shape.names[argument]);
	forget_variant(variant);	/* it may have it by the next call */
	report_other_version(node, detail);
}

static void
send_variant(Connection *connection, const RemoteCall *call, Variant *variant)
{
	RemoteCall	changed = *call;
	const char **values = palloc(sizeof(char *) * (call->count + 1));

	changed.statement = variant->statement;
	changed.name = variant->name;
	changed.values = values;
	changed.count = 0;
	for (int i = 0; i < call->count; i++)
	{
		if (variant->has_argument[i])
			values[changed.count++] = call->values[i];
		else
			require_default(variant, call, i);
	}
	connection_send(connection, &changed);
}

void
remote_send(Connection *connection, const RemoteCall *call)
{
	Variant    *variant = find_variant(connection_node(connection), call);

	if (variant == NULL)
		connection_send(connection, call);
	else
		send_variant(connection, call, variant);
}

List *
remote_send_all(const List *nodes, const RemoteCall *call)
{
	List	   *connections = NIL;
	ListCell   *cell;

	foreach(cell, nodes)
		connections = lappend(connections, connection_to(lfirst_int(cell), call->caller));
	foreach(cell, connections)
		remote_send(lfirst(cell), call);
	return connections;
}

/* Send the call once more, as the shard takes it. */
static PGresult *
try_again(Connection *connection, RemoteCall *call)
{
	int			node = connection_node(connection);
	PGresult   *rows;

	ask_what_it_has(node, call);
	connection = connection_to(node, call->caller);
	remote_send(connection, call);
	rows = connection_finish(connection, call);
	if (rows == NULL && connection_refused_statement(connection))
		report_other_version(node, psprintf("Shard %d refuses the call: %s", node, connection_problem(connection)));
	return rows;
}

/* Without a row there was nothing that the statement could have left out. */
static void
notice_version(int node, const RemoteCall *call, const PGresult *rows)
{
	Variant    *variant = find_variant(node, call);

	if (variant != NULL && PQntuples(rows) > 0 && strcmp(PQgetvalue(rows, 0, PQnfields(rows) - 1), variant->version) != 0)
		forget_variant(variant);
}

PGresult *
remote_finish(Connection *connection, RemoteCall *call)
{
	PGresult   *rows = connection_finish(connection, call);

	if (rows == NULL && call->function != NULL && connection_refused_statement(connection))
		rows = try_again(connection, call);
	if (rows != NULL)
		notice_version(connection_node(connection), call, rows);
	return rows;
}

PGresult *
remote_rows(Connection *connection, RemoteCall *call)
{
	PGresult   *rows = remote_finish(connection, call);

	if (rows == NULL)
		connection_raise(connection);
	return rows;
}
