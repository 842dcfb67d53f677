/*
 * timezones.c
 *		Timezones that PostgreSQL and ICU both know by name.
 *
 * A name reaches pg_tzset(), which keeps what it has loaded for the lifetime of
 * the process, only after ICU's list of zones has it: so hostile names cost no
 * memory.
 */
#include "postgres.h"

#include <unicode/uenum.h>
#include <unicode/ustring.h>

#include "core/lru.h"
#include "core/text.h"
#include "render/icu_text.h"
#include "render/timezones.h"
#include "utils/timestamp.h"

static bool
copy_ascii(const UChar *from, int length, char *to, int space)
{
	if (length <= 0 || length >= space)
		return false;
	u_UCharsToChars(from, to, length);
	to[length] = '\0';
	return true;
}

/* Find ICU's spelling of the name, which differs in case at most. */
static bool
icu_zone_name(const char *timezone, char *name)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		given[TIMEZONE_NAME_SIZE];
	UChar		canonical[TIMEZONE_NAME_SIZE];
	UBool		is_system = false;
	UEnumeration *all;
	const UChar *candidate;
	int32_t		length;
	bool		found = false;

	icu_text_from_ascii(given, timezone);
	ucal_getCanonicalTimeZoneID(given, -1, canonical, TIMEZONE_NAME_SIZE,
								&is_system, &status);
	if (U_SUCCESS(status) && is_system)
	{
		strlcpy(name, timezone, TIMEZONE_NAME_SIZE);
		return true;
	}

	status = U_ZERO_ERROR;
	all = ucal_openTimeZones(&status);
	while (!found && U_SUCCESS(status) &&
		   (candidate = uenum_unext(all, &length, &status)) != NULL)
		found = copy_ascii(candidate, length, name, TIMEZONE_NAME_SIZE) &&
			pg_strcasecmp(name, timezone) == 0;
	uenum_close(all);
	return found;
}

static bool
may_name_a_zone(const char *timezone)
{
	return *timezone &&
		strspn(timezone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == strlen(timezone);
}

/*
 * Where PostgreSQL's data has no old names (Debian's
 * tzdata-legacy has them), the rules are those of the present one, which ICU knows since 74.
 */
static pg_tz *
zone_rules(const char *name, const UChar *icu_name)
{
	pg_tz	   *rules = pg_tzset(name);

#if U_ICU_VERSION_MAJOR_NUM >= 74
	if (rules == NULL)
	{
		UErrorCode	status = U_ZERO_ERROR;
		UChar		present[TIMEZONE_NAME_SIZE];
		char		present_name[TIMEZONE_NAME_SIZE];
		int32_t		length = ucal_getIanaTimeZoneID(icu_name, -1, present, TIMEZONE_NAME_SIZE, &status);

		if (U_SUCCESS(status) && copy_ascii(present, length, present_name, TIMEZONE_NAME_SIZE))
			rules = pg_tzset(present_name);
	}
#endif
	return rules;
}

/* NULL if PostgreSQL or ICU does not know the name. Nothing is allocated once ICU has opened its part. */
static void *
open_zone(const void *name, void *argument)
{
	Timezone   *zone = palloc(sizeof(Timezone));
	UErrorCode	status = U_ZERO_ERROR;
	UChar		icu_name[TIMEZONE_NAME_SIZE];

	if (!may_name_a_zone(name) || !icu_zone_name(name, zone->name))
		return NULL;
	icu_text_from_ascii(icu_name, zone->name);
	zone->rules = zone_rules(zone->name, icu_name);
	if (zone->rules == NULL || !pg_tz_acceptable(zone->rules))
		return NULL;
	zone->icu = ucal_open(icu_name, -1, "en", UCAL_GREGORIAN, &status);
	return U_SUCCESS(status) ? zone : NULL;
}

static void
close_zone(void *zone)
{
	ucal_close(((Timezone *) zone)->icu);
}

static const Timezone *
find_zone(const char *name)
{
	static LruCache zones = {
		.max_entries = TIMEZONES_REMEMBERED, .make = open_zone, .destroy = close_zone
	};

	if (name == NULL || strlen(name) >= TIMEZONE_NAME_SIZE)
		return NULL;
	return lru_get(&zones, name, strlen(name) + 1, NULL);
}

pg_tz *
timezone_rules(const char *name)
{
	const Timezone *zone = find_zone(name);

	return zone == NULL ? NULL : zone->rules;
}

bool
timezone_is_known(const char *name)
{
	return find_zone(name) != NULL;
}

const Timezone *
timezone_find(const char *name, char **error)
{
	const Timezone *zone = find_zone(name);

	if (zone == NULL)
		*error = psprintf("Timezone \"%s\" is not known.", quotable_text(name));
	return zone;
}

UDate
icu_time(TimestampTz at)
{
	int64		milliseconds = at / 1000;

	if (at % 1000 < 0)
		milliseconds--;			/* down, also before 2000 */
	return (UDate) milliseconds +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY * 1000.0;
}

bool
timezone_offset(const Timezone *zone, TimestampTz at, int *offset)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;

	if (TIMESTAMP_NOT_FINITE(at) ||
		timestamp2tm(at, &west, &tm, &fsec, NULL, zone->rules) != 0)
		return false;
	*offset = -west;
	return true;
}

bool
timezone_agrees_with_icu(const Timezone *zone, TimestampTz at, int offset)
{
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		milliseconds;

	ucal_setMillis(zone->icu, icu_time(at), &status);
	milliseconds = ucal_get(zone->icu, UCAL_ZONE_OFFSET, &status) +
		ucal_get(zone->icu, UCAL_DST_OFFSET, &status);
	return U_SUCCESS(status) && milliseconds == offset * 1000;
}
