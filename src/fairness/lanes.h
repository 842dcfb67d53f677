/*
 * lanes.h
 *		When to look at which lane, so that a turn of the loop asks the database
 *		only about lanes that have something due and may send it.
 */
#ifndef APPT_LANES_H
#define APPT_LANES_H

#include "fairness/scheduler.h"

/* An entry (lane, due_at) stands in appt.due: look at it no later than then. */
extern void lane_expect(Scheduler *scheduler, int64 lane_id, TimestampTz due_at);

/* It has nothing more until `next_due`. */
extern void lane_wait(Scheduler *scheduler, Lane *lane, TimestampTz next_due);

/* Ring the alarms whose time has come; true if a lane may send that could not before. */
extern bool lanes_wake(Scheduler *scheduler, TimestampTz now);

/* When lanes_wake has something to do; DT_NOEND if never. */
extern TimestampTz lanes_next_wake(Scheduler *scheduler);

#endif							/* APPT_LANES_H */
