/*
 * turns.h
 *		Who takes part in the turns, and who is blocked.
 */
#ifndef APPT_TURNS_H
#define APPT_TURNS_H

#include "fairness/scheduler.h"

/* The lane has something due, and is in no list or heap: put it in its ring, or among the stale lanes. */
extern void lane_enter(Scheduler *scheduler, Lane *lane);

/* Take the lane out of its ring or list, and clear its alarm. The caller sets its new state. */
extern void lane_leave(Scheduler *scheduler, Lane *lane);

/* The same lane again: what it may do has changed. */
extern void lane_reenter(Scheduler *scheduler, Lane *lane);

/* Put the flow in the ring of its tenant. */
extern void flow_enter(Scheduler *scheduler, Flow *flow);

/* What blocked it is over. If something else blocks it too, the next allotment finds that. */
extern void tenant_release(Scheduler *scheduler, Tenant *tenant);
extern void destination_release(Scheduler *scheduler, Destination *destination);

/* It may not send until then; DT_NOEND: until one of its transfers ends. */
extern void block_lane(Scheduler *scheduler, Lane *lane, TimestampTz until);
extern void block_tenant(Scheduler *scheduler, Tenant *tenant, TimestampTz until);

/* Its destination has no room until then; DT_NOEND: until a transfer to it ends. */
extern void park_flow(Scheduler *scheduler, Flow *flow, TimestampTz until);

#endif							/* APPT_TURNS_H */
