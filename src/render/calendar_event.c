/*
 * calendar_event.c
 *		An appointment as calendars hold it.
 */
#include "postgres.h"

#include "core/encoding.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "render/calendar_event.h"
#include "render/timezones.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* A year has four digits in a file, and a definition of a timezone may go on for a year after its event. */
#define FIRST_YEAR 1
#define LAST_YEAR 2999

/* The server's own error says what can't be converted. */
static const char *
as_utf8(const char *text)
{
	const char *utf8 = encoding_to_utf8(text);

	return utf8 != NULL ? utf8 : pg_server_to_any(text, strlen(text), PG_UTF8);
}

/* In UTF-8, with LF as line end; RFC 5545 forbids all other control characters but tabs. */
static char *
clean_text(const char *in_database)
{
	const char *text = as_utf8(in_database);
	char	   *clean = (char *) palloc(strlen(text) + 1);
	char	   *to = clean;

	for (; *text; text++)
	{
		unsigned char c = *text;

		if (c == '\r')
		{
			if (text[1] != '\n')
				*to++ = '\n';
		}
		else if (c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f))
			*to++ = c;
	}
	*to = '\0';
	return clean;
}

/* NULL of NULL and "". */
static char *
clean_text_if_any(const char *in_database)
{
	return in_database == NULL || in_database[0] == '\0' ? NULL : clean_text(in_database);
}

/* The address as a URI (RFC 6068), with few characters escaped: clients compare it with the address as it is. */
static char *
mailto(const char *in_database)
{
	const char *address = as_utf8(in_database);
	StringInfoData uri;

	initStringInfo(&uri);
	appendStringInfoString(&uri, "mailto:");
	for (; *address; address++)
	{
		if (strchr("%?#^`{|}", *address) != NULL)
			appendStringInfo(&uri, "%%%02X", (unsigned char) *address);
		else
			appendStringInfoChar(&uri, *address);
	}
	return uri.data;
}

/* A parameter cannot hold a double quote, and few receivers read the escapes of RFC 6868. */
static char *
parameter_text(const char *text)
{
	char	   *clean = clean_text(text);

	for (char *c = clean; *c; c++)
	{
		if (*c == '"')
			*c = '\'';
		else if (*c == '\n' || *c == '\t')
			*c = ' ';
	}
	return clean;
}

static void
make_plain_person(const CalendarPerson *person, PlainPerson *plain)
{
	if (person->address == NULL)
		return;
	plain->address = mailto(person->address);
	if (person->name != NULL && person->name[0] != '\0')
		plain->name = parameter_text(person->name);
}

/* The first and the last day are excluded, because an offset may lead into another year. */
static bool
is_in_range(pg_time_t at)
{
	pg_time_t	day = at / SECS_PER_DAY + UNIX_EPOCH_JDATE;

	return day > date2j(FIRST_YEAR, 1, 1) && day < date2j(LAST_YEAR, 12, 31);
}

/* Those that are still to come when the file is read. */
static void
take_alarms(const Alarms *alarms, PlainEvent *plain)
{
	for (int i = 0; i < alarms->count; i++)
		if (plain->start - alarms->before[i] > plain->stamped)
			plain->alarms.before[plain->alarms.count++] = alarms->before[i];
}

bool
calendar_event_make_plain(const CalendarEvent *event, PlainEvent *plain, char **error)
{
	memset(plain, 0, sizeof(PlainEvent));
	plain->start = timestamptz_to_time_t(event->start_at);
	/* DTEND must be later than DTSTART. */
	plain->end = Max(timestamptz_to_time_t(event->end_at), plain->start + 1);
	plain->updated = timestamptz_to_time_t(event->updated_at);
	plain->stamped = timestamptz_to_time_t(event->stamped_at);
	if (!is_in_range(plain->start) || !is_in_range(plain->end) ||
		!is_in_range(plain->updated) || !is_in_range(plain->stamped))
	{
		*error = psprintf("Its year is not in %d to %d.", FIRST_YEAR, LAST_YEAR);
		return false;
	}

	plain->method = event->method;
	plain->uid = clean_text(event->uid);
	plain->sequence = event->sequence;
	plain->title = clean_text(event->title);
	plain->location = clean_text_if_any(event->location);
	plain->url = clean_text_if_any(event->url);
	make_plain_person(&event->organizer, &plain->organizer);
	make_plain_person(&event->attendee, &plain->attendee);
	plain->asks_attendee = event->asks_attendee;
	take_alarms(&event->alarms, plain);

	/*
	 * It was known when it was stored; the server's timezone data may have
	 * changed since.
	 */
	plain->zone = timezone_rules(event->timezone);
	return true;
}
