/*
 * turns.h
 *		Who is in the rings from which slots are given, and who is held out of
 *		them.
 */
#ifndef APPT_TURNS_H
#define APPT_TURNS_H

#include "fairness/scheduler.h"

/* It has something due: may it send? It is in no list or heap. */
extern void lane_enter(Scheduler *scheduler, Lane *lane);

/* Out of the list that it is in, if any. */
extern void lane_leave(Scheduler *scheduler, Lane *lane);
extern void flow_enter(Scheduler *scheduler, Flow *flow);

/* What held it back is over. */
extern void tenant_release(Scheduler *scheduler, Tenant *tenant);
extern void destination_release(Scheduler *scheduler, Destination *destination);

/* May not send until then, or (DT_NOEND) until a transfer ends. */
extern void block_lane(Scheduler *scheduler, Lane *lane, TimestampTz until);
extern void block_tenant(Scheduler *scheduler, Tenant *tenant, TimestampTz until);
extern void park_flow(Scheduler *scheduler, Flow *flow, TimestampTz until);

#endif							/* APPT_TURNS_H */
