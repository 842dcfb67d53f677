/*
 * meeting_template.h
 *		The meeting template of an appointment: what it has that the appointment
 *		does not say.
 */
#ifndef APPT_MEETING_TEMPLATE_H
#define APPT_MEETING_TEMPLATE_H

#include "schedule/appointment.h"
#include "schedule/participant.h"

typedef struct MeetingTemplate
{
	pg_uuid_t	id;
	Interval   *duration;		/* NULL: none, as location, title and
								 * video_platform */
	char	   *location;
	char	   *title;			/* Mustache */
	char	   *meeting_type;
	char	   *video_platform;
	bool		require_location;

	/*
	 * Channels of its rules that confirm a booking by themselves; preferred:
	 * that of the customer.
	 */
	bool		confirms_by_email;
	bool		confirms_by_sms;
	bool		confirms_by_preferred;
} MeetingTemplate;

/*
 * A template that appointments may be given. PT404: the application has none of
 * that id. 22023: it is not active.
 */
extern MeetingTemplate *meeting_template_find(const pg_uuid_t *application_id, const pg_uuid_t *id);

/*
 * Give the appointment the template: a location if it has none, and the states of a
 * new one. A title that it has is its own. 22023: it has no location, and the
 * template requires one.
 */
extern void meeting_template_apply(const MeetingTemplate *meeting, Appointment *appointment);

/* Is this customer, who may be NULL, sent a confirmation as soon as the appointment is booked? */
extern bool meeting_template_confirms(const MeetingTemplate *meeting, const Customer *customer);

/* Give an appointment without a title of its own the template's. Its customer may be NULL. */
extern void meeting_template_entitle(const MeetingTemplate *meeting, Appointment *appointment, const Customer *customer);

#endif							/* APPT_MEETING_TEMPLATE_H */
