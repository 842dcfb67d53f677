/*
 * local_days.c
 *		Days of a timezone, by PostgreSQL's rules.
 *
 * The server's own conversion of a local time to an instant knows no days: where
 * midnight exists twice it may take the second, and the hour before it would
 * belong to the day before. So this file walks over the changes of the offset near
 * the time in question.
 */
#include "postgres.h"

#include "render/local_days.h"
#include "utils/timestamp.h"

/* Larger than any offset, and than any change of it. */
#define MARGIN (3 * SECS_PER_DAY)

#define EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* A time with one offset, which ends when the offset changes. Times are microseconds since 2000. */
typedef struct Stretch
{
	TimestampTz start_at;
	TimestampTz end_at;
	TimeOffset	offset;			/* east of UTC */
	TimeOffset	offset_after;
} Stretch;

/* The stretch that begins at start_at; false if the server can't tell. */
static bool
find_stretch(const Timezone *zone, TimestampTz start_at, Stretch *stretch)
{
	pg_time_t	begin = start_at / USECS_PER_SEC + EPOCH_SECONDS;
	pg_time_t	boundary;
	long int	before;
	long int	after;
	int			is_dst;
	int			found = pg_next_dst_boundary(&begin, &before, &is_dst, &boundary, &after, &is_dst, zone->rules);

	if (found < 0)
		return false;
	stretch->start_at = start_at;
	stretch->end_at = found == 0 ? DT_NOEND : (boundary - EPOCH_SECONDS) * USECS_PER_SEC;
	stretch->offset = before * USECS_PER_SEC;
	stretch->offset_after = (found == 0 ? before : after) * USECS_PER_SEC;
	return true;
}

/* When the clock passes `local` upwards within the stretch, or as it ends; false if it does not. */
static bool
find_passing(const Stretch *stretch, Timestamp local, TimestampTz *at)
{
	TimestampTz passing = local - stretch->offset;

	if (passing > stretch->start_at && passing < stretch->end_at)
		*at = passing;
	else if (stretch->end_at != DT_NOEND && stretch->end_at + stretch->offset <= local &&
			 stretch->end_at + stretch->offset_after >= local)
		*at = stretch->end_at;
	else
		return false;
	return true;
}

bool
local_date(const Timezone *zone, TimestampTz at, DateADT *date)
{
	int			offset;
	TimestampTz local;

	if (!timezone_offset(zone, at, &offset))
		return false;
	local = at + offset * USECS_PER_SEC;
	*date = (DateADT) (local / USECS_PER_DAY - (local % USECS_PER_DAY < 0 ? 1 : 0));
	return true;
}

bool
local_instant(const Timezone *zone, DateADT date, TimeADT time, TimestampTz *at)
{
	Timestamp	local = date * USECS_PER_DAY + time;
	Stretch		stretch;
	bool		found = false;

	if (!IS_VALID_DATE(date) || DATE_NOT_FINITE(date) || !IS_VALID_TIMESTAMP(local))
		return false;
	stretch.end_at = date * USECS_PER_DAY - MARGIN * USECS_PER_SEC;
	do
	{
		if (!find_stretch(zone, stretch.end_at, &stretch))
			return false;
		if (find_passing(&stretch, local, at))
			found = true;
	} while (stretch.end_at < local + MARGIN * USECS_PER_SEC);
	return found;
}

bool
local_day(const Timezone *zone, DateADT date, TimestampTz *start_at, TimestampTz *end_at)
{
	return local_instant(zone, date, 0, start_at) && local_instant(zone, date + 1, 0, end_at);
}
