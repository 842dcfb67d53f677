/*
 * identity.c
 *		Telling the database that may send from its copies, which must not.
 *
 * The identity is one row with this database's OID and the transaction that
 * inserted it, which is also the row's xmin. pg_dump, logical replication and
 * COPY insert the row anew, so xmin differs; CREATE DATABASE TEMPLATE copies
 * the page, but the OID differs; pg_upgrade to 15 and later keeps both, and so
 * do VACUUM FULL and freezing, which leave the raw xmin in place. Two rows, as
 * after a restore into a live database, are no identity.
 *
 * A physical clone cannot be distinguished from a failover; the manual says
 * so.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/call.h"
#include "core/compat.h"
#include "core/identity.h"
#include "core/statement.h"
#include "core/wake.h"

/* Columns of appt.identity. */
#define ATTRIBUTE_DATABASE_OID 1
#define ATTRIBUTE_TRANSACTION_ID 2

typedef struct IdentityRows
{
	int			count;
	bool		is_this_database;	/* of the last row */
	bool		is_original;	/* inserted by that transaction, not copied */
} IdentityRows;

PG_FUNCTION_INFO_V1(adopt_database);

static Oid
identity_relation(void)
{
	return get_relname_relid("identity", get_namespace_oid("appt", false));
}

static void
read_row(TupleTableSlot *slot, IdentityRows *rows)
{
	bool		is_null;
	Oid			database;
	TransactionId claimed;
	TransactionId inserted;

	database = DatumGetObjectId(slot_getattr(slot, ATTRIBUTE_DATABASE_OID, &is_null));
	claimed = DatumGetTransactionId(slot_getattr(slot, ATTRIBUTE_TRANSACTION_ID, &is_null));
	inserted = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber,
													 &is_null));
	rows->count++;
	rows->is_this_database = (database == MyDatabaseId);
	rows->is_original = TransactionIdEquals(claimed, inserted);
}

/* Scan with the latest snapshot, so that REPEATABLE READ sees what others have committed. */
static IdentityRows
read_rows(LOCKMODE lock)
{
	IdentityRows rows = {0};
	Relation	relation = table_open(identity_relation(), lock);
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;

	/* The worker calls this: a view in the table's place must not crash it. */
	if (relation->rd_rel->relkind != RELKIND_RELATION)
		elog(ERROR, "appt.identity is not a table");
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = begin_table_scan(relation, snapshot);
	slot = table_slot_create(relation, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		read_row(slot, &rows);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	return rows;
}

Identity
identity_judge(const char **why)
{
	IdentityRows rows = read_rows(AccessShareLock);

	*why = NULL;
	if (rows.count == 0)
	{
		*why = "The database has no identity yet; create_organization writes it.";
		return IDENTITY_MISSING;
	}
	if (rows.count > 1)
		*why = "The database has several identities, as after a restore on top of live data; adopt_database() settles it.";
	else if (!rows.is_original)
		*why = "The data was restored or replicated from elsewhere; adopt_database() lets this database send.";
	else if (!rows.is_this_database)
		*why = "The database is a copy made with CREATE DATABASE; adopt_database() lets it send.";
	return *why == NULL ? IDENTITY_ORIGINAL : IDENTITY_COPY;
}

/*
 * xmin will be the id of the present transaction, or of the subtransaction if
 * there is one. Workers that were quiet without an identity look again.
 */
static void
insert_identity(void)
{
	static Statement insert = {
		"INSERT INTO appt.identity (database_oid, transaction_id) VALUES ($1, $2)",
		2, {OIDOID, XIDOID}
	};

	(void) statement_run(&insert, ObjectIdGetDatum(MyDatabaseId),
						 TransactionIdGetDatum(GetCurrentTransactionId()));
	wake_all_on_commit();
}

void
identity_ensure(void)
{
	if (read_rows(AccessShareLock).count == 0 &&
		read_rows(ShareRowExclusiveLock).count == 0)	/* one writer at a time */
		insert_identity();
}

/* Allow this database to send. SPI connected, as the owner. */
static void
identity_adopt(void)
{
	static Statement forget = {"DELETE FROM appt.identity", 0};

	(void) read_rows(ShareRowExclusiveLock);
	(void) statement_run(&forget);
	insert_identity();
}

/*
 * appt.adopt_database() -> void
 *
 * Allows this database to send from now on. Only the extension's owner and
 * superusers have EXECUTE. Source: design.md section 3.
 */
Datum
adopt_database(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);
	identity_adopt();
	call_end(&call);
	PG_RETURN_VOID();
}
