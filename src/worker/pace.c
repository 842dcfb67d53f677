/*
 * pace.c
 *		When work is worth doing again, by what it took last.
 */
#include "postgres.h"

#include "worker/pace.h"

/*
 * Under load a claim or settling waits for a full batch, but no longer than this
 * multiple of what the last batch took, within the two bounds.
 */
#define SHORTEST_BATCH_INTERVAL (4 * INT64CONST(1000))
#define BATCH_FACTOR 3
#define LONGEST_BATCH_INTERVAL (20 * INT64CONST(1000))

/* Between two sweeps or refreshes that commits ask for: a multiple of what the last one took. */
#define CALLERS_FACTOR 10
#define LONGEST_CALLERS_INTERVAL (5 * USECS_PER_SEC)

/* How far back it is known how much the worker slept. */
#define LATELY (100 * INT64CONST(1000))

void
pace_note(Pace *pace, TimestampTz begin, TimestampTz end)
{
	pace->last = begin;
	pace->cost = end - begin;
}

TimestampTz
pace_next(const Pace *pace)
{
	return pace->last + Min(Max(SHORTEST_BATCH_INTERVAL, BATCH_FACTOR * pace->cost), LONGEST_BATCH_INTERVAL);
}

TimestampTz
pace_for_callers(const Pace *pace)
{
	return pace->last + Min(CALLERS_FACTOR * pace->cost, LONGEST_CALLERS_INTERVAL);
}

void
sleep_note(Sleep *sleep, TimestampTz begin, TimestampTz end)
{
	sleep->awake += Max(begin - sleep->woken_at, 0);
	sleep->asleep += Max(end - begin, 0);
	sleep->woken_at = end;
	if (sleep->awake + sleep->asleep < LATELY)
		return;
	sleep->awake /= 2;
	sleep->asleep /= 2;
}

bool
sleep_leaves_time(const Sleep *sleep)
{
	return sleep->awake <= 3 * sleep->asleep;
}
