/*
 * page_appointment.h
 *		What a page shows of an appointment: details, the last answer, what can be
 *		answered, calendars.
 */
#ifndef APPT_PAGE_APPOINTMENT_H
#define APPT_PAGE_APPOINTMENT_H

#include "pages/page_values.h"

/* With its heading, and the form that the request asks for. */
extern void page_push_appointment(Page *page);

#endif							/* APPT_PAGE_APPOINTMENT_H */
