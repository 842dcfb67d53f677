/*
 * calendar_link.h
 *		An appointment as a link that opens the form of a calendar on the web.
 */
#ifndef APPT_CALENDAR_LINK_H
#define APPT_CALENDAR_LINK_H

#include "render/calendar_event.h"

/*
 * The URL, palloc'd in CurrentMemoryContext. If calendars cannot hold the event,
 * NULL, and *error is set to a palloc'd sentence. Raises what the conversion to
 * UTF-8 raises (22021, 22P05).
 */
extern char *calendar_google_url(const CalendarEvent *event, char **error);
extern char *calendar_outlook_url(const CalendarEvent *event, char **error);

#endif							/* APPT_CALENDAR_LINK_H */
