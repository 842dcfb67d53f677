/*
 * allot.c
 *		Gives free slots to lanes, one by one. README.md tells who is next.
 *
 * What may not send leaves its ring, so passing over it costs nothing. A lane or
 * tenant without a token is blocked until its alarm; one at its limit of
 * concurrency, until one of its transfers ends. A flow whose destination is full
 * or has an open circuit is parked there, until a transfer to it ends or a probe
 * is due. Then as many flows are unparked as there are slots, in the order in
 * which they were parked.
 *
 * Turns are not enough where transfers are slow, because their slots come back
 * late. So a tenant may have at most SHARE times as many transfers in flight as
 * it leaves slots free: one tenant alone takes four fifths of the slots, two take
 * four ninths each, and there is always a slot for a tenant that has none. The
 * same holds at a destination that tenants share. While no other tenant has a
 * transfer in flight, one whose transfers are quick takes all slots but a few:
 * with these a newcomer begins, and then it gets what comes back. So does, at a
 * destination that it has to itself, any tenant.
 *
 * What has ended but cannot be settled, because its tenant has it locked, keeps
 * its place in the worker. The same share of these places is a tenant's, so that
 * there is always one for the others.
 *
 * Messages that need no transfer take no slot, and no limit holds for them: they
 * are given to their lanes one by one in turn. Their number in a claim is bounded,
 * so that transfers do not wait for them.
 *
 * Slots are reserved until the claim is done, because it may find less to send.
 * What has no room only because of reserved slots is passed over, and asked again
 * in the next allotment.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/allot.h"
#include "fairness/flights.h"
#include "fairness/turns.h"

/* A tenant may have this many times as many slots as it leaves free. */
#define SHARE 4

/* A tenant that takes most leaves one slot, or 1/LEFT_DIVISOR of all. */
#define LEFT_DIVISOR 32

/* It leaves none of fewer than these at a destination that it has to itself. */
#define FEW_SLOTS 8

typedef enum Answer
{
	MAY_SEND,
	PASS_OVER,					/* slots are reserved, or it has its share:
								 * ask again in the next allotment */
	BLOCKED						/* until a time, or (DT_NOEND) until a
								 * transfer ends */
} Answer;

/* ---- who may ---- */

/* A tenant holds so many. May it have one more, though it leaves so few free? */
static bool
share_allows(int held, int free)
{
	return held == 0 || held + 1 <= SHARE * (free - 1);
}

/* The same of slots, of which all tenants use so many: those of a worker or a destination. */
static bool
slots_allow(int held, int used, int all, bool may_take_most)
{
	if (may_take_most && held > 0 && held == used)
		return held < all - Max(1, all / LEFT_DIVISOR);
	return share_allows(held, all - used);
}

static Answer
ask_gate(const Gate *gate, TimestampTz now, TimestampTz *until)
{
	int			slots = gate->max_concurrency - gate->in_flight;
	int			tokens = bucket_tokens(&gate->bucket, now);

	if (Min(slots, tokens) > gate->reserved)
		return MAY_SEND;
	*until = slots > 0 ? bucket_next(&gate->bucket, now) : DT_NOEND;
	return gate->reserved > 0 ? PASS_OVER : BLOCKED;
}

static Answer
ask_circuit(const Circuit *circuit, int reserved, TimestampTz now, TimestampTz *until)
{
	if (circuit_room(circuit, now) > reserved)
		return MAY_SEND;
	*until = circuit_next(circuit, now);
	return reserved > 0 ? PASS_OVER : BLOCKED;
}

static Answer
ask_lane(const Lane *lane, TimestampTz now, TimestampTz *until)
{
	Answer		answer = ask_gate(&lane->gate, now, until);

	if (answer != MAY_SEND)
		return answer;
	return ask_circuit(&lane->breaker.circuit, lane->gate.reserved, now, until);
}

static int
slots_left(const Destination *destination, const Allowance *allowance)
{
	return allowance->max_per_host - destination->in_flight;
}

static int
destination_room(const Destination *destination, const Allowance *allowance)
{
	return Min(slots_left(destination, allowance),
			   circuit_room(&destination->breaker.circuit, allowance->now));
}

/* When a destination without room may have some. */
static TimestampTz
destination_next(const Destination *destination, const Allowance *allowance)
{
	if (slots_left(destination, allowance) <= 0)
		return DT_NOEND;
	return circuit_next(&destination->breaker.circuit, allowance->now);
}

static bool
host_share_allows(const Flow *flow, const Allowance *allowance)
{
	const Destination *destination = flow->key.destination;

	if (destination->flow_count == 1 && allowance->max_per_host < FEW_SLOTS)
		return true;
	return slots_allow(flow->in_flight + flow->reserved, destination->in_flight + destination->reserved,
					   allowance->max_per_host, destination->flow_count == 1 || tenant_is_quick(flow->key.tenant));
}

static Answer
ask_flow(const Flow *flow, const Allowance *allowance, TimestampTz *until)
{
	const Destination *destination = flow->key.destination;

	if (destination_room(destination, allowance) <= destination->reserved)
	{
		*until = destination_next(destination, allowance);
		return destination->reserved > 0 ? PASS_OVER : BLOCKED;
	}
	return host_share_allows(flow, allowance) ? MAY_SEND : PASS_OVER;
}

static Answer
ask_tenant(const Scheduler *scheduler, const Tenant *tenant, const Allowance *allowance, TimestampTz *until)
{
	Answer		answer = ask_gate(&tenant->gate, allowance->now, until);
	int			held = tenant->gate.in_flight + tenant->gate.reserved;
	int			used = scheduler->in_flight + scheduler->reserved;

	if (answer == MAY_SEND && !(slots_allow(held, used, used + allowance->free_slots, tenant_is_quick(tenant)) &&
								share_allows(held + tenant->unsettled, allowance->free_places)))
		return PASS_OVER;
	return answer;
}

/* ---- giving slots ---- */

static Lane *
next_lane_of_flow(Scheduler *scheduler, Flow *flow, TimestampTz now)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&flow->lanes, scheduler->allotment)) != NULL)
	{
		Lane	   *lane = dlist_container(Lane, node, node);

		switch (ask_lane(lane, now, &until))
		{
			case MAY_SEND:
				ring_rotate(&flow->lanes, node);
				return lane;
			case PASS_OVER:
				ring_pass_over(&flow->lanes, node);
				break;
			case BLOCKED:
				block_lane(scheduler, lane, until);
				break;
		}
	}
	return NULL;
}

static Lane *
next_lane_of_tenant(Scheduler *scheduler, Tenant *tenant, const Allowance *allowance)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&tenant->flows, scheduler->allotment)) != NULL)
	{
		Flow	   *flow = dlist_container(Flow, node, node);
		Answer		answer = ask_flow(flow, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_flow(scheduler, flow, allowance->now) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&tenant->flows, node);
			return lane;
		}
		if (answer == BLOCKED)
			park_flow(scheduler, flow, until);
		else if (flow->state == FLOW_SERVED)
			ring_pass_over(&tenant->flows, node);
	}
	return NULL;
}

/* Unpark as many flows as there is room for, except those that this allotment parked. True if there was one. */
static bool
unpark_some(Scheduler *scheduler, Destination *destination, int room)
{
	bool		unparked = false;

	while (room-- > 0 && !dlist_is_empty(&destination->parked))
	{
		Flow	   *flow = dlist_head_element(Flow, node, &destination->parked);

		if (flow->parked_in == scheduler->allotment)
			break;
		dlist_delete(&flow->node);
		flow_enter(scheduler, flow);
		unparked = true;
	}
	return unparked;
}

/* Unpark flows of the destinations with room; true if there was one. */
static bool
unpark_all(Scheduler *scheduler, const Allowance *allowance)
{
	bool		unparked = false;
	dlist_mutable_iter iterator;

	dlist_foreach_modify(iterator, &scheduler->unparking)
	{
		Destination *destination = dlist_container(Destination, node, iterator.cur);
		int			room = destination_room(destination, allowance);

		unparked |= unpark_some(scheduler, destination, room - destination->reserved);
		if (!dlist_is_empty(&destination->parked) && room > 0)
			continue;
		destination->is_unparking = false;
		dlist_delete(&destination->node);
		if (!dlist_is_empty(&destination->parked))
			alarm_set(scheduler->alarms, &destination->alarm, ALARM_OF_DESTINATION,
					  destination_next(destination, allowance));
	}
	return unparked;
}

/* After all tenants had their turn, also those that waited for a destination. */
static dlist_node *
next_tenant(Scheduler *scheduler, const Allowance *allowance)
{
	dlist_node *node = ring_next(&scheduler->ring, scheduler->allotment);

	if (node == NULL && unpark_all(scheduler, allowance))
		node = ring_next(&scheduler->ring, scheduler->allotment);
	return node;
}

static Lane *
next_lane(Scheduler *scheduler, const Allowance *allowance)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = next_tenant(scheduler, allowance)) != NULL)
	{
		Tenant	   *tenant = dlist_container(Tenant, node, node);
		Answer		answer = ask_tenant(scheduler, tenant, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_tenant(scheduler, tenant, allowance) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&scheduler->ring, node);
			return lane;
		}
		if (answer == BLOCKED)
			block_tenant(scheduler, tenant, until);
		else if (tenant->state == TENANT_SERVED)
			ring_pass_over(&scheduler->ring, node);
	}
	return NULL;
}

/* The next local lane in turn, or NULL. */
static Lane *
next_local_lane(Scheduler *scheduler)
{
	dlist_node *node = ring_next(&scheduler->local_lanes, scheduler->allotment);

	if (node == NULL)
		return NULL;
	ring_rotate(&scheduler->local_lanes, node);
	return dlist_container(Lane, node, node);
}

static void
reserve(Scheduler *scheduler, Lane *lane, int slots)
{
	lane->gate.reserved += slots;
	if (lane->is_local)
		return;
	scheduler->reserved += slots;
	lane->flow->reserved += slots;
	lane->flow->key.tenant->gate.reserved += slots;
	lane->flow->key.destination->reserved += slots;
}

/* One more for this lane, which has a grant from its first on. */
static void
grant_one(Scheduler *scheduler, Lane *lane, Grant *grants, int *count)
{
	if (lane->gate.reserved == 0)
		grants[(*count)++].lane = lane;
	reserve(scheduler, lane, 1);
}

Grant *
lanes_allot(Scheduler *scheduler, const Allowance *allowance, int *count)
{
	Allowance	left = *allowance;
	Grant	   *grants = (Grant *) palloc(sizeof(Grant) * (Max(allowance->slots, 0) + Max(allowance->local, 0) + 1));
	Lane	   *lane;

	*count = 0;
	scheduler->allotment++;
	(void) unpark_all(scheduler, &left);
	while (left.slots > 0 && (lane = next_lane(scheduler, &left)) != NULL)
	{
		grant_one(scheduler, lane, grants, count);
		left.slots--;
		left.free_slots--;
		left.free_places--;
	}
	while (left.local-- > 0 && (lane = next_local_lane(scheduler)) != NULL)
		grant_one(scheduler, lane, grants, count);
	for (int i = 0; i < *count; i++)
		grants[i].slots = grants[i].lane->gate.reserved;
	return grants;
}

void
lanes_return(Scheduler *scheduler, const Grant *grants, int count)
{
	for (int i = 0; i < count; i++)
		reserve(scheduler, grants[i].lane, -grants[i].slots);
}

bool
lanes_are_ready(Scheduler *scheduler)
{
	return !ring_is_empty(&scheduler->ring) || !dlist_is_empty(&scheduler->unparking) ||
		!dlist_is_empty(&scheduler->stale) || local_lanes_are_ready(scheduler);
}

bool
local_lanes_are_ready(Scheduler *scheduler)
{
	return !ring_is_empty(&scheduler->local_lanes);
}
