/*-------------------------------------------------------------------------
 *
 * limits.c
 *	  Buckets, circuits and the sharing of slots, with a clock that the test
 *	  sets in seconds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "fairness/allot.h"
#include "fairness/breakers.h"
#include "fairness/flights.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"

/* So many that no tenant uses up its share of what may be unsettled. */
#define MANY_PLACES 1000000

PG_FUNCTION_INFO_V1(test_bucket_run);
PG_FUNCTION_INFO_V1(test_bucket_excess);
PG_FUNCTION_INFO_V1(test_circuit_run);
PG_FUNCTION_INFO_V1(test_lanes_reset);
PG_FUNCTION_INFO_V1(test_lane_refresh);
PG_FUNCTION_INFO_V1(test_lanes_allot);
PG_FUNCTION_INFO_V1(test_lanes_finish);
PG_FUNCTION_INFO_V1(test_lanes_wake);
PG_FUNCTION_INFO_V1(test_lanes_next_wake);
PG_FUNCTION_INFO_V1(test_lane_drain);
PG_FUNCTION_INFO_V1(test_open_circuits);
PG_FUNCTION_INFO_V1(test_lanes_visits);
PG_FUNCTION_INFO_V1(test_lanes_churn);
PG_FUNCTION_INFO_V1(test_lanes_invalidated);

static TimestampTz
at_seconds(double seconds)
{
	return (TimestampTz) rint(seconds * USECS_PER_SEC);
}

static char **
text_array(ArrayType *array, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	texts = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		texts[i] = TextDatumGetCString(elements[i]);
	return texts;
}

/* ---- buckets ---- */

/*
 * bucket_run(steps text[]) -> text: the steps are "rate R", "at T" (seconds) and
 * "take N". "?" adds the number of tokens to the result or, if there is none, the
 * seconds until there is one.
 */
Datum
test_bucket_run(PG_FUNCTION_ARGS)
{
	Bucket		bucket = {0};
	TimestampTz now = 0;
	StringInfoData text;
	int			count;
	char	  **steps = text_array(PG_GETARG_ARRAYTYPE_P(0), &count);

	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		int			tokens;

		if (strncmp(steps[i], "rate ", 5) == 0)
			bucket_set_rate(&bucket, atof(steps[i] + 5), now);
		else if (strncmp(steps[i], "at ", 3) == 0)
			now = at_seconds(atof(steps[i] + 3));
		else if (strncmp(steps[i], "take ", 5) == 0)
			bucket_take(&bucket, atoi(steps[i] + 5), now);
		else
		{
			tokens = bucket_tokens(&bucket, now);
			if (tokens == INT_MAX)
				appendStringInfoString(&text, "all ");
			else if (tokens > 0)
				appendStringInfo(&text, "%d%s ", tokens, bucket_is_full(&bucket, now) ? " full" : "");
			else
				appendStringInfo(&text, "in %.6f ", (bucket_next(&bucket, now) - now) / 1e6);
		}
	}
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/*
 * bucket_excess(rate, seconds, longest_nap, OUT taken, OUT excess): takes all
 * tokens, sleeps for a random time (longest_nap 0: until there is a token), and
 * repeats. `taken` is how many it took, `excess` the most by which any interval t
 * exceeded rate * t.
 */
Datum
test_bucket_excess(PG_FUNCTION_ARGS)
{
	double		rate = PG_GETARG_FLOAT8(0);
	TimestampTz end = at_seconds(PG_GETARG_FLOAT8(1));
	double		nap = PG_GETARG_FLOAT8(2) * USECS_PER_SEC;
	Bucket		bucket = {0};
	TimestampTz now = 0;
	int64		taken = 0;
	double		lowest = 0;
	double		excess = 0;

	bucket_set_rate(&bucket, rate, now);
	while (now <= end)
	{
		int			tokens = bucket_tokens(&bucket, now);
		double		before = taken - rate * now / USECS_PER_SEC;

		/* The stretch that began where we were furthest behind ends now. */
		lowest = Min(lowest, before);
		bucket_take(&bucket, tokens, now);
		taken += tokens;
		excess = Max(excess, before + tokens - lowest);
		now = nap > 0 ? now + 1 + (TimestampTz) (nap * pg_prng_double(&pg_global_prng_state))
			: bucket_next(&bucket, now);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array((Datum[]) {Float8GetDatum((double) taken), Float8GetDatum(excess)},
										  2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---- circuits ---- */

/*
 * circuit_run(steps text[]) -> text: the steps are "at T", "start", "good" and
 * "bad" (of a message that is no probe), "probe good", "probe bad", "probe
 * nothing", "probe now". "?" adds the state to the result; so does each change.
 */
Datum
test_circuit_run(PG_FUNCTION_ARGS)
{
	static const char *const changes[] = {
		[CIRCUIT_UNCHANGED] = "", [CIRCUIT_OPENED] = "opened ",
		[CIRCUIT_FAILED_PROBE] = "failed ", [CIRCUIT_CLOSED] = "closed "
	};
	Circuit		circuit = {0};
	TimestampTz now = 0;
	StringInfoData text;
	int			count;
	char	  **steps = text_array(PG_GETARG_ARRAYTYPE_P(0), &count);

	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		CircuitChange change = CIRCUIT_UNCHANGED;
		bool		is_probe = strncmp(steps[i], "probe ", 6) == 0;
		const char *step = steps[i] + (is_probe ? 6 : 0);

		if (strncmp(step, "at ", 3) == 0)
			now = at_seconds(atof(step + 3));
		else if (strcmp(step, "start") == 0)
			appendStringInfoString(&text, circuit_start(&circuit) ? "probes " : "");
		else if (strcmp(step, "good") == 0)
			change = circuit_succeed(&circuit);
		else if (strcmp(step, "bad") == 0)
			change = circuit_fail(&circuit, is_probe, now);
		else if (strcmp(step, "nothing") == 0)
			circuit_inconclusive(&circuit, is_probe, now);
		else if (strcmp(step, "now") == 0)
			circuit_probe_now(&circuit, now);
		else if (circuit_room(&circuit, now) == INT_MAX)
			appendStringInfoString(&text, "all ");
		else if (circuit_room(&circuit, now) > 0)
			appendStringInfo(&text, "%d ", circuit_room(&circuit, now));
		else if (circuit_next(&circuit, now) == DT_NOEND)
			appendStringInfoString(&text, "wait ");
		else
			appendStringInfo(&text, "in %g ", (circuit_next(&circuit, now) - now) / 1e6);
		appendStringInfoString(&text, changes[change]);
	}
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/* ---- lanes ---- */

static Scheduler *scheduler;
static List *flights;			/* of Flight * */

static void
owner_id(pg_uuid_t *id, int64 number)
{
	memset(id, 0, sizeof(pg_uuid_t));
	memcpy(id->data, &number, sizeof(number));
}

/* Forget everything. */
Datum
test_lanes_reset(PG_FUNCTION_ARGS)
{
	static MemoryContext context = NULL;

	if (context != NULL)
		MemoryContextDelete(context);
	context = AllocSetContextCreate(TopMemoryContext, "appt test lanes", ALLOCSET_DEFAULT_SIZES);
	scheduler = scheduler_create(context);
	flights = NIL;
	PG_RETURN_VOID();
}

static Limits
limits_argument(FunctionCallInfo fcinfo, int index)
{
	Limits		limits = {
		PG_ARGISNULL(index) ? INT_MAX : PG_GETARG_INT32(index),
		PG_ARGISNULL(index + 1) ? 0 : PG_GETARG_FLOAT8(index + 1)
	};

	return limits;
}

/*
 * lane_refresh(lane, application, destination, application_concurrency,
 * application_rate, own_concurrency, own_rate, at, version, local): the lane has
 * something due, and this is its owner.
 */
Datum
test_lane_refresh(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	TimestampTz now = at_seconds(PG_GETARG_FLOAT8(7));
	LaneOwner	owner = {
		.channel = CHANNEL_EMAIL,
		.destination = text_to_cstring(PG_GETARG_TEXT_PP(2)),
		.application = limits_argument(fcinfo, 3),
		.own = limits_argument(fcinfo, 5),
		.version = PG_GETARG_INT32(8),
		.is_local = PG_GETARG_BOOL(9)
	};

	owner_id(&owner.application_id, PG_GETARG_INT64(1));
	lane_expect(scheduler, id, now);
	(void) lanes_wake(scheduler, now);
	lane_refresh(scheduler, lane_find(scheduler, id), &owner, now);
	PG_RETURN_VOID();
}

static void
start_granted(const Grant *grant, const char *destination, TimestampTz now)
{
	MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);

	for (int i = 0; i < grant->slots; i++)
	{
		Flight	   *flight = palloc(sizeof(Flight));

		*flight = lane_start(scheduler, grant->lane, destination, now);
		flights = lappend(flights, flight);
	}
	MemoryContextSwitchTo(previous);
}

static int
compare_grants(const void *a, const void *b)
{
	int64		id_a = ((const Grant *) a)->lane->id;
	int64		id_b = ((const Grant *) b)->lane->id;

	return id_a < id_b ? -1 : (id_a > id_b ? 1 : 0);
}

/*
 * lanes_allot(at, slots, free, max_per_host, destinations text[], start, local)
 * -> text: slots of each lane, or messages of a local one, as "1:3 2:4". With
 * `start`, so many messages start, to destinations[lane].
 */
Datum
test_lanes_allot(PG_FUNCTION_ARGS)
{
	Allowance	allowance = {
		.now = at_seconds(PG_GETARG_FLOAT8(0)),
		.slots = PG_GETARG_INT32(1),
		.free_slots = PG_GETARG_INT32(2),
		.free_places = MANY_PLACES,
		.max_per_host = PG_GETARG_INT32(3),
		.local = PG_GETARG_INT32(6)
	};
	int			destination_count;
	char	  **destinations = text_array(PG_GETARG_ARRAYTYPE_P(4), &destination_count);
	int			count;
	Grant	   *grants;
	StringInfoData text;

	initStringInfo(&text);
	(void) lanes_wake(scheduler, allowance.now);
	grants = lanes_allot(scheduler, &allowance, &count);
	lanes_return(scheduler, grants, count);
	qsort(grants, count, sizeof(Grant), compare_grants);
	for (int i = 0; i < count; i++)
	{
		int64		id = grants[i].lane->id;

		appendStringInfo(&text, "%s" INT64_FORMAT ":%d", i > 0 ? " " : "", id, grants[i].slots);
		if (PG_GETARG_BOOL(5) && !grants[i].lane->is_local)
			start_granted(&grants[i], destinations[(id - 1) % destination_count], allowance.now);
	}
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/*
 * lanes_finish(lane, count, at, of_lane, of_destination) -> how many: the oldest
 * flights of a lane end. Findings are GOOD, BAD or NONE.
 */
Datum
test_lanes_finish(PG_FUNCTION_ARGS)
{
	static const char *const findings[] = {
		[FINDING_NONE] = "NONE", [FINDING_GOOD] = "GOOD", [FINDING_BAD] = "BAD"
	};
	int			left = PG_GETARG_INT32(1);
	char	   *of_lane = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char	   *of_destination = text_to_cstring(PG_GETARG_TEXT_PP(4));
	Evidence	evidence = {0};
	ListCell   *cell;

	for (int i = 0; i < lengthof(findings); i++)
	{
		if (strcmp(findings[i], of_lane) == 0)
			evidence.of_lane = i;
		if (strcmp(findings[i], of_destination) == 0)
			evidence.of_destination = i;
	}
	foreach(cell, flights)
	{
		Flight	   *flight = (Flight *) lfirst(cell);

		if (flight->lane->id != PG_GETARG_INT64(0) || left == 0)
			continue;
		left--;
		lane_finish(scheduler, flight, evidence, "as told", at_seconds(PG_GETARG_FLOAT8(2)));
		lane_settle(flight);
		flights = foreach_delete_current(flights, cell);
	}
	PG_RETURN_INT32(PG_GETARG_INT32(1) - left);
}

/* lanes_wake(at) -> may a lane send now that could not before? */
Datum
test_lanes_wake(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(lanes_wake(scheduler, at_seconds(PG_GETARG_FLOAT8(0))));
}

/* lanes_next_wake() -> seconds, NULL: never */
Datum
test_lanes_next_wake(PG_FUNCTION_ARGS)
{
	if (lanes_next_wake(scheduler) == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(lanes_next_wake(scheduler) / 1e6);
}

/* lane_drain(lane): the lane has nothing due any more. */
Datum
test_lane_drain(PG_FUNCTION_ARGS)
{
	lane_wait(scheduler, lane_find(scheduler, PG_GETARG_INT64(0)), DT_NOEND);
	PG_RETURN_VOID();
}

/* open_circuits() -> "destination failures, ..." */
Datum
test_open_circuits(PG_FUNCTION_ARGS)
{
	CircuitReport reports[CIRCUITS_SHOWN];
	int			count = breakers_report(scheduler, reports, CIRCUITS_SHOWN);
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < Min(count, CIRCUITS_SHOWN); i++)
		appendStringInfo(&text, "%s%s%s %d", i > 0 ? ", " : "", reports[i].of_lane ? "lane to " : "",
						 reports[i].destination, reports[i].failures);
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/* lanes_visits(at, max_per_host) -> microseconds for an allotment of one slot, the best of many */
Datum
test_lanes_visits(PG_FUNCTION_ARGS)
{
	Allowance	allowance = {
		.now = at_seconds(PG_GETARG_FLOAT8(0)),
		.slots = 1,
		.free_slots = 100,
		.free_places = MANY_PLACES,
		.max_per_host = PG_GETARG_INT32(1)
	};
	double		best = DBL_MAX;

	for (int i = 0; i < 100; i++)
	{
		instr_time	start;
		instr_time	took;
		int			count;
		Grant	   *grants;

		INSTR_TIME_SET_CURRENT(start);
		grants = lanes_allot(scheduler, &allowance, &count);
		INSTR_TIME_SET_CURRENT(took);
		INSTR_TIME_SUBTRACT(took, start);
		lanes_return(scheduler, grants, count);
		best = Min(best, INSTR_TIME_GET_DOUBLE(took) * 1e6);
	}
	PG_RETURN_FLOAT8(best);
}

/* ---- random calls ---- */

#define CHURN_LANES 40
#define CHURN_TENANTS 6
#define CHURN_DESTINATIONS 4
#define CHURN_FLIGHTS 64
#define CHURN_PER_HOST 9

typedef struct Churn
{
	pg_prng_state random;
	TimestampTz now;
	Limits		of_tenant[CHURN_TENANTS];
	Limits		of_lane[CHURN_LANES];
	int			leads_to[CHURN_LANES];
	int			refreshed_to[CHURN_LANES];
	Flight		flights[CHURN_FLIGHTS];
	int			flight_to[CHURN_FLIGHTS];
	int			flight_count;
	const char *mistake;
} Churn;

static int
roll(Churn *churn, int sides)
{
	return (int) pg_prng_uint64_range(&churn->random, 0, sides - 1);
}

static Limits
random_limits(Churn *churn)
{
	Limits		limits = {
		roll(churn, 3) == 0 ? 1 + roll(churn, 4) : INT_MAX,
		roll(churn, 3) == 0 ? 1 + roll(churn, 200) : 0
	};

	return limits;
}

static char *
churn_destination(int number)
{
	return psprintf("http://host%d:80", number);
}

/* Lanes have the numbers 1 and up; a tenant has each sixth of them. */
static int
tenant_of(int64 lane_id)
{
	return (int) (lane_id % CHURN_TENANTS);
}

static void
refresh_all(Churn *churn)
{
	int			count;
	Lane	  **stale = lanes_to_refresh(scheduler, CHURN_LANES, &count);

	for (int i = 0; i < count; i++)
	{
		int64		id = stale[i]->id;
		LaneOwner	owner = {
			.channel = CHANNEL_EMAIL,
			.destination = churn_destination(churn->leads_to[id - 1]),
			.application = churn->of_tenant[tenant_of(id)],
			.own = churn->of_lane[id - 1],
			.version = 1
		};

		owner_id(&owner.application_id, tenant_of(id));
		churn->refreshed_to[id - 1] = churn->leads_to[id - 1];
		lane_refresh(scheduler, stale[i], &owner, churn->now);
	}
}

/* In each way by which a worker is told of a change. */
static void
invalidate_lane_of(Churn *churn, int64 lane_id)
{
	pg_uuid_t	application_id;

	owner_id(&application_id, tenant_of(lane_id));
	if (roll(churn, 4) == 0)
		lanes_invalidate(scheduler);
	else
	{
		tenant_mark_stale(scheduler, &application_id);
		lanes_invalidate_stale_tenants(scheduler);
	}
}

static void
change_configuration(Churn *churn)
{
	int			lane = roll(churn, CHURN_LANES);

	/* A start may be the first to show that the destination has changed. */
	churn->leads_to[lane] = roll(churn, CHURN_DESTINATIONS);
	if (roll(churn, 2) == 0)
		return;
	churn->of_tenant[tenant_of(lane + 1)] = random_limits(churn);
	churn->of_lane[lane] = random_limits(churn);
	invalidate_lane_of(churn, lane + 1);
}

static void
check_limits(Churn *churn, const Grant *grants, int count)
{
	int			by_tenant[CHURN_TENANTS] = {0};
	int			by_host[CHURN_DESTINATIONS] = {0};
	int			by_lane[CHURN_LANES] = {0};

	for (int i = 0; i < churn->flight_count; i++)
	{
		by_tenant[tenant_of(churn->flights[i].lane->id)]++;
		by_host[churn->flight_to[i]]++;
		by_lane[churn->flights[i].lane->id - 1]++;
	}
	for (int i = 0; i < count; i++)
	{
		int64		id = grants[i].lane->id;

		by_tenant[tenant_of(id)] += grants[i].slots;
		by_host[churn->refreshed_to[id - 1]] += grants[i].slots;
		if (by_lane[id - 1] + grants[i].slots > churn->of_lane[id - 1].max_concurrency)
			churn->mistake = "a lane beyond its limit";
		if (by_tenant[tenant_of(id)] > churn->of_tenant[tenant_of(id)].max_concurrency)
			churn->mistake = "a tenant beyond its limit";
		if (by_host[churn->refreshed_to[id - 1]] > CHURN_PER_HOST)
			churn->mistake = "a host beyond its limit";
	}
}

/* Start some of the granted messages, or all. A lane that starts fewer may have nothing more due. */
static void
allot_some(Churn *churn, bool all)
{
	Allowance	allowance = {
		.now = churn->now,
		.free_slots = CHURN_FLIGHTS - churn->flight_count,
		.free_places = MANY_PLACES,
		.max_per_host = CHURN_PER_HOST
	};
	int			count;
	Grant	   *grants;

	allowance.slots = all ? allowance.free_slots : Min(allowance.free_slots, roll(churn, 20));
	refresh_all(churn);
	grants = lanes_allot(scheduler, &allowance, &count);
	lanes_return(scheduler, grants, count);
	check_limits(churn, grants, count);
	for (int i = 0; i < count; i++)
	{
		int			starts = all ? grants[i].slots : roll(churn, grants[i].slots + 1);

		if (all || (starts < grants[i].slots && roll(churn, 2) == 0))
			lane_wait(scheduler, grants[i].lane, DT_NOEND);
		while (starts-- > 0)
		{
			int			to = churn->leads_to[grants[i].lane->id - 1];

			churn->flight_to[churn->flight_count] = churn->refreshed_to[grants[i].lane->id - 1] = to;
			churn->flights[churn->flight_count++] =
				lane_start(scheduler, grants[i].lane, churn_destination(to), churn->now);
		}
	}
}

static void
finish_one(Churn *churn, bool well)
{
	int			i = roll(churn, churn->flight_count);
	Evidence	evidence = {FINDING_GOOD, FINDING_GOOD};

	/* One host and one tenant fail. */
	if (!well && churn->flight_to[i] == 0)
		evidence = (Evidence) {FINDING_NONE, FINDING_BAD};
	else if (!well && tenant_of(churn->flights[i].lane->id) == 0)
		evidence = (Evidence) {FINDING_BAD, FINDING_GOOD};
	else if (!well && roll(churn, 10) == 0)
		evidence = (Evidence) {FINDING_NONE, FINDING_NONE};
	lane_finish(scheduler, &churn->flights[i], evidence, NULL, churn->now);
	lane_settle(&churn->flights[i]);
	churn->flights[i] = churn->flights[--churn->flight_count];
	churn->flight_to[i] = churn->flight_to[churn->flight_count];
}

static void
churn_step(Churn *churn)
{
	switch (roll(churn, 12))
	{
		case 0:
			change_configuration(churn);
			break;
		case 1:
			lanes_forget_unseen(scheduler, churn->now);
			break;
		case 2:
			lane_probe_now(scheduler, 1 + roll(churn, CHURN_LANES), churn->now);
			break;
		case 3:
		case 4:
			churn->now += roll(churn, 500000);
			break;
		case 5:
		case 6:
			lane_expect(scheduler, 1 + roll(churn, CHURN_LANES), churn->now - roll(churn, 1000));
			break;
		case 7:
		case 8:
			if (churn->flight_count > 0)
				finish_one(churn, false);
			break;
		default:
			allot_some(churn, false);
	}
	(void) lanes_wake(scheduler, churn->now);
}

static int
lanes_with_something_due(void)
{
	int			count;
	int			due = 0;
	Lane	  **lanes = lanes_all(scheduler, &count);

	for (int i = 0; i < count; i++)
		due += lanes[i]->state != LANE_WAITING;
	return due;
}

/* From now on everything succeeds. Is each lane served in the end, woken only by alarms and by ends of transfers? */
static void
come_to_rest(Churn *churn)
{
	for (int rounds = 0; lanes_with_something_due() > 0; rounds++)
	{
		if (rounds == 10000)
		{
			churn->mistake = "a lane that is never served";
			return;
		}
		allot_some(churn, true);
		if (churn->flight_count > 0)
			finish_one(churn, rounds > 500);
		else if (!lanes_are_ready(scheduler) && lanes_next_wake(scheduler) == DT_NOEND &&
				 lanes_with_something_due() > 0)
			churn->mistake = "a lane that nothing wakes";
		else if (!lanes_are_ready(scheduler))
			churn->now = Max(churn->now, lanes_next_wake(scheduler));
		if (churn->mistake != NULL)
			return;
		(void) lanes_wake(scheduler, churn->now);
	}
}

/* lanes_churn(seed, steps) -> the mistake that random calls found, or NULL */
Datum
test_lanes_churn(PG_FUNCTION_ARGS)
{
	Churn	   *churn = palloc0(sizeof(Churn));

	(void) test_lanes_reset(fcinfo);
	pg_prng_seed(&churn->random, PG_GETARG_INT32(0));
	churn->now = at_seconds(1000);
	for (int i = 0; i < CHURN_TENANTS; i++)
		churn->of_tenant[i] = random_limits(churn);
	for (int i = 0; i < CHURN_LANES; i++)
	{
		churn->of_lane[i] = random_limits(churn);
		churn->leads_to[i] = roll(churn, CHURN_DESTINATIONS);
	}
	for (int i = 0; i < PG_GETARG_INT32(1) && churn->mistake == NULL; i++)
		churn_step(churn);
	if (churn->mistake == NULL)
		come_to_rest(churn);
	(void) test_lanes_reset(fcinfo);
	if (churn->mistake == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(churn->mistake));
}

/* lanes_invalidated(tenant) -> the lanes to refresh after the configuration of this tenant has changed; one more is held */
Datum
test_lanes_invalidated(PG_FUNCTION_ARGS)
{
	Churn	   *churn = palloc0(sizeof(Churn));
	StringInfoData ids;
	pg_uuid_t	application_id;
	Lane	  **stale;
	int			count;

	(void) test_lanes_reset(fcinfo);
	churn->now = at_seconds(1000);
	for (int i = 0; i < CHURN_TENANTS; i++)
		churn->of_tenant[i] = (Limits) {INT_MAX, 0};
	for (int i = 0; i < CHURN_LANES; i++)
		churn->of_lane[i] = (Limits) {INT_MAX, 0};
	for (int64 id = 1; id <= 2 * CHURN_TENANTS; id++)
		lane_expect(scheduler, id, churn->now);
	(void) lanes_wake(scheduler, churn->now);
	lane_hold(scheduler, lane_find(scheduler, 2 * CHURN_TENANTS), churn->now + USECS_PER_SEC);
	refresh_all(churn);
	owner_id(&application_id, PG_GETARG_INT32(0));
	tenant_mark_stale(scheduler, &application_id);
	lanes_invalidate_stale_tenants(scheduler);
	initStringInfo(&ids);
	stale = lanes_to_refresh(scheduler, CHURN_LANES, &count);
	for (int i = 0; i < count; i++)
		appendStringInfo(&ids, " " INT64_FORMAT, stale[i]->id);
	(void) test_lanes_reset(fcinfo);
	PG_RETURN_TEXT_P(cstring_to_text(ids.data));
}
