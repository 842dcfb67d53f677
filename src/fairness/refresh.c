/*
 * refresh.c
 *		What is known of lanes: whose they are, where they lead, what they may;
 *		and when it holds no more.
 *
 * A lane that is not known, or whose configuration may have changed, waits
 * among the unknown, once it has something due, until owners.c has learned it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/breakers.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "fairness/turns.h"

bool
lanes_are_unknown(Scheduler *scheduler)
{
	return !dlist_is_empty(&scheduler->unknown);
}

Lane **
lanes_unknown(Scheduler *scheduler, int max, int *count)
{
	Lane	  **lanes = (Lane **) palloc(sizeof(Lane *) * max);
	dlist_iter	iterator;

	*count = 0;
	dlist_foreach(iterator, &scheduler->unknown)
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
	 * The same rate, too: a clock that was set back fills a bucket from then
	 * on.
	 */
	bucket_set_rate(&gate->bucket, limits->max_per_second, now);
}

/* Where it led before tells little of where it leads now. */
static void
set_bundle(Scheduler *scheduler, Lane *lane, Bundle *bundle, TimestampTz now)
{
	if (lane->bundle == bundle)
		return;
	if (lane->bundle != NULL)
	{
		breaker_expedite(scheduler, &lane->breaker, now);
		lane->bundle->lane_count--;
	}
	lane->bundle = bundle;
	bundle->lane_count++;
}

void
lane_learn(Scheduler *scheduler, Lane *lane, const LaneOwner *owner, TimestampTz now)
{
	Tenant	   *tenant = tenant_get(scheduler, &owner->application_id);
	Destination *destination = destination_get(scheduler, owner->destination);

	lane_leave(scheduler, lane);
	set_bundle(scheduler, lane, bundle_get(scheduler, tenant, destination), now);
	if (lane->version != owner->version)
		breaker_expedite(scheduler, &lane->breaker, now);
	lane->version = owner->version;
	lane->is_known = true;
	lane->channel = owner->channel;
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
	Bundle	   *bundle = bundle_get(scheduler, lane->bundle->key.tenant, destination_get(scheduler, destination));
	bool		was_ready = lane->state == LANE_READY;

	if (was_ready)
		lane_leave(scheduler, lane);
	set_bundle(scheduler, lane, bundle, now);
	if (was_ready)
		lane_enter(scheduler, lane);
}

void
lane_set_aside(Scheduler *scheduler, Lane *lane, TimestampTz until)
{
	block_lane(scheduler, lane, until);
	lane->is_known = false;
}

static void
doubt(Scheduler *scheduler, Lane *lane)
{
	lane->is_known = false;
	if (lane->state == LANE_WAITING || lane->state == LANE_UNKNOWN)
		return;
	lane_leave(scheduler, lane);
	lane_enter(scheduler, lane);
}

void
tenant_doubt(Scheduler *scheduler, const pg_uuid_t *application_id)
{
	Tenant	   *tenant = tenant_find(scheduler, application_id);

	if (tenant != NULL)
		tenant->is_doubted = true;
}

void
lanes_doubt(Scheduler *scheduler)
{
	int			count;
	Lane	  **lanes = lanes_all(scheduler, &count);

	for (int i = 0; i < count; i++)
		doubt(scheduler, lanes[i]);
	pfree(lanes);
}

/* Whose it is can't be told of a lane that was set aside before it was ever learned. */
static bool
may_be_changed(const Lane *lane)
{
	return lane->bundle == NULL || lane->bundle->key.tenant->is_doubted;
}

void
lanes_doubt_changed(Scheduler *scheduler)
{
	int			count;
	Lane	  **lanes = lanes_all(scheduler, &count);

	for (int i = 0; i < count; i++)
		if (may_be_changed(lanes[i]))
			doubt(scheduler, lanes[i]);
	pfree(lanes);
	tenants_trust(scheduler);
}
