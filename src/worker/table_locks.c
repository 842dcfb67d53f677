/*
 * table_locks.c
 *		Who may lock appt's tables against readers.
 *
 * Whoever may delete rows of a table may lock it in any mode. The tables of the
 * configuration are read by every claim, so such a lock would hold up the
 * messages of all tenants until its transaction ends. Any other mode lets the
 * workers read; the tables that they write, nobody may lock against writers.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "worker/table_locks.h"

static bool
is_anothers_table_of_appt(Oid relation)
{
	Oid			namespace = get_namespace_oid("appt", true);

	return OidIsValid(namespace) && get_rel_namespace(relation) == namespace &&
		!pg_class_ownercheck(relation, GetUserId());
}

void
table_locks_check(const LockStmt *statement)
{
	ListCell   *cell;

	if (statement->mode != AccessExclusiveLock)
		return;
	foreach(cell, statement->relations)
	{
		const RangeVar *name = lfirst_node(RangeVar, cell);
		Oid			relation = RangeVarGetRelid(name, NoLock, true);

		if (OidIsValid(relation) && is_anothers_table_of_appt(relation))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to lock table \"%s\" in ACCESS EXCLUSIVE mode", name->relname),
					 errdetail("The worker reads it: nothing would be sent until the transaction ends."),
					 errhint("EXCLUSIVE mode also keeps others from changing it.")));
	}
}
