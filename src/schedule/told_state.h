/*
 * told_state.h
 *		What the customers of an appointment with a meeting template were told:
 *		notification_state, changed_fields and told.
 *
 * In the transaction of a call, as the owner, with the appointment's row locked and
 * in its new state. Nothing happens to an appointment without a meeting template.
 */
#ifndef APPT_TOLD_STATE_H
#define APPT_TOLD_STATE_H

#include "core/vocabulary.h"
#include "schedule/appointment.h"

/* The fields that may be significant, of an appointment `a`; `title` is the one that is made for customers. */
#define FIELDS_OF_APPOINTMENT(title) \
	"jsonb_build_object('start_at', a.start_at AT TIME ZONE 'UTC', 'duration', extract(epoch FROM a.end_at - a.start_at)," \
	" 'timezone', a.timezone, 'location', a.location, 'notes', a.notes," \
	" 'title', CASE WHEN a.has_own_title THEN a.title ELSE " title " END," \
	" 'organizer', jsonb_build_array(a.organizer_type, a.organizer_id))"

/* Those that are significant by its meeting template, of the application $1: what its customers are told. */
#define WHAT_IS_SO(title) \
	"(SELECT coalesce(jsonb_object_agg(f.field, present.value->f.field), '{}')" \
	" FROM appt.meeting_template m, unnest(m.significant_fields) AS f (field), " FIELDS_OF_APPOINTMENT(title) " AS present (value)" \
	" WHERE m.application_id = $1 AND m.id = a.meeting_template_id)"

/*
 * A field of the appointment may have changed: compare what is significant with
 * what its customers were told last. Something differs: UPDATE_DUE, with
 * changed_fields. Nothing differs: CONFIRMED. Never told: NONE stays. Where an
 * update is due, rules of RESCHEDULE that send by themselves send it.
 */
extern void told_compare(const AppointmentKey *key, TimestampTz now);

/* The same after a move, which sends RESCHEDULE itself: call it before plan_rescheduled. */
extern void told_compare_moved(const AppointmentKey *key);

/* Its customers are told what is so now: CONFIRMED. */
extern void told_remember(const AppointmentKey *key);

/*
 * A message to customers of an appointment with a meeting template puts the booking
 * into this state; BOOKING_NONE: it stays. If it tells all customers what is so now:
 * CONFIRMED.
 */
extern void told_by_message(Appointment *appointment, BookingState state, bool tells_all);

/* Booking it has told its customers: the state that CREATE sets, and CONFIRMED. */
extern void told_of_booking(const AppointmentKey *key);

/* Booking it has told nobody: the states of a new one. */
extern void told_nothing(const AppointmentKey *key);

#endif							/* APPT_TOLD_STATE_H */
