/*
 * recover.h
 *		Closes what a worker left open.
 */
#ifndef APPT_RECOVER_H
#define APPT_RECOVER_H

#include "fairness/scheduler.h"
#include "worker/guard.h"
#include "worker/suspects.h"

/* What was found and is not closed yet. */
typedef struct Recovery Recovery;

/* In CurrentMemoryContext. */
extern Recovery *recovery_create(Worker *worker, Scheduler *scheduler, Suspects *suspects);

/*
 * Find what the last worker of the same slot left open; call it before the first
 * claim. `and_above`: also what the slots above appt.workers left, which
 * nobody holds. In a transaction of its own; false if that failed.
 */
extern bool recover_find(Recovery *recovery, bool and_above);

/*
 * Close what was found, in transactions of its own. What a caller has locked is
 * left for the next time. True if nothing is left.
 */
extern bool recover_some(Recovery *recovery);

#endif							/* APPT_RECOVER_H */
