/*
 * flights.h
 *		Messages on their way, and what their ends tell.
 */
#ifndef APPT_FLIGHTS_H
#define APPT_FLIGHTS_H

#include "fairness/breakers.h"
#include "fairness/scheduler.h"

typedef struct Flight
{
	Lane	   *lane;
	Flow	   *flow;			/* that the lane was in when it started */
	bool		probes_lane;
	bool		probes_destination;
} Flight;

/* What an outcome tells of the two that may be failing. */
typedef struct Evidence
{
	Finding		of_lane;
	Finding		of_destination;
} Evidence;

/* A message of this lane starts, to this destination. */
extern Flight lane_start(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now);

/* It ended; `error` for people, or NULL. */
extern void lane_finish(Scheduler *scheduler, const Flight *flight, Evidence evidence, const char *error,
						TimestampTz now);

/* A person wants it to send: should open circuits hold it back, it probes at once. */
extern void lane_probe_now(Scheduler *scheduler, int64 lane_id, TimestampTz now);

#endif							/* APPT_FLIGHTS_H */
