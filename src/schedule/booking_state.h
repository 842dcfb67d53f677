/*
 * booking_state.h
 *		What the customers of an appointment with a meeting template were told
 *		and said, and the title that shows it.
 */
#ifndef APPT_BOOKING_STATE_H
#define APPT_BOOKING_STATE_H

#include "core/meeting_codes.h"
#include "core/statement.h"
#include "schedule/appointment.h"

/* The appointment as it is now; NULL if there is none. */
extern Appointment *booking_find(const AppointmentKey *key);

/*
 * Set the booking state of an appointment with a meeting template, whose row is
 * locked; BOOKING_NONE: it stays. And the title that shows it, unless it has one of
 * its own. Returns whether that changes anything; the caller writes it.
 */
extern bool booking_state_take(Appointment *appointment, BookingState state);
extern void booking_state_write(const Appointment *appointment);

/*
 * Run a statement that writes more with it. Its parameters are application_id, id,
 * booking_state, title and title_for_customers.
 */
#define BOOKING_STATE_PARAMETERS 5, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID}
extern void booking_state_run(Statement *statement, const Appointment *appointment);

/*
 * All of that by its key. It is no change that subscribers or calendars are told of.
 * Nothing happens to an appointment without a meeting template. It waits for
 * nothing and raises no error of its own.
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
