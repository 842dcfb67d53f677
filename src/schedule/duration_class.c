/*
 * duration_class.c
 *		The size class of an appointment's duration, for the search for overlaps.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(duration_class);

/* 4^21 seconds in microseconds are the most that an int64 holds. */
#define LARGEST_CLASS 22

/*
 * appt.duration_class(start_at timestamptz, end_at timestamptz) -> smallint
 *
 * The least c such that 4^c seconds are at least the duration; 22 for whatever is
 * longer than 4^21 seconds.
 */
Datum
duration_class(PG_FUNCTION_ARGS)
{
	int64		duration;
	int16		class = 0;

	if (pg_sub_s64_overflow(PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(0), &duration))
		PG_RETURN_INT16(LARGEST_CLASS);
	while (class < LARGEST_CLASS && duration > (USECS_PER_SEC << (2 * class)))
		class++;
	PG_RETURN_INT16(class);
}
