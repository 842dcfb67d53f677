/*
 * calendar.c
 *		An appointment as calendars take it.
 *
 * libical puts the file together and escapes what it holds. Its objects live
 * in memory that no error of ours would free, and some of its mistakes can be
 * told to abort the process: so everything that could raise an error is done
 * before its first call and after its last, and its errors are told to be
 * values each time, whoever else in this process uses it.
 *
 * Two things are not left to it. Its definitions of timezones hold a century of
 * changes under names of its own, by tables that are not the database's: ours
 * are written from what PostgreSQL knows around the event. And it folds long
 * lines wrongly: a part of 73 octets without a space is broken between CR and
 * LF (3.0.16), so what it folded is unfolded and folded anew.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <libical/ical.h>

#include "core/encoding.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "render/calendar.h"
#include "render/observances.h"
#include "render/timezones.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#define PRODUCT_ID "-//appt//appt//EN"

/* Of events; to libical no year after 3000 is valid, and an observance may begin a year after its event. */
#define FIRST_YEAR 1
#define LAST_YEAR 2999

/* Octets of a line, without its end (RFC 5545, 3.1). */
#define MAX_LINE 75
#define LINE_END "\r\n"
#define FOLD LINE_END " "

/*
 * What libical allocates at most, its list of timezones (read once and not
 * used) included, and per byte of text: 9 were measured, where every byte is
 * escaped.
 */
#define LIBICAL_MEMORY (256 * 1024)
#define LIBICAL_MEMORY_FACTOR 16

#define GOOGLE_URL "https://calendar.google.com/calendar/render?action=TEMPLATE"

/* Bytes of a title in a link, which receivers refuse when it gets too long. */
#define MAX_LINKED_TITLE 1000

static const struct
{
	const char *name;
	icalproperty_method method;
	icalproperty_status status;
}			methods[] = {
	[CALENDAR_PUBLISH] = {"PUBLISH", ICAL_METHOD_PUBLISH, ICAL_STATUS_CONFIRMED},
	[CALENDAR_REQUEST] = {"REQUEST", ICAL_METHOD_REQUEST, ICAL_STATUS_CONFIRMED},
	[CALENDAR_CANCEL] = {"CANCEL", ICAL_METHOD_CANCEL, ICAL_STATUS_CANCELLED},
	/* For others it takes place (RFC 5546, 3.2.5). */
	[CALENDAR_UNINVITE] = {"CANCEL", ICAL_METHOD_CANCEL, ICAL_STATUS_NONE}
};

/* Somebody ready to be written. */
typedef struct PlainPerson
{
	char	   *address;		/* as a URI; NULL: nobody */
	char	   *name;			/* NULL: none */
} PlainPerson;

/* An event ready to be written: whole seconds since 1970, texts without control characters. */
typedef struct PlainEvent
{
	CalendarMethod method;
	char	   *uid;
	int			sequence;
	char	   *title;
	pg_time_t	start;
	pg_time_t	end;
	pg_tz	   *zone;			/* NULL: not known */
	char	   *url;			/* NULL: none */
	pg_time_t	updated;
	pg_time_t	stamped;
	PlainPerson organizer;
	PlainPerson attendee;
	bool		is_local;		/* are its times told by the observances? */
	Observances observances;
} PlainEvent;

const char *
calendar_method_name(CalendarMethod method)
{
	return methods[method].name;
}

/* ---- getting ready ---- */

/* Before libical reads it: that takes all text for UTF-8. The server's own error tells what can't be converted. */
static const char *
as_utf8(const char *text)
{
	const char *utf8 = encoding_to_utf8(text);

	return utf8 != NULL ? utf8 : pg_server_to_any(text, strlen(text), PG_UTF8);
}

/*
 * In UTF-8. Lines end in LF, as libical wants them; other control characters are
 * no text of RFC 5545's.
 */
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

/* The address as a URI (RFC 6068); what clients compare it with is mostly the address as it is. */
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

/* No value of a parameter holds a double quote, and few receivers know how to write it otherwise (RFC 6868). */
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

/* The first and the last day are left to offsets. */
static bool
is_in_range(pg_time_t at)
{
	pg_time_t	day = at / SECS_PER_DAY + UNIX_EPOCH_JDATE;

	return day > date2j(FIRST_YEAR, 1, 1) && day < date2j(LAST_YEAR, 12, 31);
}

/* UTC is told as such: a calendar needs no definition for it. */
static bool
is_utc(const Observances *observances)
{
	return observances->count == 1 && observances->all[0].offset_to == 0 &&
		strcmp(observances->all[0].name, "UTC") == 0;
}

static bool
make_plain(const CalendarEvent *event, PlainEvent *plain, char **error)
{
	memset(plain, 0, sizeof(PlainEvent));
	plain->start = timestamptz_to_time_t(event->start_at);
	/* An event has a length. */
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
	if (event->url != NULL && event->url[0] != '\0')
		plain->url = clean_text(event->url);
	make_plain_person(&event->organizer, &plain->organizer);
	make_plain_person(&event->attendee, &plain->attendee);
	/* It was known when it was stored; the server's data may have changed since. */
	if (timezone_is_known(event->timezone))
		plain->zone = pg_tzset(event->timezone);
	return true;
}

/* ---- what libical does: nothing here allocates by palloc or raises an error ---- */

static struct icaltimetype
utc_time(pg_time_t at)
{
	return icaltime_from_timet_with_zone(at, 0, icaltimezone_get_utc_timezone());
}

static struct icaltimetype
local_time(pg_time_t at, int offset)
{
	return icaltime_from_timet_with_zone(at + offset, 0, NULL);
}

static icalcomponent *
observance_component(const Observance *observance)
{
	icalcomponent *component = icalcomponent_new(observance->is_daylight ?
												 ICAL_XDAYLIGHT_COMPONENT : ICAL_XSTANDARD_COMPONENT);

	icalcomponent_add_property(component,
							   icalproperty_new_dtstart(local_time(observance->begins,
																   observance->offset_from)));
	icalcomponent_add_property(component, icalproperty_new_tzoffsetfrom(observance->offset_from));
	icalcomponent_add_property(component, icalproperty_new_tzoffsetto(observance->offset_to));
	icalcomponent_add_property(component, icalproperty_new_tzname(observance->name));
	return component;
}

static icalcomponent *
timezone_component(const PlainEvent *event)
{
	icalcomponent *component = icalcomponent_new(ICAL_VTIMEZONE_COMPONENT);

	icalcomponent_add_property(component, icalproperty_new_tzid(pg_get_timezone_name(event->zone)));
	for (int i = 0; i < event->observances.count; i++)
		icalcomponent_add_component(component, observance_component(&event->observances.all[i]));
	return component;
}

/* DTSTART or DTEND. */
static icalproperty *
time_property(const PlainEvent *event, icalproperty *(*make) (struct icaltimetype), pg_time_t at)
{
	icalproperty *property;

	if (!event->is_local)
		return make(utc_time(at));
	property = make(local_time(at, observances_offset(&event->observances, at)));
	icalproperty_add_parameter(property, icalparameter_new_tzid(pg_get_timezone_name(event->zone)));
	return property;
}

/* libical writes it as it is, so nothing that ends a URL for somebody may be in it. */
static bool
is_plain_url(const char *url)
{
	return strpbrk(url, " \t\n\"<>\\") == NULL;
}

/* ORGANIZER or ATTENDEE. */
static icalproperty *
person_property(const PlainPerson *person, icalproperty *(*make) (const char *))
{
	icalproperty *property = make(person->address);

	if (person->name != NULL)
		icalproperty_add_parameter(property, icalparameter_new_cn(person->name));
	return property;
}

/* Nobody reads what an invited person's calendar answers, so it is not asked to. */
static icalproperty *
attendee_property(const PlainPerson *person)
{
	icalproperty *property = person_property(person, icalproperty_new_attendee);

	icalproperty_add_parameter(property, icalparameter_new_role(ICAL_ROLE_REQPARTICIPANT));
	icalproperty_add_parameter(property, icalparameter_new_partstat(ICAL_PARTSTAT_NEEDSACTION));
	icalproperty_add_parameter(property, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
	return property;
}

static icalcomponent *
event_component(const PlainEvent *event)
{
	icalcomponent *component = icalcomponent_new(ICAL_VEVENT_COMPONENT);

	icalcomponent_add_property(component, icalproperty_new_uid(event->uid));
	icalcomponent_add_property(component, icalproperty_new_sequence(event->sequence));
	icalcomponent_add_property(component, icalproperty_new_dtstamp(utc_time(event->stamped)));
	icalcomponent_add_property(component, icalproperty_new_lastmodified(utc_time(event->updated)));
	icalcomponent_add_property(component, time_property(event, icalproperty_new_dtstart, event->start));
	icalcomponent_add_property(component, time_property(event, icalproperty_new_dtend, event->end));
	icalcomponent_add_property(component, icalproperty_new_summary(event->title));
	if (event->url != NULL)
	{
		icalcomponent_add_property(component, icalproperty_new_description(event->url));
		icalcomponent_add_property(component, icalproperty_new_location(event->url));
		if (is_plain_url(event->url))
			icalcomponent_add_property(component, icalproperty_new_url(event->url));
	}
	if (methods[event->method].status != ICAL_STATUS_NONE)
		icalcomponent_add_property(component, icalproperty_new_status(methods[event->method].status));
	if (event->organizer.address != NULL)
		icalcomponent_add_property(component, person_property(&event->organizer, icalproperty_new_organizer));
	if (event->attendee.address != NULL)
		icalcomponent_add_property(component, attendee_property(&event->attendee));
	return component;
}

static icalcomponent *
calendar_component(const PlainEvent *event)
{
	icalcomponent *calendar = icalcomponent_new(ICAL_VCALENDAR_COMPONENT);

	icalcomponent_add_property(calendar, icalproperty_new_prodid(PRODUCT_ID));
	icalcomponent_add_property(calendar, icalproperty_new_version("2.0"));
	icalcomponent_add_property(calendar, icalproperty_new_method(methods[event->method].method));
	if (event->is_local)
		icalcomponent_add_component(calendar, timezone_component(event));
	icalcomponent_add_component(calendar, event_component(event));
	return calendar;
}

static Size
text_length(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

/*
 * Where malloc fails libical follows the NULL, and all sessions would go down
 * with this one: so what it is going to need has to be there. (volatile, because
 * a compiler may leave out what looks as if it were for nothing.)
 */
static bool
has_memory(const PlainEvent *event)
{
	Size		text_size = text_length(event->title) + text_length(event->url) +
		text_length(event->organizer.address) + text_length(event->organizer.name) +
		text_length(event->attendee.address) + text_length(event->attendee.name);
	void	   *volatile block = malloc(LIBICAL_MEMORY + LIBICAL_MEMORY_FACTOR * text_size);

	free(block);
	return block != NULL;
}

/* The file as libical writes it, in memory of its own; NULL if that is short. */
static char *
written_by_libical(const PlainEvent *event)
{
	icalcomponent *calendar;
	char	   *text;

	if (!has_memory(event))
		return NULL;
	icalerror_set_errors_are_fatal(0);
	calendar = calendar_component(event);
	text = icalcomponent_as_ical_string_r(calendar);
	icalcomponent_free(calendar);
	return text;
}

/* ---- and after ---- */

/* A library's text as ours, and the library's freed; NULL if there was no memory to write it. */
static char *
take_over(char *text, void (*release) (void *), const char *library)
{
	char	   *copy = NULL;

	if (text != NULL)
	{
		Size		size = strlen(text) + 1;

		copy = palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (copy != NULL)
			memcpy(copy, text, size);
		release(text);
	}
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("%s could not write a text for a calendar.", library)));
	return copy;
}

static void
unfold(char *text)
{
	char	   *to = text;

	while (*text)
	{
		if (strncmp(text, FOLD, strlen(FOLD)) == 0)
			text += strlen(FOLD);
		else
			*to++ = *text++;
	}
	*to = '\0';
}

/* One line, in as many parts as it takes; none ends within a character. */
static void
append_folded(StringInfo folded, const char *line, int length)
{
	int			most = MAX_LINE;

	while (length > most)
	{
		int			part = pg_encoding_mbcliplen(PG_UTF8, line, length, most);

		appendBinaryStringInfo(folded, line, part);
		appendStringInfoString(folded, FOLD);
		line += part;
		length -= part;
		most = MAX_LINE - 1;	/* the space is part of the next */
	}
	appendBinaryStringInfo(folded, line, length);
	appendStringInfoString(folded, LINE_END);
}

static char *
fold(const char *text)
{
	StringInfoData folded;
	const char *end;

	initStringInfo(&folded);
	for (; (end = strstr(text, LINE_END)) != NULL; text = end + strlen(LINE_END))
		append_folded(&folded, text, end - text);
	return folded.data;
}

char *
calendar_file(const CalendarEvent *event, char **error)
{
	PlainEvent	plain;
	char	   *text;

	if (!make_plain(event, &plain, error))
		return NULL;
	plain.is_local = plain.zone != NULL &&
		observances_find(plain.zone, plain.start, plain.end, &plain.observances) &&
		!is_utc(&plain.observances);
	text = take_over(written_by_libical(&plain), icalmemory_free_buffer, "libical");
	unfold(text);
	return fold(text);
}

/* ---- the link ---- */

/* A parameter of the URL, of at most so many bytes. */
static void
append_parameter(StringInfo url, const char *name, const char *value, int most)
{
	int			length = pg_encoding_mbcliplen(PG_UTF8, value, strlen(value), most);

	appendStringInfo(url, "&%s=", name);
	/* To libcurl a length of 0 is not known. */
	if (length > 0)
		appendStringInfoString(url, take_over(curl_easy_escape(NULL, value, length), curl_free, "libcurl"));
}

static void
append_instant(StringInfo url, pg_time_t at)
{
	char		text[sizeof("99991231T235959Z")];

	(void) pg_strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", pg_gmtime(&at));
	appendStringInfoString(url, text);
}

char *
calendar_google_url(const CalendarEvent *event, char **error)
{
	PlainEvent	plain;
	StringInfoData url;

	if (!make_plain(event, &plain, error))
		return NULL;
	initStringInfo(&url);
	appendStringInfoString(&url, GOOGLE_URL);
	append_parameter(&url, "text", plain.title, MAX_LINKED_TITLE);
	appendStringInfoString(&url, "&dates=");
	append_instant(&url, plain.start);
	appendStringInfoChar(&url, '/');
	append_instant(&url, plain.end);
	if (plain.zone != NULL)
		append_parameter(&url, "ctz", pg_get_timezone_name(plain.zone), TZ_STRLEN_MAX);
	if (plain.url != NULL)
	{
		append_parameter(&url, "details", plain.url, INT_MAX);
		append_parameter(&url, "location", plain.url, INT_MAX);
	}
	return url.data;
}
