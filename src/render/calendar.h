/*
 * calendar.h
 *		An appointment as calendars take it: a file (RFC 5545) and a link that
 *		opens Google Calendar's form.
 *
 * Pure: no SPI, and no clock either, for the same event always gives the same
 * text. Texts are in the database's encoding, results palloc'd in
 * CurrentMemoryContext. An event that calendars cannot hold is no error: the
 * result is NULL then and *error, a palloc'd sentence, says why. Raised are out
 * of memory and what converting a text to UTF-8 raises.
 */
#ifndef APPT_CALENDAR_H
#define APPT_CALENDAR_H

#include "datatype/timestamp.h"

/* What the receiver is to do with it (RFC 5546). */
typedef enum CalendarMethod
{
	CALENDAR_PUBLISH,			/* keep it */
	CALENDAR_REQUEST,			/* you are invited, or what you are invited to has changed */
	CALENDAR_CANCEL,			/* strike it out */
	CALENDAR_UNINVITE			/* strike it out: it is not yours any more */
} CalendarMethod;

/* As a calendar names people: by mail address. */
typedef struct CalendarPerson
{
	const char *address;		/* NULL: nobody is named */
	const char *name;			/* one line; may be NULL */
} CalendarPerson;

typedef struct CalendarEvent
{
	CalendarMethod method;
	const char *uid;			/* the same for every version of the event */
	int			sequence;		/* grows with what receivers must take over */
	const char *title;
	TimestampTz start_at;
	TimestampTz end_at;
	const char *timezone;		/* in which its times are told */
	const char *url;			/* where to join; NULL or "": nowhere */
	TimestampTz updated_at;
	TimestampTz stamped_at;		/* of versions with one sequence, the later stamp wins */
	CalendarPerson organizer;	/* both are named or neither */
	CalendarPerson attendee;	/* who gets the file */
} CalendarEvent;

/* "PUBLISH" and so on, as it stands in the file and in its Content-Type. */
extern const char *calendar_method_name(CalendarMethod method);

/*
 * The file, in UTF-8. Times are local ones beside a definition of their
 * timezone, with offsets that are PostgreSQL's; in UTC where the timezone is
 * UTC or not known, or where a local time would be ambiguous. Parts of a second
 * are cut off.
 */
extern char *calendar_file(const CalendarEvent *event, char **error);

/* The link. */
extern char *calendar_google_url(const CalendarEvent *event, char **error);

#endif							/* APPT_CALENDAR_H */
