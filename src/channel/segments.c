/*
 * segments.c
 *		How many parts a carrier makes of a text message, and charges.
 *
 * A text whose characters are all in the default alphabet of GSM 03.38 is sent
 * in 7-bit units; a character of its extension table takes two. Any other text
 * is sent in UCS-2, that is, in the units of UTF-16. One part has 140 bytes: 160
 * or 70 units. If more are needed, each part begins with a header of 6 bytes,
 * which leaves 153 or 67 units. The two units of a character are never in
 * different parts.
 *
 * National tables are not used: a sender would have to choose them.
 *
 * Source: 3GPP TS 23.038, sections 6.2.1 and 6.2.3; TS 23.040, section 9.2.3.24.1
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "channel/segments.h"

typedef struct Alphabet
{
	int			single_units;	/* of a text that fits into one part */
	int			part_units;		/* of each of several parts */
	int			(*units) (pg_wchar character);	/* 0: not in the alphabet */
} Alphabet;

/* Characters of the default alphabet that ASCII lacks. */
static const pg_wchar gsm_beyond_ascii[] = {
	0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c7,
	0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6,
	0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc, 0x0393,
	0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9
};

#define EURO_SIGN 0x20ac

static int
ascii_gsm_units(pg_wchar character)
{
	if (character == '\n' || character == '\r')
		return 1;
	if (character == '\f')
		return 2;
	if (character < ' ' || character == '`' || character == 0x7f)
		return 0;
	return strchr("^{}\\[~]|", (int) character) != NULL ? 2 : 1;
}

static int
gsm_units(pg_wchar character)
{
	if (character < 0x80)
		return ascii_gsm_units(character);
	if (character == EURO_SIGN)
		return 2;
	for (int i = 0; i < lengthof(gsm_beyond_ascii); i++)
		if (gsm_beyond_ascii[i] == character)
			return 1;
	return 0;
}

static int
ucs2_units(pg_wchar character)
{
	return character > 0xffff ? 2 : 1;
}

static const Alphabet gsm = {160, 153, gsm_units};
static const Alphabet ucs2 = {70, 67, ucs2_units};

/* The next character of the text, and step over it. */
static pg_wchar
next_character(const unsigned char **text)
{
	pg_wchar	character = utf8_to_unicode(*text);

	*text += pg_utf_mblen(*text);
	return character;
}

static bool
is_in_alphabet(const Alphabet *alphabet, const char *utf8)
{
	const unsigned char *next = (const unsigned char *) utf8;

	while (*next != '\0')
		if (alphabet->units(next_character(&next)) == 0)
			return false;
	return true;
}

/* Number of parts of so many units. */
static int
count_parts(const Alphabet *alphabet, const char *utf8, int part_units)
{
	const unsigned char *next = (const unsigned char *) utf8;
	int			parts = 1;
	int			used = 0;

	while (*next != '\0')
	{
		int			units = alphabet->units(next_character(&next));

		if (used + units > part_units)
		{
			parts++;
			used = 0;
		}
		used += units;
	}
	return parts;
}

int
count_segments(const char *utf8)
{
	const Alphabet *alphabet = is_in_alphabet(&gsm, utf8) ? &gsm : &ucs2;

	if (count_parts(alphabet, utf8, alphabet->single_units) == 1)
		return 1;
	return count_parts(alphabet, utf8, alphabet->part_units);
}
