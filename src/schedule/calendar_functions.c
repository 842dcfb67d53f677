/*
 * calendar_functions.c
 *		Appointments for calendars.
 *
 * Whoever knows an appointment's id may call these, as messages contain links
 * with it. So a calendar gets the title, the times and the link to the room,
 * but no notes, metadata or participants. It does not get the location either,
 * which may be somebody's address.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/rest_response.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "render/calendar_file.h"
#include "render/calendar_link.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(ical_text);
PG_FUNCTION_INFO_V1(ical_event);
PG_FUNCTION_INFO_V1(google_calendar_url);
PG_FUNCTION_INFO_V1(google_calendar_event);
PG_FUNCTION_INFO_V1(outlook_calendar_event);

/* calendar_file, calendar_google_url or calendar_outlook_url. */
typedef char *(*CalendarWriter) (const CalendarEvent *event, char **error);

static void
find_event(const pg_uuid_t *id, CalendarEvent *event)
{
	static Statement find = {
		"SELECT a.state, a.sequence, coalesce(" TITLE_FOR_CUSTOMERS ", t.name), a.start_at, a.end_at, a.timezone, r.url, a.updated_at "
		"FROM appt.appointment a JOIN appt.application t ON t.id = a.application_id "
		"LEFT JOIN appt.room_access r ON r.application_id = a.application_id AND r.appointment_id = a.id "
		"WHERE a.id = $1",
		1, {UUIDOID}, true
	};
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("appointment", id);
	row = ROW(0);
	memset(event, 0, sizeof(CalendarEvent));
	event->method = strcmp(next_text(row), APPOINTMENT_CANCELLED) == 0 ? CALENDAR_CANCEL : CALENDAR_PUBLISH;
	event->uid = uuid_text(id);
	event->sequence = next_int32(row);
	event->title = next_text(row);
	event->start_at = next_timestamp(row);
	event->end_at = next_timestamp(row);
	event->timezone = next_text(row);
	event->url = next_text(row);
	event->updated_at = event->stamped_at = next_timestamp(row);
}

/* The text that `write` makes of the appointment that the function's argument names. */
static char *
write_event(FunctionCallInfo fcinfo, CalendarWriter write, CalendarMethod *method)
{
	Call		call;
	CalendarEvent event;
	const pg_uuid_t *id;
	char	   *error;
	char	   *text;

	call_begin(&call, fcinfo, CALLER_ALL);
	id = required_uuid(fcinfo, 0, "id");
	find_event(id, &event);
	text = write(&event, &error);
	if (text == NULL)
		report_conflict("calendars cannot hold this appointment",
						"Appointment \"%s\" cannot be converted. %s", uuid_text(id), error);
	text = MemoryContextStrdup(call.context, text);
	*method = event.method;
	call_end(&call);
	return text;
}

/*
 * appt.ical_text(id uuid) -> text
 *
 * PT404: no such appointment in any application. PT409: its year is after
 * 2999. Source: auvious-appointments-api.txt, "Get iCalendar Event".
 */
Datum
ical_text(PG_FUNCTION_ARGS)
{
	CalendarMethod method;
	char	   *text = write_event(fcinfo, calendar_file, &method);

	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(text, strlen(text), PG_UTF8)));
}

/*
 * appt.ical_event(id uuid) -> bytea, as the domain that is named like any media type
 *
 * The bytes of the file, and response headers with its type and name. Errors
 * and source as above.
 */
Datum
ical_event(PG_FUNCTION_ARGS)
{
	CalendarMethod method;
	char	   *text = write_event(fcinfo, calendar_file, &method);
	const ResponseHeader headers[] = {
		{"Content-Type", psprintf("text/calendar; charset=utf-8; method=%s", calendar_method_name(method))},
		{"Content-Disposition", psprintf("attachment; filename=\"appointment-%s.ics\"", uuid_text(PG_GETARG_UUID_P(0)))}
	};

	response_set_headers(headers, lengthof(headers));
	PG_RETURN_BYTEA_P(cstring_to_text(text));
}

/*
 * appt.google_calendar_url(id uuid) -> text
 *
 * Errors as above. Source: auvious-appointments-api.txt, "Get Google Calendar
 * Event URL".
 */
Datum
google_calendar_url(PG_FUNCTION_ARGS)
{
	CalendarMethod method;

	PG_RETURN_TEXT_P(cstring_to_text(write_event(fcinfo, calendar_google_url, &method)));
}

static void
redirect(FunctionCallInfo fcinfo, CalendarWriter write)
{
	CalendarMethod method;
	const ResponseHeader location = {"Location", write_event(fcinfo, write, &method)};

	response_set_status(302);
	response_set_headers(&location, 1);
}

/*
 * appt.google_calendar_event(id uuid) -> void
 *
 * Redirects a browser that calls through PostgREST to the link. Errors and
 * source as above.
 */
Datum
google_calendar_event(PG_FUNCTION_ARGS)
{
	redirect(fcinfo, calendar_google_url);
	PG_RETURN_VOID();
}

/*
 * appt.outlook_calendar_event(id uuid) -> void
 *
 * The same for Outlook on the web.
 */
Datum
outlook_calendar_event(PG_FUNCTION_ARGS)
{
	redirect(fcinfo, calendar_outlook_url);
	PG_RETURN_VOID();
}
