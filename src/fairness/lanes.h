/*
 * lanes.h
 *		When lanes have something due. With that a turn of the loop asks the
 *		database only about lanes that have something due and may send it.
 */
#ifndef APPT_LANES_H
#define APPT_LANES_H

#include "fairness/scheduler.h"

/* appt.due has an entry (lane, due_at): look at the lane no later than due_at. */
extern void lane_expect(Scheduler *scheduler, int64 lane_id, TimestampTz due_at);

/* The lane has nothing due before `next_due`; DT_NOEND: nothing at all. */
extern void lane_wait(Scheduler *scheduler, Lane *lane, TimestampTz next_due);

/* Fire the alarms that are due by `now`. True if there was one: a lane may send now that could not before. */
extern bool lanes_wake(Scheduler *scheduler, TimestampTz now);

/* When lanes_wake has something to do; DT_NOEND: never. */
extern TimestampTz lanes_next_wake(Scheduler *scheduler);

#endif							/* APPT_LANES_H */
