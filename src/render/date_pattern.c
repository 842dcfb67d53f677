/*
 * date_pattern.c
 *		ICU date patterns that templates may hold.
 *
 * A template has patterns in the same place as names. A word that looks like a
 * name must not be a pattern: a mistyped name would print a date.
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
	bool		may_be_single;	/* between separators; x, e and v are rather
								 * names */
} PatternLetter;

#define MAX_RUN 6
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

/* A run of one letter. */
typedef struct PatternRun
{
	const PatternLetter *letter;
	int			length;
	bool		touches_next;	/* is there no separator after it? */
} PatternRun;

/* Read the run that starts here; false if ICU gives it no meaning. */
static bool
read_run(const char *at, PatternRun *run)
{
	run->letter = pattern_letter(*at);
	if (run->letter == NULL)
		return false;
	run->length = 1;
	while (at[run->length] == *at)
		run->length++;
	run->touches_next = at[run->length] != '\0' && !is_separator(at[run->length]);
	return run->length <= MAX_RUN && (run->letter->lengths & (1 << run->length)) != 0;
}

/*
 * May this run follow another without a separator, as in yyyyMMdd or hhmma?
 * Both need two letters or more, except for a last AM/PM or zone after a time:
 * otherwise words like "add", "bed" and "made" would be patterns.
 */
static bool
may_touch(const PatternRun *previous, const PatternRun *run)
{
	if (previous->length < 2)
		return false;
	return run->length >= 2 ||
		(!run->touches_next && is_time_field(previous->letter->field) &&
		 (run->letter->field == 'a' || run->letter->field == 'z'));
}

/* previous: the run that this one touches, or NULL. */
static bool
is_run_allowed(const PatternRun *previous, const PatternRun *run)
{
	if (previous != NULL)
		return may_touch(previous, run);
	return run->length > 1 || run->touches_next || run->letter->may_be_single;
}

bool
is_date_pattern(const char *text)
{
	char		fields[DATE_PATTERN_SIZE];
	int			field_count = 0;
	PatternRun	run;
	PatternRun	previous = {0};
	bool		touches_previous = false;

	if (strlen(text) >= DATE_PATTERN_SIZE || pattern_letter(*text) == NULL)
		return false;
	for (; *text; text += run.length)
	{
		if (is_separator(*text))
		{
			run.length = 1;
			touches_previous = false;
			continue;
		}
		if (!read_run(text, &run) || memchr(fields, run.letter->field, field_count) != NULL ||
			!is_run_allowed(touches_previous ? &previous : NULL, &run))
			return false;
		fields[field_count++] = run.letter->field;
		previous = run;
		touches_previous = true;
	}
	return !is_separator(text[-1]) || text[-1] == '.';
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
