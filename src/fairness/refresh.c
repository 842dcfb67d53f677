/*
 * refresh.c
 *		Owner, destination and limits of lanes.
 *
 * A lane is stale if its owner was never loaded, or its configuration may have
 * changed since. Once it has something due, it waits among the stale lanes until
 * owners.c has loaded its owner.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/breakers.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "fairness/turns.h"

bool
lanes_need_refresh(Scheduler *scheduler)
{
	return !dlist_is_empty(&scheduler->stale);
}

Lane **
lanes_to_refresh(Scheduler *scheduler, int max, int *count)
{
	Lane	  **lanes = (Lane **) palloc(sizeof(Lane *) * max);
	dlist_iter	iterator;

	*count = 0;
	dlist_foreach(iterator, &scheduler->stale)
	{
		if (*count == max)
			break;
		lanes[(*count)++] = dlist_container(Lane, node, iterator.cur);
	}
	return lanes;
}

static void
set_limits(Gate *gate, const Limits *limits, TimestampTz now)
{
	gate->max_concurrency = limits->max_concurrency;

	/*
	 * Even if the rate is the same: after the clock was set back, the bucket
	 * fills from now on.
	 */
	bucket_set_rate(&gate->bucket, limits->max_per_second, now);
}

/* Failures at the earlier destination tell little about the new one: probe it now. */
static void
set_flow(Scheduler *scheduler, Lane *lane, Flow *flow, TimestampTz now)
{
	if (lane->flow == flow)
		return;
	if (lane->flow != NULL)
	{
		breaker_probe_now(scheduler, &lane->breaker, now);
		lane->flow->lane_count--;
	}
	lane->flow = flow;
	flow->lane_count++;
}

void
lane_refresh(Scheduler *scheduler, Lane *lane, const LaneOwner *owner, TimestampTz now)
{
	Tenant	   *tenant = tenant_get(scheduler, &owner->application_id);
	Destination *destination = destination_get(scheduler, owner->destination);

	lane_leave(scheduler, lane);
	set_flow(scheduler, lane, flow_get(scheduler, tenant, destination), now);
	if (lane->version != owner->version)
		breaker_probe_now(scheduler, &lane->breaker, now);
	lane->version = owner->version;
	lane->is_stale = false;
	lane->channel = owner->channel;
	lane->is_local = owner->is_local;
	lane->has_subscription = owner->subscription_id != NULL;
	if (lane->has_subscription)
		lane->subscription_id = *owner->subscription_id;
	set_limits(&lane->gate, &owner->own, now);
	set_limits(&tenant->gate, &owner->application, now);
	tenant_release(scheduler, tenant);
	lane_enter(scheduler, lane);
}

void
lane_redirect(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now)
{
	Flow	   *flow = flow_get(scheduler, lane->flow->key.tenant, destination_get(scheduler, destination));
	bool		was_ready = lane->state == LANE_READY;

	if (was_ready)
		lane_leave(scheduler, lane);
	set_flow(scheduler, lane, flow, now);
	if (was_ready)
		lane_enter(scheduler, lane);
}

void
lane_hold(Scheduler *scheduler, Lane *lane, TimestampTz until)
{
	block_lane(scheduler, lane, until);
	lane->is_stale = true;
}

static void
invalidate(Scheduler *scheduler, Lane *lane)
{
	lane->is_stale = true;
	if (lane->state != LANE_WAITING && lane->state != LANE_STALE)
		lane_reenter(scheduler, lane);
}

void
tenant_mark_stale(Scheduler *scheduler, const pg_uuid_t *application_id)
{
	Tenant	   *tenant = tenant_find(scheduler, application_id);

	if (tenant != NULL)
		tenant->is_stale = true;
}

void
lanes_invalidate(Scheduler *scheduler)
{
	int			count;
	Lane	  **lanes = lanes_all(scheduler, &count);

	for (int i = 0; i < count; i++)
		invalidate(scheduler, lanes[i]);
	pfree(lanes);
}

/* While its owner was never loaded, a lane may belong to any tenant. */
static bool
is_affected(const Lane *lane)
{
	return lane->flow == NULL || lane->flow->key.tenant->is_stale;
}

void
lanes_invalidate_stale_tenants(Scheduler *scheduler)
{
	int			count;
	Lane	  **lanes = lanes_all(scheduler, &count);

	for (int i = 0; i < count; i++)
		if (is_affected(lanes[i]))
			invalidate(scheduler, lanes[i]);
	pfree(lanes);
	tenants_clear_stale(scheduler);
}
