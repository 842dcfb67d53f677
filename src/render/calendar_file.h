/*
 * calendar_file.h
 *		An appointment as a calendar file (RFC 5545).
 */
#ifndef APPT_CALENDAR_FILE_H
#define APPT_CALENDAR_FILE_H

#include "render/calendar_event.h"

/* "PUBLISH" and so on, as in the file and in its Content-Type. */
extern const char *calendar_method_name(CalendarMethod method);

/*
 * The file, in UTF-8, palloc'd in CurrentMemoryContext. The same event always
 * gives the same text. Times are local ones with a definition of their timezone
 * by PostgreSQL's offsets; they are in UTC where the timezone is UTC or not
 * known, or where a local time would be ambiguous. Parts of a second are cut
 * off. If calendars cannot hold the event, NULL, and *error is set to a palloc'd
 * sentence. Raises what the conversion to UTF-8 raises (22021, 22P05).
 */
extern char *calendar_file(const CalendarEvent *event, char **error);

#endif							/* APPT_CALENDAR_FILE_H */
