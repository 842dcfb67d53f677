/*
 * table_insert.c
 *		Inserting rows into a table without a statement.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/table_insert.h"

struct TableInsert
{
	Relation	table;
	EState	   *state;
	ResultRelInfo *target;
	TransitionCaptureState *transition; /* NULL: no trigger has a transition
										 * table */
	Oid			sequence;		/* of the identity column */
	int			column_count;
	AttrNumber *columns;
	List	   *slots;			/* rows, TupleTableSlot * */
};

static Relation
open_table(const char *name)
{
	Oid			schema = get_namespace_oid("appt", false);
	Oid			id = get_relname_relid(name, schema);

	if (!OidIsValid(id))
		elog(ERROR, "there is no table appt.%s", name);
	return table_open(id, RowExclusiveLock);
}

static Oid
identity_sequence(Relation table)
{
	for (int i = 0; i < RelationGetNumberOfAttributes(table); i++)
		if (TupleDescAttr(RelationGetDescr(table), i)->attidentity != '\0')
			return getIdentitySequence(RelationGetRelid(table), i + 1, false);
	return InvalidOid;
}

/* What the executor wants to know of a table that rows are inserted into. */
static void
prepare_target(TableInsert *insert)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(insert->table);
	entry->relkind = insert->table->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	insert->state = CreateExecutorState();
	ExecInitRangeTable(insert->state, list_make1(entry));
	insert->state->es_output_cid = GetCurrentCommandId(true);
	insert->target = makeNode(ResultRelInfo);
	ExecInitResultRelation(insert->state, insert->target, 1);
	ExecOpenIndices(insert->target, false);
}

/* appt has no triggers here, but the database's users may. */
static void
begin_triggers(TableInsert *insert)
{
	if (insert->target->ri_TrigDesc == NULL)
		return;
	AfterTriggerBeginQuery();
	insert->transition = MakeTransitionCaptureState(insert->target->ri_TrigDesc, RelationGetRelid(insert->table), CMD_INSERT);
	ExecBSInsertTriggers(insert->state, insert->target);
}

static void
run_triggers_before(TableInsert *insert, TupleTableSlot *slot)
{
	const TriggerDesc *triggers = insert->target->ri_TrigDesc;

	if (triggers != NULL && triggers->trig_insert_before_row && !ExecBRInsertTriggers(insert->state, insert->target, slot))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a trigger on appt.%s left out a row", RelationGetRelationName(insert->table))));
}

static void
run_triggers_after(TableInsert *insert, TupleTableSlot *slot)
{
	if (insert->target->ri_TrigDesc != NULL)
		ExecARInsertTriggers(insert->state, insert->target, slot, NIL, insert->transition);
}

static void
end_triggers(TableInsert *insert)
{
	if (insert->target->ri_TrigDesc == NULL)
		return;
	ExecASInsertTriggers(insert->state, insert->target, insert->transition);
	AfterTriggerEndQuery(insert->state);
}

TableInsert *
table_insert_begin(const char *table, const char *const *columns, int column_count)
{
	TableInsert *insert = (TableInsert *) palloc0(sizeof(TableInsert));

	insert->table = open_table(table);
	insert->sequence = identity_sequence(insert->table);
	insert->column_count = column_count;
	insert->columns = (AttrNumber *) palloc(column_count * sizeof(AttrNumber));
	for (int i = 0; i < column_count; i++)
	{
		insert->columns[i] = get_attnum(RelationGetRelid(insert->table), columns[i]);
		if (insert->columns[i] == InvalidAttrNumber)
			elog(ERROR, "appt.%s has no column %s", table, columns[i]);
	}
	prepare_target(insert);
	begin_triggers(insert);
	return insert;
}

int64
table_insert_next_id(TableInsert *insert)
{
	return nextval_internal(insert->sequence, false);
}

void
table_insert_add(TableInsert *insert, const NullableDatum *values)
{
	TupleTableSlot *slot = table_slot_create(insert->table, NULL);

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < insert->column_count; i++)
	{
		slot->tts_values[insert->columns[i] - 1] = values[i].value;
		slot->tts_isnull[insert->columns[i] - 1] = values[i].isnull;
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(insert->table);
	run_triggers_before(insert, slot);
	if (insert->table->rd_att->constr != NULL)
		ExecConstraints(insert->target, slot, insert->state);
	insert->slots = lappend(insert->slots, slot);
}

static void
write_rows(TableInsert *insert)
{
	int			count = list_length(insert->slots);
	TupleTableSlot **slots = (TupleTableSlot **) palloc(count * sizeof(TupleTableSlot *));
	ListCell   *cell;

	foreach(cell, insert->slots)
		slots[foreach_current_index(cell)] = (TupleTableSlot *) lfirst(cell);
	table_multi_insert(insert->table, slots, count, insert->state->es_output_cid, 0, NULL);
	for (int i = 0; i < count; i++)
	{
		(void) ExecInsertIndexTuples(insert->target, slots[i], insert->state, false, false, NULL, NIL);
		run_triggers_after(insert, slots[i]);
	}
}

void
table_insert_end(TableInsert *insert)
{
	ListCell   *cell;

	if (insert->slots != NIL)
		write_rows(insert);
	end_triggers(insert);
	foreach(cell, insert->slots)
		ExecDropSingleTupleTableSlot((TupleTableSlot *) lfirst(cell));
	ExecCloseResultRelations(insert->state);
	ExecCloseRangeTableRelations(insert->state);
	ExecResetTupleTable(insert->state->es_tupleTable, false);
	FreeExecutorState(insert->state);
	table_close(insert->table, NoLock);
	CommandCounterIncrement();
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
