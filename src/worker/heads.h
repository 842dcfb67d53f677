/*
 * heads.h
 *		When the first entry of each lane that can be claimed is due.
 */
#ifndef APPT_HEADS_H
#define APPT_HEADS_H

#include "fairness/scheduler.h"
#include "worker/guard.h"

/*
 * Within a transaction: look for the heads of these lanes, and let each wait
 * for its own; shortly, if somebody has locked it though it is due by `now`.
 */
extern void find_heads(Scheduler *scheduler, Lane **lanes, int count, TimestampTz now);

/* Look for lanes that nobody told us of, and for the heads of all, in a transaction of its own. */
extern bool sweep_lanes(Worker *worker, Scheduler *scheduler);

#endif							/* APPT_HEADS_H */
