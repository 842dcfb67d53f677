/*
 * changed_rows.h
 *		The frame of triggers that check all rows of a statement at once, and of
 *		the locks that their checks need.
 *
 *	changed_rows_begin(&call, fcinfo);
 *	changed_rows_lock(&locks, LOCK_PHONE_NUMBER, ShareLock);
 *	if (changed_rows_find(&violation) > 0)
 *		... the row, by ROW(0)
 *	call_end(&call);
 *
 * The triggers are AFTER ... REFERENCING NEW TABLE AS changed FOR EACH STATEMENT;
 * statements may read `changed`. An import of many rows is so checked by one
 * query.
 */
#ifndef APPT_CHANGED_ROWS_H
#define APPT_CHANGED_ROWS_H

#include "storage/lock.h"

#include "core/call.h"
#include "core/locks.h"
#include "core/statement.h"

/* call_begin_as_owner for such a trigger. 39P01: it is called otherwise. */
extern void changed_rows_begin(Call *call, FunctionCallInfo fcinfo);

/*
 * Lock, until the transaction ends, what the statement selects: application_id
 * uuid and a name (text). Names share LOCKS_PER_APPLICATION locks, so that the
 * lock table has room for any import; they are taken in order, so that two
 * statements do not wait for each other.
 */
#define LOCKS_PER_APPLICATION 64
extern void changed_rows_lock(Statement *names, AdvisoryLockKind kind, LOCKMODE mode);

/*
 * Run a read-only statement that sees what is committed by now, whatever the
 * transaction's snapshot, and what the transaction did itself. Returns the number
 * of rows.
 */
extern uint64 changed_rows_find(Statement *statement);

#endif							/* APPT_CHANGED_ROWS_H */
