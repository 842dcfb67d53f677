/*
 * facts_load.h
 *		Loading facts: many notifications in one load. How many statements it
 *		runs does not depend on how many notifications these are.
 *
 * A load has a budget of bytes. SPI must be connected, as the owner. Facts live
 * in the memory context that was current at the call.
 */
#ifndef APPT_FACTS_LOAD_H
#define APPT_FACTS_LOAD_H

#include "notify/facts.h"

/*
 * The facts of the first of these notifications, as they are now, as a List of
 * NotificationFacts * ordered by id. Each kind of row is read in a snapshot of its own,
 * so nothing is older than a lock that the caller holds. *count is the number of
 * ids, and is set to how many were looked for: all, or as many as the budget was
 * enough for. A single one for which it is not enough is marked is_too_large.
 */
extern List *facts_load(const int64 *notification_ids, int *count);

/* The same in the calling query's snapshot, for STABLE functions. */
extern List *facts_load_as_seen(const int64 *notification_ids, int *count);

/* Those of one notification, NULL if there is none. */
extern NotificationFacts *facts_load_one(int64 notification_id);
extern NotificationFacts *facts_load_one_as_seen(int64 notification_id);

/* A notification that does not exist, to be previewed. */
typedef struct Preview
{
	pg_uuid_t	application_id;
	pg_uuid_t	appointment_id;
	const char *participant_id; /* a customer */
	NotificationType type;
	ChannelCode channel;
	TimeOffset	time_offset;
	int64		rule_id;		/* 0: none */
	TimestampTz due_at;			/* when it would be due, if it is judged */
} Preview;

/*
 * Its facts in the calling query's snapshot: what would be sent. NULL if there is no
 * such customer; marked is_too_large if the budget is not enough.
 */
extern NotificationFacts *facts_of_preview(const Preview *preview);

#endif							/* APPT_FACTS_LOAD_H */
