/*
 * overlap_index.c
 *		Finding the indexes that searches for overlaps read.
 *
 * They are recognized by their columns and the columns of their predicates,
 * not by name: an index can be renamed, and REINDEX CONCURRENTLY puts another
 * one in its place. The result is cached until an invalidation message for the
 * table arrives. Locking the table, which comes first, processes such
 * messages, and it keeps the index from being dropped after that: whoever
 * replaces an index waits for those who have locked the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "schedule/overlap_index.h"

#define OVERLAP_INDEXES (OVERLAP_INDEX_ORGANIZER + 1)
#define MAX_COLUMNS 4

/* The first columns of an index, and the columns of its predicate. */
typedef struct Description
{
	const char *columns[MAX_COLUMNS + 1];
	const char *predicate[MAX_COLUMNS + 1];
} Description;

static const Description descriptions[OVERLAP_INDEXES] = {
	[OVERLAP_INDEX_SHORT] = {{"application_id", "start_at", "end_at"}, {"state", "duration_class"}},
	[OVERLAP_INDEX_LONG] = {{"application_id", "duration_class", "start_at", "end_at"}, {"state", "duration_class"}},
	[OVERLAP_INDEX_ORGANIZER] = {{"application_id", "organizer_id", "start_at"}, {NULL}}
};

/* The result, and the count of changes when it was found. */
static Oid	found[OVERLAP_INDEXES];
static uint64 found_at = 0;
static uint64 changes = 0;
static Oid	table_id = InvalidOid;

static void
note_change(Datum arg, Oid relation_id)
{
	if (relation_id == table_id || !OidIsValid(relation_id))
		changes++;
}

static void
watch(Relation table)
{
	if (!OidIsValid(table_id))
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
	if (table_id != RelationGetRelid(table))
	{
		table_id = RelationGetRelid(table);
		changes++;
	}
}

static bool
starts_with(Relation index, const Description *description)
{
	Form_pg_index form = index->rd_index;

	for (int i = 0; description->columns[i] != NULL; i++)
		if (i >= form->indnkeyatts || index->rd_indoption[i] != 0 ||
			form->indkey.values[i] != get_attnum(table_id, description->columns[i]))
			return false;
	return true;
}

static bool
has_predicate(Relation index, const Description *description)
{
	Bitmapset  *expected = NULL;
	Bitmapset  *actual = NULL;

	for (int i = 0; description->predicate[i] != NULL; i++)
		expected = bms_add_member(expected, get_attnum(table_id, description->predicate[i]) -
								  FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &actual);
	return bms_equal(expected, actual);
}

/* If the index is one of those, and can be read, take it. */
static void
judge(Relation index)
{
	if (index->rd_rel->relam != BTREE_AM_OID || !index->rd_index->indisvalid)
		return;
	for (int i = 0; i < OVERLAP_INDEXES; i++)
		if (!OidIsValid(found[i]) && starts_with(index, &descriptions[i]) &&
			has_predicate(index, &descriptions[i]))
			found[i] = RelationGetRelid(index);
}

/* A change that arrives meanwhile makes the next call find them again. */
static void
find_indexes(Relation table)
{
	uint64		changes_before = changes;
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;

	memset(found, 0, sizeof(found));
	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		judge(index);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	found_at = changes_before;
}

static void
report_missing(Relation table, const Description *description)
{
	const char *const *columns = description->columns;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("an index for overlap searches is missing or invalid"),
			 errdetail("It is the one of table \"%s\" that starts with %s, %s, %s.",
					   RelationGetRelationName(table), columns[0], columns[1], columns[2]),
			 errhint("Rebuild it with REINDEX INDEX, or create it as the extension's script does.")));
}

Relation
overlap_index_open(Relation table, OverlapIndex index)
{
	watch(table);
	if (found_at != changes)
		find_indexes(table);
	if (!OidIsValid(found[index]))
		report_missing(table, &descriptions[index]);
	return index_open(found[index], AccessShareLock);
}
