/*
 * lookup.c
 *		Looking up rows by an index without a statement.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/lookup.h"
#include "core/named_table.h"

struct Lookup
{
	const LookupSource *source;
	Relation	table;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	ScanKeyData keys[LOOKUP_MAX_KEYS];
	TupleTableSlot *slot;
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
	named_columns(RelationGetDescr(lookup->table), source->columns, source->column_count, lookup->columns);
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

/* The first time. `is_from`: the last key, or a greater one. */
static void
begin_scan(Lookup *lookup, const Datum *keys, int key_count, bool is_from)
{
	Assert(key_count <= LOOKUP_MAX_KEYS);
	for (int i = 0; i < key_count; i++)
	{
		check_key(lookup->index, i, lookup->source->keys[i]);
		if (is_from && i == key_count - 1)
			set_at_least(&lookup->keys[i], lookup->index, i, keys[i]);
		else
			set_equality(&lookup->keys[i], lookup->index, i, keys[i]);
	}
	lookup->scan = begin_index_scan(lookup->table, lookup->index, lookup->snapshot, key_count);
}

/* The scan allocates while it is used, too: the caller's context may be shorter-lived. */
static MemoryContext
enter_context(Lookup *lookup)
{
	return MemoryContextSwitchTo(GetMemoryChunkContext(lookup));
}

static void
find(Lookup *lookup, const Datum *keys, int key_count, bool is_from)
{
	MemoryContext previous = enter_context(lookup);

	if (lookup->scan == NULL)
		begin_scan(lookup, keys, key_count, is_from);
	Assert(key_count == lookup->scan->numberOfKeys);
	for (int i = 0; i < key_count; i++)
		lookup->keys[i].sk_argument = keys[i];
	index_rescan(lookup->scan, lookup->keys, key_count, NULL, 0);
	MemoryContextSwitchTo(previous);
}

Lookup *
lookup_open(const LookupSource *source, bool as_seen)
{
	Lookup	   *lookup = (Lookup *) palloc(sizeof(Lookup));

	lookup->source = source;
	open_relations(lookup, source);
	find_columns(lookup, source);
	lookup->snapshot = RegisterSnapshot(as_seen ? GetActiveSnapshot() : GetTransactionSnapshot());
	lookup->slot = table_slot_create(lookup->table, NULL);
	lookup->scan = NULL;
	return lookup;
}

void
lookup_find(Lookup *lookup, const Datum *keys, int key_count)
{
	find(lookup, keys, key_count, false);
}

void
lookup_find_from(Lookup *lookup, const Datum *keys, int key_count)
{
	find(lookup, keys, key_count, true);
}

Lookup *
lookup_begin(const LookupSource *source, const Datum *keys, int key_count, bool as_seen)
{
	Lookup	   *lookup = lookup_open(source, as_seen);

	lookup_find(lookup, keys, key_count);
	return lookup;
}

/* The locks stay until the transaction ends, as those of a statement. */
void
lookup_end(Lookup *lookup)
{
	if (lookup->scan != NULL)
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
	MemoryContext previous = enter_context(lookup);
	bool		is_found = index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot);

	MemoryContextSwitchTo(previous);
	if (!is_found)
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

ItemPointerData
lookup_place(const Lookup *lookup)
{
	return lookup->slot->tts_tid;
}

Row *
lookup_row(Lookup *lookup, const Datum *keys, int key_count)
{
	lookup_find(lookup, keys, key_count);
	return lookup_next(lookup);
}

void
lookup_read_record(const LookupSource *source, Datum record, Row *row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(record);
	TupleDesc	descriptor = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	Datum	   *values = (Datum *) palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = (bool *) palloc(descriptor->natts * sizeof(bool));
	AttrNumber	columns[LOOKUP_MAX_COLUMNS];

	heap_deform_tuple(&tuple, descriptor, values, nulls);
	named_columns(descriptor, source->columns, source->column_count, columns);
	ReleaseTupleDesc(descriptor);
	row->count = source->column_count;
	row->next = 0;
	for (int i = 0; i < source->column_count; i++)
	{
		row->values[i] = values[columns[i] - 1];
		row->nulls[i] = nulls[columns[i] - 1];
	}
	pfree(nulls);
	pfree(values);
}
