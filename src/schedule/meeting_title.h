/*
 * meeting_title.h
 *		Titles that appointments have from their meeting template.
 *
 * The template's title is Mustache. What it may mention: status, customerName,
 * location, organizer, meetingType, videoPlatform, time24, time12, date, zone,
 * duration and date patterns, of the appointment, in its timezone and locale. Any
 * other name is empty.
 *
 * Such a title is stored twice: in `title` with the booking state as status, for
 * those who work with the application, and in `title_for_customers` with an empty
 * status, for messages to customers, pages and calendars.
 */
#ifndef APPT_MEETING_TITLE_H
#define APPT_MEETING_TITLE_H

#include "schedule/appointment.h"

/* What a title is made of, beside the appointment. */
typedef struct TitleSource
{
	const char *title;			/* Mustache; NULL: no title */
	const char *meeting_type;
	const char *video_platform; /* NULL: none, as the next */
	const char *customer_names;
} TitleSource;

/* For statements: the names of the customers of appt.appointment `a`, if the title of `m` mentions them. */
#define CUSTOMER_NAMES_FOR_TITLE \
	"CASE WHEN m.title LIKE '%customerName%' THEN (SELECT string_agg(c.name, ', ' ORDER BY c.created_at, c.id) FROM (" \
	" SELECT nullif(concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, '')), '') AS name, p.created_at, p.id" \
	" FROM appt.participant p WHERE p.application_id = a.application_id" \
	"  AND p.appointment_id = a.id AND p.type = 'CUSTOMER'" \
	" ORDER BY p.created_at, p.id LIMIT 5) c) END"

/*
 * The title, palloc'd; NULL if nothing is left of it. `status` is a code or "".
 * It never fails: what can't be rendered has no title.
 */
extern char *meeting_title(const TitleSource *source, const Appointment *appointment, const char *status);

/* Set both titles of the appointment, by its booking_state. */
extern void meeting_title_set(const TitleSource *source, Appointment *appointment);

/*
 * Set both titles, unless the appointment has one of its own, or no meeting
 * template. Its row is stored by the caller; only its customers are read. The
 * titles stay if the template is deleted.
 */
extern void meeting_title_renew(Appointment *appointment);

/* The title that its customers are shown; NULL: none. */
extern const char *title_for_customers(const Appointment *appointment);

#endif							/* APPT_MEETING_TITLE_H */
