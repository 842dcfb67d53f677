/*
 * durations.c
 *		Lengths of time in words, by ICU.
 */
#include "postgres.h"

#include "common/int.h"
#include "render/durations.h"
#include "render/formatters.h"
#include "render/icu_text.h"
#include "render/locales.h"

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

/* Write a number with its unit, "45 minutes"; the length, or -1. */
static int
format_unit(const char *unit, int64 number, const char *locale, UChar *text)
{
	UErrorCode	status = U_ZERO_ERROR;
	UNumberFormatter *format = formatter_for_unit(unit, locale);
	UFormattedNumber *result;
	int32_t		length;

	if (format == NULL)
		return -1;
	result = unumf_openResult(&status);
	unumf_formatInt(format, number, result, &status);
	length = unumf_resultToString(result, text, ICU_TEXT_MAX, &status);
	unumf_closeResult(result);
	return U_SUCCESS(status) ? length : -1;
}

/* The interval in microseconds; false if it has months or is negative. */
static bool
length_of(const Interval *duration, int64 *length)
{
	int64		days;

	return duration->month == 0 &&
		!pg_mul_s64_overflow(duration->day, USECS_PER_DAY, &days) &&
		!pg_add_s64_overflow(days, duration->time, length) &&
		*length >= 0;
}

/*
 * Write one text per unit, the largest first; a length of zero is "0 minutes".
 * The number of texts, or -1.
 */
static int
format_units(int64 rest, const char *locale,
			 UChar texts[lengthof(units)][ICU_TEXT_MAX], int32_t *lengths)
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
durations_format(const Interval *duration, const char *locale, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	char		icu_name[LOCALE_MAX_LENGTH];
	UChar		texts[lengthof(units)][ICU_TEXT_MAX];
	const UChar *parts[lengthof(units)];
	int32_t		lengths[lengthof(units)];
	UChar		text[ICU_TEXT_MAX];
	UListFormatter *list;
	int64		microseconds;
	int			count;
	int32_t		length = 0;

	if (!length_of(duration, &microseconds))
	{
		*error = pstrdup("A duration is not negative and has no months.");
		return NULL;
	}
	if (!locale_for_icu(locale, icu_name, error))
		return NULL;
	count = format_units(microseconds, icu_name, texts, lengths);
	list = formatter_for_list(icu_name);
	for (int i = 0; i < count; i++)
		parts[i] = texts[i];
	if (count > 0 && list)
		length = ulistfmt_format(list, parts, lengths, count, text, ICU_TEXT_MAX, &status);
	if (length <= 0 || U_FAILURE(status))
	{
		*error = pstrdup("ICU could not write a duration.");
		return NULL;
	}
	return icu_text_to_database(text, length, error);
}
