/*
 * pace.h
 *		When work is worth doing again, by what it took last. The time is an argument.
 */
#ifndef APPT_PACE_H
#define APPT_PACE_H

#include "datatype/timestamp.h"

/* When something was done last, and how long it took. */
typedef struct Pace
{
	TimestampTz last;
	TimeOffset	cost;
} Pace;

extern void pace_note(Pace *pace, TimestampTz begin, TimestampTz end);

/* When a batch that is not full is worth its transaction. */
extern TimestampTz pace_next(const Pace *pace);

/* When callers may cause the next one: it takes a tenth of the worker's time at most. */
extern TimestampTz pace_for_callers(const Pace *pace);

/* How much of the last tenth of a second or so a worker slept. */
typedef struct Sleep
{
	TimestampTz woken_at;
	TimeOffset	awake;
	TimeOffset	asleep;
} Sleep;

/* It slept so long. */
extern void sleep_note(Sleep *sleep, TimestampTz begin, TimestampTz end);

/* It slept a quarter of the time or more: smaller batches, which cost more, do not hold it up. */
extern bool sleep_leaves_time(const Sleep *sleep);

#endif							/* APPT_PACE_H */
