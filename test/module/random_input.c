/*
 * random_input.c
 *		Random texts for what reads text from outside.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "random_input.h"

/* Most pieces of a text. */
#define MOST_PIECES 40

#define MOST_REPETITIONS 200

int
random_number(pg_prng_state *random, int sides)
{
	return (int) pg_prng_uint64_range(random, 0, sides - 1);
}

static const char *
any_of(pg_prng_state *random, const char *const *fragments)
{
	int			count = 0;

	while (fragments[count] != NULL)
		count++;
	return count == 0 ? "" : fragments[random_number(random, count)];
}

/* Of any plane; most are of the first two. */
static void
append_character(StringInfo text, pg_prng_state *random)
{
	static const int planes[] = {0x80, 0x800, 0x3000, 0xd800, 0x110000};
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN] = {0};
	pg_wchar	code = 1 + random_number(random, planes[random_number(random, lengthof(planes))] - 1);

	(void) unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(text, (char *) utf8, pg_utf_mblen(utf8));
}

/* A piece of the text, some or many times. */
static void
append_repetition(StringInfo text, pg_prng_state *random)
{
	int			start = random_number(random, text->len + 1);
	int			length = random_number(random, Min(text->len - start, 16) + 1);
	int			times = random_number(random, random_number(random, 8) == 0 ? MOST_REPETITIONS : 4);
	char	   *piece = pnstrdup(text->data + start, length);

	for (int i = 0; i < times && text->len < RANDOM_INPUT_MAX; i++)
		appendBinaryStringInfo(text, piece, length);
	pfree(piece);
}

static void
append_piece(StringInfo text, pg_prng_state *random, const char *const *fragments)
{
	switch (random_number(random, 12))
	{
		case 0:
			appendStringInfoChar(text, (char) (1 + random_number(random, 255)));
			break;
		case 1:
			append_character(text, random);
			break;
		case 2:
			append_repetition(text, random);
			break;
		default:
			appendStringInfoString(text, any_of(random, fragments));
			break;
	}
}

/* Frees the buffer, which is larger. */
static char *
exactly(StringInfo text)
{
	char	   *copy = pnstrdup(text->data, Min(text->len, RANDOM_INPUT_MAX));

	pfree(text->data);
	return copy;
}

char *
random_input(pg_prng_state *random, const char *const *fragments)
{
	int			pieces = random_number(random, 1 + random_number(random, MOST_PIECES));
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < pieces && text.len < RANDOM_INPUT_MAX; i++)
		append_piece(&text, random, fragments);
	return exactly(&text);
}

char *
random_change(pg_prng_state *random, const char *text)
{
	int			length = (int) strlen(text);
	int			start = random_number(random, length + 1);
	int			left_out = random_number(random, Min(length - start, 4) + 1);
	int			added = random_number(random, 3);
	StringInfoData changed;

	initStringInfo(&changed);
	appendBinaryStringInfo(&changed, text, start);
	for (int i = 0; i < added; i++)
		append_piece(&changed, random, (const char *const[]) {"A", "-", "\"", "\\", NULL});
	appendStringInfoString(&changed, text + start + left_out);
	return exactly(&changed);
}
