/*
 * unescape.c
 *		One escape of JSON, URLs, HTML or broken lines, decoded.
 *
 * Escapes are decoded as tolerantly as any reader of such text does: unknown
 * ones of a backslash stand for the character after it, hexadecimal digits may
 * have either case.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#include "channel/unescape.h"

static int
put_character(uint32 code, char *unescaped, int length)
{
	if (code == 0 || code > 0x10ffff)
		return 0;
	(void) unicode_to_utf8(code, (unsigned char *) unescaped);
	return length;
}

int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = pg_ascii_tolower((unsigned char) digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Read `digits` digits. False if there are fewer. */
static bool
read_hex(const char *at, const char *end, int digits, uint32 *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++)
	{
		if (at + i == end || hex_digit(at[i]) < 0)
			return false;
		*value = *value * 16 + hex_digit(at[i]);
	}
	return true;
}

/* \uXXXX, or two of them for a character beyond U+FFFF. */
static int
unescape_utf16(const char *at, const char *end, char *unescaped, int *count)
{
	uint32		code;
	uint32		second;
	int			length = 6;

	if (!read_hex(at + 2, end, 4, &code))
		return 0;
	if (is_utf16_surrogate_first(code))
	{
		if (end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
			!read_hex(at + 8, end, 4, &second) || !is_utf16_surrogate_second(second))
			return 0;
		code = surrogate_pair_to_codepoint(code, second);
		length = 12;
	}
	length = put_character(code, unescaped, length);
	*count = length > 0 ? pg_utf_mblen((unsigned char *) unescaped) : 0;
	return length;
}

/* As in strings of JSON and of most programming languages. */
static int
unescape_backslash(const char *at, const char *end, char *unescaped, int *count)
{
	static const char escaped[] = "bfnrt";
	static const char plain[] = "\b\f\n\r\t";
	const char *found;
	uint32		code;

	if (end - at < 2)
		return 0;
	if (at[1] == 'u')
		return unescape_utf16(at, end, unescaped, count);
	*count = 1;
	if (at[1] == 'x')
	{
		if (!read_hex(at + 2, end, 2, &code))
			return 0;
		*unescaped = code;
		return 4;
	}
	found = strchr(escaped, at[1]);
	*unescaped = found != NULL && *found != '\0' ? plain[found - escaped] : at[1];
	return 2;
}

static int
unescape_percent(const char *at, const char *end, char *unescaped, int *count)
{
	uint32		code;

	if (!read_hex(at + 1, end, 2, &code))
		return 0;
	*unescaped = code;
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

/* &amp; &#38; &#x26; */
static int
unescape_entity(const char *at, const char *end, char *unescaped, int *count)
{
	const char *semicolon = memchr(at, ';', Min(end - at, LONGEST_ESCAPE));
	char		digits[LONGEST_ESCAPE + 1];
	char	   *digits_end = NULL;
	uint32		code;
	int			length;

	if (semicolon == NULL)
		return 0;
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
	length = put_character(code, unescaped, length + 2);
	*count = length > 0 ? pg_utf_mblen((unsigned char *) unescaped) : 0;
	return length;
}

/* Does another escape begin here? A backslash before it is left for the next reading. */
static bool
is_percent_or_entity(const char *at, const char *end)
{
	char		unescaped[LONGEST_UNESCAPED + 1];
	int			count;

	return at < end && ((*at == '%' && unescape_percent(at, end, unescaped, &count) > 0) ||
						(*at == '&' && unescape_entity(at, end, unescaped, &count) > 0));
}

int
unescape(const char *at, const char *end, char *unescaped, int *count)
{
	switch (*at)
	{
		case '\\':
			if (is_percent_or_entity(at + 1, end))
				return 0;
			return unescape_backslash(at, end, unescaped, count);
		case '%':
			return unescape_percent(at, end, unescaped, count);
		case '&':
			return unescape_entity(at, end, unescaped, count);
		default:
			return 0;
	}
}
