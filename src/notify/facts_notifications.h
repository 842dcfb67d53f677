/*
 * facts_notifications.h
 *		What stands in the notifications' own rows.
 */
#ifndef APPT_FACTS_NOTIFICATIONS_H
#define APPT_FACTS_NOTIFICATIONS_H

#include "notify/facts_batch.h"

/* Sets `notifications` of the batch to those of the ids that exist, all else of them still unset. */
extern void load_notifications(Batch *batch, const int64 *notification_ids, int count);

#endif							/* APPT_FACTS_NOTIFICATIONS_H */
