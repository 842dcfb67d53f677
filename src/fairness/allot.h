/*
 * allot.h
 *		Which lanes may send, and how much.
 */
#ifndef APPT_ALLOT_H
#define APPT_ALLOT_H

#include "fairness/scheduler.h"

/* Is there a lane that may send, for all that is known? */
extern bool lanes_are_ready(Scheduler *scheduler);

typedef struct Allowance
{
	TimestampTz now;
	int			slots;			/* to give at most */
	int			free_slots;		/* of the worker's window */
	int			max_per_host;
} Allowance;

typedef struct Grant
{
	Lane	   *lane;
	int			slots;			/* so many it may send */
} Grant;

/*
 * Give slots to the lanes, one after the other and fairly among tenants; in
 * an array in CurrentMemoryContext. They are reserved until returned, which
 * must be before the next lanes_allot and before lane_start.
 */
extern Grant *lanes_allot(Scheduler *scheduler, const Allowance *allowance, int *count);
extern void lanes_return(const Grant *grants, int count);

#endif							/* APPT_ALLOT_H */
