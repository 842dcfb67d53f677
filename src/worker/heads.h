/*
 * heads.h
 *		The head of a lane: its first entry that can be claimed.
 */
#ifndef APPT_HEADS_H
#define APPT_HEADS_H

#include "fairness/scheduler.h"
#include "worker/guard.h"

/*
 * Let each of these lanes wait until its head is due; for a short time, if it is
 * due by `now`: then somebody has locked it. SPI must be connected.
 */
extern void find_heads(Scheduler *scheduler, Lane **lanes, int count, TimestampTz now);

/*
 * Find all lanes and their heads anew and mark their owners stale, in a
 * transaction of its own; false if that failed.
 */
extern bool sweep_lanes(Worker *worker, Scheduler *scheduler);

#endif							/* APPT_HEADS_H */
