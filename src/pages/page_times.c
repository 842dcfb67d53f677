/*
 * page_times.c
 *		Times as a page shows them.
 */
#include "postgres.h"

#include "core/elapsed.h"
#include "pages/page_times.h"
#include "render/dates.h"
#include "render/durations.h"
#include "render/local_days.h"

char *
moment_text(TimestampTz at, const char *timezone, const char *locale)
{
	char	   *error;
	char	   *date = dates_full(at, timezone, locale, &error);
	char	   *time = dates_time(at, timezone, locale, &error);
	char	   *zone = dates_zone(at, timezone, locale, &error);

	if (date == NULL || time == NULL || zone == NULL)
		return NULL;
	return psprintf("%s, %s %s", date, time, zone);
}

char *
span_date_text(const Span *span, const char *locale)
{
	char	   *error;

	return dates_full(span->start_at, span->timezone, locale, &error);
}

/* False also if that cannot be told. */
static bool
is_same_day(const Span *span)
{
	char	   *error;
	const Timezone *zone = timezone_find(span->timezone, &error);
	DateADT		first;
	DateADT		last;

	return zone != NULL && local_date(zone, span->start_at, &first) && local_date(zone, span->end_at, &last) && first == last;
}

/* From when until when, with the day of the end if that is another. */
char *
span_time_text(const Span *span, const char *locale)
{
	char	   *error;
	char	   *start = dates_time(span->start_at, span->timezone, locale, &error);
	char	   *end = dates_time(span->end_at, span->timezone, locale, &error);
	char	   *zone = dates_zone(span->end_at, span->timezone, locale, &error);
	char	   *last_day = is_same_day(span) ? "" : dates_full(span->end_at, span->timezone, locale, &error);

	if (start == NULL || end == NULL || zone == NULL || last_day == NULL)
		return NULL;
	return psprintf("%s - %s%s%s %s", start, last_day, last_day[0] == '\0' ? "" : ", ", end, zone);
}

char *
span_duration_text(const Span *span, const char *locale)
{
	char	   *error;

	return durations_format(elapsed_interval(span->end_at - span->start_at), locale, &error);
}

char *
field_time_text(TimestampTz at, const char *timezone)
{
	char	   *error;
	char	   *date = dates_format(at, "yyyy-MM-dd", timezone, "en", &error);
	char	   *time = dates_format(at, "HH:mm", timezone, "en", &error);

	return date == NULL || time == NULL ? NULL : psprintf("%sT%s", date, time);
}
