/*
 * calendar.c
 *		Calendar files and links of events without an appointment.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "channel/mail_address.h"
#include "render/calendar_file.h"
#include "render/calendar_link.h"

PG_FUNCTION_INFO_V1(test_calendar_file);
PG_FUNCTION_INFO_V1(test_calendar_google_url);

/* "Name <address>", or nobody */
static void
read_person(FunctionCallInfo fcinfo, int i, CalendarPerson *person)
{
	char	   *mailbox = text_to_cstring(PG_GETARG_TEXT_PP(i));

	if (mailbox[0] != '\0' &&
		!mailbox_parts(mailbox, (char **) &person->name, (char **) &person->address))
		elog(ERROR, "no mailbox: %s", mailbox);
}

/*
 * (start_at timestamptz, end_at timestamptz, timezone text, title text, url text, method text,
 * organizer text, attendee text); the method UNINVITE is that of CalendarMethod
 */
static void
read_event(FunctionCallInfo fcinfo, CalendarEvent *event)
{
	memset(event, 0, sizeof(CalendarEvent));
	event->start_at = PG_GETARG_TIMESTAMPTZ(0);
	event->end_at = PG_GETARG_TIMESTAMPTZ(1);
	event->timezone = text_to_cstring(PG_GETARG_TEXT_PP(2));
	event->title = text_to_cstring(PG_GETARG_TEXT_PP(3));
	event->url = text_to_cstring(PG_GETARG_TEXT_PP(4));
	event->method = CALENDAR_PUBLISH;
	while (strcmp(text_to_cstring(PG_GETARG_TEXT_PP(5)),
				  event->method == CALENDAR_UNINVITE ? "UNINVITE" : calendar_method_name(event->method)) != 0)
		event->method++;
	read_person(fcinfo, 6, &event->organizer);
	read_person(fcinfo, 7, &event->attendee);
	event->uid = "uid";
}

/* The file, or the reason why there is none */
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
