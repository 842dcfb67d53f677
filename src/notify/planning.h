/*
 * planning.h
 *		What an event in an appointment's life owes, and what it supersedes.
 *
 * Called by the functions that change appointments, in their transaction,
 * as the owner, SPI connected, the appointment's row locked FOR UPDATE (or just
 * inserted) and already in its new state. Each is a fixed number of
 * statements. Locks taken: notification rows, in the order of their ids.
 * What is planned wakes the worker when the transaction commits.
 */
#ifndef APPT_PLANNING_H
#define APPT_PLANNING_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"
#include "notify/appointment_key.h"
#include "notify/event.h"

/* schedule: CREATE, REMINDER and, where auto_activate is off, ROOM. */
extern void plan_scheduled(const AppointmentKey *key, TimestampTz now);

/* A customer added later: its own CREATE, REMINDERs, ROOM by email and sms; UPDATE to subscribers. */
extern void plan_customer_added(const AppointmentKey *key, const char *participant_id, TimestampTz now);

/* start, duration or timezone changed: supersedes, then RESCHEDULE and reminders anew. */
extern void plan_rescheduled(const AppointmentKey *key, const PreviousTimes *previous, TimestampTz now);

/* Anything else changed that subscribers are told of: UPDATE; `fields` as event.h names them. */
extern void plan_updated(const AppointmentKey *key, const List *fields, TimestampTz now);

/* Another organizer: the log becomes its own; UPDATE to subscribers. */
extern void plan_reassigned(const AppointmentKey *key, const List *fields, TimestampTz now);

/* Explicit activation: ACTIVATE to subscribers; wakes a ROOM that waits. */
extern void plan_activated(const AppointmentKey *key, TimestampTz now);

/* The first customer joined: supersedes REMINDER and ROOM. */
extern void plan_call_started(const AppointmentKey *key);

/*
 * Lock the notifications that the end of these appointments supersedes, without
 * waiting. The appointments are locked. Returns how many of them may end,
 * because all of theirs could be locked; the rows of the last statement are
 * their keys.
 */
extern uint64 plan_lock_endable(Datum application_ids, Datum appointment_ids);

/* Ended at ended_at: supersedes, then FOLLOW_UP. */
extern void plan_ended(const AppointmentKey *key, TimestampTz now);

/* Cancelled: supersedes, then CANCELLED. */
extern void plan_cancelled(const AppointmentKey *key, TimestampTz now);

/*
 * About to be deleted: supersedes, then CANCELLED if it was not yet over, each
 * with a snapshot in context. To be called before the row goes.
 */
extern void plan_deleted(const AppointmentKey *key, TimestampTz now);

/* A participant is about to be removed; a customer gets CANCELLED by email and sms; UPDATE to subscribers. */
extern void plan_participant_removed(const AppointmentKey *key, const char *participant_id,
									 bool is_customer, TimestampTz now);

/*
 * The organization's switch is about to be on again: what has come due since it
 * was off, and was held back by a limit or an open circuit, is SUPPRESSED.
 */
extern void plan_switched_on(const pg_uuid_t *organization_id, TimestampTz off_since, TimestampTz now);

/* A notification without an appointment (CODE, TEST) to a bare address; returns its id. */
extern int64 plan_to_address(const pg_uuid_t *application_id, NotificationType type,
							 ChannelCode channel, const char *address,
							 Jsonb *context, TimestampTz now);

#endif							/* APPT_PLANNING_H */
