/* calendar_functions.sql: appointments for calendars. */

CREATE DOMAIN appt."*/*" AS bytea;
COMMENT ON DOMAIN appt."*/*" IS 'Bytes that PostgREST sends to any client unchanged, with the Content-Type that the function sets.';

CREATE FUNCTION appt.ical_text(id uuid DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ical_text';
COMMENT ON FUNCTION appt.ical_text(uuid) IS
'Returns an appointment as iCalendar text (RFC 5545), for SQL applications.

It has the title (or else the application''s name), the times and the link to the room; never notes, location, metadata or people. UID is the appointment''s id, SEQUENCE grows with its changes, METHOD is CANCEL once it is cancelled. Times are local to the appointment''s timezone, which has a VTIMEZONE in the text. PT404: no such appointment. PT409: a year after 2999.';

CREATE FUNCTION appt.ical_event(id uuid DEFAULT NULL) RETURNS appt."*/*"
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'ical_event';
COMMENT ON FUNCTION appt.ical_event(uuid) IS
'Returns an appointment as an iCalendar file (RFC 5545), which any HTTP client gets as text/calendar.

In UTF-8, otherwise as ical_text. Sets Content-Type and Content-Disposition in response.headers. PT404: no such appointment. PT409: a year after 2999.';

CREATE FUNCTION appt.google_calendar_url(id uuid DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'google_calendar_url';
COMMENT ON FUNCTION appt.google_calendar_url(uuid) IS
'Returns the link that adds an appointment to a Google calendar.

It has the title (or else the application''s name), the times and the link to the room; never notes, location, metadata or people. The title is cut at 1,000 bytes. PT404: no such appointment. PT409: a year after 2999.';

CREATE FUNCTION appt.google_calendar_event(id uuid DEFAULT NULL) RETURNS void
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'google_calendar_event';
COMMENT ON FUNCTION appt.google_calendar_event(uuid) IS
'Redirects to the link that adds an appointment to a Google calendar: 302 with its Location.

For PostgREST; SQL applications use google_calendar_url. PT404: no such appointment. PT409: a year after 2999.';

CREATE FUNCTION appt.outlook_calendar_event(id uuid DEFAULT NULL) RETURNS void
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'outlook_calendar_event';
COMMENT ON FUNCTION appt.outlook_calendar_event(uuid) IS
'Redirects to the link that adds an appointment to a calendar of Outlook on the web: 302 with its Location.

For PostgREST. PT404: no such appointment. PT409: a year after 2999.';
