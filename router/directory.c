/*
 * directory.c
 *		Which shard has which tenant.
 *
 * Every call looks its tenant up anew, so that a router needs no word of a tenant that
 * has moved. A lookup is one descent of an index and costs a few microseconds.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "router/directory.h"
#include "router/report.h"
#include "router/settings.h"

/* Columns of the tables, as directory.sql has them. */
enum
{
	SHARD_NODE = 1, SHARD_CONNINFO, SHARD_TOKEN_LOGIN, SHARD_SERVICE_LOGIN, SHARD_USES_NAMES, SHARD_ACCEPTS_TENANTS
};
enum
{
	TENANT_APPLICATION_ID = 1, TENANT_ORGANIZATION_ID, TENANT_NODE, TENANT_STATE, TENANT_TAG
};
enum
{
	HOME_ORGANIZATION_ID = 1, HOME_NODE
};

#define POLL_MILLISECONDS 20	/* while a tenant is being moved */

/* A scan of one table by a key, or of all of it. */
typedef struct Scan
{
	Relation	table;
	SysScanDesc scan;
	Snapshot	snapshot;
} Scan;

static Oid
relation_of(const char *name)
{
	Oid			relation = get_relname_relid(name, get_namespace_oid("appt", false));

	if (!OidIsValid(relation))
		elog(ERROR, "relation \"%s\" of the router does not exist", name);
	return relation;
}

/* key NULL: everything, in the order of the index. */
static void
scan_begin(Scan *scan, const char *table, const char *index, ScanKey key)
{
	scan->table = table_open(relation_of(table), AccessShareLock);
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->scan = systable_beginscan(scan->table, relation_of(index), true, scan->snapshot, key == NULL ? 0 : 1, key);
}

static HeapTuple
scan_next(Scan *scan)
{
	return systable_getnext(scan->scan);
}

static void
scan_end(Scan *scan)
{
	systable_endscan(scan->scan);
	UnregisterSnapshot(scan->snapshot);
	table_close(scan->table, AccessShareLock);
}

static Datum
column(Scan *scan, HeapTuple row, int number)
{
	bool		is_null;
	Datum		value = heap_getattr(row, number, RelationGetDescr(scan->table), &is_null);

	if (is_null)
		elog(ERROR, "a column of the router's directory is null");
	return value;
}

static int
integer(Scan *scan, HeapTuple row, int number)
{
	return DatumGetInt32(column(scan, row, number));
}

/* The node of the tenant that the key finds, -1 without one; is it being moved? */
static int
find_tenant(const char *index, ScanKey key, bool *is_moving)
{
	Scan		scan;
	HeapTuple	row;
	int			node = -1;

	*is_moving = false;
	scan_begin(&scan, "tenant", index, key);
	row = scan_next(&scan);
	if (HeapTupleIsValid(row))
	{
		node = integer(&scan, row, TENANT_NODE);
		*is_moving = strcmp(TextDatumGetCString(column(&scan, row, TENANT_STATE)), "MOVING") == 0;
	}
	scan_end(&scan);
	return node;
}

static void
nap(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MILLISECONDS, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Once more; *until is 0 the first time. PT503: for too long. */
static void
wait_for_move(TimestampTz *until)
{
	if (*until == 0)
		*until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), router_move_timeout);
	if (GetCurrentTimestamp() >= *until)
		report_moving();
	nap();
}

static int
node_of_tenant(const char *index, ScanKey key)
{
	TimestampTz until = 0;

	for (;;)
	{
		bool		is_moving;
		int			node = find_tenant(index, key, &is_moving);

		if (!is_moving)
			return node;
		wait_for_move(&until);
	}
}

static bool
is_any_moving(void)
{
	Scan		scan;
	bool		is_any;

	scan_begin(&scan, "tenant", "tenant_moving", NULL);
	is_any = HeapTupleIsValid(scan_next(&scan));
	scan_end(&scan);
	return is_any;
}

bool
waited_for_moves(void)
{
	TimestampTz until = 0;

	while (is_any_moving())
		wait_for_move(&until);
	return until != 0;
}

int
node_of_application(const pg_uuid_t *application_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, TENANT_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(application_id));
	return node_of_tenant("tenant_pkey", &key);
}

int
node_of_tag(const uint8 *tag)
{
	ScanKeyData key;
	char		value[VARHDRSZ + TAG_BYTES];

	SET_VARSIZE(value, sizeof(value));
	memcpy(VARDATA(value), tag, TAG_BYTES);
	ScanKeyInit(&key, TENANT_TAG, BTEqualStrategyNumber, F_BYTEAEQ, PointerGetDatum(value));
	return node_of_tenant("tenant_tag_key", &key);
}

int
home_of_organization(const pg_uuid_t *organization_id)
{
	ScanKeyData key;
	Scan		scan;
	HeapTuple	row;
	int			node = -1;

	ScanKeyInit(&key, HOME_ORGANIZATION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(organization_id));
	scan_begin(&scan, "home", "home_pkey", &key);
	row = scan_next(&scan);
	if (HeapTupleIsValid(row))
		node = integer(&scan, row, HOME_NODE);
	scan_end(&scan);
	return node;
}

List *
nodes_of_organization(const pg_uuid_t *organization_id)
{
	ScanKeyData key;
	Scan		scan;
	HeapTuple	row;
	int			home = home_of_organization(organization_id);
	List	   *nodes = home < 0 ? NIL : list_make1_int(home);

	ScanKeyInit(&key, TENANT_ORGANIZATION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(organization_id));
	scan_begin(&scan, "tenant", "tenant_organization_id_idx", &key);
	while (HeapTupleIsValid(row = scan_next(&scan)))
		nodes = list_append_unique_int(nodes, integer(&scan, row, TENANT_NODE));
	scan_end(&scan);
	return nodes;
}

static int
by_number(const ListCell *a, const ListCell *b)
{
	return lfirst_int(a) - lfirst_int(b);
}

List *
all_nodes(void)
{
	Scan		scan;
	HeapTuple	row;
	List	   *nodes = NIL;

	scan_begin(&scan, "shard", "shard_pkey", NULL);
	while (HeapTupleIsValid(row = scan_next(&scan)))
		nodes = lappend_int(nodes, integer(&scan, row, SHARD_NODE));
	scan_end(&scan);
	list_sort(nodes, by_number);
	return nodes;
}

bool
shard_of_node(int node, Shard *shard)
{
	ScanKeyData key;
	Scan		scan;
	HeapTuple	row;
	bool		found;

	ScanKeyInit(&key, SHARD_NODE, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(node));
	scan_begin(&scan, "shard", "shard_pkey", &key);
	row = scan_next(&scan);
	found = HeapTupleIsValid(row);
	if (found)
	{
		shard->node = node;
		shard->conninfo = TextDatumGetCString(column(&scan, row, SHARD_CONNINFO));
		shard->token_login = TextDatumGetCString(column(&scan, row, SHARD_TOKEN_LOGIN));
		shard->service_login = TextDatumGetCString(column(&scan, row, SHARD_SERVICE_LOGIN));
		shard->uses_names = DatumGetBool(column(&scan, row, SHARD_USES_NAMES));
		shard->accepts_tenants = DatumGetBool(column(&scan, row, SHARD_ACCEPTS_TENANTS));
	}
	scan_end(&scan);
	return found;
}
