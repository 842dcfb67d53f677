/*
 * breakers.c
 *		Circuits of lanes and destinations. The log tells once that one opens
 *		and once that it closes; operators can list those that are open.
 *
 * The circuit of a lane counts failures after a connection was made: status 5xx,
 * timeouts, broken connections. It belongs to the lane and not to the host. A
 * tenant's own path, account or token must not cost other tenants of that host
 * anything, and their successes must not hide its failures. That no connection
 * can be made is the same for all lanes, so it counts for the destination: a mail
 * relay that is down gets one probe at a time, not one from each tenant.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/text.h"
#include "fairness/breakers.h"

/* ---- reports and log ---- */

static const Destination *
destination_of(const Breaker *breaker)
{
	const Flow *flow;

	if (breaker->of_destination)
		return CONTAINER(Destination, breaker, breaker);
	flow = CONTAINER(Lane, breaker, breaker)->flow;
	return flow->key.destination;
}

static void
describe_lane(CircuitReport *report, const Lane *lane)
{
	report->of_lane = true;
	report->application_id = lane->flow->key.tenant->application_id;
	report->channel = lane->channel;
	report->has_subscription = lane->has_subscription;
	report->subscription_id = lane->subscription_id;
}

static void
describe(CircuitReport *report, const Breaker *breaker)
{
	memset(report, 0, sizeof(CircuitReport));
	copy_clipped(report->destination, destination_of(breaker)->key, CIRCUIT_DESTINATION_LENGTH);
	if (!breaker->of_destination)
		describe_lane(report, CONTAINER(Lane, breaker, breaker));
	report->opened_at = breaker->circuit.opened_at;
	report->failures = breaker->circuit.failures;
	report->probe_at = breaker->circuit.probe_at;
	if (breaker->last_error != NULL)
		copy_clipped(report->last_error, breaker->last_error, CIRCUIT_ERROR_LENGTH);
}

/* The sender, as " of subscription ..."; "" for all messages to a destination. */
static const char *
sender(const Breaker *breaker)
{
	const Lane *lane;

	if (breaker->of_destination)
		return "";
	lane = CONTAINER(Lane, breaker, breaker);
	if (lane->has_subscription)
		return psprintf(" of subscription %s", uuid_text(&lane->subscription_id));
	return psprintf(" of application %s by %s",
					uuid_text(&lane->flow->key.tenant->application_id),
					channel_code(lane->channel));
}

static void
log_opened(const Breaker *breaker)
{
	ereport(LOG,
			(errmsg("appt holds back messages%s to %s: %d failures in a row",
					sender(breaker), destination_of(breaker)->key, breaker->circuit.failures),
			 breaker->last_error != NULL ? errdetail("The last failure was: %s.", breaker->last_error) : 0));
}

static void
log_closed(const Breaker *breaker)
{
	ereport(LOG,
			(errmsg("appt sends messages%s to %s again",
					sender(breaker), destination_of(breaker)->key)));
}

/* ---- findings ---- */

static void
keep_error(Scheduler *scheduler, Breaker *breaker, const char *error)
{
	if (breaker->last_error != NULL)
		pfree(breaker->last_error);
	breaker->last_error = error == NULL ? NULL : MemoryContextStrdup(scheduler->context, error);
}

static CircuitChange
feed(Breaker *breaker, Finding finding, bool is_probe, TimestampTz now)
{
	switch (finding)
	{
		case FINDING_GOOD:
			return circuit_succeed(&breaker->circuit);
		case FINDING_BAD:
			return circuit_fail(&breaker->circuit, is_probe, now);
		case FINDING_NONE:
			circuit_inconclusive(&breaker->circuit, is_probe, now);
	}
	return CIRCUIT_UNCHANGED;
}

bool
breaker_note(Scheduler *scheduler, Breaker *breaker, Finding finding, bool is_probe,
			 const char *error, TimestampTz now)
{
	CircuitChange change = feed(breaker, finding, is_probe, now);

	if (change == CIRCUIT_UNCHANGED)
		return false;
	scheduler->circuits_changed = true;
	keep_error(scheduler, breaker, change == CIRCUIT_CLOSED ? NULL : error);
	if (change == CIRCUIT_OPENED)
	{
		dlist_push_tail(&scheduler->open_circuits, &breaker->node);
		scheduler->open_count++;
		log_opened(breaker);
	}
	if (change == CIRCUIT_CLOSED)
	{
		dlist_delete(&breaker->node);
		scheduler->open_count--;
		log_closed(breaker);
	}
	return change == CIRCUIT_CLOSED;
}

void
breaker_probe_now(Scheduler *scheduler, Breaker *breaker, TimestampTz now)
{
	circuit_probe_now(&breaker->circuit, now);
	scheduler->circuits_changed |= breaker->circuit.is_open;
}

void
breakers_probe_now(Scheduler *scheduler, TimestampTz now)
{
	dlist_iter	iterator;

	dlist_foreach(iterator, &scheduler->open_circuits)
		breaker_probe_now(scheduler, dlist_container(Breaker, node, iterator.cur), now);
}

void
breaker_forget(Scheduler *scheduler, Breaker *breaker)
{
	if (breaker->circuit.is_open)
	{
		dlist_delete(&breaker->node);
		scheduler->open_count--;
		scheduler->circuits_changed = true;
	}
	keep_error(scheduler, breaker, NULL);
	memset(&breaker->circuit, 0, sizeof(Circuit));
}

int
breakers_report(Scheduler *scheduler, CircuitReport *reports, int max)
{
	dlist_iter	iterator;
	int			count = 0;

	dlist_foreach(iterator, &scheduler->open_circuits)
	{
		if (count == max)
			break;
		describe(&reports[count++], dlist_container(Breaker, node, iterator.cur));
	}
	return scheduler->open_count;
}

bool
breakers_have_news(Scheduler *scheduler)
{
	bool		had_news = scheduler->circuits_changed;

	scheduler->circuits_changed = false;
	return had_news;
}
