/*
 * planning.h
 *		The notifications that an event in an appointment's life causes, and
 *		those that it supersedes.
 *
 * For the functions that change appointments, in their transaction: as the owner,
 * with SPI connected and the appointment's row locked FOR UPDATE (or just
 * inserted) and already in its new state. Each function runs a fixed number of
 * statements. Notifications are locked in the order of their ids. The worker is
 * woken when the transaction commits.
 */
#ifndef APPT_PLANNING_H
#define APPT_PLANNING_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"
#include "notify/appointment_key.h"
#include "notify/event.h"
#include "notify/planned.h"

/*
 * Scheduled: CREATE, REMINDER and, where auto_activate is off, ROOM; to its agents
 * APPOINTMENT_ASSIGNED, APPOINTMENT_CREATED, APPOINTMENT_REMINDER. `has_users`:
 * the application has users, or subscriptions that name types; if not, there is
 * nobody to tell as an agent. `actor`: the user who did it; NULL: no user. True: its
 * customers are told what is so (planned.h), as the next two.
 */
extern bool plan_scheduled(const AppointmentKey *key, bool has_users, const char *actor, TimestampTz now);

/* A customer was added later: CREATE, REMINDER and ROOM to the customer; UPDATE to subscribers. */
extern bool plan_customer_added(const AppointmentKey *key, const char *participant_id, TimestampTz now);

/* An agent was added: APPOINTMENT_ASSIGNED and APPOINTMENT_REMINDER to the agent; UPDATE to subscribers. */
extern void plan_agent_added(const AppointmentKey *key, const char *user_id, const char *actor, TimestampTz now);

/* Start, duration or timezone changed: supersedes, then RESCHEDULE, and reminders and ROOM anew. */
extern bool plan_rescheduled(const AppointmentKey *key, const PreviousTimes *previous, TimestampTz now);

/* Another field that subscribers are told of changed: UPDATE; `fields` is a List of the names in event.h. */
extern void plan_updated(const AppointmentKey *key, const List *fields, TimestampTz now);

/*
 * Another meeting template, or none: supersedes what customers were to be sent by
 * the rules of before, and plans reminders and ROOM by its own; `fields` as above.
 */
extern void plan_template_changed(const AppointmentKey *key, const List *fields, TimestampTz now);

/* Brought back after it was cancelled: supersedes the cancellation; as scheduled, but its agents are not assigned anew. */
extern bool plan_reopened(const AppointmentKey *key, const char *actor, TimestampTz now);

/*
 * A customer's data changed: UPDATE to subscribers. If an address or the channel
 * that it prefers did, what has not been sent to it is cancelled and planned anew.
 */
extern void plan_customer_changed(const AppointmentKey *key, const CustomerChange *change, TimestampTz now);

/* Another organizer, who is the only agent: the log becomes its own; messages to the others are cancelled; as plan_agent_added. */
extern void plan_reassigned(const AppointmentKey *key, const char *user_id, const char *actor, const List *fields,
							TimestampTz now);

/* Activated explicitly: ACTIVATE to subscribers; a ROOM that waits for it is due again. */
extern void plan_activated(const AppointmentKey *key, TimestampTz now);

/* The first customer joined: supersedes reminders and ROOM. */
extern void plan_call_started(const AppointmentKey *key);

/* Ended at ended_at: supersedes, then FOLLOW_UP. */
extern void plan_ended(const AppointmentKey *key, TimestampTz now);

/* Cancelled: supersedes, then CANCELLED; or to subscribers alone, where a user sends it to the customers. */
extern void plan_cancelled(const AppointmentKey *key, TimestampTz now);
extern void plan_cancelled_by_hand(const AppointmentKey *key, TimestampTz now);

/*
 * About to be deleted: supersedes, then CANCELLED unless it is already over, each
 * with a snapshot in context. Call it before the row is deleted.
 */
extern void plan_deleted(const AppointmentKey *key, TimestampTz now);

/* A participant is about to be removed: CANCELLED by email and sms to a customer; messages to an agent are cancelled; UPDATE to subscribers. */
extern void plan_participant_removed(const AppointmentKey *key, const char *participant_id,
									 bool is_customer, TimestampTz now);

/*
 * The organization's switch is about to be switched on again: notifications that
 * came due while it was off and are still waiting are SUPPRESSED.
 */
extern void plan_switched_on(const pg_uuid_t *organization_id, TimestampTz off_since, TimestampTz now);

/* A notification without an appointment (CODE, TEST) to a bare address; returns its id. */
extern int64 plan_to_address(const pg_uuid_t *application_id, NotificationType type,
							 ChannelCode channel, const char *address,
							 Jsonb *context, TimestampTz now);

#endif							/* APPT_PLANNING_H */
