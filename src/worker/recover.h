/*
 * recover.h
 *		Closing what a worker left open.
 */
#ifndef APPT_RECOVER_H
#define APPT_RECOVER_H

#include "fairness/scheduler.h"
#include "worker/guard.h"
#include "worker/suspects.h"

/* What is left open. */
typedef struct Recovery Recovery;

/* In CurrentMemoryContext. */
extern Recovery *recovery_create(Worker *worker, Scheduler *scheduler, Suspects *suspects);

/*
 * Look for what the worker's slot left open when it last stopped, before anything is
 * claimed under it. `and_above`: also what the slots above appt.workers left,
 * which nobody holds. False if the transaction failed.
 */
extern bool recover_find(Recovery *recovery, bool and_above);

/*
 * Close what was found: its attempts are INTERRUPTED. What a caller has locked
 * is left for the next time; true when nothing is left.
 */
extern bool recover_some(Recovery *recovery);

#endif							/* APPT_RECOVER_H */
