/*
 * chore_pace.c
 *		The pace of a chore.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/chore_pace.h"

#define LONGEST_LOCKED_PAUSE (60 * USECS_PER_SEC)

TimestampTz
chore_next(const Chore *chore, int times)
{
	return Max(chore->at, chore->last + times * chore->cost);
}

bool
chore_is_due(const Chore *chore)
{
	return GetCurrentTimestamp() >= chore_next(chore, BUSY_FACTOR);
}

void
chore_note(Chore *chore, TimestampTz begin)
{
	chore->last = GetCurrentTimestamp();
	chore->cost = Max(chore->last - begin, 0);
	chore->pass_cost += chore->cost;
	chore->at = chore->last;
}

void
chore_end_pass(Chore *chore, TimestampTz next)
{
	chore->at = next;
	chore->pass_cost = 0;
}

TimestampTz
chore_after_locked(const Chore *chore)
{
	TimeOffset	pause = Max(LOCKED_PAUSE, (BUSY_FACTOR + 1) * chore->pass_cost);

	return chore->last + Min(pause, LONGEST_LOCKED_PAUSE);
}
