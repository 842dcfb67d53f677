/*
 * registry.c
 *		Hash tables of lanes, tenants, destinations and flows. Tenants,
 *		destinations and flows are made with the first lane that needs them. A
 *		record is forgotten when nothing is lost by it: nothing is in flight, its
 *		bucket is full, and its circuit holds nothing back.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fairness/breakers.h"
#include "fairness/registry.h"

/* ---- records ---- */

static HTAB *
create_table(const char *name, long count, Size key_size, Size entry_size, int flags, MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = key_size;
	control.entrysize = entry_size;
	control.hcxt = context;
	return hash_create(name, count, &control, HASH_ELEM | HASH_CONTEXT | flags);
}

Scheduler *
scheduler_create(MemoryContext context)
{
	Scheduler  *scheduler = (Scheduler *) MemoryContextAllocZero(context, sizeof(Scheduler));

	scheduler->context = context;
	scheduler->lanes = create_table("appt lanes", 256, sizeof(int64), sizeof(Lane), HASH_BLOBS, context);
	scheduler->tenants = create_table("appt tenants", 64, sizeof(pg_uuid_t), sizeof(Tenant),
									  HASH_BLOBS, context);
	scheduler->destinations = create_table("appt destinations", 64, DESTINATION_SIZE,
										   sizeof(Destination), HASH_STRINGS, context);
	scheduler->flows = create_table("appt flows", 64, sizeof(FlowKey), sizeof(Flow),
									HASH_BLOBS, context);
	scheduler->alarms = alarms_create(context);
	ring_init(&scheduler->ring);
	ring_init(&scheduler->local_lanes);
	dlist_init(&scheduler->unparking);
	dlist_init(&scheduler->stale);
	dlist_init(&scheduler->open_circuits);
	scheduler->circuits_changed = true;
	return scheduler;
}

Lane *
lane_find(Scheduler *scheduler, int64 lane_id)
{
	return (Lane *) hash_search(scheduler->lanes, &lane_id, HASH_FIND, NULL);
}

Lane *
lane_get(Scheduler *scheduler, int64 lane_id)
{
	bool		found;
	Lane	   *lane = (Lane *) hash_search(scheduler->lanes, &lane_id, HASH_ENTER, &found);

	if (found)
		return lane;
	memset((char *) lane + sizeof(int64), 0, sizeof(Lane) - sizeof(int64));
	lane->state = LANE_WAITING;
	lane->is_stale = true;
	lane->alarm.at = DT_NOEND;
	lane->low_water = DT_NOBEGIN;
	lane->position_due = DT_NOBEGIN;
	return lane;
}

Lane **
lanes_all(Scheduler *scheduler, int *count)
{
	HASH_SEQ_STATUS scan;
	Lane	  **all = (Lane **) palloc((hash_get_num_entries(scheduler->lanes) + 1) * sizeof(Lane *));
	Lane	   *lane;

	*count = 0;
	hash_seq_init(&scan, scheduler->lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
		all[(*count)++] = lane;
	return all;
}

Tenant *
tenant_find(Scheduler *scheduler, const pg_uuid_t *application_id)
{
	return (Tenant *) hash_search(scheduler->tenants, application_id, HASH_FIND, NULL);
}

Tenant *
tenant_get(Scheduler *scheduler, const pg_uuid_t *application_id)
{
	bool		found;
	Tenant	   *tenant = (Tenant *) hash_search(scheduler->tenants, application_id, HASH_ENTER, &found);

	if (found)
		return tenant;
	memset((char *) tenant + sizeof(pg_uuid_t), 0, sizeof(Tenant) - sizeof(pg_uuid_t));
	tenant->gate.max_concurrency = INT_MAX;
	tenant->mean_duration = DURATION_AT_FIRST;
	ring_init(&tenant->flows);
	return tenant;
}

Destination *
destination_get(Scheduler *scheduler, const char *key)
{
	bool		found;
	Destination *destination = (Destination *) hash_search(scheduler->destinations, key, HASH_ENTER, &found);

	if (found)
		return destination;
	memset((char *) destination + DESTINATION_SIZE, 0, sizeof(Destination) - DESTINATION_SIZE);
	destination->breaker.of_destination = true;
	dlist_init(&destination->parked);
	return destination;
}

Flow *
flow_get(Scheduler *scheduler, Tenant *tenant, Destination *destination)
{
	FlowKey		key = {tenant, destination};
	bool		found;
	Flow	   *flow = (Flow *) hash_search(scheduler->flows, &key, HASH_ENTER, &found);

	if (found)
		return flow;
	memset((char *) flow + sizeof(FlowKey), 0, sizeof(Flow) - sizeof(FlowKey));
	ring_init(&flow->lanes);
	tenant->flow_count++;
	destination->flow_count++;
	return flow;
}

void
tenants_clear_stale(Scheduler *scheduler)
{
	HASH_SEQ_STATUS scan;
	Tenant	   *tenant;

	hash_seq_init(&scan, scheduler->tenants);
	while ((tenant = (Tenant *) hash_seq_search(&scan)) != NULL)
		tenant->is_stale = false;
}

/* ---- forgetting ---- */

static bool
gate_is_forgettable(const Gate *gate, TimestampTz now)
{
	return gate->in_flight == 0 && gate->reserved == 0 && bucket_is_full(&gate->bucket, now);
}

/* An open circuit is kept until its probe is due. It is forgotten if there is no message to probe with. */
static bool
circuit_is_forgettable(const Circuit *circuit, TimestampTz now)
{
	return circuit_room(circuit, now) > 0;
}

static bool
lane_is_forgettable(const Lane *lane, TimestampTz now)
{
	return gate_is_forgettable(&lane->gate, now) &&
		circuit_is_forgettable(&lane->breaker.circuit, now);
}

static void
lane_forget(Scheduler *scheduler, Lane *lane)
{
	breaker_forget(scheduler, &lane->breaker);
	if (lane->flow != NULL)
		lane->flow->lane_count--;
	(void) hash_search(scheduler->lanes, &lane->id, HASH_REMOVE, NULL);
}

static void
forget_lanes(Scheduler *scheduler, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Lane	   *lane;

	hash_seq_init(&scan, scheduler->lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
	{
		bool		is_seen = lane->is_seen;

		lane->is_seen = false;
		if (is_seen || lane->state != LANE_WAITING || lane->alarm.is_set ||
			!lane_is_forgettable(lane, now))
			continue;
		lane_forget(scheduler, lane);
	}
}

static void
forget_flows(Scheduler *scheduler)
{
	HASH_SEQ_STATUS scan;
	Flow	   *flow;

	hash_seq_init(&scan, scheduler->flows);
	while ((flow = (Flow *) hash_seq_search(&scan)) != NULL)
	{
		if (flow->lane_count > 0 || flow->in_flight > 0)
			continue;
		flow->key.tenant->flow_count--;
		flow->key.destination->flow_count--;
		(void) hash_search(scheduler->flows, &flow->key, HASH_REMOVE, NULL);
	}
}

static void
forget_tenants(Scheduler *scheduler, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Tenant	   *tenant;

	hash_seq_init(&scan, scheduler->tenants);
	while ((tenant = (Tenant *) hash_seq_search(&scan)) != NULL)
	{
		if (tenant->flow_count > 0 || tenant->unsettled > 0 || !gate_is_forgettable(&tenant->gate, now))
			continue;
		alarm_clear(scheduler->alarms, &tenant->alarm);
		(void) hash_search(scheduler->tenants, &tenant->application_id, HASH_REMOVE, NULL);
	}
}

static void
forget_destinations(Scheduler *scheduler, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Destination *destination;

	hash_seq_init(&scan, scheduler->destinations);
	while ((destination = (Destination *) hash_seq_search(&scan)) != NULL)
	{
		if (destination->flow_count > 0 || destination->in_flight > 0 ||
			!circuit_is_forgettable(&destination->breaker.circuit, now))
			continue;
		alarm_clear(scheduler->alarms, &destination->alarm);
		if (destination->is_unparking)
			dlist_delete(&destination->node);
		breaker_forget(scheduler, &destination->breaker);
		(void) hash_search(scheduler->destinations, destination->key, HASH_REMOVE, NULL);
	}
}

void
lanes_forget_unseen(Scheduler *scheduler, TimestampTz now)
{
	forget_lanes(scheduler, now);
	forget_flows(scheduler);
	forget_tenants(scheduler, now);
	forget_destinations(scheduler, now);
}
