/*
 * calendar.c
 *		Calendar files and links of events that are no appointments.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "notify/calendar.h"

PG_FUNCTION_INFO_V1(test_calendar_file);
PG_FUNCTION_INFO_V1(test_calendar_google_url);

/* (start_at timestamptz, end_at timestamptz, timezone text, title text, url text, method text) */
static void
read_event(FunctionCallInfo fcinfo, CalendarEvent *event)
{
	memset(event, 0, sizeof(CalendarEvent));
	event->start_at = PG_GETARG_TIMESTAMPTZ(0);
	event->end_at = PG_GETARG_TIMESTAMPTZ(1);
	event->timezone = text_to_cstring(PG_GETARG_TEXT_PP(2));
	event->title = text_to_cstring(PG_GETARG_TEXT_PP(3));
	event->url = text_to_cstring(PG_GETARG_TEXT_PP(4));
	event->method = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(5)), "CANCEL") == 0 ? CALENDAR_CANCEL : CALENDAR_PUBLISH;
	event->uid = "uid";
}

/* What is written, or the sentence why nothing is */
static text *
written(FunctionCallInfo fcinfo, char *(*write) (const CalendarEvent *event, char **error))
{
	CalendarEvent event;
	char	   *error = NULL;
	char	   *result;

	read_event(fcinfo, &event);
	result = write(&event, &error);
	return cstring_to_text(result ? result : psprintf("error: %s", error));
}

/* The file's octets */
Datum
test_calendar_file(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(written(fcinfo, calendar_file));
}

Datum
test_calendar_google_url(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(written(fcinfo, calendar_google_url));
}
