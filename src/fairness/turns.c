/*
 * turns.c
 *		Whose turn it is: rings within rings, and who is in them.
 *
 *	ring of tenants -> a tenant's ring of flows -> a flow's ring of lanes
 *
 * A lane is in its ring while it has something due and may send it, a flow
 * while one of its lanes is, a tenant while one of its flows is. What may
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
flow_enter(Scheduler *scheduler, Flow *flow)
{
	Tenant	   *tenant = flow->key.tenant;

	flow->state = FLOW_SERVED;
	ring_add(&tenant->flows, &flow->node);
	if (tenant->state == TENANT_IDLE)
		tenant_enter(scheduler, tenant);
}

/* Nothing of the flow is in its tenant's ring any more. */
static void
flow_leave(Flow *flow, FlowState state)
{
	Tenant	   *tenant = flow->key.tenant;

	dlist_delete(&flow->node);
	flow->state = state;
	if (tenant->state != TENANT_SERVED || !ring_is_empty(&tenant->flows))
		return;
	dlist_delete(&tenant->node);
	tenant->state = TENANT_IDLE;
}

void
lane_enter(Scheduler *scheduler, Lane *lane)
{
	if (lane->is_stale)
	{
		lane->state = LANE_STALE;
		dlist_push_tail(&scheduler->stale, &lane->node);
		return;
	}
	lane->state = LANE_READY;
	ring_add(&lane->flow->lanes, &lane->node);
	if (lane->flow->state == FLOW_IDLE)
		flow_enter(scheduler, lane->flow);
}

void
lane_leave(Scheduler *scheduler, Lane *lane)
{
	alarm_clear(scheduler->alarms, &lane->alarm);
	if (lane->state == LANE_STALE)
		dlist_delete(&lane->node);
	if (lane->state != LANE_READY)
		return;
	dlist_delete(&lane->node);
	if (ring_is_empty(&lane->flow->lanes))
		flow_leave(lane->flow, FLOW_IDLE);
}

/* What held it back is over; what else does will be found out. */
void
tenant_release(Scheduler *scheduler, Tenant *tenant)
{
	if (tenant->state != TENANT_HELD && tenant->state != TENANT_FULL)
		return;
	alarm_clear(scheduler->alarms, &tenant->alarm);
	tenant->state = TENANT_IDLE;
	if (!ring_is_empty(&tenant->flows))
		tenant_enter(scheduler, tenant);
}

void
destination_release(Scheduler *scheduler, Destination *destination)
{
	if (destination->is_unparking || dlist_is_empty(&destination->parked))
		return;
	destination->is_unparking = true;
	dlist_push_tail(&scheduler->unparking, &destination->node);
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
park_flow(Scheduler *scheduler, Flow *flow, TimestampTz until)
{
	Destination *destination = flow->key.destination;

	flow_leave(flow, FLOW_PARKED);
	flow->parked_in = scheduler->allotment;
	dlist_push_tail(&destination->parked, &flow->node);
	alarm_set(scheduler->alarms, &destination->alarm, ALARM_OF_DESTINATION, until);
}
