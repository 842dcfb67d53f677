/*
 * calendar_file.c
 *		An appointment as a calendar file.
 *
 * The definition of the timezone holds what PostgreSQL knows of its clocks
 * around the event, not a century of changes from another table: a receiver
 * reads the instants that the database has.
 */
#include "postgres.h"

#include "render/calendar_file.h"
#include "render/content_lines.h"
#include "render/observances.h"

#define PRODUCT_ID "-//appt//appt " APPT_VERSION "//EN"

static const struct
{
	const char *name;
	const char *status;			/* of the event; NULL: none */
}			methods[] = {
	[CALENDAR_PUBLISH] = {"PUBLISH", "CONFIRMED"},
	[CALENDAR_REQUEST] = {"REQUEST", "CONFIRMED"},
	[CALENDAR_CANCEL] = {"CANCEL", "CANCELLED"},
	/* The event is not cancelled for the other attendees (RFC 5546, 3.2.5). */
	[CALENDAR_UNINVITE] = {"CANCEL", NULL}
};

const char *
calendar_method_name(CalendarMethod method)
{
	return methods[method].name;
}

/* A line with a value of type TEXT; no line if it is NULL. */
static void
text_line(StringInfo file, const char *name, const char *text)
{
	if (text != NULL)
		content_line(file, name, content_text(text));
}

static void
time_line(StringInfo file, const char *name, const char *format, pg_time_t at)
{
	char		text[sizeof("99991231T235959Z")];

	(void) pg_strftime(text, sizeof(text), format, pg_gmtime(&at));
	content_line(file, name, text);
}

static void
utc_line(StringInfo file, const char *name, pg_time_t at)
{
	time_line(file, name, "%Y%m%dT%H%M%SZ", at);
}

static void
local_line(StringInfo file, const char *name, pg_time_t at, int offset)
{
	time_line(file, name, "%Y%m%dT%H%M%S", at + offset);
}

/* Seconds east of UTC as +HHMM or +HHMMSS. */
static void
offset_line(StringInfo file, const char *name, int offset)
{
	int			seconds = abs(offset);
	char		text[sizeof("+235959")];

	snprintf(text, sizeof(text), "%c%02d%02d", offset < 0 ? '-' : '+',
			 seconds / SECS_PER_HOUR, seconds / SECS_PER_MINUTE % MINS_PER_HOUR);
	if (seconds % SECS_PER_MINUTE != 0)
		snprintf(text + 5, sizeof(text) - 5, "%02d", seconds % SECS_PER_MINUTE);
	content_line(file, name, text);
}

static void
write_observance(StringInfo file, const Observance *observance)
{
	const char *component = observance->is_daylight ? "DAYLIGHT" : "STANDARD";

	content_line(file, "BEGIN", component);
	local_line(file, "DTSTART", observance->begins, observance->offset_from);
	offset_line(file, "TZOFFSETFROM", observance->offset_from);
	offset_line(file, "TZOFFSETTO", observance->offset_to);
	text_line(file, "TZNAME", observance->name);
	content_line(file, "END", component);
}

static void
write_timezone(StringInfo file, const char *zone, const Observances *observances)
{
	content_line(file, "BEGIN", "VTIMEZONE");
	text_line(file, "TZID", zone);
	for (int i = 0; i < observances->count; i++)
		write_observance(file, &observances->all[i]);
	content_line(file, "END", "VTIMEZONE");
}

/* observances is NULL for a time in UTC. */
static void
event_time_line(StringInfo file, const char *name, const char *zone, const Observances *observances, pg_time_t at)
{
	if (observances == NULL)
		utc_line(file, name, at);
	else
		local_line(file, psprintf("%s;TZID=%s", name, zone), at, observances_offset(observances, at));
}

/* A URL is written as it is, so it must not hold what ends a URL for some receiver. */
static bool
is_plain_url(const char *url)
{
	return strpbrk(url, " \t\n\"<>\\") == NULL;
}

/* A call without a location has its link in its place. */
static void
write_place(StringInfo file, const PlainEvent *event)
{
	text_line(file, "DESCRIPTION", event->url);
	text_line(file, "LOCATION", event->location != NULL ? event->location : event->url);
	if (event->url != NULL && is_plain_url(event->url))
		content_line(file, "URL", event->url);
}

/* ORGANIZER or ATTENDEE. */
static void
person_line(StringInfo file, const char *property, const PlainPerson *person, const char *parameters)
{
	const char *name = "";

	if (person->address == NULL)
		return;
	if (person->name != NULL)
		name = psprintf(";CN=%s", content_parameter(person->name));
	content_line(file, psprintf("%s%s%s", property, name, parameters), person->address);
}

/* A length of time in its largest unit: RFC 5545 has no hours and seconds without minutes. */
static char *
duration_text(int64 seconds)
{
	static const struct
	{
		int			length;
		const char *format;
	}			units[] = {
		{SECS_PER_DAY, "P" INT64_FORMAT "D"},
		{SECS_PER_HOUR, "PT" INT64_FORMAT "H"},
		{SECS_PER_MINUTE, "PT" INT64_FORMAT "M"}
	};

	for (int i = 0; i < lengthof(units) && seconds > 0; i++)
		if (seconds % units[i].length == 0)
			return psprintf(units[i].format, seconds / units[i].length);
	return psprintf("PT" INT64_FORMAT "S", seconds);
}

static void
write_alarm(StringInfo file, const char *title, int64 before)
{
	content_line(file, "BEGIN", "VALARM");
	content_line(file, "ACTION", "DISPLAY");
	text_line(file, "DESCRIPTION", title);
	content_line(file, "TRIGGER", psprintf("-%s", duration_text(before)));
	content_line(file, "END", "VALARM");
}

static void
write_event(StringInfo file, const PlainEvent *event, const char *zone, const Observances *observances)
{
	content_line(file, "BEGIN", "VEVENT");
	text_line(file, "UID", event->uid);
	content_line(file, "SEQUENCE", psprintf("%d", event->sequence));
	utc_line(file, "DTSTAMP", event->stamped);
	utc_line(file, "LAST-MODIFIED", event->updated);
	event_time_line(file, "DTSTART", zone, observances, event->start);
	event_time_line(file, "DTEND", zone, observances, event->end);
	text_line(file, "SUMMARY", event->title);
	write_place(file, event);
	text_line(file, "STATUS", methods[event->method].status);
	person_line(file, "ORGANIZER", &event->organizer, "");

	person_line(file, "ATTENDEE", &event->attendee, psprintf(";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=%s",
															 event->asks_attendee ? "TRUE" : "FALSE"));
	for (int i = 0; i < event->alarms.count; i++)
		write_alarm(file, event->title, event->alarms.before[i]);
	content_line(file, "END", "VEVENT");
}

/* UTC needs no definition. */
static bool
is_utc(const Observances *observances)
{
	return observances->count == 1 && observances->all[0].offset_to == 0 &&
		strcmp(observances->all[0].name, "UTC") == 0;
}

char *
calendar_file(const CalendarEvent *event, char **error)
{
	PlainEvent	plain;
	Observances observances;
	const char *zone = NULL;	/* of local times; NULL: they are in UTC */
	StringInfoData file;

	if (!calendar_event_make_plain(event, &plain, error))
		return NULL;
	if (plain.zone != NULL && observances_find(plain.zone, plain.start, plain.end, &observances) &&
		!is_utc(&observances))
		zone = pg_get_timezone_name(plain.zone);

	initStringInfo(&file);
	content_line(&file, "BEGIN", "VCALENDAR");
	content_line(&file, "PRODID", PRODUCT_ID);
	content_line(&file, "VERSION", "2.0");
	content_line(&file, "METHOD", methods[plain.method].name);
	if (zone != NULL)
		write_timezone(&file, zone, &observances);
	write_event(&file, &plain, zone, zone == NULL ? NULL : &observances);
	content_line(&file, "END", "VCALENDAR");
	return file.data;
}
