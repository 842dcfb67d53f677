/*
 * elapsed.c
 *		Elapsed time: intervals without months, as microseconds.
 */
#include "postgres.h"

#include "core/elapsed.h"

TimeOffset
elapsed_microseconds(const Interval *interval)
{
	return interval->time + (TimeOffset) interval->day * USECS_PER_DAY;
}

Interval *
elapsed_interval(TimeOffset microseconds)
{
	Interval   *interval = (Interval *) palloc0(sizeof(Interval));

	interval->time = microseconds;
	return interval;
}
