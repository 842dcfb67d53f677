/*
 * registry.h
 *		The records of lanes, tenants, destinations and bundles: found, made and
 *		forgotten.
 */
#ifndef APPT_REGISTRY_H
#define APPT_REGISTRY_H

#include "fairness/scheduler.h"

extern void registry_create(MemoryContext context);

/* The record of a lane, or NULL. It stays at least as long as the lane has something due or in flight. */
extern Lane *lane_find(int64 lane_id);

/* The record of a lane, made if needed: nothing known of it. */
extern Lane *lane_get(int64 lane_id);

/* All lanes there are, in an array in CurrentMemoryContext. */
extern Lane **lanes_all(int *count);

/* Found, or NULL. */
extern Tenant *tenant_find(const pg_uuid_t *application_id);

/* Found, or made. */
extern Tenant *tenant_get(const pg_uuid_t *application_id);
extern Destination *destination_get(const char *key);
extern Bundle *bundle_get(Tenant *tenant, Destination *destination);

/* None of them is doubted any more. */
extern void tenants_trust(void);

/*
 * Forget the lanes that have nothing to wait for, that the sweep did not see,
 * and of which nothing need be remembered; then the others that no lane needs.
 */
extern void lanes_forget_unseen(TimestampTz now);

#endif							/* APPT_REGISTRY_H */
