/*
 * allot.h
 *		Which lanes may send next, and how much.
 */
#ifndef APPT_ALLOT_H
#define APPT_ALLOT_H

#include "fairness/scheduler.h"

/* Is a claim worth trying: may a lane send, or need one be refreshed for that? */
extern bool lanes_are_ready(Scheduler *scheduler);

/* May a lane send whose messages need no transfer? */
extern bool local_lanes_are_ready(Scheduler *scheduler);

typedef struct Allowance
{
	TimestampTz now;
	int			slots;			/* to give at most */
	int			local;			/* messages that need no transfer, at most */
	int			free_slots;		/* of the worker */
	int			free_places;	/* of what it has in flight or unsettled */
	int			max_per_host;
} Allowance;

typedef struct Grant
{
	Lane	   *lane;
	int			slots;			/* for the lane; of a local one: messages */
} Grant;

/*
 * Give slots to lanes, in turn among tenants, and to local lanes the messages
 * that need no slot, also in turn. Returns one grant for each lane that has any, in an array in CurrentMemoryContext. The slots are reserved until
 * lanes_return, which must come before the next lanes_allot and lane_start.
 */
extern Grant *lanes_allot(Scheduler *scheduler, const Allowance *allowance, int *count);
extern void lanes_return(Scheduler *scheduler, const Grant *grants, int count);

#endif							/* APPT_ALLOT_H */
