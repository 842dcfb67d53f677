/*
 * table_write.c
 *		Writing rows of a table without a statement.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/named_table.h"
#include "core/table_write.h"

typedef struct AddedRow
{
	TupleTableSlot *slot;
	ItemPointer place;			/* to be set; NULL: not wanted */
} AddedRow;

struct TableWriter
{
	CmdType		command;
	Relation	table;
	EState	   *state;
	EPQState	recheck;		/* for triggers; a locked row needs none */
	ResultRelInfo *target;
	TransitionCaptureState *transition; /* NULL: no trigger has a transition
										 * table */
	int			column_count;
	int			written_count;	/* of the columns, the first */
	AttrNumber *columns;

	/* Inserting. */
	Oid			sequence;		/* of the identity column */
	List	   *added;			/* AddedRow * */

	/* Finding, updating and deleting. */
	TupleTableSlot *found;
	bool		is_locked;		/* the row that was found, by this transaction */
	TupleTableSlot *changed;
	BlockNumber blocks;			/* of the table; while it is open, VACUUM cuts
								 * none off */
	BlockNumber pruned;			/* the last one that prune() looked at */
	Relation	key;			/* the index of the primary key */
	IndexScanDesc scan;			/* NULL: not needed yet */
};

/* ---- begin and end ---- */

static void
find_columns(TableWriter *writer, const char *const *columns, int count)
{
	writer->column_count = count;
	writer->columns = (AttrNumber *) palloc(count * sizeof(AttrNumber));
	named_columns(RelationGetDescr(writer->table), columns, count, writer->columns);
}

static Bitmapset *
column_set(const TableWriter *writer)
{
	Bitmapset  *set = NULL;

	for (int i = 0; i < writer->written_count; i++)
		set = bms_add_member(set, writer->columns[i] - FirstLowInvalidHeapAttributeNumber);
	return set;
}

/* What the executor wants to know of a table that is written to. */
static void
prepare_target(TableWriter *writer)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(writer->table);
	entry->relkind = writer->table->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	writer->state = CreateExecutorState();
	open_range_table(writer->state, entry, writer->command == CMD_UPDATE ? column_set(writer) : NULL);
	writer->state->es_output_cid = GetCurrentCommandId(writer->command != CMD_SELECT);
	writer->target = makeNode(ResultRelInfo);
	ExecInitResultRelation(writer->state, writer->target, 1);
	if (writer->command == CMD_INSERT || writer->command == CMD_UPDATE)
		ExecOpenIndices(writer->target, false);
	init_recheck(&writer->recheck, writer->state);
}

/* appt has no triggers on what it writes so, but the database's users may. */
static bool
has_triggers(const TableWriter *writer)
{
	return writer->command != CMD_SELECT && writer->target->ri_TrigDesc != NULL;
}

static void
begin_triggers(TableWriter *writer)
{
	if (!has_triggers(writer))
		return;
	AfterTriggerBeginQuery();
	writer->transition = MakeTransitionCaptureState(writer->target->ri_TrigDesc, RelationGetRelid(writer->table), writer->command);
	if (writer->command == CMD_INSERT)
		ExecBSInsertTriggers(writer->state, writer->target);
	else if (writer->command == CMD_UPDATE)
		ExecBSUpdateTriggers(writer->state, writer->target);
	else
		ExecBSDeleteTriggers(writer->state, writer->target);
}

static void
end_triggers(TableWriter *writer)
{
	if (!has_triggers(writer))
		return;
	if (writer->command == CMD_INSERT)
		ExecASInsertTriggers(writer->state, writer->target, writer->transition);
	else if (writer->command == CMD_UPDATE)
		ExecASUpdateTriggers(writer->state, writer->target, writer->transition);
	else
		ExecASDeleteTriggers(writer->state, writer->target, writer->transition);
	AfterTriggerEndQuery(writer->state);
}

static void
refuse_left_out(const TableWriter *writer)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
			 errmsg("a trigger on appt.%s left out a row", RelationGetRelationName(writer->table))));
}

static TableWriter *
begin(CmdType command, const char *table, const char *const *columns, int column_count, int written_count)
{
	TableWriter *writer = (TableWriter *) palloc0(sizeof(TableWriter));

	writer->command = command;
	writer->table = named_table_open(table, RowExclusiveLock);
	find_columns(writer, columns, column_count);
	writer->written_count = written_count;
	PushActiveSnapshot(GetTransactionSnapshot());
	prepare_target(writer);
	begin_triggers(writer);
	return writer;
}

static void
end(TableWriter *writer)
{
	end_triggers(writer);
	EvalPlanQualEnd(&writer->recheck);
	ExecCloseResultRelations(writer->state);
	ExecCloseRangeTableRelations(writer->state);
	ExecResetTupleTable(writer->state->es_tupleTable, false);
	FreeExecutorState(writer->state);
	table_close(writer->table, NoLock);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/* ---- inserting ---- */

/*
 * By the name that it was given with its table: looking for it in pg_depend costs as
 * much as all the rest that has to be known of a table.
 */
static Oid
identity_sequence(Relation table)
{
	for (int i = 0; i < RelationGetNumberOfAttributes(table); i++)
	{
		const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(table), i);

		if (column->attidentity != '\0')
			return get_relname_relid(psprintf("%s_%s_seq", RelationGetRelationName(table), NameStr(column->attname)),
									 RelationGetNamespace(table));
	}
	return InvalidOid;
}

TableWriter *
table_insert_begin(const char *table, const char *const *columns, int column_count)
{
	TableWriter *writer = begin(CMD_INSERT, table, columns, column_count, column_count);

	writer->sequence = identity_sequence(writer->table);
	return writer;
}

int64
table_next_id(const TableWriter *writer)
{
	return nextval_internal(writer->sequence, false);
}

static void
set_columns(const TableWriter *writer, TupleTableSlot *slot, const NullableDatum *values)
{
	for (int i = 0; i < writer->written_count; i++)
	{
		slot->tts_values[writer->columns[i] - 1] = values[i].value;
		slot->tts_isnull[writer->columns[i] - 1] = values[i].isnull;
	}
}

static void
check_constraints(TableWriter *writer, TupleTableSlot *slot)
{
	if (RelationGetDescr(writer->table)->constr != NULL)
		ExecConstraints(writer->target, slot, writer->state);
}

void
table_add(TableWriter *writer, const NullableDatum *values, ItemPointer place)
{
	TupleTableSlot *slot = table_slot_create(writer->table, NULL);
	AddedRow   *row = (AddedRow *) palloc(sizeof(AddedRow));

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	set_columns(writer, slot, values);
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(writer->table);
	if (has_triggers(writer) && writer->target->ri_TrigDesc->trig_insert_before_row &&
		!ExecBRInsertTriggers(writer->state, writer->target, slot))
		refuse_left_out(writer);
	check_constraints(writer, slot);
	*row = (AddedRow) {slot, place};
	writer->added = lappend(writer->added, row);
}

static void
insert_added(TableWriter *writer)
{
	int			count = list_length(writer->added);
	TupleTableSlot **slots = (TupleTableSlot **) palloc(count * sizeof(TupleTableSlot *));
	ListCell   *cell;

	foreach(cell, writer->added)
		slots[foreach_current_index(cell)] = ((AddedRow *) lfirst(cell))->slot;
	table_multi_insert(writer->table, slots, count, writer->state->es_output_cid, 0, NULL);
	foreach(cell, writer->added)
	{
		const AddedRow *row = (const AddedRow *) lfirst(cell);

		(void) insert_index_entries(writer->target, row->slot, writer->state, false, ALL_INDEXES);
		if (row->place != NULL)
			*row->place = row->slot->tts_tid;
		if (has_triggers(writer))
			ExecARInsertTriggers(writer->state, writer->target, row->slot, NIL, writer->transition);
	}
}

static void
end_inserting(TableWriter *writer)
{
	ListCell   *cell;

	if (writer->added != NIL)
		insert_added(writer);
	end(writer);
	foreach(cell, writer->added)
		ExecDropSingleTupleTableSlot(((AddedRow *) lfirst(cell))->slot);
}

/* A pointer to a datum in memory counts as one out of line, for which storing looks at the whole row. */
Datum
text_out_of_line(const char *text)
{
	varatt_indirect pointer = {(struct varlena *) cstring_to_text(text)};
	struct varlena *indirect = (struct varlena *) palloc0(INDIRECT_POINTER_SIZE);

	SET_VARTAG_EXTERNAL(indirect, VARTAG_INDIRECT);
	memcpy(VARDATA_EXTERNAL(indirect), &pointer, sizeof(pointer));
	return PointerGetDatum(indirect);
}

/* ---- finding ---- */

static TableWriter *
begin_finding(CmdType command, const char *table, const char *const *columns, int column_count, int written_count)
{
	TableWriter *writer = begin(command, table, columns, column_count, written_count);

	writer->blocks = RelationGetNumberOfBlocks(writer->table);
	writer->pruned = InvalidBlockNumber;
	writer->key = index_open(primary_key_index(writer->table), AccessShareLock);
	writer->found = table_slot_create(writer->table, NULL);
	writer->changed = MakeSingleTupleTableSlot(RelationGetDescr(writer->table), &TTSOpsVirtual);
	return writer;
}

TableWriter *
table_update_begin(const char *table, const char *const *columns, int column_count, int written_count)
{
	return begin_finding(CMD_UPDATE, table, columns, column_count, written_count);
}

TableWriter *
table_delete_begin(const char *table)
{
	return begin_finding(CMD_DELETE, table, NULL, 0, 0);
}

TableWriter *
table_look_begin(const char *table)
{
	return begin_finding(CMD_SELECT, table, NULL, 0, 0);
}

static bool
has_key(const TableWriter *writer, const Datum *key)
{
	const Form_pg_index index = writer->key->rd_index;

	for (int i = 0; i < index->indnkeyatts; i++)
	{
		bool		is_null;

		if (slot_getattr(writer->found, index->indkey.values[i], &is_null) != key[i])
			return false;
	}
	return true;
}

/* Remove dead versions, as an index scan does, so that there is room for the next ones of the rows here. */
static void
prune(TableWriter *writer, BlockNumber block)
{
	Buffer		buffer;

	if (block == writer->pruned)
		return;
	buffer = ReadBuffer(writer->table, block);
	heap_page_prune_opt(writer->table, buffer);
	ReleaseBuffer(buffer);
	writer->pruned = block;
}

static bool
is_at(TableWriter *writer, const ItemPointerData *place, const Datum *key)
{
	ItemPointerData tid = *place;

	if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumber(&tid) >= writer->blocks)
		return false;
	prune(writer, ItemPointerGetBlockNumber(&tid));
	return table_tuple_fetch_row_version(writer->table, &tid, GetActiveSnapshot(), writer->found) && has_key(writer, key);
}

static bool
search(TableWriter *writer, const Datum *key)
{
	int			count = writer->key->rd_index->indnkeyatts;
	ScanKeyData scan_keys[INDEX_MAX_KEYS];

	for (int i = 0; i < count; i++)
		set_equality(&scan_keys[i], writer->key, i, key[i]);
	if (writer->scan == NULL)
		writer->scan = begin_index_scan(writer->table, writer->key, GetActiveSnapshot(), count);
	index_rescan(writer->scan, scan_keys, count, NULL, 0);
	return index_getnext_slot(writer->scan, ForwardScanDirection, writer->found);
}

static bool
is_locked_here(HeapTupleHeader row)
{
	return HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask) && (row->t_infomask & HEAP_XMAX_IS_MULTI) == 0 &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmax(row));
}

/* Sets is_locked, too. The tables of the extension are heaps: nothing else tells whether a row is locked without locking it. */
static bool
is_free(TableWriter *writer)
{
	const BufferHeapTupleTableSlot *slot = (const BufferHeapTupleTableSlot *) writer->found;
	TM_Result	result;

	LockBuffer(slot->buffer, BUFFER_LOCK_SHARE);
	result = HeapTupleSatisfiesUpdate(slot->base.tuple, writer->state->es_output_cid, slot->buffer);
	writer->is_locked = result == TM_BeingModified && is_locked_here(slot->base.tuple->t_data);
	LockBuffer(slot->buffer, BUFFER_LOCK_UNLOCK);
	return result == TM_Ok || writer->is_locked;
}

FoundRow
table_find(TableWriter *writer, const ItemPointerData *place, const Datum *key)
{
	if (!is_at(writer, place, key) && !search(writer, key))
		return ROW_NONE;
	return is_free(writer) ? ROW_FREE : ROW_LOCKED;
}

/* The transaction's snapshot keeps the version that it has read from being removed, and its place from being used again. */
FoundRow
table_find_same(TableWriter *writer, const ItemPointerData *place, const Datum *key)
{
	return is_at(writer, place, key) && is_free(writer) ? ROW_FREE : ROW_LOCKED;
}

void
table_refuse_locked(TableWriter *writer)
{
	const Form_pg_index index = writer->key->rd_index;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < index->indnkeyatts; i++)
		values[i] = slot_getattr(writer->found, index->indkey.values[i], &nulls[i]);
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("a row of appt.%s is locked", RelationGetRelationName(writer->table)),
			 errdetail("Its key is %s.", BuildIndexValueDescription(writer->key, values, nulls))));
}

bool
table_find_to_write(TableWriter *writer, const ItemPointerData *place, const Datum *key)
{
	FoundRow	found = table_find(writer, place, key);

	if (found == ROW_LOCKED)
		table_refuse_locked(writer);
	return found == ROW_FREE;
}

void
table_read(TableWriter *writer, NullableDatum *values)
{
	for (int i = 0; i < writer->column_count; i++)
		values[i].value = slot_getattr(writer->found, writer->columns[i], &values[i].isnull);
}

static void
end_finding(TableWriter *writer)
{
	if (writer->scan != NULL)
		index_endscan(writer->scan);
	index_close(writer->key, NoLock);
	ExecDropSingleTupleTableSlot(writer->found);
	ExecDropSingleTupleTableSlot(writer->changed);
	end(writer);
}

/* ---- updating and deleting ---- */

/* A trigger before the change would wait for the row's lock. */
static bool
lock_for_trigger(TableWriter *writer, LockTupleMode mode)
{
	ItemPointerData tid = writer->found->tts_tid;
	TupleTableSlot *locked = table_slot_create(writer->table, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(writer->table, &tid, GetActiveSnapshot(), locked, writer->state->es_output_cid, mode,
							  LockWaitSkip, 0, &failure);
	ExecDropSingleTupleTableSlot(locked);
	writer->is_locked = (result == TM_Ok);
	return writer->is_locked;
}

static void
fill_changed(TableWriter *writer, const NullableDatum *values)
{
	TupleTableSlot *changed = writer->changed;
	int			count = RelationGetNumberOfAttributes(writer->table);

	slot_getallattrs(writer->found);
	ExecClearTuple(changed);
	memcpy(changed->tts_values, writer->found->tts_values, count * sizeof(Datum));
	memcpy(changed->tts_isnull, writer->found->tts_isnull, count * sizeof(bool));
	set_columns(writer, changed, values);
	ExecStoreVirtualTuple(changed);
	changed->tts_tableOid = RelationGetRelid(writer->table);
}

/* False if the row is locked. */
static bool
run_triggers_before_update(TableWriter *writer)
{
	if (!has_triggers(writer) || !writer->target->ri_TrigDesc->trig_update_before_row)
		return true;
	if (!lock_for_trigger(writer, ExecUpdateLockMode(writer->state, writer->target)))
		return false;
	if (!fire_before_update(writer->state, &writer->recheck, writer->target, &writer->found->tts_tid, writer->changed))
		refuse_left_out(writer);
	return true;
}

/* To say that it may wait lets the server change a row that this transaction has locked: there is nobody to wait for. */
bool
table_update(TableWriter *writer, const NullableDatum *values, ItemPointer place)
{
	ItemPointerData old = writer->found->tts_tid;
	TM_FailureData failure;
	LockTupleMode mode;
	NeededIndexes needed;

	fill_changed(writer, values);
	if (!run_triggers_before_update(writer))
		return false;
	check_constraints(writer, writer->changed);
	if (table_tuple_update(writer->table, &old, writer->changed, writer->state->es_output_cid, GetActiveSnapshot(),
						   InvalidSnapshot, writer->is_locked, &failure, &mode, &needed) != TM_Ok)
		return false;
	if (needed)
		(void) insert_index_entries(writer->target, writer->changed, writer->state, true, needed);
	if (has_triggers(writer))
		ExecARUpdateTriggers(writer->state, writer->target, NULL, NULL, &old, NULL, writer->changed, NIL,
							 writer->transition, false);
	*place = writer->changed->tts_tid;
	ResetPerTupleExprContext(writer->state);
	return true;
}

/* False if the row is locked. */
static bool
run_triggers_before_delete(TableWriter *writer)
{
	if (!has_triggers(writer) || !writer->target->ri_TrigDesc->trig_delete_before_row)
		return true;
	if (!lock_for_trigger(writer, LockTupleExclusive))
		return false;
	if (!fire_before_delete(writer->state, &writer->recheck, writer->target, &writer->found->tts_tid))
		refuse_left_out(writer);
	return true;
}

void
table_delete(TableWriter *writer)
{
	ItemPointerData tid = writer->found->tts_tid;
	TM_FailureData failure;

	if (!run_triggers_before_delete(writer) ||
		table_tuple_delete(writer->table, &tid, writer->state->es_output_cid, GetActiveSnapshot(), InvalidSnapshot,
						   writer->is_locked, &failure, false) != TM_Ok)
		table_refuse_locked(writer);
	if (has_triggers(writer))
		ExecARDeleteTriggers(writer->state, writer->target, &tid, NULL, writer->transition, false);
	ResetPerTupleExprContext(writer->state);
}

void
table_write_end(TableWriter *writer)
{
	if (writer->command == CMD_INSERT)
		end_inserting(writer);
	else
		end_finding(writer);
}
