/*
 * booking_state.h
 *		What the customers of an appointment with a meeting template were told
 *		and said, and the title that shows it.
 */
#ifndef APPT_BOOKING_STATE_H
#define APPT_BOOKING_STATE_H

#include "core/meeting_codes.h"
#include "notify/appointment_key.h"

/*
 * Set the booking state of an appointment with a meeting template, whose row is
 * locked; and its title, unless it has one of its own. That is no change that
 * subscribers or calendars are told of. Nothing happens to an appointment without
 * a meeting template. It waits for nothing and raises no error of its own.
 */
extern void booking_state_set(const AppointmentKey *key, BookingState state);

/*
 * Make the title anew after a change of what it may mention (times, timezone,
 * locale, location, organizer, customers), unless the appointment has one of its
 * own. The row is locked. Nothing happens to an appointment without a meeting
 * template.
 */
extern void booking_title_refresh(const AppointmentKey *key);

#endif							/* APPT_BOOKING_STATE_H */
