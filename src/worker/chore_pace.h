/*
 * chore_pace.h
 *		The pace of a chore: a pass of small transactions, between which the worker
 *		delivers. A chore takes a tenth of the worker's time, however much there is
 *		to do.
 */
#ifndef APPT_CHORE_PACE_H
#define APPT_CHORE_PACE_H

#include "datatype/timestamp.h"

/* The time between two steps, as a multiple of what the last one took. */
#define BUSY_FACTOR 9

/* The same while there is nothing to deliver. */
#define IDLE_FACTOR 1

/* After a transaction that failed. */
#define FAILURE_PAUSE USECS_PER_SEC

/* Until the next pass after one that skipped locked rows, at least. */
#define LOCKED_PAUSE USECS_PER_SEC

/* Zeroes: due at once. */
typedef struct Chore
{
	TimestampTz at;				/* when there may be something to do */
	TimestampTz last;			/* the end of the last step */
	TimeOffset	cost;			/* of the last step */
	TimeOffset	pass_cost;
} Chore;

/* When the next step may begin: after the last one plus `times` its duration. */
extern TimestampTz chore_next(const Chore *chore, int times);

extern bool chore_is_due(const Chore *chore);

/* A step that began then has ended; the pass goes on. */
extern void chore_note(Chore *chore, TimestampTz begin);

extern void chore_end_pass(Chore *chore, TimestampTz next);

/* When to begin the next pass if this one has skipped locked rows. */
extern TimestampTz chore_after_locked(const Chore *chore);

#endif							/* APPT_CHORE_PACE_H */
