/*
 * flights.h
 *		Start and end of a message.
 */
#ifndef APPT_FLIGHTS_H
#define APPT_FLIGHTS_H

#include "fairness/breakers.h"
#include "fairness/scheduler.h"

typedef struct Flight
{
	Lane	   *lane;
	Flow	   *flow;			/* of the lane when it started */
	Tenant	   *tenant;
	TimestampTz started_at;
	bool		probes_lane;
	bool		probes_destination;
} Flight;

/* What an outcome tells about the lane and the destination. */
typedef struct Evidence
{
	Finding		of_lane;
	Finding		of_destination;
} Evidence;

/* A message of this lane starts, to this destination (destination_of_url). The lane has been refreshed once. */
extern Flight lane_start(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now);

/* It has ended. `error` is a text for people, or NULL. */
extern void lane_finish(Scheduler *scheduler, const Flight *flight, Evidence evidence, const char *error,
						TimestampTz now);

/* After that: its outcome is stored. */
extern void lane_settle(const Flight *flight);

/* Does a slot of the tenant come back soon? Not until it has shown that. */
extern bool tenant_is_quick(const Tenant *tenant);

/* A person wants this lane to send: if its circuits are open, a probe is due now. */
extern void lane_probe_now(Scheduler *scheduler, int64 lane_id, TimestampTz now);

#endif							/* APPT_FLIGHTS_H */
