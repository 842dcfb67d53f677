/*
 * flights.c
 *		Messages in flight. Each takes a slot of its lane, flow, tenant and
 *		destination. Its end returns these, feeds the circuits, and releases
 *		whoever waits for a slot.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/flights.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "fairness/turns.h"

/* A tenant is quick while its transfers take less on average. One that times out counts for many quick ones. */
#define QUICK USECS_PER_SEC
#define MEAN_OF 8

static void
note_duration(Tenant *tenant, TimeOffset duration)
{
	tenant->mean_duration += (Max(duration, 0) - tenant->mean_duration) / MEAN_OF;
}

bool
tenant_is_quick(const Tenant *tenant)
{
	return tenant->mean_duration < QUICK;
}

static void
count_in_flight(Scheduler *scheduler, Lane *lane, Flow *flow, int more)
{
	scheduler->in_flight += more;
	lane->gate.in_flight += more;
	flow->in_flight += more;
	flow->key.tenant->gate.in_flight += more;
	flow->key.destination->in_flight += more;
}

Flight
lane_start(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now)
{
	Flight		flight = {.lane = lane, .started_at = now};

	if (strcmp(lane->flow->key.destination->key, destination) != 0)
		lane_redirect(scheduler, lane, destination, now);
	flight.flow = lane->flow;
	flight.tenant = lane->flow->key.tenant;
	count_in_flight(scheduler, lane, flight.flow, 1);
	bucket_take(&lane->gate.bucket, 1, now);
	bucket_take(&flight.tenant->gate.bucket, 1, now);
	flight.probes_lane = circuit_start(&lane->breaker.circuit);
	flight.probes_destination = circuit_start(&flight.flow->key.destination->breaker.circuit);
	return flight;
}

/* A message to an earlier destination of the lane tells nothing about the circuit of the lane now. */
static void
note_evidence(Scheduler *scheduler, const Flight *flight, Evidence evidence, const char *error,
			  TimestampTz now)
{
	Lane	   *lane = flight->lane;

	if (lane->flow == flight->flow &&
		breaker_note(scheduler, &lane->breaker, evidence.of_lane, flight->probes_lane, error, now) &&
		lane->state == LANE_HELD)
		lane_reenter(scheduler, lane);
	(void) breaker_note(scheduler, &flight->flow->key.destination->breaker, evidence.of_destination,
						flight->probes_destination, error, now);
}

void
lane_finish(Scheduler *scheduler, const Flight *flight, Evidence evidence, const char *error,
			TimestampTz now)
{
	Tenant	   *tenant = flight->tenant;

	count_in_flight(scheduler, flight->lane, flight->flow, -1);
	tenant->unsettled++;
	note_duration(tenant, now - flight->started_at);
	note_evidence(scheduler, flight, evidence, error, now);
	if (flight->lane->state == LANE_FULL)
		lane_enter(scheduler, flight->lane);
	if (tenant->state == TENANT_FULL)
		tenant_release(scheduler, tenant);
	destination_release(scheduler, flight->flow->key.destination);
}

/* Lane and flow may be forgotten by now, the tenant is not. */
void
lane_settle(const Flight *flight)
{
	flight->tenant->unsettled--;
}

void
lane_probe_now(Scheduler *scheduler, int64 lane_id, TimestampTz now)
{
	Lane	   *lane = lane_find(scheduler, lane_id);

	if (lane == NULL || lane->flow == NULL)
		return;
	breaker_probe_now(scheduler, &lane->breaker, now);
	breaker_probe_now(scheduler, &lane->flow->key.destination->breaker, now);
	destination_release(scheduler, lane->flow->key.destination);
	if (lane->state == LANE_HELD)
		lane_reenter(scheduler, lane);
}
