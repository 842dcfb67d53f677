/*
 * asked_insert.h
 *		Planning messages that somebody asks for.
 */
#ifndef APPT_ASKED_INSERT_H
#define APPT_ASKED_INSERT_H

#include "nodes/execnodes.h"

#include "notify/asked.h"
#include "notify/facts.h"

/* When a message that is asked for expires; 0: its type says. */
extern TimestampTz asked_expiry(NotificationType type, TimestampTz start_at);

/*
 * Plan those of these messages of find_asked that have no same_id. The appointment,
 * as it is now, must have been locked before they were found; of what is known of it
 * its ids, title, times, organizer and notifications_active are used. What is planned
 * is added to the result of a set-returning function of appt.notification_details;
 * NULL: to none. As the owner; the worker is woken when the transaction commits.
 */
extern void plan_asked(const AppointmentFacts *appointment, const AskedMessages *asked, const List *messages,
					   ReturnSetInfo *result);

#endif							/* APPT_ASKED_INSERT_H */
