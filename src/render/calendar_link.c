/*
 * calendar_link.c
 *		An appointment as a link that opens the form of a calendar on the web.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "render/calendar_link.h"

#define OUTLOOK_URL "https://outlook.live.com/calendar/0/deeplink/compose?path=%2Fcalendar%2Faction%2Fcompose&rru=addevent"
#define GOOGLE_URL "https://calendar.google.com/calendar/render?action=TEMPLATE"

/* Bytes of a text in a link: receivers refuse one that gets too long. */
#define MAX_LINKED_TEXT 1000

/* Percent-encode everything but RFC 3986's unreserved characters. */
static void
append_encoded(StringInfo url, const char *text, int length)
{
	static const char digits[] = "0123456789ABCDEF";

	for (int i = 0; i < length; i++)
	{
		unsigned char c = text[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c) != NULL)
			appendStringInfoChar(url, c);
		else
		{
			appendStringInfoChar(url, '%');
			appendStringInfoChar(url, digits[c >> 4]);
			appendStringInfoChar(url, digits[c & 0xf]);
		}
	}
}

/* A parameter of the URL, with the start of the value in at most that many bytes. */
static void
append_parameter(StringInfo url, const char *name, const char *value, int most)
{
	appendStringInfo(url, "&%s=", name);
	append_encoded(url, value, pg_encoding_mbcliplen(PG_UTF8, value, strlen(value), most));
}

static void
append_instant(StringInfo url, pg_time_t at)
{
	char		text[sizeof("99991231T235959Z")];

	(void) pg_strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", pg_gmtime(&at));
	appendStringInfoString(url, text);
}

/* Without a place, where to join. */
static void
append_place(StringInfo url, const PlainEvent *plain)
{
	if (plain->location != NULL)
		append_parameter(url, "location", plain->location, MAX_LINKED_TEXT);
	else if (plain->url != NULL)
		append_parameter(url, "location", plain->url, PG_INT32_MAX);
}

char *
calendar_google_url(const CalendarEvent *event, char **error)
{
	PlainEvent	plain;
	StringInfoData url;

	if (!calendar_event_make_plain(event, &plain, error))
		return NULL;
	initStringInfo(&url);
	appendStringInfoString(&url, GOOGLE_URL);
	append_parameter(&url, "text", plain.title, MAX_LINKED_TEXT);
	appendStringInfoString(&url, "&dates=");
	append_instant(&url, plain.start);
	appendStringInfoChar(&url, '/');
	append_instant(&url, plain.end);
	if (plain.zone != NULL)
		append_parameter(&url, "ctz", pg_get_timezone_name(plain.zone), TZ_STRLEN_MAX);
	if (plain.url != NULL)
		append_parameter(&url, "details", plain.url, PG_INT32_MAX);
	append_place(&url, &plain);
	return url.data;
}

/* An instant in ISO 8601, in UTC. */
static void
append_iso_instant(StringInfo url, const char *name, pg_time_t at)
{
	char		text[sizeof("99991-12-31T23:59:59Z")];

	(void) pg_strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", pg_gmtime(&at));
	append_parameter(url, name, text, sizeof(text));
}

char *
calendar_outlook_url(const CalendarEvent *event, char **error)
{
	PlainEvent	plain;
	StringInfoData url;

	if (!calendar_event_make_plain(event, &plain, error))
		return NULL;
	initStringInfo(&url);
	appendStringInfoString(&url, OUTLOOK_URL);
	append_parameter(&url, "subject", plain.title, MAX_LINKED_TEXT);
	append_iso_instant(&url, "startdt", plain.start);
	append_iso_instant(&url, "enddt", plain.end);
	if (plain.url != NULL)
		append_parameter(&url, "body", plain.url, PG_INT32_MAX);
	append_place(&url, &plain);
	return url.data;
}
