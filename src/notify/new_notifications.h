/*
 * new_notifications.h
 *		Inserting notifications without a statement, all those of an event at once:
 *		each table gets one record of WAL for all of its rows, not one for each.
 */
#ifndef APPT_NEW_NOTIFICATIONS_H
#define APPT_NEW_NOTIFICATIONS_H

#include "core/statement.h"

/* Columns of a new notification, in the order of the table; all others are NULL. */
typedef enum NewColumn
{
	NEW_ID, NEW_UID, NEW_APPLICATION_ID, NEW_APPOINTMENT_ID, NEW_RECIPIENT_KIND, NEW_RECIPIENT_ID, NEW_SUBSCRIPTION_ID,
	NEW_RULE_ID, NEW_TYPE, NEW_CHANNEL, NEW_TIME_OFFSET, NEW_DUE_AT, NEW_LANE, NEW_STATE, NEW_ATTEMPT_COUNT,
	NEW_NEXT_ATTEMPT_AT, NEW_MANUAL, NEW_NOTIFICATIONS_ACTIVE, NEW_NEVER_TOLD, NEW_EXPIRES_AT, NEW_ADDRESS, NEW_TITLE,
	NEW_START_AT, NEW_END_AT, NEW_ORGANIZER_ID, NEW_EVENT, NEW_CREATED_AT
} NewColumn;
#define NEW_COLUMNS (NEW_CREATED_AT + 1)

typedef struct NewNotification
{
	NullableDatum values[NEW_COLUMNS];
} NewNotification;

/* The defaults of the table; NULL where it has none. In CurrentMemoryContext. */
extern void new_notification_init(NewNotification *row);

/*
 * Give each of these rows its id, its uid and its next attempt, which is at due_at;
 * insert them, with their entries in the queue; and wake the worker when the
 * transaction commits. The other values that may not be NULL must have been set. As
 * the owner.
 */
extern void new_notifications_insert(NewNotification *rows, int count);

#endif							/* APPT_NEW_NOTIFICATIONS_H */
