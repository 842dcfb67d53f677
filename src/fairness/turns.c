/*
 * turns.c
 *		Whose turn it is: rings within rings, and who is in them.
 *
 *	ring of tenants -> a tenant's ring of bundles -> a bundle's ring of lanes
 *
 * A lane is in its ring while it has something due and may send it, a bundle
 * while one of its lanes is, a tenant while one of its bundles is. What may
 * not send leaves its ring, and so costs nothing to pass over.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/turns.h"

/* ---- entering and leaving the rings ---- */

static void
tenant_enter(Scheduler *scheduler, Tenant *tenant)
{
	tenant->state = TENANT_SERVED;
	ring_add(&scheduler->ring, &tenant->node);
}

void
bundle_enter(Scheduler *scheduler, Bundle *bundle)
{
	Tenant	   *tenant = bundle->key.tenant;

	bundle->state = BUNDLE_SERVED;
	ring_add(&tenant->bundles, &bundle->node);
	if (tenant->state == TENANT_IDLE)
		tenant_enter(scheduler, tenant);
}

/* Nothing of the bundle is in its tenant's ring any more. */
static void
bundle_leave(Bundle *bundle, BundleState state)
{
	Tenant	   *tenant = bundle->key.tenant;

	dlist_delete(&bundle->node);
	bundle->state = state;
	if (tenant->state != TENANT_SERVED || !ring_is_empty(&tenant->bundles))
		return;
	dlist_delete(&tenant->node);
	tenant->state = TENANT_IDLE;
}

void
lane_enter(Scheduler *scheduler, Lane *lane)
{
	if (!lane->is_known)
	{
		lane->state = LANE_UNKNOWN;
		dlist_push_tail(&scheduler->unknown, &lane->node);
		return;
	}
	lane->state = LANE_READY;
	ring_add(&lane->bundle->lanes, &lane->node);
	if (lane->bundle->state == BUNDLE_IDLE)
		bundle_enter(scheduler, lane->bundle);
}

void
lane_leave(Scheduler *scheduler, Lane *lane)
{
	alarm_clear(scheduler->alarms, &lane->alarm);
	if (lane->state == LANE_UNKNOWN)
		dlist_delete(&lane->node);
	if (lane->state != LANE_READY)
		return;
	dlist_delete(&lane->node);
	if (ring_is_empty(&lane->bundle->lanes))
		bundle_leave(lane->bundle, BUNDLE_IDLE);
}

/* What held it back is over; what else does will be found out. */
void
tenant_release(Scheduler *scheduler, Tenant *tenant)
{
	if (tenant->state != TENANT_HELD && tenant->state != TENANT_FULL)
		return;
	alarm_clear(scheduler->alarms, &tenant->alarm);
	tenant->state = TENANT_IDLE;
	if (!ring_is_empty(&tenant->bundles))
		tenant_enter(scheduler, tenant);
}

void
destination_release(Scheduler *scheduler, Destination *destination)
{
	if (destination->is_roomy || dlist_is_empty(&destination->parked))
		return;
	destination->is_roomy = true;
	dlist_push_tail(&scheduler->roomy, &destination->node);
}

void
block_lane(Scheduler *scheduler, Lane *lane, TimestampTz until)
{
	lane_leave(scheduler, lane);
	lane->state = until == DT_NOEND ? LANE_FULL : LANE_HELD;
	alarm_set(scheduler->alarms, &lane->alarm, ALARM_OF_LANE, until);
}

void
block_tenant(Scheduler *scheduler, Tenant *tenant, TimestampTz until)
{
	dlist_delete(&tenant->node);
	tenant->state = until == DT_NOEND ? TENANT_FULL : TENANT_HELD;
	alarm_set(scheduler->alarms, &tenant->alarm, ALARM_OF_TENANT, until);
}

void
park_bundle(Scheduler *scheduler, Bundle *bundle, TimestampTz until)
{
	Destination *destination = bundle->key.destination;

	bundle_leave(bundle, BUNDLE_PARKED);
	bundle->parked_in = scheduler->allotment;
	dlist_push_tail(&destination->parked, &bundle->node);
	alarm_set(scheduler->alarms, &destination->alarm, ALARM_OF_DESTINATION, until);
}
