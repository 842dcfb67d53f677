/*
 * icu_text.c
 *		Texts between ICU and the database.
 */
#include "postgres.h"

#include <unicode/ustring.h>

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "render/icu_text.h"

#define NARROW_NBSP			0x202f
#define THIN_SPACE			0x2009

void
icu_text_from_ascii(UChar *to, const char *ascii)
{
	u_charsToUChars(ascii, to, strlen(ascii) + 1);
}

/* Convert to the database's encoding; NULL and *error if that lacks a character. */
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
 * ICU writes narrow no-break spaces, as in "3:30 PM".  They become plain spaces,
 * because a single one makes the whole SMS UCS-2, which more than halves the
 * characters that fit in.
 */
char *
icu_text_to_database(UChar *text, int length, char **error)
{
	UErrorCode	status = U_ZERO_ERROR;
	char		utf8[ICU_TEXT_MAX * 3 + 1];

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
