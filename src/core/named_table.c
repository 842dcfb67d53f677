/*
 * named_table.c
 *		Tables of the extension, and their columns and indexes.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/named_table.h"

Relation
named_table_open(const char *name, LOCKMODE lock)
{
	Oid			id = get_relname_relid(name, get_namespace_oid("appt", false));

	if (!OidIsValid(id))
		elog(ERROR, "there is no table appt.%s", name);
	return table_open(id, lock);
}

/* The column with this name, looked for from this one on. */
static AttrNumber
find_column(TupleDesc descriptor, const char *name, AttrNumber from)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		AttrNumber	number = (from - 1 + i) % descriptor->natts + 1;

		if (strcmp(NameStr(TupleDescAttr(descriptor, number - 1)->attname), name) == 0)
			return number;
	}
	elog(ERROR, "%s has no column %s", format_type_be(descriptor->tdtypeid), name);
}

void
named_columns(TupleDesc descriptor, const char *const *names, int count, AttrNumber *numbers)
{
	AttrNumber	next = 1;

	for (int i = 0; i < count; i++)
	{
		numbers[i] = find_column(descriptor, names[i], next);
		next = numbers[i] + 1;
	}
}

static void
set_condition(ScanKey condition, Relation index, int number, StrategyNumber strategy, Datum value)
{
	Oid			type = index->rd_opcintype[number];
	Oid			compares = get_opfamily_member(index->rd_opfamily[number], type, type, strategy);

	ScanKeyEntryInitialize(condition, 0, number + 1, strategy, InvalidOid, index->rd_indcollation[number],
						   get_opcode(compares), value);
}

void
set_equality(ScanKey condition, Relation index, int number, Datum value)
{
	set_condition(condition, index, number, BTEqualStrategyNumber, value);
}

void
set_at_least(ScanKey condition, Relation index, int number, Datum value)
{
	set_condition(condition, index, number, BTGreaterEqualStrategyNumber, value);
}
