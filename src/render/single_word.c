/*
 * single_word.c
 *		Text messages that are one word, and codes that are compared with them.
 *
 * Telephones decorate what people type: they capitalize, add a full stop or a
 * blank, have digits of other scripts, and picture keys such as the keycap 1. ICU's
 * NFKC_Casefold takes case, width, style and invisible characters away.
 *
 * A long text is no word, whatever it is filled with, so it costs no more than a
 * short one.
 */
#include "postgres.h"

#include <ctype.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "core/encoding.h"
#include "render/single_word.h"

/* Most UTF-16 units of a text that may be a word, and of its normal form, which may be longer. */
#define TEXT_MAX 512
#define NORMAL_MAX (4 * TEXT_MAX)

#define COMBINING_ENCLOSING_KEYCAP 0x20E3

/* May it stand around a word? */
static bool
is_around_words(UChar32 c)
{
	return u_isUWhiteSpace(c) || u_ispunct(c) || u_iscntrl(c) || u_charType(c) == U_FORMAT_CHAR ||
		c == COMBINING_ENCLOSING_KEYCAP || (c < 0x80 && ispunct((int) c));
}

/* The normal form of a text; its length, or -1: it is too long or no text. */
static int
normalize(const char *utf8, UChar *normal)
{
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *normalizer = unorm2_getNFKCCasefoldInstance(&status);
	UChar		text[TEXT_MAX];
	int32_t		length;

	(void) u_strFromUTF8(text, TEXT_MAX, &length, utf8, -1, &status);
	if (U_FAILURE(status))
		return -1;
	length = unorm2_normalize(normalizer, text, length, normal, NORMAL_MAX, &status);
	return U_FAILURE(status) ? -1 : length;
}

/* What is left without blanks and punctuation around it: from *start to the result. */
static int
trim(const UChar *text, int length, int *start)
{
	UChar32		c;
	int			end = length;

	*start = 0;
	while (*start < end)
	{
		int			next = *start;

		U16_NEXT(text, next, end, c);
		if (!is_around_words(c))
			break;
		*start = next;
	}
	while (end > *start)
	{
		int			before = end;

		U16_PREV(text, *start, before, c);
		if (!is_around_words(c))
			break;
		end = before;
	}
	return end;
}

/* Append a character; a digit of any script as 0 to 9. False: the word has no room for it. */
static bool
append(char *word, int32_t *length, UChar32 c)
{
	int32_t		digit = u_charDigitValue(c);
	UBool		is_full = false;

	if (digit >= 0)
		c = '0' + digit;
	U8_APPEND((uint8_t *) word, *length, 4 * SINGLE_WORD_MAX, c, is_full);
	return !is_full;
}

static char *
single_word_of_utf8(const char *utf8)
{
	UChar		text[NORMAL_MAX];
	int			length = normalize(utf8, text);
	char		word[4 * SINGLE_WORD_MAX + 1];
	int32_t		word_length = 0;
	int			at;
	int			end;

	if (length < 0)
		return NULL;
	end = trim(text, length, &at);
	if (at == end || u_countChar32(text + at, end - at) > SINGLE_WORD_MAX)
		return NULL;
	while (at < end)
	{
		UChar32		c;

		U16_NEXT(text, at, end, c);
		if (u_isUWhiteSpace(c) || !append(word, &word_length, c))
			return NULL;
	}
	return pnstrdup(word, word_length);
}

char *
single_word(const char *text)
{
	char	   *utf8 = encoding_to_utf8(text);

	return utf8 == NULL ? NULL : single_word_of_utf8(utf8);
}
