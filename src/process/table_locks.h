/*
 * table_locks.h
 *		LOCK TABLE on appt's tables.
 */
#ifndef APPT_TABLE_LOCKS_H
#define APPT_TABLE_LOCKS_H

#include "nodes/parsenodes.h"

/*
 * 42501 if the statement locks a table of appt's in ACCESS EXCLUSIVE mode and
 * the current user is not its owner.
 */
extern void table_locks_check(const LockStmt *statement);

#endif							/* APPT_TABLE_LOCKS_H */
