/*
 * registry.h
 *		The records of lanes, tenants, destinations and flows: found, made and
 *		forgotten.
 */
#ifndef APPT_REGISTRY_H
#define APPT_REGISTRY_H

#include "fairness/scheduler.h"

/* With nothing in it. It and all that it has live in this context. */
extern Scheduler *scheduler_create(MemoryContext context);

/* The record of a lane, or NULL. It stays at least as long as the lane has something due or in flight. */
extern Lane *lane_find(Scheduler *scheduler, int64 lane_id);

/* The record of a lane, made if needed: nothing known of it. */
extern Lane *lane_get(Scheduler *scheduler, int64 lane_id);

/* All lanes there are, in an array in CurrentMemoryContext. */
extern Lane **lanes_all(Scheduler *scheduler, int *count);

/* Found, or NULL. */
extern Tenant *tenant_find(Scheduler *scheduler, const pg_uuid_t *application_id);

/* Found, or made. */
extern Tenant *tenant_get(Scheduler *scheduler, const pg_uuid_t *application_id);
extern Destination *destination_get(Scheduler *scheduler, const char *key);
extern Flow *flow_get(Scheduler *scheduler, Tenant *tenant, Destination *destination);

/* None of them is stale any more. */
extern void tenants_clear_stale(Scheduler *scheduler);

/*
 * Forget the lanes that have nothing to wait for, that the sweep did not see,
 * and of which nothing need be remembered; then the others that no lane needs.
 */
extern void lanes_forget_unseen(Scheduler *scheduler, TimestampTz now);

#endif							/* APPT_REGISTRY_H */
