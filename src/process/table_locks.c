/*
 * table_locks.c
 *		LOCK TABLE on appt's tables.
 *
 * A user who may delete rows of a table may lock it in any mode. Every claim reads
 * the tables of the configuration, so a lock in ACCESS EXCLUSIVE mode would hold
 * up the messages of all tenants until its transaction ends; only the owner may
 * take it. Any other mode lets the workers read. The tables that workers write can
 * be locked by their owner alone, by their privileges.
 *
 * LOCK TABLE on a view locks the tables that it reads, with the rights of its
 * owner. Any user may create a view in pg_temp, so the tables of views are checked
 * too.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "process/table_locks.h"

static bool
is_anothers_table_of_appt(Oid relation)
{
	Oid			namespace = get_namespace_oid("appt", true);

	return OidIsValid(namespace) && get_rel_namespace(relation) == namespace &&
		!role_owns_relation(GetUserId(), relation);
}

static void
refuse_lock(Oid relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to lock table \"%s\" in ACCESS EXCLUSIVE mode", get_rel_name(relation)),
			 errdetail("The worker reads it: nothing would be sent until the transaction ends."),
			 errhint("EXCLUSIVE mode also keeps others from changing it.")));
}

static bool check_query(Node *node, List *outer_views);

/* outer_views: how the relation was reached. LOCK TABLE itself refuses a view that reads itself. */
static void
check_relation(Oid relation, List *outer_views)
{
	Relation	view;

	CHECK_FOR_INTERRUPTS();
	if (is_anothers_table_of_appt(relation))
		refuse_lock(relation);
	if (get_rel_relkind(relation) != RELKIND_VIEW || list_member_oid(outer_views, relation))
		return;
	view = table_open(relation, AccessShareLock);
	(void) check_query((Node *) get_view_query(view), lappend_oid(list_copy(outer_views), relation));
	table_close(view, AccessShareLock);
}

/* Check every table that a query names, also in subqueries. */
static bool
check_query(Node *node, List *outer_views)
{
	ListCell   *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_query, outer_views);
	foreach(cell, ((Query *) node)->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION)
			check_relation(entry->relid, outer_views);
	}
	return query_tree_walker((Query *) node, check_query, outer_views, 0);
}

void
table_locks_check(const LockStmt *statement)
{
	ListCell   *cell;

	if (statement->mode != AccessExclusiveLock)
		return;
	foreach(cell, statement->relations)
	{
		Oid			relation = RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true);

		if (OidIsValid(relation))
			check_relation(relation, NIL);
	}
}
