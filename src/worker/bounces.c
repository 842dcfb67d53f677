/*
 * bounces.c
 *		Mail servers that know no such mailbox: its address is suppressed.
 *
 * The transaction that settles the message also suppresses its address, so a crash
 * loses neither or both. But it waits for nobody: a row of suppression refers to its
 * application, which a caller may be deleting in a transaction of any length. The
 * address of such a bounce is suppressed later. Until then its attempt waits in
 * memory; if the worker ends before, the next message to the address bounces, too,
 * and suppresses it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/suppression.h"
#include "worker/bounces.h"

/* Of one transaction, so that settling takes its usual time. */
#define BOUNCES_AT_ONCE 64

/* That wait; more are dropped. */
#define BOUNCES_MAX 10000

/* Between two tries. */
#define BOUNCES_PAUSE USECS_PER_SEC

struct Bounces
{
	Worker	   *worker;
	MemoryContext context;		/* of the list */
	List	   *attempt_ids;	/* of int64 *: those that wait */
	TimestampTz next_at;		/* not before */
};

Bounces *
bounces_create(Worker *worker)
{
	Bounces    *bounces = (Bounces *) palloc0(sizeof(Bounces));

	bounces->worker = worker;
	bounces->context = CurrentMemoryContext;
	return bounces;
}

static int64 *
copy_id(int64 id)
{
	int64	   *copy = (int64 *) palloc(sizeof(int64));

	*copy = id;
	return copy;
}

/* ---- within a transaction ---- */

static Column *
column_of_ids(const List *attempt_ids)
{
	Column	   *ids = column_create(INT8OID, list_length(attempt_ids));
	ListCell   *cell;

	foreach(cell, attempt_ids)
		column_add(ids, Int64GetDatum(*(const int64 *) lfirst(cell)));
	return ids;
}

/* The row's application suppresses what can't be delivered, and is locked. */
static void
suppress_recipient(Row *row)
{
	Suppression suppression = {.channel = CHANNEL_EMAIL, .reason = REASON_UNDELIVERABLE};
	bool		is_wanted = next_bool(row);

	suppression.application_id = next_uuid(row);
	suppression.notification_id = next_int64(row);
	suppression.address = next_text(row);
	suppression.source = next_text(row);
	if (is_wanted)
		suppression_add(&suppression);
}

/* The others of these attempts that still have an address and an application. */
static List *
find_left(Datum attempt_ids, const Column *done)
{
	static Statement find = {
		"SELECT t.id FROM appt.attempt t"
		" WHERE t.id = ANY ($1) AND t.id <> ALL ($2) AND t.recipient IS NOT NULL"
		"  AND EXISTS (SELECT FROM appt.application a WHERE a.id = t.application_id)",
		2, {INT8ARRAYOID, INT8ARRAYOID}
	};
	uint64		count = statement_run(&find, attempt_ids, column_array(done));
	List	   *left = NIL;

	for (uint64 n = 0; n < count; n++)
		left = lappend(left, copy_id(next_int64(ROW(n))));
	return left;
}

/* The lock is the one that a foreign key takes, which then needs not wait for it. */
static List *
suppress_some(const List *attempt_ids)
{
	static Statement lock = {
		"SELECT t.id, a.suppress_undeliverable, t.application_id, t.notification_id, t.recipient, t.response"
		" FROM appt.attempt t JOIN appt.application a ON a.id = t.application_id"
		" WHERE t.id = ANY ($1) AND t.recipient IS NOT NULL FOR KEY SHARE OF a SKIP LOCKED",
		1, {INT8ARRAYOID}
	};
	Datum		ids = column_array(column_of_ids(attempt_ids));
	Column	   *done = column_create(INT8OID, list_length(attempt_ids));
	uint64		count = statement_run(&lock, ids);
	Row		   *rows = (Row *) palloc(count * sizeof(Row));

	for (uint64 n = 0; n < count; n++)
	{
		rows[n] = row_at(n);
		column_add(done, Int64GetDatum(next_int64(&rows[n])));
	}
	for (uint64 n = 0; n < count; n++)
		suppress_recipient(&rows[n]);
	return count == list_length(attempt_ids) ? NIL : find_left(ids, done);
}

List *
bounces_suppress(List *attempt_ids)
{
	List	   *some = list_truncate(list_copy(attempt_ids), BOUNCES_AT_ONCE);
	List	   *others = list_copy_tail(attempt_ids, BOUNCES_AT_ONCE);

	return some == NIL ? NIL : list_concat(suppress_some(some), others);
}

/* ---- later ---- */

void
bounces_add(Bounces *bounces, const int64 *attempt_ids, int count)
{
	MemoryContext previous = MemoryContextSwitchTo(bounces->context);

	for (int i = 0; i < count && list_length(bounces->attempt_ids) < BOUNCES_MAX; i++)
		bounces->attempt_ids = lappend(bounces->attempt_ids, copy_id(attempt_ids[i]));
	MemoryContextSwitchTo(previous);
}

TimestampTz
bounces_next(const Bounces *bounces)
{
	return bounces->attempt_ids == NIL ? DT_NOEND : bounces->next_at;
}

void
bounces_clock_was_set(Bounces *bounces)
{
	bounces->next_at = 0;
}

/* One transaction. The result lives in the list's context. */
typedef struct Writing
{
	List	   *attempt_ids;
	List	   *left;
	MemoryContext context;
} Writing;

static void
write_step(void *argument)
{
	Writing    *writing = (Writing *) argument;
	List	   *left = suppress_some(writing->attempt_ids);
	MemoryContext previous = MemoryContextSwitchTo(writing->context);
	ListCell   *cell;

	foreach(cell, left)
		writing->left = lappend(writing->left, copy_id(*(const int64 *) lfirst(cell)));
	MemoryContextSwitchTo(previous);
}

/* Those that wait longest; what is still locked waits behind the others. */
void
bounces_write(Bounces *bounces, TimestampTz now)
{
	MemoryContext previous;
	Writing		writing = {.context = bounces->context};
	Failure		failure = {0};
	bool		is_written;

	if (now < bounces_next(bounces))
		return;
	bounces->next_at = now + BOUNCES_PAUSE;
	writing.attempt_ids = list_truncate(list_copy(bounces->attempt_ids), BOUNCES_AT_ONCE);
	is_written = worker_run(bounces->worker, write_step, &writing, &failure);
	if (!is_written && failure.kind == FAILURE_TRANSIENT)
		return;
	previous = MemoryContextSwitchTo(bounces->context);
	for (int i = list_length(writing.attempt_ids); i > 0; i--)
	{
		pfree(linitial(bounces->attempt_ids));
		bounces->attempt_ids = list_delete_first(bounces->attempt_ids);
	}
	if (is_written)
		bounces->attempt_ids = list_concat(bounces->attempt_ids, writing.left);
	if (is_written && list_length(writing.left) < list_length(writing.attempt_ids))
		bounces->next_at = now;
	list_free(writing.left);
	MemoryContextSwitchTo(previous);
}
