/*
 * registry.h
 *		The records of lanes, tenants, destinations and flows: found, made and
 *		forgotten. A record does not move while it exists.
 */
#ifndef APPT_REGISTRY_H
#define APPT_REGISTRY_H

#include "fairness/scheduler.h"

/* A scheduler without records. It and all that belongs to it is allocated in this context. */
extern Scheduler *scheduler_create(MemoryContext context);

/* The record of a lane, or NULL. It exists at least while the lane has something due or in flight. */
extern Lane *lane_find(Scheduler *scheduler, int64 lane_id);

/* The record of a lane, made if needed. A new one is stale and waits for nothing. */
extern Lane *lane_get(Scheduler *scheduler, int64 lane_id);

/* All lanes, in an array in CurrentMemoryContext. */
extern Lane **lanes_all(Scheduler *scheduler, int *count);

/* The record, or NULL. */
extern Tenant *tenant_find(Scheduler *scheduler, const pg_uuid_t *application_id);

/* The record, made if needed. */
extern Tenant *tenant_get(Scheduler *scheduler, const pg_uuid_t *application_id);
extern Destination *destination_get(Scheduler *scheduler, const char *key);
extern Flow *flow_get(Scheduler *scheduler, Tenant *tenant, Destination *destination);

/* No tenant is stale any more. */
extern void tenants_clear_stale(Scheduler *scheduler);

/*
 * Forget each lane that waits for nothing, that the sweep did not see, and that
 * loses nothing by it; then the flows, tenants and destinations without lanes.
 */
extern void lanes_forget_unseen(Scheduler *scheduler, TimestampTz now);

#endif							/* APPT_REGISTRY_H */
