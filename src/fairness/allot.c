/*
 * allot.c
 *		Which lanes may send, and how much, when there are places to give.
 *
 * A place goes to a tenant, a destination of its, and a lane of those, each in
 * its turn: rings within rings.
 *
 *	ring of tenants -> a tenant's ring of bundles -> a bundle's ring of lanes
 *
 * A bundle is the lanes of a tenant that lead to the same destination (scheme,
 * host and port). So a tenant with a hundred thousand messages, or with a
 * thousand lanes, gets as many places as one with ten messages, as long as
 * that one wants any; and of a host that many tenants use each gets as many
 * places as any other.
 *
 * What is limited leaves its ring, and so costs nothing to pass over: a lane or
 * tenant that has no token until its alarm, one that has as many transfers
 * under way as it may until one of them ends, and a bundle whose destination
 * is full, or held back, is parked there until a transfer to it ends or it is
 * to be probed. Then as many bundles are let in as there are places, in the
 * order in which they were parked.
 *
 * Turns are not enough where transfers are slow, for places that are taken
 * come back late. So nobody takes all: a tenant may have SHARE times as many
 * transfers under way as it leaves places free in the window. Alone it has four
 * fifths, two have four ninths each; there is a place for who has none. The
 * same holds at a destination that it shares with others; of one that it has to
 * itself it leaves a few, or none of less than eight places.
 *
 * Places that were allotted are reserved until the claim is done, for it may
 * find less to send. Whoever has no room only because of what is reserved is
 * passed over and asked again by the next allotment.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/allot.h"
#include "fairness/turns.h"

/* How many times what is left free one may have. */
#define SHARE 4

/* Who is alone at a host leaves a place, and one more of as many, unless they are few. */
#define LEFT_OF_PLACES 32
#define FEW_PLACES 8

typedef enum Answer
{
	MAY_SEND,
	NOT_THIS_TIME,				/* for what is reserved, or for its share */
	MAY_NOT						/* until a time, or (DT_NOEND) until a
								 * transfer ends */
} Answer;

/* ---- who may ---- */

static bool
share_allows(int held, int free_places)
{
	return held == 0 || held + 1 <= SHARE * (free_places - 1);
}

static Answer
ask_gate(const Gate *gate, TimestampTz now, TimestampTz *until)
{
	int			places = gate->max_concurrency - gate->in_flight;
	int			tokens = bucket_tokens(&gate->bucket, now);

	if (Min(places, tokens) > gate->reserved)
		return MAY_SEND;
	*until = places > 0 ? bucket_next(&gate->bucket, now) : DT_NOEND;
	return gate->reserved > 0 ? NOT_THIS_TIME : MAY_NOT;
}

static Answer
ask_circuit(const Circuit *circuit, int reserved, TimestampTz now, TimestampTz *until)
{
	if (circuit_room(circuit, now) > reserved)
		return MAY_SEND;
	*until = circuit_next(circuit, now);
	return reserved > 0 ? NOT_THIS_TIME : MAY_NOT;
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
places_left(const Destination *destination, const Allowance *allowance)
{
	return allowance->max_per_host - destination->in_flight;
}

static int
destination_room(const Destination *destination, const Allowance *allowance)
{
	return Min(places_left(destination, allowance),
			   circuit_room(&destination->breaker.circuit, allowance->now));
}

/* When it may have room that has none now. */
static TimestampTz
destination_next(const Destination *destination, const Allowance *allowance)
{
	if (places_left(destination, allowance) <= 0)
		return DT_NOEND;
	return circuit_next(&destination->breaker.circuit, allowance->now);
}

static int
left_at_host(int max_per_host)
{
	return max_per_host < FEW_PLACES ? 0 : 1 + max_per_host / LEFT_OF_PLACES;
}

/* Who has a host to itself leaves a little for the first who comes. */
static bool
host_share_allows(const Bundle *bundle, const Allowance *allowance)
{
	const Destination *destination = bundle->key.destination;
	int			held = bundle->in_flight + bundle->reserved;

	if (destination->bundle_count > 1)
		return share_allows(held, places_left(destination, allowance) - destination->reserved);
	return held < allowance->max_per_host - left_at_host(allowance->max_per_host);
}

static Answer
ask_bundle(const Bundle *bundle, const Allowance *allowance, TimestampTz *until)
{
	const Destination *destination = bundle->key.destination;

	if (destination_room(destination, allowance) <= destination->reserved)
	{
		*until = destination_next(destination, allowance);
		return destination->reserved > 0 ? NOT_THIS_TIME : MAY_NOT;
	}
	return host_share_allows(bundle, allowance) ? MAY_SEND : NOT_THIS_TIME;
}

static Answer
ask_tenant(const Tenant *tenant, const Allowance *allowance, TimestampTz *until)
{
	Answer		answer = ask_gate(&tenant->gate, allowance->now, until);
	int			held = tenant->gate.in_flight + tenant->gate.reserved;

	if (answer == MAY_SEND && !share_allows(held, allowance->free_places))
		return NOT_THIS_TIME;
	return answer;
}

/* ---- giving places ---- */

static Lane *
next_lane_of_bundle(Scheduler *scheduler, Bundle *bundle, TimestampTz now)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&bundle->lanes, scheduler->allotment)) != NULL)
	{
		Lane	   *lane = dlist_container(Lane, node, node);

		switch (ask_lane(lane, now, &until))
		{
			case MAY_SEND:
				ring_rotate(&bundle->lanes, node);
				return lane;
			case NOT_THIS_TIME:
				ring_pass_over(&bundle->lanes, node);
				break;
			case MAY_NOT:
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

	while ((node = ring_next(&tenant->bundles, scheduler->allotment)) != NULL)
	{
		Bundle	   *bundle = dlist_container(Bundle, node, node);
		Answer		answer = ask_bundle(bundle, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_bundle(scheduler, bundle, allowance->now) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&tenant->bundles, node);
			return lane;
		}
		if (answer == MAY_NOT)
			park_bundle(scheduler, bundle, until);
		else if (bundle->state == BUNDLE_SERVED)
			ring_pass_over(&tenant->bundles, node);
	}
	return NULL;
}

/* As many of its bundles as it has room for, but for those that were parked in this very allotment. */
static bool
let_in(Scheduler *scheduler, Destination *destination, int room)
{
	bool		let_any_in = false;

	while (room-- > 0 && !dlist_is_empty(&destination->parked))
	{
		Bundle	   *bundle = dlist_head_element(Bundle, node, &destination->parked);

		if (bundle->parked_in == scheduler->allotment)
			break;
		dlist_delete(&bundle->node);
		bundle_enter(scheduler, bundle);
		let_any_in = true;
	}
	return let_any_in;
}

/* Bundles that wait for a destination with room; true if there are any. */
static bool
let_parked_in(Scheduler *scheduler, const Allowance *allowance)
{
	bool		let_any_in = false;
	dlist_mutable_iter iterator;

	dlist_foreach_modify(iterator, &scheduler->roomy)
	{
		Destination *destination = dlist_container(Destination, node, iterator.cur);
		int			room = destination_room(destination, allowance);

		let_any_in |= let_in(scheduler, destination, room - destination->reserved);
		if (!dlist_is_empty(&destination->parked) && room > 0)
			continue;
		destination->is_roomy = false;
		dlist_delete(&destination->node);
		if (!dlist_is_empty(&destination->parked))
			alarm_set(scheduler->alarms, &destination->alarm, ALARM_OF_DESTINATION,
					  destination_next(destination, allowance));
	}
	return let_any_in;
}

/* Once all have had their turn, those that waited for a destination. */
static dlist_node *
next_tenant(Scheduler *scheduler, const Allowance *allowance)
{
	dlist_node *node = ring_next(&scheduler->ring, scheduler->allotment);

	if (node == NULL && let_parked_in(scheduler, allowance))
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
		Answer		answer = ask_tenant(tenant, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_tenant(scheduler, tenant, allowance) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&scheduler->ring, node);
			return lane;
		}
		if (answer == MAY_NOT)
			block_tenant(scheduler, tenant, until);
		else if (tenant->state == TENANT_SERVED)
			ring_pass_over(&scheduler->ring, node);
	}
	return NULL;
}

static void
reserve(Lane *lane, int places)
{
	lane->gate.reserved += places;
	lane->bundle->reserved += places;
	lane->bundle->key.tenant->gate.reserved += places;
	lane->bundle->key.destination->reserved += places;
}

Grant *
lanes_allot(Scheduler *scheduler, const Allowance *allowance, int *count)
{
	Allowance	left = *allowance;
	Grant	   *grants = (Grant *) palloc(sizeof(Grant) * Max(allowance->places, 1));
	Lane	   *lane;

	*count = 0;
	scheduler->allotment++;
	(void) let_parked_in(scheduler, &left);
	while (left.places > 0 && (lane = next_lane(scheduler, &left)) != NULL)
	{
		if (lane->gate.reserved == 0)
			grants[(*count)++].lane = lane;
		reserve(lane, 1);
		left.places--;
		left.free_places--;
	}
	for (int i = 0; i < *count; i++)
		grants[i].places = grants[i].lane->gate.reserved;
	return grants;
}

void
lanes_return(const Grant *grants, int count)
{
	for (int i = 0; i < count; i++)
		reserve(grants[i].lane, -grants[i].places);
}

bool
lanes_are_ready(Scheduler *scheduler)
{
	return !ring_is_empty(&scheduler->ring) || !dlist_is_empty(&scheduler->roomy) ||
		!dlist_is_empty(&scheduler->unknown);
}
