/*
 * validate.c
 *		Checks of arguments about appointments.
 *
 * The tables' constraints would refuse most invalid values, too, but with
 * 23514 and the whole row in DETAIL. Here the caller is told which value is
 * wrong, before anything is written.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/builtins.h"

#include "config/checks.h"
#include "config/header_checks.h"
#include "core/arguments.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/text.h"
#include "render/timezones.h"
#include "schedule/validate.h"

/* How far in the past a new start may lie: clocks differ, and typing takes time. */
#define START_TOLERANCE USECS_PER_MINUTE

TimestampTz
required_time(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return PG_GETARG_TIMESTAMPTZ(index);
}

Interval *
required_interval(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return PG_GETARG_INTERVAL_P(index);
}

static const char *
interval_text(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

TimeOffset
check_duration(const Interval *duration)
{
	if (duration->month != 0)
		report_invalid("a duration must not contain months",
					   "\"%s\" has no fixed length.", interval_text(duration));
	if (duration->day < -MAX_DAYS || duration->day > MAX_DAYS)
		report_invalid("duration out of range", "\"%s\" is out of range.", interval_text(duration));
	/* A sum that overflows becomes negative. */
	if (elapsed_microseconds(duration) <= 0)
		report_invalid("a duration must be longer than 0",
					   "\"%s\" is 0 or less.", interval_text(duration));
	return elapsed_microseconds(duration);
}

void
check_max_duration(const Interval *duration, TimeOffset max_duration)
{
	if (elapsed_microseconds(duration) > max_duration)
		report_invalid_hint("UPDATE appt.application SET max_duration allows longer ones.",
							"an appointment must not be this long",
							"\"%s\" is more than the application's max_duration, \"%s\".",
							interval_text(duration), interval_text(elapsed_interval(max_duration)));
}

static const char *
time_text(TimestampTz at)
{
	return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(at)));
}

void
check_finite(TimestampTz start_at)
{
	if (TIMESTAMP_NOT_FINITE(start_at))
		report_invalid("start must be finite", "\"%s\" is not finite.", time_text(start_at));
}

TimestampTz
earliest_bookable(TimestampTz now)
{
	return now - START_TOLERANCE;
}

void
check_start(TimestampTz start_at, TimestampTz now)
{
	check_finite(start_at);
	if (start_at < earliest_bookable(now))
		report_invalid("a start must not lie in the past",
					   "\"%s\" is more than a minute before now.", timestamp_text(start_at));
}

TimestampTz
end_of(TimestampTz start_at, TimeOffset duration)
{
	TimestampTz end_at = start_at + duration;

	/*
	 * The expiry of the room, the end's grace and the due times after it must
	 * be valid timestamps, too.
	 */
	if (end_at < start_at || !IS_VALID_TIMESTAMP(end_at) || !IS_VALID_TIMESTAMP(end_at + MAX_ELAPSED))
		report_invalid("end out of range", "\"%s\" is too long after \"%s\".",
					   interval_text(elapsed_interval(duration)), time_text(start_at));
	return end_at;
}

char *
timezone_name(const char *timezone)
{
	require_known_timezone(timezone);
	return pstrdup(pg_get_timezone_name(timezone_rules(timezone)));
}

void
check_locale_name(const char *locale)
{
	require_known_locale(locale);
}

void
check_notification_headers(Jsonb *headers)
{
	ListCell   *cell;

	foreach(cell, parse_headers(headers))
	{
		ConfiguredHeader *header = (ConfiguredHeader *) lfirst(cell);

		if (header->is_secret)
			report_invalid("a header of an appointment cannot be secret",
						   "Header \"%s\" is secret; a subscription's may be.", header->name);
	}
}
