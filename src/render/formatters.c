/*
 * formatters.c
 *		ICU's formatters, cached per process.
 *
 * Opening a formatter takes ICU some 50 to 500 microseconds, using one less
 * than 2, so they are cached.  What ICU holds is malloc'd memory of its own, so
 * every palloc that could fail happens before ICU opens what the cache closes.
 * ICU calls no function of ours, so no error crosses its frames.
 */
#include "postgres.h"

#include <unicode/ucal.h>
#include <unicode/udatpg.h>

#include "core/lru.h"
#include "render/date_pattern.h"
#include "render/formatters.h"
#include "render/icu_text.h"
#include "render/locales.h"
#include "render/timezones.h"

/* What a formatter depends on. */
typedef struct FormatterKey
{
	DateFormatKind kind;
	const char *text;
	const char *locale;
	const char *zone;
} FormatterKey;

/* The same as the cache compares it: a byte and three texts, with their NULs. */
#define MAX_KEY_SIZE (1 + DATE_PATTERN_OF_ZONE_SIZE + LOCALE_MAX_LENGTH + TIMEZONE_NAME_SIZE)

static char *
append_text(char *end, const char *text)
{
	Size		size = strlen(text) + 1;

	memcpy(end, text, size);
	return end + size;
}

static void *
find_formatter(LruCache *cache, const FormatterKey *key)
{
	char		packed[MAX_KEY_SIZE];
	char	   *end = packed;

	*end++ = (char) key->kind;
	end = append_text(end, key->text);
	end = append_text(end, key->locale);
	end = append_text(end, key->zone);
	return lru_get(cache, packed, end - packed, NULL);
}

static FormatterKey
unpack_key(const char *packed)
{
	FormatterKey key;

	key.kind = packed[0];
	key.text = packed + 1;
	key.locale = key.text + strlen(key.text) + 1;
	key.zone = key.locale + strlen(key.locale) + 1;
	return key;
}

/*
 * PostgreSQL uses the Gregorian calendar for all times; ICU by default uses
 * Julian dates before October 1582.
 */
static void
make_proleptic(UDateFormat *format)
{
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar  *calendar = ucal_clone(udat_getCalendar(format), &status);

	ucal_setGregorianChange(calendar, -184303902528000000.0, &status);
	if (U_SUCCESS(status))		/* fails for calendars that are not Gregorian */
		udat_setCalendar(format, calendar);
	ucal_close(calendar);
}

/* ICU's pattern for the locale that has the skeleton's fields. */
static bool
pattern_of_skeleton(const char *skeleton, const char *locale, UChar pattern[ICU_TEXT_MAX])
{
	UErrorCode	status = U_ZERO_ERROR;
	UDateTimePatternGenerator *generator = udatpg_open(locale, &status);
	UChar		fields[DATE_PATTERN_OF_ZONE_SIZE];
	int32_t		length;

	icu_text_from_ascii(fields, skeleton);
	length = udatpg_getBestPattern(generator, fields, -1, pattern, ICU_TEXT_MAX - 1, &status);
	udatpg_close(generator);
	if (U_FAILURE(status))
		return false;
	pattern[length] = 0;
	return true;
}

static void *
open_date_format(const void *packed_key, void *argument)
{
	FormatterKey key = unpack_key(packed_key);
	UErrorCode	status = U_ZERO_ERROR;
	UChar		zone[TIMEZONE_NAME_SIZE];
	UChar		pattern[ICU_TEXT_MAX];
	UDateFormat *format;

	icu_text_from_ascii(zone, key.zone);
	if (key.kind == DATE_BY_PATTERN)
		icu_text_from_ascii(pattern, key.text);
	else if (key.kind == DATE_BY_SKELETON && !pattern_of_skeleton(key.text, key.locale, pattern))
		return NULL;
	if (key.kind == DATE_LONG)
		format = udat_open(UDAT_NONE, UDAT_LONG, key.locale, zone, -1, NULL, 0, &status);
	else
		format = udat_open(UDAT_PATTERN, UDAT_PATTERN, key.locale, zone, -1, pattern, -1, &status);
	if (U_FAILURE(status))
		return NULL;
	make_proleptic(format);
	return format;
}

static void
close_date_format(void *format)
{
	udat_close(format);
}

static void *
open_number_format(const void *packed_key, void *argument)
{
	FormatterKey key = unpack_key(packed_key);
	UErrorCode	status = U_ZERO_ERROR;
	UChar		skeleton[ICU_TEXT_MAX];
	UNumberFormatter *format;

	icu_text_from_ascii(skeleton, key.text);
	format = unumf_openForSkeletonAndLocale(skeleton, -1, key.locale, &status);
	if (U_SUCCESS(status))
		return format;
	unumf_close(format);
	return NULL;
}

static void
close_number_format(void *format)
{
	unumf_close(format);
}

static void *
open_list_format(const void *packed_key, void *argument)
{
	FormatterKey key = unpack_key(packed_key);
	UErrorCode	status = U_ZERO_ERROR;
	UListFormatter *format = ulistfmt_openForType(key.locale, ULISTFMT_TYPE_UNITS,
												  ULISTFMT_WIDTH_NARROW, &status);

	return U_SUCCESS(status) ? format : NULL;
}

static void
close_list_format(void *format)
{
	ulistfmt_close(format);
}

UDateFormat *
formatter_for_date(DateFormatKind kind, const char *text, const char *locale, const char *zone)
{
	static LruCache formats = {
		.max_entries = 64, .make = open_date_format, .destroy = close_date_format
	};
	FormatterKey key = {kind, text, locale, zone};

	return find_formatter(&formats, &key);
}

UNumberFormatter *
formatter_for_number(const char *skeleton, const char *locale)
{
	static LruCache formats = {
		.max_entries = 32, .make = open_number_format, .destroy = close_number_format
	};
	FormatterKey key = {0, skeleton, locale, ""};

	return find_formatter(&formats, &key);
}

UNumberFormatter *
formatter_for_unit(const char *unit, const char *locale)
{
	char		skeleton[DATE_PATTERN_OF_ZONE_SIZE];

	snprintf(skeleton, sizeof(skeleton), "measure-unit/duration-%s unit-width-full-name", unit);
	return formatter_for_number(skeleton, locale);
}

UListFormatter *
formatter_for_list(const char *locale)
{
	static LruCache formats = {
		.max_entries = 16, .make = open_list_format, .destroy = close_list_format
	};
	FormatterKey key = {0, "", locale, ""};

	return find_formatter(&formats, &key);
}
