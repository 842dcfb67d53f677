/*
 * calendar_event.h
 *		An appointment as calendars hold it.
 */
#ifndef APPT_CALENDAR_EVENT_H
#define APPT_CALENDAR_EVENT_H

#include "datatype/timestamp.h"
#include "pgtime.h"

/* What the receiver's calendar does with the event (RFC 5546). */
typedef enum CalendarMethod
{
	CALENDAR_PUBLISH,			/* keeps it */
	CALENDAR_REQUEST,			/* keeps it or its new version, and invites
								 * the attendee */
	CALENDAR_CANCEL,			/* removes it, because it is cancelled */
	CALENDAR_UNINVITE			/* removes it, because the attendee is not
								 * invited any more */
} CalendarMethod;

/* Calendars identify people by mail address. */
typedef struct CalendarPerson
{
	const char *address;		/* NULL: nobody is named */
	const char *name;			/* one line; may be NULL */
} CalendarPerson;

/* Reminders of one event: receivers read few. */
#define MAX_ALARMS 4

typedef struct Alarms
{
	int			count;
	int64		before[MAX_ALARMS]; /* seconds before the start */
} Alarms;

/* Texts are in the database's encoding. */
typedef struct CalendarEvent
{
	CalendarMethod method;
	const char *uid;			/* the same for every version of the event */
	int			sequence;		/* grows with each change that receivers must
								 * take over */
	const char *title;
	TimestampTz start_at;
	TimestampTz end_at;
	const char *timezone;		/* of the event's local times */
	const char *location;		/* the place; NULL or "": none is told */
	const char *url;			/* where to join; NULL or "": nowhere */
	TimestampTz updated_at;
	TimestampTz stamped_at;		/* of versions with the same sequence, the
								 * later stamp wins */
	CalendarPerson organizer;	/* both are named or neither */
	CalendarPerson attendee;	/* who gets the file */
	bool		asks_attendee;	/* for an answer */
	Alarms		alarms;			/* those before the stamp are left out */
} CalendarEvent;

/* The same, ready to be written: UTF-8 without control characters, seconds since 1970. */
typedef struct PlainPerson
{
	char	   *address;		/* as a URI; NULL: nobody */
	char	   *name;			/* without double quotes; NULL: none */
} PlainPerson;

typedef struct PlainEvent
{
	CalendarMethod method;
	char	   *uid;
	int			sequence;
	char	   *title;
	pg_time_t	start;
	pg_time_t	end;			/* later than the start */
	pg_tz	   *zone;			/* NULL: not known */
	char	   *location;		/* NULL: none, like the next */
	char	   *url;
	pg_time_t	updated;
	pg_time_t	stamped;
	PlainPerson organizer;
	PlainPerson attendee;
	bool		asks_attendee;
	Alarms		alarms;
} PlainEvent;

/*
 * Makes the event plain, palloc'd in CurrentMemoryContext. If calendars cannot
 * hold it, returns false and sets *error to a palloc'd sentence. Raises what
 * the conversion to UTF-8 raises (22021, 22P05).
 */
extern bool calendar_event_make_plain(const CalendarEvent *event, PlainEvent *plain, char **error);

#endif							/* APPT_CALENDAR_EVENT_H */
