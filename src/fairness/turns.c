/*
 * turns.c
 *		Enters lanes, flows and tenants into their rings, and blocks them.
 *
 * A lane is in the ring of its flow while it has something due and may send it. A
 * flow is in the ring of its tenant while one of its lanes is, a tenant in the
 * ring of tenants while one of its flows is. What may not send leaves its ring,
 * so passing over it costs nothing. A lane whose messages need no transfer is in
 * a ring of such lanes instead: each tenant has at most one.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/turns.h"

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

/* Its tenant leaves too if this was its last flow in the turns. */
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
	ring_add(lane->is_local ? &scheduler->local_lanes : &lane->flow->lanes, &lane->node);
	if (!lane->is_local && lane->flow->state == FLOW_IDLE)
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
	if (!lane->is_local && ring_is_empty(&lane->flow->lanes))
		flow_leave(lane->flow, FLOW_IDLE);
}

void
lane_reenter(Scheduler *scheduler, Lane *lane)
{
	lane_leave(scheduler, lane);
	lane_enter(scheduler, lane);
}

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
