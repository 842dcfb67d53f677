/*
 * owners.h
 *		The owner, destination and limits of each lane, read from the configuration.
 */
#ifndef APPT_OWNERS_H
#define APPT_OWNERS_H

#include "fairness/scheduler.h"
#include "worker/guard.h"

/*
 * Read this for lanes that have something due and are stale, some hundred at a
 * time, in a transaction of its own; without one if there are none. False if the
 * transaction failed.
 */
extern bool owners_refresh(Worker *worker, Scheduler *scheduler, TimestampTz now);

#endif							/* APPT_OWNERS_H */
