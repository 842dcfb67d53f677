/*
 * owners.h
 *		Whose the lanes are, where they lead and what may be sent there.
 */
#ifndef APPT_OWNERS_H
#define APPT_OWNERS_H

#include "fairness/scheduler.h"

/*
 * Learn whose the lanes are that have something due, and what they may, in a
 * transaction of its own if there are any not known; false if it failed.
 */
extern bool learn_owners(Scheduler *scheduler, int slot, TimestampTz now);

/* How long that has taken since this was last asked. */
extern TimeOffset learning_cost(void);

#endif							/* APPT_OWNERS_H */
