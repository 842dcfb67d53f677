/*
 * text.c
 *		Helpers for text, and values as text. The router's library has this file, too.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/text.h"

#define MAX_QUOTED_BYTES 100

char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

bool
is_same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

bool
is_one_line(const char *text)
{
	for (; *text != '\0'; text++)
	{
		unsigned char byte = *text;

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

void
copy_clipped(char *to, const char *from, int size)
{
	strlcpy(to, from, pg_mbcliplen(from, strlen(from), size - 1) + 1);
}

char *
quotable_text(const char *value)
{
	return pnstrdup(value, pg_mbcliplen(value, strlen(value), MAX_QUOTED_BYTES));
}

static void
append_fraction(StringInfo text, fsec_t microseconds)
{
	if (microseconds == 0)
		return;
	appendStringInfo(text, ".%06d", (int) microseconds);
	while (text->data[text->len - 1] == '0')
		text->data[--text->len] = '\0';
}

/* Two digits after this character. */
static void
append_two(StringInfo text, char before, int number)
{
	const char	characters[] = {before, '0' + number / 10, '0' + number % 10};

	appendBinaryStringInfo(text, characters, sizeof(characters));
}

/* Every webhook has several: one format for all of it would take three times as long. */
void
append_timestamp(StringInfo text, TimestampTz at, SecondDigits digits)
{
	struct pg_tm fields;
	fsec_t		microseconds;

	if (timestamp2tm(at, NULL, &fields, &microseconds, NULL, NULL) != 0)
		return;
	appendStringInfo(text, "%04d", fields.tm_year);
	append_two(text, '-', fields.tm_mon);
	append_two(text, '-', fields.tm_mday);
	append_two(text, 'T', fields.tm_hour);
	append_two(text, ':', fields.tm_min);
	append_two(text, ':', fields.tm_sec);
	if (digits == MILLISECONDS)
		appendStringInfo(text, ".%03d", (int) (microseconds / 1000));
	else
		append_fraction(text, microseconds);
	appendStringInfoChar(text, 'Z');
}

void
append_duration(StringInfo text, TimeOffset length)
{
	int64		hours = length / USECS_PER_HOUR;
	int			minutes = (length % USECS_PER_HOUR) / USECS_PER_MINUTE;
	int			seconds = (length % USECS_PER_MINUTE) / USECS_PER_SEC;
	int			microseconds = length % USECS_PER_SEC;

	appendStringInfoString(text, "PT");
	if (hours > 0)
		appendStringInfo(text, INT64_FORMAT "H", hours);
	if (minutes > 0)
		appendStringInfo(text, "%dM", minutes);
	if (seconds > 0 || microseconds > 0 || length < USECS_PER_MINUTE)
	{
		appendStringInfo(text, "%d", seconds);
		append_fraction(text, microseconds);
		appendStringInfoChar(text, 'S');
	}
}

const char *
url_without_query(const char *text)
{
	const char *mark = strchr(text, '?');
	const char *scheme = strstr(text, "://");

	if (mark == NULL || scheme == NULL || mark < scheme)
		return text;
	return psprintf("%.*s?********", (int) (mark - text), text);
}

char *
uuid_text(const pg_uuid_t *uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(uuid)));
}

bool
uuid_parse(const char *text, pg_uuid_t *uuid)
{
	if (text == NULL || strlen(text) != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		bool		hyphen = (i == 8 || i == 13 || i == 18 || i == 23);

		if (hyphen ? text[i] != '-' : !isxdigit((unsigned char) text[i]))
			return false;
	}
	*uuid = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
	return true;
}

char *
timestamp_text(TimestampTz at)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, &utc);
	return pstrdup(text);
}
