/*
 * formatters.c
 *		ICU's formatters, cached per process.
 *
 * Opening a formatter takes ICU some 50 to 500 microseconds, using one less
 * than 2, so they are cached, least recently used first out.  What ICU holds is
 * its own malloc'd memory: entries are closed when evicted, and every palloc
 * that could fail happens before ICU opens anything that nobody would close.
 * ICU calls back nothing of ours, so no error crosses it.
 */
#include "postgres.h"

#include <unicode/ucal.h>
#include <unicode/udatpg.h>

#include "common/hashfn.h"
#include "render/formatters.h"
#include "render/icu_text.h"
#include "render/timezones.h"
#include "utils/memutils.h"

/* Formatters of all kinds share the cache. */
typedef enum FormatterKind
{
	FORMATTER_PATTERN = DATE_BY_PATTERN,
	FORMATTER_SKELETON = DATE_BY_SKELETON,
	FORMATTER_LONG_DATE = DATE_LONG,
	FORMATTER_UNIT,				/* UNumberFormatter; text: "hour" */
	FORMATTER_LIST				/* UListFormatter; text: "" */
} FormatterKind;

typedef struct Formatter
{
	uint32		hash;
	FormatterKind kind;
	char	   *text;
	char	   *locale;
	char	   *zone;
	void	   *icu;
	uint64		last_used;
} Formatter;

static Formatter formatters[FORMATTERS_CACHED];
static int	formatter_count = 0;
static uint64 use_clock = 0;

static void
formatter_close(Formatter *formatter)
{
	switch (formatter->kind)
	{
		case FORMATTER_PATTERN:
		case FORMATTER_SKELETON:
		case FORMATTER_LONG_DATE:
			udat_close(formatter->icu);
			break;
		case FORMATTER_UNIT:
			unumf_close(formatter->icu);
			break;
		case FORMATTER_LIST:
			ulistfmt_close(formatter->icu);
			break;
	}
	pfree(formatter->text);
	pfree(formatter->locale);
	pfree(formatter->zone);
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

static UDateFormat *
open_date_format(FormatterKind kind, const char *text, const char *locale,
				 const char *timezone)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		zone[TIMEZONE_NAME_SIZE];
	UChar		pattern[ICU_TEXT_MAX];
	UChar		skeleton[16];
	UDateFormat *format;

	icu_text_from_ascii(zone, timezone);
	if (kind == FORMATTER_PATTERN)
		icu_text_from_ascii(pattern, text);
	else if (kind == FORMATTER_SKELETON)
	{
		UDateTimePatternGenerator *generator = udatpg_open(locale, &status);
		int32_t		length;

		icu_text_from_ascii(skeleton, text);
		length = udatpg_getBestPattern(generator, skeleton, -1, pattern,
									   ICU_TEXT_MAX - 1, &status);
		udatpg_close(generator);
		if (U_FAILURE(status))
			return NULL;
		pattern[length] = 0;
	}
	if (kind == FORMATTER_LONG_DATE)
		format = udat_open(UDAT_NONE, UDAT_LONG, locale, zone, -1, NULL, 0, &status);
	else
		format = udat_open(UDAT_PATTERN, UDAT_PATTERN, locale, zone, -1,
						   pattern, -1, &status);
	if (U_FAILURE(status))
		return NULL;
	make_proleptic(format);
	return format;
}

static UNumberFormatter *
open_unit_format(const char *unit, const char *locale)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		skeleton[ICU_TEXT_MAX];
	char		text[ICU_TEXT_MAX];
	UNumberFormatter *format;

	snprintf(text, sizeof(text),
			 "measure-unit/duration-%s unit-width-full-name", unit);
	icu_text_from_ascii(skeleton, text);
	format = unumf_openForSkeletonAndLocale(skeleton, -1, locale, &status);
	if (U_SUCCESS(status))
		return format;
	unumf_close(format);
	return NULL;
}

static UListFormatter *
open_list_format(const char *locale)
{
	UErrorCode	status = U_ZERO_ERROR;
	UListFormatter *format = ulistfmt_openForType(locale, ULISTFMT_TYPE_UNITS,
												  ULISTFMT_WIDTH_NARROW, &status);

	return U_SUCCESS(status) ? format : NULL;
}

static void *
open_icu(const Formatter *formatter)
{
	switch (formatter->kind)
	{
		case FORMATTER_UNIT:
			return open_unit_format(formatter->text, formatter->locale);
		case FORMATTER_LIST:
			return open_list_format(formatter->locale);
		default:
			return open_date_format(formatter->kind, formatter->text,
									formatter->locale, formatter->zone);
	}
}

/* A free entry, or the least recently used one, closed. */
static Formatter *
free_entry(void)
{
	Formatter  *oldest = &formatters[0];

	if (formatter_count < FORMATTERS_CACHED)
		return &formatters[formatter_count++];
	for (int i = 1; i < formatter_count; i++)
	{
		if (formatters[i].last_used < oldest->last_used)
			oldest = &formatters[i];
	}
	formatter_close(oldest);
	return oldest;
}

static uint32
hash_text(uint32 hash, const char *text)
{
	return hash_combine(hash, hash_bytes((const unsigned char *) text, strlen(text)));
}

/* The formatter from the cache, opened if it is not there; NULL if ICU fails. */
static void *
find_formatter(FormatterKind kind, const char *text, const char *locale,
			   const char *zone)
{
	uint32		hash = hash_text(hash_text(hash_text(kind, text), locale), zone);
	Formatter	fresh = {0};

	for (int i = 0; i < formatter_count; i++)
	{
		Formatter  *formatter = &formatters[i];

		if (formatter->hash == hash && formatter->kind == kind &&
			strcmp(formatter->text, text) == 0 &&
			strcmp(formatter->locale, locale) == 0 &&
			strcmp(formatter->zone, zone) == 0)
		{
			formatter->last_used = ++use_clock;
			return formatter->icu;
		}
	}

	fresh.hash = hash;
	fresh.kind = kind;
	fresh.last_used = ++use_clock;
	fresh.text = MemoryContextStrdup(TopMemoryContext, text);
	fresh.locale = MemoryContextStrdup(TopMemoryContext, locale);
	fresh.zone = MemoryContextStrdup(TopMemoryContext, zone);
	fresh.icu = open_icu(&fresh);
	if (fresh.icu == NULL)
	{
		pfree(fresh.text);
		pfree(fresh.locale);
		pfree(fresh.zone);
		return NULL;
	}
	*free_entry() = fresh;
	return fresh.icu;
}

UDateFormat *
formatter_for_date(DateFormatKind kind, const char *text, const char *locale, const char *zone)
{
	return find_formatter((FormatterKind) kind, text, locale, zone);
}

UNumberFormatter *
formatter_for_unit(const char *unit, const char *locale)
{
	return find_formatter(FORMATTER_UNIT, unit, locale, "");
}

UListFormatter *
formatter_for_list(const char *locale)
{
	return find_formatter(FORMATTER_LIST, "", locale, "");
}
