/*
 * dates.c
 *		Instants as people read them, by ICU.
 *
 * The offset of a timezone at an instant is PostgreSQL's.  ICU never computes
 * it: a formatter works in UTC and is given the local wall clock as if it were
 * UTC.  Only a pattern with zone letters needs more.  Where ICU's own data has
 * the same offset at that instant, ICU is given the instant and the named zone,
 * and so finds the zone's names.  Where it has another (its data is older, as
 * for Asia/Almaty after February 2024), any name it knows would be the wrong
 * one: the zone becomes the fixed offset, "GMT+5".
 */
#include "postgres.h"

#include "core/text.h"
#include "render/date_pattern.h"
#include "render/dates.h"
#include "render/formatters.h"
#include "render/icu_text.h"
#include "render/locales.h"
#include "render/timezones.h"

#define UTC_ZONE			"Etc/UTC"

static void
fixed_zone(int offset, char *name)
{
	int			seconds = abs(offset);

	snprintf(name, TIMEZONE_NAME_SIZE, "GMT%c%02d:%02d:%02d", offset < 0 ? '-' : '+',
			 seconds / SECS_PER_HOUR, seconds / SECS_PER_MINUTE % MINS_PER_HOUR,
			 seconds % SECS_PER_MINUTE);
}

/* What ICU is given so that it writes what PostgreSQL's clock shows. */
typedef struct ClockFace
{
	UDate		time;
	const char *zone;			/* ICU's */
	const char *pattern;
	char		plain_pattern[DATE_PATTERN_OF_ZONE_SIZE];
	char		fixed_zone[TIMEZONE_NAME_SIZE];
} ClockFace;

/*
 * PostgreSQL computes the offset, so ICU writes the shifted time as if it were
 * UTC; only a zone's name or offset need the zone itself.
 */
static void
set_clock_face(ClockFace *face, TimestampTz at, const Timezone *zone, int offset,
			   DateFormatKind kind, const char *pattern)
{
	face->pattern = pattern;
	face->zone = UTC_ZONE;
	face->time = icu_time(at) + offset * 1000.0;
	if (kind != DATE_BY_PATTERN || !date_pattern_has_zone(pattern))
		return;
	face->time = icu_time(at);
	face->zone = zone->name;
	if (timezone_agrees_with_icu(zone, at, offset))
		return;
	date_pattern_without_zone_names(pattern, zone->name, face->plain_pattern);
	face->pattern = face->plain_pattern;
	fixed_zone(offset, face->fixed_zone);
	face->zone = face->fixed_zone;
}

static char *
write_date(const ClockFace *face, DateFormatKind kind, const char *icu_name, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		text[ICU_TEXT_MAX];
	int32_t		length;
	UDateFormat *format = formatter_for_date(kind, face->pattern, icu_name, face->zone);

	if (format == NULL)
	{
		*error = psprintf("ICU has no date format \"%s\" for locale \"%s\".",
						  face->pattern, icu_name);
		return NULL;
	}
	length = udat_format(format, face->time, text, ICU_TEXT_MAX, NULL, &status);
	if (U_FAILURE(status) || length > ICU_TEXT_MAX)
	{
		*error = psprintf("ICU could not write a date: %s.", u_errorName(status));
		return NULL;
	}
	return icu_text_to_database(text, length, error);
}

/* Format an instant by a formatter of any of the three date kinds. */
static char *
format_instant(TimestampTz at, DateFormatKind kind, const char *pattern,
			   const char *timezone, const char *locale, char **error)
{
	const Timezone *zone = timezone_find(timezone, error);
	char		icu_name[LOCALE_MAX_LENGTH];
	ClockFace	face;
	int			offset;

	if (zone == NULL || !locale_for_icu(locale, icu_name, error))
		return NULL;
	if (!timezone_offset(zone, at, &offset))
	{
		*error = pstrdup("The instant is out of range.");
		return NULL;
	}
	set_clock_face(&face, at, zone, offset, kind, pattern);
	return write_date(&face, kind, icu_name, error);
}

char *
dates_format(TimestampTz at, const char *pattern, const char *timezone,
			 const char *locale, char **error)
{
	if (!is_date_pattern(pattern))
	{
		*error = psprintf("\"%s\" is not a date pattern.", quotable_text(pattern));
		return NULL;
	}
	return format_instant(at, DATE_BY_PATTERN, pattern, timezone, locale, error);
}

char *
dates_time24(TimestampTz at, const char *timezone, const char *locale,
			 char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "Hm", timezone, locale, error);
}

char *
dates_time12(TimestampTz at, const char *timezone, const char *locale,
			 char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "hm", timezone, locale, error);
}

char *
dates_time(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "jm", timezone, locale, error);
}

char *
dates_date(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, DATE_LONG, "", timezone, locale, error);
}

char *
dates_day(TimestampTz at, const char *timezone, const char *locale,
		  char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "EEEMMMd", timezone, locale, error);
}

char *
dates_short(TimestampTz at, const char *timezone, const char *locale,
			char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "yMMMEEEd", timezone, locale, error);
}

char *
dates_full(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, DATE_BY_SKELETON, "yMMMMEEEEd", timezone, locale, error);
}

char *
dates_zone(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, DATE_BY_PATTERN, "z", timezone, locale, error);
}

char *
dates_zone_name(TimestampTz at, const char *timezone, const char *locale,
				char **error)
{
	return format_instant(at, DATE_BY_PATTERN, "zzzz", timezone, locale, error);
}

const NamedDate named_dates[NAMED_DATES] = {
	{"time24", dates_time24},
	{"time12", dates_time12},
	{"time", dates_time},
	{"date", dates_date},
	{"shortDate", dates_short},
	{"fullDate", dates_full},
	{"zone", dates_zone},
	{"zoneName", dates_zone_name}
};
