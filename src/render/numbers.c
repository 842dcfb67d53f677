/*
 * numbers.c
 *		Numbers and amounts of money, by ICU.
 */
#include "postgres.h"

#include <unicode/ucurr.h>
#include <unicode/unumberformatter.h>

#include "render/formatters.h"
#include "render/icu_text.h"
#include "render/locales.h"
#include "render/numbers.h"

#define CURRENCY_LENGTH 3
#define MOST_DECIMALS 4
#define SKELETON_SIZE 64

static bool
is_currency(const char *code)
{
	return strlen(code) == CURRENCY_LENGTH &&
		strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CURRENCY_LENGTH;
}

/* Decimals that amounts of the currency always have: none of JPY, two of EUR. */
static int
usual_decimals(const char *currency)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		code[CURRENCY_LENGTH + 1];
	int			decimals;

	icu_text_from_ascii(code, currency);
	decimals = ucurr_getDefaultFractionDigits(code, &status);
	return U_SUCCESS(status) ? Min(decimals, MOST_DECIMALS) : 0;
}

/* ICU's description of the format: "currency/EUR .00##". */
static void
write_skeleton(const char *currency, char skeleton[SKELETON_SIZE])
{
	int			decimals;

	if (currency == NULL)
	{
		strlcpy(skeleton, ".####", SKELETON_SIZE);
		return;
	}
	decimals = usual_decimals(currency);
	snprintf(skeleton, SKELETON_SIZE, "currency/%s .%.*s%.*s", currency, decimals, "0000",
			 MOST_DECIMALS - decimals, "####");
}

static int
format_decimal(const char *decimal, const char *skeleton, const char *icu_name, UChar *text)
{
	UErrorCode	status = U_ZERO_ERROR;
	UNumberFormatter *format = formatter_for_number(skeleton, icu_name);
	UFormattedNumber *result;
	int32_t		length;

	if (format == NULL)
		return -1;
	result = unumf_openResult(&status);
	unumf_formatDecimal(format, decimal, -1, result, &status);
	length = unumf_resultToString(result, text, ICU_TEXT_MAX, &status);
	unumf_closeResult(result);
	return U_SUCCESS(status) ? length : -1;
}

char *
numbers_format(const char *decimal, const char *currency, const char *locale, char **error)
{
	char		icu_name[LOCALE_MAX_LENGTH];
	char		skeleton[SKELETON_SIZE];
	UChar		text[ICU_TEXT_MAX];
	int			length;

	if (!locale_for_icu(locale, icu_name, error))
		return NULL;
	write_skeleton(currency != NULL && is_currency(currency) ? currency : NULL, skeleton);
	length = format_decimal(decimal, skeleton, icu_name, text);
	if (length >= 0)
		return icu_text_to_database(text, length, error);
	*error = pstrdup("ICU could not write a number.");
	return NULL;
}
