/*
 * dates.c
 *		Instants, timezones and durations as people read them, by ICU.
 *
 * The offset of a timezone at an instant is PostgreSQL's.  ICU never computes
 * it: a formatter works in UTC and is given the local wall clock as if it were
 * UTC.  Only a pattern with zone letters needs more.  Where ICU's own data has
 * the same offset at that instant, it is given the instant and the named zone,
 * and so finds the zone's names.  Where it has not (its data is older, as for
 * Asia/Almaty after February 2024), any name it knew would be the wrong one:
 * the zone becomes the fixed offset, "GMT+5".
 *
 * Opening a formatter takes ICU some 50 to 500 microseconds, using one less
 * than 2, so they are cached, least recently used first out.  What ICU holds is
 * its own malloc'd memory: entries are closed when evicted, and every palloc
 * that could fail happens before ICU opens anything that nobody would close.
 * ICU calls back nothing of ours, so no error crosses it.
 *
 * What hostile input can cost is bounded too: a name reaches pg_tzset(), which
 * keeps what it has loaded for good, only after ICU's list of zones has it.
 */
#include "postgres.h"

#include <ctype.h>

#include <unicode/ucal.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/uenum.h>
#include <unicode/ulistformatter.h>
#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "render/dates.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MAX_ZONES			64	/* timezones remembered */
#define MAX_ZONE_NAME		64	/* bytes, with NUL; the longest has 32 */
#define MAX_PATTERN			64	/* bytes of a date pattern */
#define MAX_TEXT			256 /* UTF-16 units of a formatted date */
#define MAX_QUOTED			100 /* bytes of a bad value that are quoted */

#define UTC_ZONE			"Etc/UTC"
#define NARROW_NBSP			0x202f
#define THIN_SPACE			0x2009

/* Formatters of three kinds share the cache; the text says which one it is. */
typedef enum FormatterKind
{
	FORMATTER_PATTERN,			/* UDateFormat; text: a date pattern */
	FORMATTER_SKELETON,			/* UDateFormat; text: a skeleton, "hm" */
	FORMATTER_LONG_DATE,		/* UDateFormat; no text */
	FORMATTER_UNIT,				/* UNumberFormatter; text: "hour" */
	FORMATTER_LIST				/* UListFormatter; no text */
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

typedef struct Zone
{
	char		asked[MAX_ZONE_NAME];	/* the name as it was given */
	char		name[MAX_ZONE_NAME];	/* the name as ICU writes it */
	pg_tz	   *pg;				/* PostgreSQL keeps it for good */
	UCalendar  *icu;
	uint64		last_used;
} Zone;

static Formatter formatters[DATES_MAX_FORMATTERS];
static int	formatter_count = 0;
static Zone zones[MAX_ZONES];
static int	zone_count = 0;
static uint64 use_clock = 0;

/* ICU's languages, with and without script ("zh", "zh_Hant"), sorted. */
static char **languages = NULL;
static int	language_count = 0;

/* A bad value as a sentence may quote it: not too long, no half character. */
static char *
quoted(const char *value)
{
	return pnstrdup(value, pg_mbcliplen(value, strlen(value), MAX_QUOTED));
}

/* ASCII of ours, NUL included, for ICU. */
static void
to_utf16(UChar *to, const char *ascii)
{
	u_charsToUChars(ascii, to, strlen(ascii) + 1);
}

/* ---------- date patterns ---------- */

/*
 * The pattern letters that are taken: what they stand for, and the run lengths
 * that ICU gives a meaning, as bits.  Left out are those that no message needs
 * and those that only skeletons have: g, r, U, A, l, j, J, C.
 */
typedef struct PatternLetter
{
	char		letter;
	char		field;			/* letters of one field exclude each other */
	uint8		lengths;
	bool		stands_alone;	/* may one letter be a whole run? */
} PatternLetter;

#define UP_TO(n) ((1 << ((n) + 1)) - 2)

static const PatternLetter pattern_letters[] = {
	{'G', 'G', UP_TO(5), true},
	{'y', 'y', UP_TO(4), true},
	{'Y', 'y', UP_TO(4), false},
	{'u', 'y', UP_TO(4), false},
	{'Q', 'Q', UP_TO(5), true},
	{'q', 'Q', UP_TO(5), false},
	{'M', 'M', UP_TO(5), true},
	{'L', 'M', UP_TO(5), true},
	{'w', 'w', UP_TO(2), true},
	{'W', 'W', UP_TO(1), false},
	{'d', 'd', UP_TO(2), true},
	{'D', 'D', UP_TO(3), true},
	{'F', 'W', UP_TO(1), false},
	{'E', 'E', UP_TO(6), true},
	{'e', 'E', UP_TO(6), false},
	{'c', 'E', UP_TO(6), false},
	{'a', 'a', UP_TO(5), true},
	{'b', 'a', UP_TO(5), false},
	{'B', 'a', UP_TO(5), true},
	{'h', 'h', UP_TO(2), true},
	{'H', 'h', UP_TO(2), true},
	{'K', 'h', UP_TO(2), true},
	{'k', 'h', UP_TO(2), true},
	{'m', 'm', UP_TO(2), true},
	{'s', 's', UP_TO(2), true},
	{'S', 'S', UP_TO(6), true},
	{'z', 'z', UP_TO(4), true},
	{'Z', 'z', UP_TO(5), true},
	{'O', 'z', (1 << 1) | (1 << 4), true},
	{'v', 'z', (1 << 1) | (1 << 4), false},
	{'V', 'z', UP_TO(4), false},
	{'X', 'z', UP_TO(5), true},
	{'x', 'z', UP_TO(5), false},
};

static const PatternLetter *
pattern_letter(char c)
{
	for (int i = 0; i < lengthof(pattern_letters); i++)
	{
		if (pattern_letters[i].letter == c)
			return &pattern_letters[i];
	}
	return NULL;
}

static bool
is_separator(char c)
{
	return c != '\0' && strchr(" -/.,:", c) != NULL;
}

static bool
is_time_field(char field)
{
	return field == 'h' || field == 'm' || field == 's' || field == 'S';
}

/*
 * Runs that touch, as in yyyyMMdd or hhmma.  Each has two letters or more, save
 * for a last AM/PM or zone behind a time: words don't look like that ("add",
 * "bed", "made" would else be patterns, and a mistyped name pass for one).  For
 * the same reason one letter between separators must be one that people use:
 * x, e, v or a.b are rather somebody's names.
 */
static bool
may_touch(char previous_field, int previous_length, char field, int length,
		  bool is_last)
{
	if (previous_length < 2)
		return false;
	if (length >= 2)
		return true;
	return is_last && is_time_field(previous_field) &&
		(field == 'a' || field == 'z');
}

bool
is_date_pattern(const char *text)
{
	const char *at = text;
	char		fields[MAX_PATTERN];
	int			field_count = 0;
	char		previous_field = '\0';	/* of the run that touches this one */
	int			previous_length = 0;

	if (strlen(text) > MAX_PATTERN || pattern_letter(*text) == NULL)
		return false;
	while (*at)
	{
		const PatternLetter *letter;
		int			length = 1;
		bool		is_last;	/* does nothing touch the run's end? */

		if (is_separator(*at))
		{
			previous_field = '\0';
			at++;
			continue;
		}
		letter = pattern_letter(*at);
		if (letter == NULL)
			return false;
		while (at[length] == *at)
			length++;
		at += length;
		if (length > 6 || (letter->lengths & (1 << length)) == 0 ||
			memchr(fields, letter->field, field_count) != NULL)
			return false;
		is_last = *at == '\0' || is_separator(*at);
		if (previous_field == '\0' ?
			length == 1 && is_last && !letter->stands_alone :
			!may_touch(previous_field, previous_length, letter->field, length, is_last))
			return false;
		fields[field_count++] = letter->field;
		previous_field = letter->field;
		previous_length = length;
	}
	return is_separator(at[-1]) ? at[-1] == '.' : true;
}

/* ---------- locales ---------- */

/* The parts of a locale in BCP 47's case; what isn't there is "". */
typedef struct LocaleParts
{
	char		language[4];
	char		script[5];
	char		country[4];
} LocaleParts;

static bool
all_are(int (*is) (int), const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (!is((unsigned char) text[i]) || (unsigned char) text[i] > 0x7f)
			return false;
	}
	return true;
}

static void
copy_part(char *to, const char *from, int length, int upper)
{
	for (int i = 0; i < length; i++)
		to[i] = i < upper ? pg_ascii_toupper((unsigned char) from[i]) :
			pg_ascii_tolower((unsigned char) from[i]);
	to[length] = '\0';
}

/* Take a locale apart: language[-Script][-COUNTRY], nothing else. */
static bool
locale_parts(const char *locale, LocaleParts *parts)
{
	int			length;

	memset(parts, 0, sizeof(*parts));
	if (locale == NULL)
		return false;
	length = strcspn(locale, "-_");
	if (length < 2 || length > 3 || !all_are(isalpha, locale, length))
		return false;
	copy_part(parts->language, locale, length, 0);
	locale += length;

	if (*locale && (length = strcspn(locale + 1, "-_")) == 4 &&
		all_are(isalpha, locale + 1, length))
	{
		copy_part(parts->script, locale + 1, length, 1);
		locale += length + 1;
	}
	if (*locale)
	{
		length = strcspn(locale + 1, "-_");
		if (!(length == 2 && all_are(isalpha, locale + 1, length)) &&
			!(length == 3 && all_are(isdigit, locale + 1, length)))
			return false;
		copy_part(parts->country, locale + 1, length, length);
		locale += length + 1;
	}
	return *locale == '\0';
}

/* Put the parts together again: '_' for ICU, '-' for everybody else. */
static void
locale_join(const LocaleParts *parts, char separator, char *locale)
{
	locale += sprintf(locale, "%s", parts->language);
	if (parts->script[0])
		locale += sprintf(locale, "%c%s", separator, parts->script);
	if (parts->country[0])
		sprintf(locale, "%c%s", separator, parts->country);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Collect, once, the languages that ICU has data for, old names included. */
static void
collect_languages(void)
{
	UErrorCode	status = U_ZERO_ERROR;
	UEnumeration *available;
	const char *locale;
	MemoryContext context;
	int			space;
	char	  **collected;

	if (languages)
		return;

	/* Two per locale at most, and no palloc while the enumeration is open. */
	context = AllocSetContextCreate(TopMemoryContext, "appt languages",
									ALLOCSET_SMALL_SIZES);
	space = 2 * (uloc_countAvailable() + 200);
	collected = MemoryContextAlloc(context, space * (sizeof(char *) + 12));

	available = uloc_openAvailableByType(ULOC_AVAILABLE_WITH_LEGACY_ALIASES, &status);
	while (U_SUCCESS(status) && language_count + 2 <= space &&
		   (locale = uenum_next(available, NULL, &status)) != NULL)
	{
		LocaleParts parts;
		char	   *texts = (char *) (collected + space);

		if (!locale_parts(locale, &parts))
			continue;
		parts.country[0] = '\0';
		collected[language_count] = texts + 12 * language_count;
		locale_join(&parts, '_', collected[language_count++]);
		parts.script[0] = '\0';
		collected[language_count] = texts + 12 * language_count;
		locale_join(&parts, '_', collected[language_count++]);
	}
	uenum_close(available);
	qsort(collected, language_count, sizeof(char *), compare_texts);
	languages = collected;
}

static bool
country_exists(const char *country)
{
	const char *const *countries = uloc_getISOCountries();

	if (isdigit((unsigned char) country[0]))	/* the world, and Latin
												 * America */
		return strcmp(country, "001") == 0 || strcmp(country, "150") == 0 ||
			strcmp(country, "419") == 0;
	for (; *countries; countries++)
	{
		if (strcmp(*countries, country) == 0)
			return true;
	}
	return false;
}

/* The locale's name for ICU, LOCALE_MAX_LENGTH bytes; false if not known. */
static bool
icu_locale(const char *locale, char *name)
{
	LocaleParts parts;
	LocaleParts language;
	char		text[LOCALE_MAX_LENGTH];
	const char *key = text;

	if (!locale_parts(locale, &parts))
		return false;
	collect_languages();
	language = parts;
	language.country[0] = '\0';
	locale_join(&language, '_', text);
	if (bsearch(&key, languages, language_count, sizeof(char *), compare_texts) == NULL)
		return false;
	if (parts.country[0] && !country_exists(parts.country))
		return false;
	locale_join(&parts, '_', name);
	return true;
}

bool
locale_is_known(const char *locale)
{
	char		name[LOCALE_MAX_LENGTH];

	return icu_locale(locale, name);
}

/* Append the locale and what is left of it without country and script. */
static int
add_fallbacks(const char *locale, int count,
			  char chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH])
{
	LocaleParts parts;

	if (!locale_parts(locale, &parts))
		return count;
	for (;;)
	{
		bool		is_new = true;

		locale_join(&parts, '-', chain[count]);
		for (int i = 0; i < count; i++)
			is_new = is_new && strcmp(chain[i], chain[count]) != 0;
		if (is_new)
			count++;
		if (parts.country[0])
			parts.country[0] = '\0';
		else if (parts.script[0])
			parts.script[0] = '\0';
		else
			return count;
	}
}

int
locale_fallbacks(const char *locale, const char *application_locale,
				 char chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH])
{
	int			count = add_fallbacks(locale, 0, chain);

	/* A full chain of three leaves room for three more. */
	return add_fallbacks(application_locale, count, chain);
}

/* ---------- timezones ---------- */

static bool
copy_ascii(const UChar *from, int length, char *to, int space)
{
	if (length <= 0 || length >= space)
		return false;
	u_UCharsToChars(from, to, length);
	to[length] = '\0';
	return true;
}

/* ICU's spelling of a timezone's name: the same, or the same in other case. */
static bool
icu_zone_name(const char *timezone, char *name)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		given[MAX_ZONE_NAME];
	UChar		canonical[MAX_ZONE_NAME];
	UBool		is_system = false;
	UEnumeration *all;
	const UChar *candidate;
	int32_t		length;
	bool		found = false;

	to_utf16(given, timezone);
	ucal_getCanonicalTimeZoneID(given, -1, canonical, MAX_ZONE_NAME,
								&is_system, &status);
	if (U_SUCCESS(status) && is_system)
	{
		strlcpy(name, timezone, MAX_ZONE_NAME);
		return true;
	}

	status = U_ZERO_ERROR;
	all = ucal_openTimeZones(&status);
	while (!found && U_SUCCESS(status) &&
		   (candidate = uenum_unext(all, &length, &status)) != NULL)
		found = copy_ascii(candidate, length, name, MAX_ZONE_NAME) &&
			pg_strcasecmp(name, timezone) == 0;
	uenum_close(all);
	return found;
}

static bool
may_name_a_zone(const char *timezone)
{
	return timezone && *timezone && strlen(timezone) < MAX_ZONE_NAME &&
		strspn(timezone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == strlen(timezone);
}

/* A place in the list of zones: a free one, or the one unused for longest. */
static Zone *
zone_place(void)
{
	Zone	   *oldest = &zones[0];

	if (zone_count < MAX_ZONES)
		return &zones[zone_count++];
	for (int i = 1; i < zone_count; i++)
	{
		if (zones[i].last_used < oldest->last_used)
			oldest = &zones[i];
	}
	ucal_close(oldest->icu);
	return oldest;
}

/* Find a timezone that PostgreSQL and ICU know, or NULL. */
static Zone *
find_zone(const char *timezone)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		name[MAX_ZONE_NAME];
	Zone		fresh;
	Zone	   *zone;

	for (int i = 0; timezone && i < zone_count; i++)
	{
		if (strcmp(zones[i].asked, timezone) == 0)
		{
			zones[i].last_used = ++use_clock;
			return &zones[i];
		}
	}
	if (!may_name_a_zone(timezone) || !icu_zone_name(timezone, fresh.name))
		return NULL;
	fresh.pg = pg_tzset(fresh.name);
	if (fresh.pg == NULL || !pg_tz_acceptable(fresh.pg))
		return NULL;
	strlcpy(fresh.asked, timezone, MAX_ZONE_NAME);
	to_utf16(name, fresh.name);
	fresh.icu = ucal_open(name, -1, "en", UCAL_GREGORIAN, &status);
	if (U_FAILURE(status))
		return NULL;
	fresh.last_used = ++use_clock;
	zone = zone_place();
	*zone = fresh;
	return zone;
}

bool
timezone_is_known(const char *timezone)
{
	return find_zone(timezone) != NULL;
}

/* Milliseconds since 1970, as ICU counts. */
static UDate
icu_time(TimestampTz at)
{
	int64		milliseconds = at / 1000;

	if (at % 1000 < 0)
		milliseconds--;			/* down, also before 2000 */
	return (UDate) milliseconds +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY * 1000.0;
}

/* Seconds east of UTC by PostgreSQL; false if the instant has no fields. */
static bool
offset_at(const Zone *zone, TimestampTz at, int *offset)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;

	if (TIMESTAMP_NOT_FINITE(at) ||
		timestamp2tm(at, &west, &tm, &fsec, NULL, zone->pg) != 0)
		return false;
	*offset = -west;
	return true;
}

/* Has ICU the same offset there? */
static bool
icu_agrees(const Zone *zone, TimestampTz at, int offset)
{
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		milliseconds;

	ucal_setMillis(zone->icu, icu_time(at), &status);
	milliseconds = ucal_get(zone->icu, UCAL_ZONE_OFFSET, &status) +
		ucal_get(zone->icu, UCAL_DST_OFFSET, &status);
	return U_SUCCESS(status) && milliseconds == offset * 1000;
}

/* ---------- formatters ---------- */

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
 * PostgreSQL's calendar is the Gregorian one in all times; ICU's has Julian
 * dates before October 1582 unless told otherwise.
 */
static void
make_proleptic(UDateFormat *format)
{
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar  *calendar = ucal_clone(udat_getCalendar(format), &status);

	ucal_setGregorianChange(calendar, -184303902528000000.0, &status);
	if (U_SUCCESS(status))		/* other calendars have no such change */
		udat_setCalendar(format, calendar);
	ucal_close(calendar);
}

static UDateFormat *
open_date_format(FormatterKind kind, const char *text, const char *locale,
				 const char *timezone)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		zone[MAX_ZONE_NAME];
	UChar		pattern[MAX_TEXT];
	UChar		skeleton[16];
	UDateFormat *format;

	to_utf16(zone, timezone);
	if (kind == FORMATTER_PATTERN)
		to_utf16(pattern, text);
	else if (kind == FORMATTER_SKELETON)
	{
		UDateTimePatternGenerator *generator = udatpg_open(locale, &status);
		int32_t		length;

		to_utf16(skeleton, text);
		length = udatpg_getBestPattern(generator, skeleton, -1, pattern,
									   MAX_TEXT - 1, &status);
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
	UChar		skeleton[MAX_TEXT];
	char		text[MAX_TEXT];
	UNumberFormatter *format;

	snprintf(text, sizeof(text),
			 "measure-unit/duration-%s unit-width-full-name", unit);
	to_utf16(skeleton, text);
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

static Formatter *
formatter_place(void)
{
	Formatter  *oldest = &formatters[0];

	if (formatter_count < DATES_MAX_FORMATTERS)
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

/* The formatter for these, out of the cache or opened; NULL if ICU fails. */
static void *
formatter_for(FormatterKind kind, const char *text, const char *locale,
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
	*formatter_place() = fresh;
	return fresh.icu;
}

/* ---------- texts ---------- */

/* UTF-8 as the database writes it; NULL where it can't be written. */
static char *
database_text(const char *utf8, char **error)
{
	int			encoding = GetDatabaseEncoding();
	int			length = strlen(utf8);
	int			space = length * MAX_CONVERSION_GROWTH + 1;
	char	   *text;
	Oid			conversion;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pstrdup(utf8);
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (OidIsValid(conversion))
	{
		text = palloc(space);
		if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
										  (unsigned char *) utf8, length,
										  (unsigned char *) text, space,
										  true) == length)
			return text;
		pfree(text);
	}
	*error = psprintf("A date in this locale cannot be written in the database's encoding %s.",
					  GetDatabaseEncodingName());
	return NULL;
}

/*
 * ICU's UTF-16 as a palloc'd text.  Its narrow no-break spaces, as in "3:30 PM",
 * become plain ones: in an SMS a single one more than halves what fits in.
 */
static char *
icu_text(UChar *text, int length, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	char		utf8[MAX_TEXT * 3 + 1];

	for (int i = 0; i < length; i++)
	{
		if (text[i] == NARROW_NBSP || text[i] == THIN_SPACE)
			text[i] = ' ';
	}
	u_strToUTF8(utf8, sizeof(utf8), NULL, text, length, &status);
	if (U_FAILURE(status))
	{
		*error = psprintf("ICU could not write a date: %s.", u_errorName(status));
		return NULL;
	}
	return database_text(utf8, error);
}

static bool
has_zone_letters(const char *pattern)
{
	return strpbrk(pattern, "zZOvVXx") != NULL;
}

/*
 * The pattern for a zone whose names ICU must not use: names become offsets,
 * the identifier (VV) is written out.
 */
static void
without_zone_names(const char *pattern, const char *zone, char *result)
{
	while (*pattern)
	{
		int			length = 1;

		while (pattern[length] == *pattern)
			length++;
		if (*pattern == 'V' && length == 2)
			result += sprintf(result, "'%s'", zone);
		else if (*pattern == 'z' || *pattern == 'v' || *pattern == 'V')
			result += sprintf(result, "%s",
							  length >= 3 && !(*pattern == 'z' && length == 3) ? "OOOO" : "O");
		else
			result += sprintf(result, "%.*s", length, pattern);
		pattern += length;
	}
	*result = '\0';
}

static void
fixed_zone(int offset, char *name)
{
	int			seconds = abs(offset);

	snprintf(name, MAX_ZONE_NAME, "GMT%c%02d:%02d:%02d", offset < 0 ? '-' : '+',
			 seconds / SECS_PER_HOUR, seconds / SECS_PER_MINUTE % MINS_PER_HOUR,
			 seconds % SECS_PER_MINUTE);
}

/* What ICU is to be told, for it to write what PostgreSQL's clock shows. */
typedef struct ClockFace
{
	UDate		time;
	const char *zone;			/* ICU's */
	const char *pattern;
	char		plain_pattern[MAX_PATTERN + MAX_ZONE_NAME + 16];
	char		fixed_zone[MAX_ZONE_NAME];
} ClockFace;

/*
 * PostgreSQL computes the offset, so ICU writes the shifted time as if it were
 * UTC; only a zone's name or offset need the zone itself.
 */
static void
set_clock_face(ClockFace *face, TimestampTz at, const Zone *zone, int offset,
			   FormatterKind kind, const char *pattern)
{
	face->pattern = pattern;
	face->zone = UTC_ZONE;
	face->time = icu_time(at) + offset * 1000.0;
	if (kind != FORMATTER_PATTERN || !has_zone_letters(pattern))
		return;
	face->time = icu_time(at);
	face->zone = zone->name;
	if (icu_agrees(zone, at, offset))
		return;
	without_zone_names(pattern, zone->name, face->plain_pattern);
	face->pattern = face->plain_pattern;
	fixed_zone(offset, face->fixed_zone);
	face->zone = face->fixed_zone;
}

/* NULL and a sentence in *error, if ICU can't. */
static char *
write_date(const ClockFace *face, FormatterKind kind, const char *icu_name, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		text[MAX_TEXT];
	int32_t		length;
	UDateFormat *format = formatter_for(kind, face->pattern, icu_name, face->zone);

	if (format == NULL)
	{
		*error = psprintf("ICU has no date format \"%s\" for locale \"%s\".",
						  face->pattern, icu_name);
		return NULL;
	}
	length = udat_format(format, face->time, text, MAX_TEXT, NULL, &status);
	if (U_FAILURE(status) || length > MAX_TEXT)
	{
		*error = psprintf("ICU could not write a date: %s.", u_errorName(status));
		return NULL;
	}
	return icu_text(text, length, error);
}

/* Format an instant by a formatter of any of the three date kinds. */
static char *
format_instant(TimestampTz at, FormatterKind kind, const char *pattern,
			   const char *timezone, const char *locale, char **error)
{
	const Zone *zone = find_zone(timezone);
	char		icu_name[LOCALE_MAX_LENGTH];
	ClockFace	face;
	int			offset = 0;
	char	   *problem = NULL;

	if (zone == NULL)
		problem = psprintf("Timezone \"%s\" is not known.", quoted(timezone));
	else if (!icu_locale(locale, icu_name))
		problem = psprintf("Locale \"%s\" is not known.", quoted(locale));
	else if (!offset_at(zone, at, &offset))
		problem = pstrdup("The instant is out of range.");
	if (zone == NULL || problem != NULL)
	{
		*error = problem;
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
		*error = psprintf("\"%s\" is not a date pattern.", quoted(pattern));
		return NULL;
	}
	return format_instant(at, FORMATTER_PATTERN, pattern, timezone, locale, error);
}

char *
dates_time24(TimestampTz at, const char *timezone, const char *locale,
			 char **error)
{
	return format_instant(at, FORMATTER_SKELETON, "Hm", timezone, locale, error);
}

char *
dates_time12(TimestampTz at, const char *timezone, const char *locale,
			 char **error)
{
	return format_instant(at, FORMATTER_SKELETON, "hm", timezone, locale, error);
}

char *
dates_date(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, FORMATTER_LONG_DATE, "", timezone, locale, error);
}

char *
dates_zone(TimestampTz at, const char *timezone, const char *locale,
		   char **error)
{
	return format_instant(at, FORMATTER_PATTERN, "z", timezone, locale, error);
}

char *
dates_zone_long(TimestampTz at, const char *timezone, const char *locale,
				char **error)
{
	return format_instant(at, FORMATTER_PATTERN, "zzzz", timezone, locale, error);
}

/* ---------- durations ---------- */

static const struct
{
	const char *name;
	int64		microseconds;
}			units[] = {
	{"day", USECS_PER_DAY},
	{"hour", USECS_PER_HOUR},
	{"minute", USECS_PER_MINUTE},
	{"second", USECS_PER_SEC},
};

/* One number with its unit, "45 minutes", into text; its length or -1. */
static int
format_unit(const char *unit, int64 number, const char *locale, UChar *text)
{
	UErrorCode	status = U_ZERO_ERROR;
	UNumberFormatter *format = formatter_for(FORMATTER_UNIT, unit, locale, "");
	UFormattedNumber *result;
	int32_t		length;

	if (format == NULL)
		return -1;
	result = unumf_openResult(&status);
	unumf_formatInt(format, number, result, &status);
	length = unumf_resultToString(result, text, MAX_TEXT, &status);
	unumf_closeResult(result);
	return U_SUCCESS(status) ? length : -1;
}

/* The interval in microseconds, if it is a length of time. */
static bool
length_of(const Interval *duration, int64 *length)
{
	int64		days;

	return duration->month == 0 &&
		!pg_mul_s64_overflow(duration->day, USECS_PER_DAY, &days) &&
		!pg_add_s64_overflow(days, duration->time, length) &&
		*length >= 0;
}

/* Split into units, the largest first; no time at all is 0 minutes. */
static int
format_units(int64 rest, const char *locale,
			 UChar texts[lengthof(units)][MAX_TEXT], int32_t *lengths)
{
	int			count = 0;

	for (int i = 0; i < lengthof(units); i++)
	{
		int64		number = rest / units[i].microseconds;

		rest %= units[i].microseconds;
		if (number == 0)
			continue;
		lengths[count] = format_unit(units[i].name, number, locale, texts[count]);
		if (lengths[count++] < 0)
			return -1;
	}
	if (count == 0)
	{
		lengths[0] = format_unit("minute", 0, locale, texts[0]);
		count = lengths[0] < 0 ? -1 : 1;
	}
	return count;
}

char *
dates_duration(const Interval *duration, const char *locale, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	char		icu_name[LOCALE_MAX_LENGTH];
	UChar		texts[lengthof(units)][MAX_TEXT];
	const UChar *parts[lengthof(units)];
	int32_t		lengths[lengthof(units)];
	UChar		text[MAX_TEXT];
	UListFormatter *list;
	int64		microseconds;
	int			count;
	int32_t		length = 0;

	if (!length_of(duration, &microseconds))
	{
		*error = pstrdup("A duration is not negative and has no months.");
		return NULL;
	}
	if (!icu_locale(locale, icu_name))
	{
		*error = psprintf("Locale \"%s\" is not known.", quoted(locale));
		return NULL;
	}
	count = format_units(microseconds, icu_name, texts, lengths);
	list = formatter_for(FORMATTER_LIST, "", icu_name, "");
	for (int i = 0; i < count; i++)
		parts[i] = texts[i];
	if (count > 0 && list)
		length = ulistfmt_format(list, parts, lengths, count, text, MAX_TEXT, &status);
	if (length <= 0 || U_FAILURE(status))
	{
		*error = pstrdup("ICU could not write a duration.");
		return NULL;
	}
	return icu_text(text, length, error);
}

/* ---------- instants out of text ---------- */

/* Read exactly so many digits; false if there are fewer. */
static bool
read_digits(const char **at, int count, int *number)
{
	*number = 0;
	for (int i = 0; i < count; i++, (*at)++)
	{
		if (**at < '0' || **at > '9')
			return false;
		*number = *number * 10 + (**at - '0');
	}
	return true;
}

/* Step over a character if it is there. */
static bool
skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* 2026-03-29 or 20260329 */
static bool
read_date(const char **at, struct pg_tm *tm)
{
	int			digits = strspn(*at, "0123456789");
	bool		extended;

	if (!read_digits(at, digits == 5 || digits == 6 ? digits : 4, &tm->tm_year))
		return false;
	extended = skip(at, '-');
	return read_digits(at, 2, &tm->tm_mon) &&
		skip(at, '-') == extended &&
		read_digits(at, 2, &tm->tm_mday) &&
		tm->tm_mon >= 1 && tm->tm_mon <= MONTHS_PER_YEAR && tm->tm_mday >= 1 &&
		tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

/* .5 or ,5: up to microseconds, what is finer is cut off. */
static bool
read_fraction(const char **at, fsec_t *fsec)
{
	int			scale = 100000;

	if (!skip(at, '.') && !skip(at, ','))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*fsec += (**at - '0') * scale;
	return true;
}

/* 15:30, 15:30:00.000, 1530, 153000; 24:00 is the day's end. */
static bool
read_time(const char **at, struct pg_tm *tm, fsec_t *fsec)
{
	bool		extended;

	if (!read_digits(at, 2, &tm->tm_hour))
		return false;
	extended = skip(at, ':');
	if (!read_digits(at, 2, &tm->tm_min))
		return false;
	if (extended ? skip(at, ':') : (**at >= '0' && **at <= '9'))
	{
		if (!read_digits(at, 2, &tm->tm_sec) || !read_fraction(at, fsec))
			return false;
	}
	if (tm->tm_hour == HOURS_PER_DAY)
		return tm->tm_min == 0 && tm->tm_sec == 0 && *fsec == 0;
	return tm->tm_hour < HOURS_PER_DAY && tm->tm_min < MINS_PER_HOUR &&
		tm->tm_sec <= SECS_PER_MINUTE;
}

/* Z, +02, +0200, +02:00, +02:00:30; west is in seconds west of UTC. */
static bool
read_offset(const char **at, int *west)
{
	int			sign = **at == '-' ? 1 : -1;
	int			hours;
	int			minutes = 0;
	int			seconds = 0;
	bool		extended;

	*west = 0;
	if (skip(at, 'Z') || skip(at, 'z'))
		return true;
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	if (!read_digits(at, 2, &hours))
		return false;
	extended = skip(at, ':');
	if ((extended || **at != '\0') && !read_digits(at, 2, &minutes))
		return false;
	if (extended && skip(at, ':') && !read_digits(at, 2, &seconds))
		return false;
	*west = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE + seconds);
	return hours <= MAX_TZDISP_HOUR && minutes < MINS_PER_HOUR &&
		seconds < SECS_PER_MINUTE;
}

/* Read the whole text; *local if it has no offset. */
static bool
read_instant(const char *text, struct pg_tm *tm, fsec_t *fsec, int *west,
			 bool *local)
{
	*local = true;
	*fsec = 0;
	memset(tm, 0, sizeof(*tm));
	if (!read_date(&text, tm))
		return false;
	if (*text == '\0')
		return true;
	if (!skip(&text, 'T') && !skip(&text, 't') && !skip(&text, ' '))
		return false;
	if (!read_time(&text, tm, fsec))
		return false;
	if (*text == '\0')
		return true;
	*local = false;
	return read_offset(&text, west) && *text == '\0';
}

bool
dates_parse(const char *text, const char *timezone, TimestampTz *at,
			char **error)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;
	bool		local;

	if (!read_instant(text, &tm, &fsec, &west, &local))
	{
		*error = psprintf("\"%s\" is not an ISO 8601 date and time.", quoted(text));
		return false;
	}
	if (local)
	{
		const Zone *zone = find_zone(timezone);

		if (zone == NULL)
		{
			*error = psprintf("Timezone \"%s\" is not known.", quoted(timezone));
			return false;
		}
		west = DetermineTimeZoneOffset(&tm, zone->pg);
	}
	if (tm2timestamp(&tm, fsec, &west, at) != 0)
	{
		*error = psprintf("\"%s\" is out of range.", quoted(text));
		return false;
	}
	return true;
}
