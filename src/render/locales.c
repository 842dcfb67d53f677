/*
 * locales.c
 *		Which locales are known, and the order in which texts are looked up.
 *
 * ICU answers for any text with some locale, so whether it has data for a
 * language is looked up in a list of its locales, which is made once.
 */
#include "postgres.h"

#include <ctype.h>

#include <unicode/uenum.h>
#include <unicode/uloc.h>

#include "core/text.h"
#include "render/locales.h"
#include "utils/memutils.h"

/* ICU's languages, with and without script ("zh", "zh_Hant"), sorted. */
static char **languages = NULL;
static int	language_count = 0;

/* The parts of a locale in BCP 47's case; a missing part is "". */
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

/* Split language[-Script][-COUNTRY]; false for anything else. */
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

/* Join the parts, with '_' for ICU and '-' for everybody else. */
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

/* Collect the languages that ICU has data for, old names included. */
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

	if (isdigit((unsigned char) country[0]))	/* continents, the world */
		return strcmp(country, "001") == 0 || strcmp(country, "150") == 0 ||
			strcmp(country, "419") == 0;
	for (; *countries; countries++)
	{
		if (strcmp(*countries, country) == 0)
			return true;
	}
	return false;
}

static bool
find_icu_name(const char *locale, char name[LOCALE_MAX_LENGTH])
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

	return find_icu_name(locale, name);
}

bool
locale_for_icu(const char *locale, char name[LOCALE_MAX_LENGTH], char **error)
{
	if (find_icu_name(locale, name))
		return true;
	*error = psprintf("Locale \"%s\" is not known.", quotable_text(locale));
	return false;
}

/* Append the locale, then the same without country, then without script. */
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

	/* Each of the two appends three at most. */
	return add_fallbacks(application_locale, count, chain);
}

bool
locale_is_right_to_left(const char *locale)
{
	char		name[LOCALE_MAX_LENGTH];
	char	   *error;

	return locale_for_icu(locale, name, &error) && uloc_isRightToLeft(name);
}
