/*
 * owners.h
 *		Whose the lanes are, where they lead and what may be sent there.
 */
#ifndef APPT_OWNERS_H
#define APPT_OWNERS_H

#include "fairness/scheduler.h"
#include "worker/guard.h"

/*
 * Read this of the lanes that have something due and are not known, some hundred
 * at a time, in a transaction of its own; there is none if all are known. The
 * slot is the worker's, which has its part of each limit. False if the
 * transaction failed.
 */
extern bool owners_refresh(Worker *worker, Scheduler *scheduler, TimestampTz now);

#endif							/* APPT_OWNERS_H */
