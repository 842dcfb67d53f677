/*
 * fairness.c
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

#include <limits.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/lanes_parts.h"

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

static HTAB *tenants;
static HTAB *destinations;
static HTAB *bundles;
static Ring ring;				/* of tenants */
static dlist_head roomy;		/* destinations that have bundles parked, and
								 * perhaps room */
static dlist_head unknown;		/* lanes */
static uint64 turn;				/* the number of the allotment */

/* ---- rings ---- */

static void
ring_init(Ring *ring)
{
	dlist_init(&ring->members);
	dlist_init(&ring->passed_over);
	ring->turn = 0;
}

static bool
ring_is_empty(Ring *ring)
{
	return dlist_is_empty(&ring->members) && dlist_is_empty(&ring->passed_over);
}

static void
ring_add(Ring *ring, dlist_node *node)
{
	dlist_push_tail(&ring->members, node);
}

/* Who is next; NULL if nobody is left in this allotment. */
static dlist_node *
ring_next(Ring *ring)
{
	if (ring->turn != turn)
	{
		while (!dlist_is_empty(&ring->passed_over))
			dlist_push_tail(&ring->members, dlist_pop_head_node(&ring->passed_over));
		ring->turn = turn;
	}
	return dlist_is_empty(&ring->members) ? NULL : dlist_head_node(&ring->members);
}

static void
ring_rotate(Ring *ring, dlist_node *node)
{
	dlist_delete(node);
	dlist_push_tail(&ring->members, node);
}

static void
ring_pass_over(Ring *ring, dlist_node *node)
{
	dlist_delete(node);
	dlist_push_tail(&ring->passed_over, node);
}

/* ---- records ---- */

static HTAB *
create_table(const char *name, Size key_size, Size entry_size, int flags, MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = key_size;
	control.entrysize = entry_size;
	control.hcxt = context;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_CONTEXT | flags);
}

void
fairness_create(MemoryContext context)
{
	tenants = create_table("appt tenants", sizeof(pg_uuid_t), sizeof(Tenant), HASH_BLOBS, context);
	destinations = create_table("appt destinations", DESTINATION_SIZE, sizeof(Destination),
								HASH_STRINGS, context);
	bundles = create_table("appt bundles", sizeof(BundleKey), sizeof(Bundle), HASH_BLOBS, context);
	ring_init(&ring);
	dlist_init(&roomy);
	dlist_init(&unknown);
}

static Tenant *
find_tenant(const pg_uuid_t *application_id)
{
	bool		found;
	Tenant	   *tenant = (Tenant *) hash_search(tenants, application_id, HASH_ENTER, &found);

	if (found)
		return tenant;
	memset((char *) tenant + sizeof(pg_uuid_t), 0, sizeof(Tenant) - sizeof(pg_uuid_t));
	tenant->gate.max_concurrency = INT_MAX;
	ring_init(&tenant->bundles);
	return tenant;
}

static Destination *
find_destination(const char *key)
{
	bool		found;
	Destination *destination = (Destination *) hash_search(destinations, key, HASH_ENTER, &found);

	if (found)
		return destination;
	memset((char *) destination + DESTINATION_SIZE, 0, sizeof(Destination) - DESTINATION_SIZE);
	destination->breaker.of_destination = true;
	dlist_init(&destination->parked);
	return destination;
}

static Bundle *
find_bundle(Tenant *tenant, Destination *destination)
{
	BundleKey	key = {tenant, destination};
	bool		found;
	Bundle	   *bundle = (Bundle *) hash_search(bundles, &key, HASH_ENTER, &found);

	if (found)
		return bundle;
	memset((char *) bundle + sizeof(BundleKey), 0, sizeof(Bundle) - sizeof(BundleKey));
	ring_init(&bundle->lanes);
	tenant->bundle_count++;
	destination->bundle_count++;
	return bundle;
}

/* ---- entering and leaving the rings ---- */

static void
tenant_enter(Tenant *tenant)
{
	tenant->state = TENANT_SERVED;
	ring_add(&ring, &tenant->node);
}

static void
bundle_enter(Bundle *bundle)
{
	Tenant	   *tenant = bundle->key.tenant;

	bundle->state = BUNDLE_SERVED;
	ring_add(&tenant->bundles, &bundle->node);
	if (tenant->state == TENANT_IDLE)
		tenant_enter(tenant);
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
lane_enter(Lane *lane)
{
	if (!lane->is_known)
	{
		lane->state = LANE_UNKNOWN;
		dlist_push_tail(&unknown, &lane->node);
		return;
	}
	lane->state = LANE_READY;
	ring_add(&lane->bundle->lanes, &lane->node);
	if (lane->bundle->state == BUNDLE_IDLE)
		bundle_enter(lane->bundle);
}

void
lane_leave(Lane *lane)
{
	alarm_clear(&lane->alarm);
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
tenant_release(Tenant *tenant)
{
	if (tenant->state != TENANT_HELD && tenant->state != TENANT_FULL)
		return;
	alarm_clear(&tenant->alarm);
	tenant->state = TENANT_IDLE;
	if (!ring_is_empty(&tenant->bundles))
		tenant_enter(tenant);
}

void
destination_release(Destination *destination)
{
	if (destination->is_roomy || dlist_is_empty(&destination->parked))
		return;
	destination->is_roomy = true;
	dlist_push_tail(&roomy, &destination->node);
}

static void
block_lane(Lane *lane, TimestampTz until)
{
	lane_leave(lane);
	lane->state = until == DT_NOEND ? LANE_FULL : LANE_HELD;
	alarm_set(&lane->alarm, ALARM_OF_LANE, until);
}

static void
block_tenant(Tenant *tenant, TimestampTz until)
{
	dlist_delete(&tenant->node);
	tenant->state = until == DT_NOEND ? TENANT_FULL : TENANT_HELD;
	alarm_set(&tenant->alarm, ALARM_OF_TENANT, until);
}

static void
park_bundle(Bundle *bundle, TimestampTz until)
{
	Destination *destination = bundle->key.destination;

	bundle_leave(bundle, BUNDLE_PARKED);
	bundle->parked_in = turn;
	dlist_push_tail(&destination->parked, &bundle->node);
	alarm_set(&destination->alarm, ALARM_OF_DESTINATION, until);
}

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
next_lane_of_bundle(Bundle *bundle, TimestampTz now)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&bundle->lanes)) != NULL)
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
				block_lane(lane, until);
				break;
		}
	}
	return NULL;
}

static Lane *
next_lane_of_tenant(Tenant *tenant, const Allowance *allowance)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&tenant->bundles)) != NULL)
	{
		Bundle	   *bundle = dlist_container(Bundle, node, node);
		Answer		answer = ask_bundle(bundle, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_bundle(bundle, allowance->now) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&tenant->bundles, node);
			return lane;
		}
		if (answer == MAY_NOT)
			park_bundle(bundle, until);
		else if (bundle->state == BUNDLE_SERVED)
			ring_pass_over(&tenant->bundles, node);
	}
	return NULL;
}

/* As many of its bundles as it has room for, but for those that were parked in this very allotment. */
static bool
let_in(Destination *destination, int room)
{
	bool		let_any_in = false;

	while (room-- > 0 && !dlist_is_empty(&destination->parked))
	{
		Bundle	   *bundle = dlist_head_element(Bundle, node, &destination->parked);

		if (bundle->parked_in == turn)
			break;
		dlist_delete(&bundle->node);
		bundle_enter(bundle);
		let_any_in = true;
	}
	return let_any_in;
}

/* Bundles that wait for a destination with room; true if there are any. */
static bool
let_parked_in(const Allowance *allowance)
{
	bool		let_any_in = false;
	dlist_mutable_iter iterator;

	dlist_foreach_modify(iterator, &roomy)
	{
		Destination *destination = dlist_container(Destination, node, iterator.cur);
		int			room = destination_room(destination, allowance);

		let_any_in |= let_in(destination, room - destination->reserved);
		if (!dlist_is_empty(&destination->parked) && room > 0)
			continue;
		destination->is_roomy = false;
		dlist_delete(&destination->node);
		if (!dlist_is_empty(&destination->parked))
			alarm_set(&destination->alarm, ALARM_OF_DESTINATION,
					  destination_next(destination, allowance));
	}
	return let_any_in;
}

static Lane *
next_lane(const Allowance *allowance)
{
	dlist_node *node;
	TimestampTz until;

	while ((node = ring_next(&ring)) != NULL ||
		   (let_parked_in(allowance) && (node = ring_next(&ring)) != NULL))
	{
		Tenant	   *tenant = dlist_container(Tenant, node, node);
		Answer		answer = ask_tenant(tenant, allowance, &until);
		Lane	   *lane = answer == MAY_SEND ? next_lane_of_tenant(tenant, allowance) : NULL;

		if (lane != NULL)
		{
			ring_rotate(&ring, node);
			return lane;
		}
		if (answer == MAY_NOT)
			block_tenant(tenant, until);
		else if (tenant->state == TENANT_SERVED)
			ring_pass_over(&ring, node);
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
lanes_allot(const Allowance *allowance, int *count)
{
	Allowance	left = *allowance;
	Grant	   *grants = (Grant *) palloc(sizeof(Grant) * Max(allowance->places, 1));
	Lane	   *lane;

	*count = 0;
	turn++;
	(void) let_parked_in(&left);
	while (left.places > 0 && (lane = next_lane(&left)) != NULL)
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
lanes_are_ready(void)
{
	return !ring_is_empty(&ring) || !dlist_is_empty(&roomy) || !dlist_is_empty(&unknown);
}

/* ---- whose they are ---- */

bool
lanes_are_unknown(void)
{
	return !dlist_is_empty(&unknown);
}

Lane **
lanes_unknown(int max, int *count)
{
	Lane	  **lanes = (Lane **) palloc(sizeof(Lane *) * max);
	dlist_iter	iterator;

	*count = 0;
	dlist_foreach(iterator, &unknown)
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
	/* The same rate, too: a clock that was set back fills a bucket from then on. */
	bucket_set_rate(&gate->bucket, limits->max_per_second, now);
}

/* Where it led before tells little of where it leads now. */
static void
set_bundle(Lane *lane, Bundle *bundle, TimestampTz now)
{
	if (lane->bundle == bundle)
		return;
	if (lane->bundle != NULL)
	{
		breaker_expedite(&lane->breaker, now);
		lane->bundle->lane_count--;
	}
	lane->bundle = bundle;
	bundle->lane_count++;
}

void
lane_learn(Lane *lane, const LaneOwner *owner, TimestampTz now)
{
	Tenant	   *tenant = find_tenant(&owner->application_id);

	lane_leave(lane);
	set_bundle(lane, find_bundle(tenant, find_destination(owner->destination)), now);
	if (lane->version != owner->version)
		breaker_expedite(&lane->breaker, now);
	lane->version = owner->version;
	lane->is_known = true;
	lane->channel = owner->channel;
	lane->has_subscription = owner->subscription_id != NULL;
	if (lane->has_subscription)
		lane->subscription_id = *owner->subscription_id;
	set_limits(&lane->gate, &owner->own, now);
	set_limits(&tenant->gate, &owner->application, now);
	tenant_release(tenant);
	lane_enter(lane);
}

void
lane_set_aside(Lane *lane, TimestampTz until)
{
	block_lane(lane, until);
	lane->is_known = false;
}

static void
doubt(Lane *lane)
{
	lane->is_known = false;
	if (lane->state == LANE_WAITING || lane->state == LANE_UNKNOWN)
		return;
	lane_leave(lane);
	lane_enter(lane);
}

void
lanes_doubt(void)
{
	int			count;
	Lane	  **lanes = lanes_all(&count);

	for (int i = 0; i < count; i++)
		doubt(lanes[i]);
	pfree(lanes);
}

void
tenant_doubt(const pg_uuid_t *application_id)
{
	Tenant	   *tenant = (Tenant *) hash_search(tenants, application_id, HASH_FIND, NULL);

	if (tenant != NULL)
		tenant->is_doubted = true;
}

/* Whose it is can't be told of a lane that was set aside before it was ever learned. */
static bool
may_be_changed(const Lane *lane)
{
	return lane->bundle == NULL || lane->bundle->key.tenant->is_doubted;
}

void
lanes_doubt_changed(void)
{
	HASH_SEQ_STATUS scan;
	Tenant	   *tenant;
	int			count;
	Lane	  **lanes = lanes_all(&count);

	for (int i = 0; i < count; i++)
		if (may_be_changed(lanes[i]))
			doubt(lanes[i]);
	pfree(lanes);
	hash_seq_init(&scan, tenants);
	while ((tenant = (Tenant *) hash_seq_search(&scan)) != NULL)
		tenant->is_doubted = false;
}

void
lane_expedite(int64 lane_id, TimestampTz now)
{
	Lane	   *lane = lane_find(lane_id);

	if (lane == NULL || lane->bundle == NULL)
		return;
	breaker_expedite(&lane->breaker, now);
	breaker_expedite(&lane->bundle->key.destination->breaker, now);
	destination_release(lane->bundle->key.destination);
	if (lane->state != LANE_HELD)
		return;
	lane_leave(lane);
	lane_enter(lane);
}

/* ---- what is on its way ---- */

/* Its message goes elsewhere than was learned: configuration has changed a moment ago. */
static void
redirect(Lane *lane, const char *destination, TimestampTz now)
{
	Bundle	   *bundle = find_bundle(lane->bundle->key.tenant, find_destination(destination));
	bool		was_ready = lane->state == LANE_READY;

	if (was_ready)
		lane_leave(lane);
	set_bundle(lane, bundle, now);
	if (was_ready)
		lane_enter(lane);
}

static void
count_in_flight(Lane *lane, Bundle *bundle, int more)
{
	lane->gate.in_flight += more;
	bundle->in_flight += more;
	bundle->key.tenant->gate.in_flight += more;
	bundle->key.destination->in_flight += more;
}

Flight
lane_start(Lane *lane, const char *destination, TimestampTz now)
{
	Flight		flight = {.lane = lane};

	if (strcmp(lane->bundle->key.destination->key, destination) != 0)
		redirect(lane, destination, now);
	flight.bundle = lane->bundle;
	count_in_flight(lane, flight.bundle, 1);
	bucket_take(&lane->gate.bucket, 1, now);
	bucket_take(&flight.bundle->key.tenant->gate.bucket, 1, now);
	flight.probes_lane = circuit_start(&lane->breaker.circuit);
	flight.probes_destination = circuit_start(&flight.bundle->key.destination->breaker.circuit);
	return flight;
}

/* Of where a lane led before nothing is to be concluded for where it leads now. */
static void
note_evidence(const Flight *flight, Evidence evidence, const char *error, TimestampTz now)
{
	Lane	   *lane = flight->lane;

	if (lane->bundle == flight->bundle &&
		breaker_note(&lane->breaker, evidence.of_lane, flight->probes_lane, error, now) &&
		lane->state == LANE_HELD)
	{
		lane_leave(lane);
		lane_enter(lane);
	}
	(void) breaker_note(&flight->bundle->key.destination->breaker, evidence.of_destination,
						flight->probes_destination, error, now);
}

void
lane_finish(const Flight *flight, Evidence evidence, const char *error, TimestampTz now)
{
	Tenant	   *tenant = flight->bundle->key.tenant;

	count_in_flight(flight->lane, flight->bundle, -1);
	note_evidence(flight, evidence, error, now);
	if (flight->lane->state == LANE_FULL)
		lane_enter(flight->lane);
	if (tenant->state == TENANT_FULL)
		tenant_release(tenant);
	destination_release(flight->bundle->key.destination);
}

/* ---- forgetting ---- */

static bool
gate_is_forgettable(const Gate *gate, TimestampTz now)
{
	return gate->in_flight == 0 && gate->reserved == 0 && bucket_is_full(&gate->bucket, now);
}

/* An open circuit is remembered until its next probe, which there is nothing for. */
static bool
circuit_is_forgettable(const Circuit *circuit, TimestampTz now)
{
	return circuit_room(circuit, now) > 0;
}

bool
lane_is_forgettable(const Lane *lane, TimestampTz now)
{
	return gate_is_forgettable(&lane->gate, now) &&
		circuit_is_forgettable(&lane->breaker.circuit, now);
}

void
lane_forget(Lane *lane)
{
	breaker_forget(&lane->breaker);
	if (lane->bundle != NULL)
		lane->bundle->lane_count--;
}

static void
forget_bundles(void)
{
	HASH_SEQ_STATUS scan;
	Bundle	   *bundle;

	hash_seq_init(&scan, bundles);
	while ((bundle = (Bundle *) hash_seq_search(&scan)) != NULL)
	{
		if (bundle->lane_count > 0 || bundle->in_flight > 0)
			continue;
		bundle->key.tenant->bundle_count--;
		bundle->key.destination->bundle_count--;
		(void) hash_search(bundles, &bundle->key, HASH_REMOVE, NULL);
	}
}

static void
forget_tenants(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Tenant	   *tenant;

	hash_seq_init(&scan, tenants);
	while ((tenant = (Tenant *) hash_seq_search(&scan)) != NULL)
	{
		if (tenant->bundle_count > 0 || !gate_is_forgettable(&tenant->gate, now))
			continue;
		alarm_clear(&tenant->alarm);
		(void) hash_search(tenants, &tenant->application_id, HASH_REMOVE, NULL);
	}
}

static void
forget_destinations(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Destination *destination;

	hash_seq_init(&scan, destinations);
	while ((destination = (Destination *) hash_seq_search(&scan)) != NULL)
	{
		if (destination->bundle_count > 0 || destination->in_flight > 0 ||
			!circuit_is_forgettable(&destination->breaker.circuit, now))
			continue;
		alarm_clear(&destination->alarm);
		if (destination->is_roomy)
			dlist_delete(&destination->node);
		breaker_forget(&destination->breaker);
		(void) hash_search(destinations, destination->key, HASH_REMOVE, NULL);
	}
}

void
fairness_forget(TimestampTz now)
{
	forget_bundles();
	forget_tenants(now);
	forget_destinations(now);
}
