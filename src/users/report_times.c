/*
 * report_times.c
 *		When daily reports are due, and which day each is about.
 *
 * Both times of an occasion depend on its date alone. So whatever restarts, and
 * however often timezone and report_time change, a day is reported again only if
 * the caller forgets the last date.
 */
#include "postgres.h"

#include "render/local_days.h"
#include "users/report_times.h"

/* Dates to look at on each side of today: the clock of a timezone has skipped one date, never two. */
#define NEARBY 3

/* The last day before `date` that exists. */
static bool
day_before(const Timezone *zone, DateADT date, DateADT *before)
{
	TimestampTz start_at;
	TimestampTz end_at;

	for (*before = date - 1; *before >= date - NEARBY; (*before)--)
	{
		if (!local_day(zone, *before, &start_at, &end_at))
			return false;
		if (start_at < end_at)
			return true;
	}
	return false;
}

/* The report that is due on a date; false if the date does not exist. */
static bool
occasion_on(const ReportClock *clock, DateADT date, ReportOccasion *occasion)
{
	TimestampTz start_at;
	TimestampTz end_at;

	return local_day(clock->zone, date, &start_at, &end_at) && start_at < end_at &&
		local_instant(clock->zone, date, clock->report_time, &occasion->at) &&
		day_before(clock->zone, date, &occasion->date);
}

bool
report_latest(const ReportClock *clock, TimestampTz now, ReportOccasion *latest)
{
	DateADT		today;

	if (!local_date(clock->zone, now, &today))
		return false;
	for (DateADT date = today + 1; date >= today - NEARBY; date--)
		if (occasion_on(clock, date, latest) && latest->at <= now)
			return true;
	return false;
}

/* The first report after now about a day after last_date. */
static bool
first_after(const ReportClock *clock, DateADT last_date, TimestampTz now, ReportOccasion *next)
{
	DateADT		today;
	DateADT		begin;

	if (!local_date(clock->zone, now, &today))
		return false;
	begin = Max(today - 1, last_date + 1);
	for (DateADT date = begin; date <= begin + 2 * NEARBY; date++)
		if (occasion_on(clock, date, next) && next->at > now && next->date > last_date)
			return true;
	return false;
}

bool
report_next(const ReportClock *clock, DateADT last_date, TimestampTz now, ReportOccasion *next)
{
	if (report_latest(clock, now, next) && next->date > last_date)
		return true;
	return first_after(clock, last_date, now, next);
}
