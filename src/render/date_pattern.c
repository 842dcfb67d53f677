/*
 * date_pattern.c
 *		ICU date patterns that templates may hold.
 *
 * A pattern stands in a template where a name could stand, so what looks like a
 * name must not be taken for a pattern: a mistyped name would print a date.
 */
#include "postgres.h"

#include "render/date_pattern.h"

/*
 * The pattern letters that are taken, with the run lengths that ICU gives a
 * meaning, as bits.  Letters that no message needs and those that only skeletons
 * have are left out: g, r, U, A, l, j, J, C.
 */
typedef struct PatternLetter
{
	char		letter;
	char		field;			/* letters of one field exclude each other */
	uint8		lengths;
	bool		stands_alone;	/* may a single letter stand between
								 * separators? x, e and v are rather names */
} PatternLetter;

#define UP_TO(n) ((1 << ((n) + 1)) - 2)

static const PatternLetter pattern_letters[] = {
	{'G', 'G', UP_TO(5), true},
	{'y', 'y', UP_TO(4), true},
	{'Y', 'y', UP_TO(4), false},
	{'u', 'y', UP_TO(4), false},
	{'Q', 'Q', UP_TO(5), true},
	{'q', 'Q', UP_TO(5), false},
	{'M', 'M', UP_TO(5), true},
	{'L', 'M', UP_TO(5), true},
	{'w', 'w', UP_TO(2), true},
	{'W', 'W', UP_TO(1), false},
	{'d', 'd', UP_TO(2), true},
	{'D', 'D', UP_TO(3), true},
	{'F', 'W', UP_TO(1), false},
	{'E', 'E', UP_TO(6), true},
	{'e', 'E', UP_TO(6), false},
	{'c', 'E', UP_TO(6), false},
	{'a', 'a', UP_TO(5), true},
	{'b', 'a', UP_TO(5), false},
	{'B', 'a', UP_TO(5), true},
	{'h', 'h', UP_TO(2), true},
	{'H', 'h', UP_TO(2), true},
	{'K', 'h', UP_TO(2), true},
	{'k', 'h', UP_TO(2), true},
	{'m', 'm', UP_TO(2), true},
	{'s', 's', UP_TO(2), true},
	{'S', 'S', UP_TO(6), true},
	{'z', 'z', UP_TO(4), true},
	{'Z', 'z', UP_TO(5), true},
	{'O', 'z', (1 << 1) | (1 << 4), true},
	{'v', 'z', (1 << 1) | (1 << 4), false},
	{'V', 'z', UP_TO(4), false},
	{'X', 'z', UP_TO(5), true},
	{'x', 'z', UP_TO(5), false},
};

static const PatternLetter *
pattern_letter(char c)
{
	for (int i = 0; i < lengthof(pattern_letters); i++)
	{
		if (pattern_letters[i].letter == c)
			return &pattern_letters[i];
	}
	return NULL;
}

static bool
is_separator(char c)
{
	return c != '\0' && strchr(" -/.,:", c) != NULL;
}

static bool
is_time_field(char field)
{
	return field == 'h' || field == 'm' || field == 's' || field == 'S';
}

/*
 * May this run follow another without a separator, as in yyyyMMdd or hhmma?
 * Both need two letters or more, except for a last AM/PM or zone behind a time:
 * otherwise words like "add", "bed" and "made" would be patterns.
 */
static bool
may_touch(char previous_field, int previous_length, char field, int length,
		  bool is_last)
{
	if (previous_length < 2)
		return false;
	if (length >= 2)
		return true;
	return is_last && is_time_field(previous_field) &&
		(field == 'a' || field == 'z');
}

bool
is_date_pattern(const char *text)
{
	const char *at = text;
	char		fields[DATE_PATTERN_SIZE];
	int			field_count = 0;
	char		previous_field = '\0';	/* of the run that touches this one */
	int			previous_length = 0;

	if (strlen(text) >= DATE_PATTERN_SIZE || pattern_letter(*text) == NULL)
		return false;
	while (*at)
	{
		const PatternLetter *letter;
		int			length = 1;
		bool		is_last;	/* does nothing touch the run's end? */

		if (is_separator(*at))
		{
			previous_field = '\0';
			at++;
			continue;
		}
		letter = pattern_letter(*at);
		if (letter == NULL)
			return false;
		while (at[length] == *at)
			length++;
		at += length;
		if (length > 6 || (letter->lengths & (1 << length)) == 0 ||
			memchr(fields, letter->field, field_count) != NULL)
			return false;
		is_last = *at == '\0' || is_separator(*at);
		if (previous_field == '\0' ?
			length == 1 && is_last && !letter->stands_alone :
			!may_touch(previous_field, previous_length, letter->field, length, is_last))
			return false;
		fields[field_count++] = letter->field;
		previous_field = letter->field;
		previous_length = length;
	}
	return is_separator(at[-1]) ? at[-1] == '.' : true;
}

bool
date_pattern_has_zone(const char *pattern)
{
	return strpbrk(pattern, "zZOvVXx") != NULL;
}

void
date_pattern_without_zone_names(const char *pattern, const char *identifier,
								char result[DATE_PATTERN_OF_ZONE_SIZE])
{
	while (*pattern)
	{
		int			length = 1;

		while (pattern[length] == *pattern)
			length++;
		if (*pattern == 'V' && length == 2)
			result += sprintf(result, "'%s'", identifier);
		else if (*pattern == 'z' || *pattern == 'v' || *pattern == 'V')
			result += sprintf(result, "%s",
							  length >= 3 && !(*pattern == 'z' && length == 3) ? "OOOO" : "O");
		else
			result += sprintf(result, "%.*s", length, pattern);
		pattern += length;
	}
	*result = '\0';
}
