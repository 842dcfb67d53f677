/*
 * lookup.c
 *		Looking up rows by an index without a statement.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/lookup.h"
#include "core/named_table.h"

struct Lookup
{
	Relation	table;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int			key_count;
	ScanKeyData keys[LOOKUP_MAX_KEYS];
	int			column_count;
	AttrNumber	columns[LOOKUP_MAX_COLUMNS];
	AttrNumber	last_column;	/* of them, in the table */
	Row			row;
};

/* ---- begin and end ---- */

/* The table first: while it is locked, no index of it is replaced by another (REINDEX CONCURRENTLY). */
static void
open_relations(Lookup *lookup, const LookupSource *source)
{
	lookup->table = named_table_open(source->table, AccessShareLock);
	lookup->index = index_open(get_relname_relid(source->index, RelationGetNamespace(lookup->table)), AccessShareLock);
	if (lookup->index->rd_index->indrelid != RelationGetRelid(lookup->table))
		elog(ERROR, "index appt.%s is not of table appt.%s", source->index, source->table);
}

static void
find_columns(Lookup *lookup, const LookupSource *source)
{
	lookup->column_count = source->column_count;
	named_columns(lookup->table, source->columns, source->column_count, lookup->columns);
	lookup->last_column = 0;
	for (int i = 0; i < source->column_count; i++)
		lookup->last_column = Max(lookup->last_column, lookup->columns[i]);
}

/* Otherwise nothing would be found, and nobody would know why. */
static void
check_key(Relation index, int number, const char *name)
{
	if (strcmp(NameStr(TupleDescAttr(RelationGetDescr(index), number)->attname), name) != 0)
		elog(ERROR, "key %d of index appt.%s is not %s", number + 1, RelationGetRelationName(index), name);
}

static void
begin_scan(Lookup *lookup, const LookupSource *source, const Datum *keys, int key_count, bool is_from)
{
	Assert(key_count <= LOOKUP_MAX_KEYS);
	lookup->key_count = key_count;
	for (int i = 0; i < key_count; i++)
	{
		check_key(lookup->index, i, source->keys[i]);
		if (is_from && i == key_count - 1)
			set_at_least(&lookup->keys[i], lookup->index, i, keys[i]);
		else
			set_equality(&lookup->keys[i], lookup->index, i, keys[i]);
	}
	lookup->scan = index_beginscan(lookup->table, lookup->index, lookup->snapshot, key_count, 0);
	index_rescan(lookup->scan, lookup->keys, key_count, NULL, 0);
}

static Lookup *
begin(const LookupSource *source, const Datum *keys, int key_count, bool is_from, bool as_seen)
{
	Lookup	   *lookup = (Lookup *) palloc(sizeof(Lookup));

	open_relations(lookup, source);
	find_columns(lookup, source);
	lookup->snapshot = RegisterSnapshot(as_seen ? GetActiveSnapshot() : GetTransactionSnapshot());
	lookup->slot = table_slot_create(lookup->table, NULL);
	begin_scan(lookup, source, keys, key_count, is_from);
	return lookup;
}

Lookup *
lookup_begin(const LookupSource *source, const Datum *keys, int key_count, bool as_seen)
{
	return begin(source, keys, key_count, false, as_seen);
}

Lookup *
lookup_begin_from(const LookupSource *source, const Datum *keys, int key_count, bool as_seen)
{
	return begin(source, keys, key_count, true, as_seen);
}

void
lookup_move(Lookup *lookup, const Datum *keys)
{
	for (int i = 0; i < lookup->key_count; i++)
		lookup->keys[i].sk_argument = keys[i];
	index_rescan(lookup->scan, lookup->keys, lookup->key_count, NULL, 0);
}

/* The locks stay until the transaction ends, as those of a statement. */
void
lookup_end(Lookup *lookup)
{
	index_endscan(lookup->scan);
	ExecDropSingleTupleTableSlot(lookup->slot);
	UnregisterSnapshot(lookup->snapshot);
	index_close(lookup->index, NoLock);
	table_close(lookup->table, NoLock);
	pfree(lookup);
}

/* ---- rows ---- */

Row *
lookup_next(Lookup *lookup)
{
	Row		   *row = &lookup->row;

	if (!index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot))
		return NULL;
	slot_getsomeattrs(lookup->slot, lookup->last_column);
	row->count = lookup->column_count;
	row->next = 0;
	for (int i = 0; i < lookup->column_count; i++)
	{
		row->values[i] = lookup->slot->tts_values[lookup->columns[i] - 1];
		row->nulls[i] = lookup->slot->tts_isnull[lookup->columns[i] - 1];
	}
	return row;
}
