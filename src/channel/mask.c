/*
 * mask.c
 *		Secrets out of foreign text, however they are written there.
 *
 * Who is sent a secret may say it again: as it is, inside a JSON string or an
 * HTML page, in a URL or form, over several lines, or one of these within
 * another; in base64, alone or among other words (an Authorization header, what
 * a mail server was told to log in). How much of it is escaped is the other
 * side's choice. So the text is read as each of those, keeping for every byte
 * where it came from, and what is found is struck out where it stands. In
 * base64 a secret looks different in each of three alignments, but the same
 * whatever surrounds it; there the whole run of letters is struck out.
 *
 * The text may have been cut off, also within a secret or an escape: the
 * beginning of a secret at the very end is one, too.
 *
 * All of that for many secrets, in a text that is written in all ways at once,
 * would keep the worker from everybody else: past a limit the text is struck out
 * as a whole.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"

#include "channel/escape.h"
#include "channel/mask.h"

#define MASK "********"

/* Shorter secrets are none, and masking them would only garble the log; so are shorter beginnings. */
#define SHORTEST_SECRET 4

/* So deep escapes are looked into: JSON within JSON within the text. */
#define DEEPEST 2

/* Bytes gone through, of all readings for all that is searched for: some milliseconds. */
#define MOST_EFFORT (8 * 1024 * 1024)

/* No escape is longer. */
#define LONGEST_ESCAPE 12

/* What is searched for. */
typedef struct Needle
{
	const char *bytes;
	int			length;
	bool		is_base64;
} Needle;

/* Where something stands in the text. */
typedef struct Span
{
	int			start;
	int			end;
} Span;

/* The text as one way of reading has it. */
typedef struct Reading
{
	char	   *bytes;
	int			length;
	Span	   *origins;		/* of each byte */
} Reading;

typedef enum Mark
{
	MARK_NONE, MARK_FIRST, MARK_OTHER
} Mark;

typedef struct Masking
{
	List	   *needles;
	bool		is_whole;		/* the text was not cut off */
	int64		effort;			/* bytes gone through */
	char	   *marks;			/* a Mark for each byte of the text */
} Masking;

/* ---- ways of reading ---- */

/* The text ends within what may be an escape. */
#define CUT_OFF (-1)

/*
 * What is written at `at`, where an escape begins: its length, 0 if it is none,
 * or CUT_OFF; *decoded gets *count bytes, never more than its length.
 */
typedef int (*DecodeFunction) (const char *at, const char *end, char *decoded, int *count);

static int
put_character(uint32 code, char *decoded, int length)
{
	if (code == 0 || code > 0x10ffff)
		return 0;
	(void) unicode_to_utf8(code, (unsigned char *) decoded);
	return length;
}

static int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = pg_ascii_tolower((unsigned char) digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Exactly so many digits: true; false with *is_cut if the text ends among them. */
static bool
read_hex(const char *at, const char *end, int digits, uint32 *value, bool *is_cut)
{
	*value = 0;
	*is_cut = false;
	for (int i = 0; i < digits; i++)
	{
		if (at + i == end)
		{
			*is_cut = true;
			return false;
		}
		if (hex_digit(at[i]) < 0)
			return false;
		*value = *value * 16 + hex_digit(at[i]);
	}
	return true;
}

/* \uXXXX, and a second one for what lies beyond U+FFFF. */
static int
decode_utf16(const char *at, const char *end, char *decoded, int *count)
{
	uint32		code;
	uint32		second;
	bool		is_cut;
	int			length = 6;

	if (!read_hex(at + 2, end, 4, &code, &is_cut))
		return is_cut ? CUT_OFF : 0;
	if (is_utf16_surrogate_first(code))
	{
		if (end - at < 8)
			return CUT_OFF;
		if (at[6] != '\\' || at[7] != 'u' || !read_hex(at + 8, end, 4, &second, &is_cut))
			return end - at < 12 ? CUT_OFF : 0;
		if (!is_utf16_surrogate_second(second))
			return 0;
		code = surrogate_pair_to_codepoint(code, second);
		length = 12;
	}
	length = put_character(code, decoded, length);
	*count = length > 0 ? pg_utf_mblen((unsigned char *) decoded) : 0;
	return length;
}

/* As in strings of JSON, and of most languages that print some. */
static int
decode_backslash(const char *at, const char *end, char *decoded, int *count)
{
	static const char escaped[] = "bfnrt";
	static const char plain[] = "\b\f\n\r\t";
	const char *found;
	uint32		code;
	bool		is_cut;

	if (end - at < 2)
		return CUT_OFF;
	if (at[1] == 'u')
		return decode_utf16(at, end, decoded, count);
	*count = 1;
	if (at[1] == 'x')
	{
		if (!read_hex(at + 2, end, 2, &code, &is_cut))
			return is_cut ? CUT_OFF : 0;
		*decoded = code;
		return 4;
	}
	found = strchr(escaped, at[1]);
	*decoded = found != NULL && *found != '\0' ? plain[found - escaped] : at[1];
	return 2;
}

static int
decode_percent(const char *at, const char *end, char *decoded, int *count)
{
	uint32		code;
	bool		is_cut;

	if (!read_hex(at + 1, end, 2, &code, &is_cut))
		return is_cut ? CUT_OFF : 0;
	*decoded = code;
	*count = 1;
	return 3;
}

/* The names that HTML has for ASCII characters. */
static uint32
named_character(const char *name, int length)
{
	static const struct
	{
		const char *name;
		char		character;
	}			names[] = {
		{"amp", '&'}, {"AMP", '&'}, {"lt", '<'}, {"LT", '<'}, {"gt", '>'}, {"GT", '>'},
		{"quot", '"'}, {"QUOT", '"'}, {"apos", '\''}, {"Tab", '\t'}, {"NewLine", '\n'},
		{"excl", '!'}, {"num", '#'}, {"dollar", '$'}, {"percnt", '%'}, {"lpar", '('},
		{"rpar", ')'}, {"ast", '*'}, {"midast", '*'}, {"plus", '+'}, {"comma", ','},
		{"period", '.'}, {"sol", '/'}, {"colon", ':'}, {"semi", ';'}, {"equals", '='},
		{"quest", '?'}, {"commat", '@'}, {"lsqb", '['}, {"lbrack", '['}, {"bsol", '\\'},
		{"rsqb", ']'}, {"rbrack", ']'}, {"Hat", '^'}, {"lowbar", '_'}, {"UnderBar", '_'},
		{"grave", '`'}, {"lcub", '{'}, {"lbrace", '{'}, {"verbar", '|'}, {"vert", '|'},
		{"rcub", '}'}, {"rbrace", '}'}
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
			return names[i].character;
	}
	return 0;
}

/* Does the text end within what may be a character's name or number? */
static bool
is_cut_name(const char *at, const char *end)
{
	if (end - at >= LONGEST_ESCAPE)
		return false;
	while (at < end && (isalnum((unsigned char) *at) || *at == '#'))
		at++;
	return at == end;
}

/* &amp; &#38; &#x26; */
static int
decode_entity(const char *at, const char *end, char *decoded, int *count)
{
	const char *semicolon = memchr(at, ';', Min(end - at, LONGEST_ESCAPE));
	char		digits[LONGEST_ESCAPE + 1];
	char	   *digits_end = NULL;
	uint32		code;
	int			length;

	if (semicolon == NULL)
		return is_cut_name(at + 1, end) ? CUT_OFF : 0;
	length = semicolon - at - 1;
	if (at[1] != '#')
		code = named_character(at + 1, length);
	else
	{
		bool		is_hex = at[2] == 'x' || at[2] == 'X';
		int			digits_length = Max(length - 1 - is_hex, 0);

		memcpy(digits, at + 2 + is_hex, digits_length);
		digits[digits_length] = '\0';
		code = strtoul(digits, &digits_end, is_hex ? 16 : 10);
		if (*digits_end != '\0')
			return 0;
	}
	length = put_character(code, decoded, length + 2);
	*count = length > 0 ? pg_utf_mblen((unsigned char *) decoded) : 0;
	return length;
}

/* Long lines are broken. */
static int
decode_line_break(const char *at, const char *end, char *decoded, int *count)
{
	*count = 0;
	return 1;
}

static const struct
{
	const char *first;			/* what escapes begin with */
	DecodeFunction decode;
}			ways[] = {
	{"\\", decode_backslash},
	{"%", decode_percent},
	{"&", decode_entity},
	{"\r\n", decode_line_break}
};

static bool
begins_escape(char byte, const char *first)
{
	return byte == first[0] || (first[1] != '\0' && byte == first[1]);
}

/* Read it in one more way; false if there is nothing to be read so. */
static bool
read_again(const Reading *before, int way, Reading *reading)
{
	const char *end = before->bytes + before->length;
	const char *at = before->bytes;
	bool		has_escapes = false;

	if (memchr(at, ways[way].first[0], before->length) == NULL &&
		memchr(at, ways[way].first[strlen(ways[way].first) - 1], before->length) == NULL)
		return false;
	reading->bytes = (char *) palloc(before->length + MAX_MULTIBYTE_CHAR_LEN);
	reading->origins = (Span *) palloc(sizeof(Span) * before->length);
	reading->length = 0;
	while (at < end)
	{
		const Span *origin = &before->origins[at - before->bytes];
		char	   *decoded = reading->bytes + reading->length;
		int			count = 1;
		int			length = begins_escape(*at, ways[way].first) ?
			ways[way].decode(at, end, decoded, &count) : 0;

		if (length == CUT_OFF)
			break;
		has_escapes |= length > 0;
		if (length == 0)
		{
			*decoded = *at;
			count = length = 1;
		}
		for (int i = 0; i < count; i++)
			reading->origins[reading->length++] = (Span)
		{
			origin->start, origin[length - 1].end
		};
		at += length;
	}
	return has_escapes || at < end;
}

/* ---- finding ---- */

static bool
is_base64(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
		(byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '-' || byte == '_';
}

/* Does the byte at `index` follow the one before it in the text, with no line break between? */
static bool
is_joined(const Reading *reading, int index)
{
	return reading->origins[index - 1].end == reading->origins[index].start;
}

/* The whole run of letters that something in base64 is part of. */
static void
extend_base64(const Reading *reading, int *first, int *last)
{
	while (*first > 0 && is_base64(reading->bytes[*first - 1]) && is_joined(reading, *first))
		(*first)--;
	while (*last < reading->length && is_base64(reading->bytes[*last]) && is_joined(reading, *last))
		(*last)++;
	while (*last < reading->length && reading->bytes[*last] == '=' && is_joined(reading, *last))
		(*last)++;
}

/* Mark what was found, and return where that ends. */
static int
mark(Masking *masking, const Reading *reading, const Needle *needle, int first, int last)
{
	int			start;
	int			end;

	if (needle->is_base64)
		extend_base64(reading, &first, &last);
	start = reading->origins[first].start;
	end = reading->origins[last - 1].end;
	if (masking->marks[start] == MARK_NONE)
		masking->marks[start] = MARK_FIRST;
	memset(masking->marks + start + 1, MARK_OTHER, end - start - 1);
	return last;
}

/* The longest at the very end. */
static void
find_beginning(Masking *masking, const Reading *reading, const Needle *needle)
{
	const char *end = reading->bytes + reading->length;

	for (int length = Min(needle->length - 1, reading->length); length >= SHORTEST_SECRET; length--)
	{
		if (memcmp(end - length, needle->bytes, length) != 0)
			continue;
		(void) mark(masking, reading, needle, reading->length - length, reading->length);
		return;
	}
}

static void
find(Masking *masking, const Reading *reading, const Needle *needle)
{
	const char *end = reading->bytes + reading->length;
	const char *at = reading->bytes;

	masking->effort += reading->length;
	while ((at = memmem(at, end - at, needle->bytes, needle->length)) != NULL)
	{
		int			first = at - reading->bytes;

		at = reading->bytes + mark(masking, reading, needle, first, first + needle->length);
	}
	if (!masking->is_whole)
		find_beginning(masking, reading, needle);
}

static void
search(Masking *masking, const Reading *reading, int depth)
{
	ListCell   *cell;

	foreach(cell, masking->needles)
		find(masking, reading, (const Needle *) lfirst(cell));
	if (depth == DEEPEST || masking->effort > MOST_EFFORT)
		return;
	for (int way = 0; way < lengthof(ways); way++)
	{
		Reading		again = {0};

		if (read_again(reading, way, &again))
			search(masking, &again, depth + 1);
		if (again.bytes == NULL)
			continue;
		pfree(again.bytes);
		pfree(again.origins);
	}
}

/* ---- what to search for ---- */

static List *
add_needle(List *needles, const char *bytes, int length, bool is_base64)
{
	Needle	   *needle;

	if (length < SHORTEST_SECRET)
		return needles;
	needle = (Needle *) palloc(sizeof(Needle));
	*needle = (Needle)
	{
		bytes, length, is_base64
	};
	return lappend(needles, needle);
}

/* A copy in which one character stands for another. */
static char *
with_replaced(const char *text, char from, char to)
{
	char	   *copy = pstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
	{
		if (*c == from)
			*c = to;
	}
	return copy;
}

/* In base64, so many bytes behind one of its groups of three: what does not depend on what surrounds it. */
static List *
add_base64(List *needles, const char *secret, int behind)
{
	static const int mixed[] = {0, 2, 3};	/* letters that hold bits of what
											 * comes before */
	int			length = behind + strlen(secret);
	char	   *bytes = psprintf("%.*s%s", behind, "  ", secret);
	int			size = pg_b64_enc_len(length) + 1;
	char	   *letters = (char *) palloc0(size);
	char	   *other_letters;

	(void) pg_b64_encode(bytes, length, letters, size - 1);
	letters[length * 8 / 6] = '\0';
	letters += mixed[behind];
	needles = add_needle(needles, letters, strlen(letters), true);
	/* As it stands in URLs. */
	other_letters = with_replaced(with_replaced(letters, '+', '-'), '/', '_');
	if (strcmp(letters, other_letters) != 0)
		needles = add_needle(needles, other_letters, strlen(other_letters), true);
	return needles;
}

static List *
add_all_base64(List *needles, const char *secret)
{
	for (int behind = 0; behind < 3; behind++)
		needles = add_base64(needles, secret, behind);
	return needles;
}

static List *
needles_of(List *needles, const char *secret)
{
	StringInfoData url;

	if (strlen(secret) < SHORTEST_SECRET)
		return needles;
	needles = add_needle(needles, secret, strlen(secret), false);
	/* Forms write blanks so. */
	if (strchr(secret, ' ') != NULL)
		needles = add_needle(needles, with_replaced(secret, ' ', '+'), strlen(secret), false);
	needles = add_all_base64(needles, secret);
	/* As token endpoints are told it. */
	initStringInfo(&url);
	append_url_encoded(&url, secret);
	return strcmp(url.data, secret) == 0 ? needles : add_all_base64(needles, url.data);
}

/* ---- the whole ---- */

static char *
strike_out(const char *text, const char *marks)
{
	StringInfoData masked;

	initStringInfo(&masked);
	for (int i = 0; text[i] != '\0'; i++)
	{
		if (marks[i] == MARK_FIRST)
			appendStringInfoString(&masked, MASK);
		if (marks[i] == MARK_NONE)
			appendStringInfoChar(&masked, text[i]);
	}
	return masked.data;
}

char *
mask_secrets(const char *text, List *secrets, bool is_whole)
{
	int			length = strlen(text);
	Masking		masking = {.is_whole = is_whole};
	Reading		reading;
	ListCell   *cell;

	/* "ok": no need to spell the secrets in all their forms. */
	if (length < SHORTEST_SECRET)
		return pstrdup(text);
	foreach(cell, secrets)
		masking.needles = needles_of(masking.needles, (const char *) lfirst(cell));
	if (masking.needles == NIL)
		return pstrdup(text);
	masking.marks = (char *) palloc0(length + 1);
	reading.bytes = pstrdup(text);
	reading.length = length;
	reading.origins = (Span *) palloc(sizeof(Span) * length);
	for (int i = 0; i < length; i++)
		reading.origins[i] = (Span)
	{
		i, i + 1
	};
	search(&masking, &reading, 0);
	if (masking.effort > MOST_EFFORT)
		return pstrdup(MASK);
	return strike_out(text, masking.marks);
}
