/*
 * page_words.c
 *		Words in the languages that appt knows.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "render/page_words.h"

/* The texts of a language, in the order of word_keys; NULL where it has none. */
typedef struct Language
{
	const char *code;
	const char *const *texts;
} Language;

#include "words/table.inc"

int
words_languages(void)
{
	return lengthof(languages);
}

const char *
words_language_code(int language)
{
	return languages[language].code;
}

int
words_language(const char *locale)
{
	size_t		length = locale == NULL ? 0 : strcspn(locale, "-_");

	for (int i = 0; i < lengthof(languages); i++)
		if (strlen(languages[i].code) == length && pg_strncasecmp(languages[i].code, locale, length) == 0)
			return i;
	return -1;
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

const char *
words_own(int language, const char *key)
{
	const char *const *found = bsearch(&key, word_keys, lengthof(word_keys), sizeof(word_keys[0]), compare_keys);

	return found == NULL ? NULL : languages[language].texts[found - word_keys];
}

const char *
words_key(int number)
{
	return number < lengthof(word_keys) ? word_keys[number] : NULL;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

const char *
words_for_database(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	int			length = strlen(text);
	Oid			conversion;
	char	   *converted;
	int			space = length * MAX_CONVERSION_GROWTH + 1;

	if (encoding == PG_UTF8 || is_ascii(text))
		return text;
	conversion = encoding == PG_SQL_ASCII ? InvalidOid : FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return NULL;
	converted = (char *) palloc(space);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) unconstify(char *, text), length,
									  (unsigned char *) converted, space, true) != length)
		return NULL;
	return converted;
}

const char *
page_word(const char *locale, const char *key)
{
	int			language = words_language(locale);
	const char *text = language < 0 ? NULL : words_own(language, key);

	if (text != NULL)
		text = words_for_database(text);
	if (text == NULL)
		text = words_own(WORDS_ENGLISH, key);
	Assert(text != NULL);
	return text ? text : key;
}
