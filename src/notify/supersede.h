/*
 * supersede.h
 *		Cancels the notifications that an event in an appointment's life
 *		supersedes.
 *
 * In the transaction of the event, with the appointment locked. Notifications
 * are locked in the order of their ids.
 */
#ifndef APPT_SUPERSEDE_H
#define APPT_SUPERSEDE_H

#include "utils/timestamp.h"

#include "core/vocabulary.h"
#include "notify/appointment_key.h"

/* The columns of a notification that is cancelled before it is sent, in an UPDATE; `reason` is an expression of SQL. */
#define SET_CANCELLED(reason) \
	"state = 'CANCELLED', reason = " reason ", detail = NULL, settled_at = statement_timestamp()," \
	" next_attempt_at = NULL, manual = false"

/* Whose notifications. All NULL: those to everybody. */
typedef struct Superseded
{
	const char *participant_id; /* only to this customer or agent */
	const char *kept_user_id;	/* only to users, and not to this one */
	const char *recipient_kind; /* only to recipients of this kind */
} Superseded;

/*
 * Cancel the notifications of the types that this event supersedes, including
 * those that wait for a retry, and mark those that are SENDING: they become
 * CANCELLED if their attempt fails.
 */
extern void supersede(const AppointmentKey *key, SupersedingEvent event, const Superseded *whose);

/*
 * Mark the settled notifications that a move or a reopening supersedes, so that
 * they can't be sent again by hand. Other events can be seen from the appointment
 * and its participants, but what it was before is not stored.
 */
extern void mark_settled(const AppointmentKey *key, SupersedingEvent event);

/* Lock the notifications of these types that may be superseded. False if there are none. */
extern bool lock_unsettled(const AppointmentKey *key, TypeSet types, const Superseded *whose);

/*
 * Lock the notifications that the end of these appointments supersedes, without
 * waiting. The appointments must be locked. Returns the number of appointments
 * of which all such notifications could be locked, so that they may end; their
 * keys are the rows of the last statement.
 */
extern uint64 lock_endable(Datum application_ids, Datum appointment_ids);

#endif							/* APPT_SUPERSEDE_H */
