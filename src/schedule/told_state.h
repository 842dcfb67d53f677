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
#include "notify/appointment_key.h"

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

/* Booking it has told its customers: the state that CREATE sets, and CONFIRMED. */
extern void told_of_booking(const AppointmentKey *key);

#endif							/* APPT_TOLD_STATE_H */
