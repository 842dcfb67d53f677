/*
 * retention.h
 *		Dropping settled notifications, attempts, events that users were told of
 *		and records of changes that are older than appt.log_retention, and old
 *		one-time codes.
 */
#ifndef APPT_RETENTION_H
#define APPT_RETENTION_H

#include "worker/guard.h"

/* A walk over a table by id, node by node. */
typedef struct RetentionWalk
{
	int			node;			/* over whose rows it walks */
	int64		after;			/* it has walked over the rows up to this id */
	bool		is_over;		/* for this pass */
} RetentionWalk;

/* Zeroes: a pass that begins. */
typedef struct RetentionPass
{
	RetentionWalk notifications;
	RetentionWalk events;		/* that users were told of */
	RetentionWalk responses;
	RetentionWalk inbound;		/* messages */
} RetentionPass;

/*
 * Drop one small batch in one transaction; *dropped is the number of its
 * notifications. True if there may be more to drop now; false at the end of a
 * pass, and if the transaction failed. The next call then begins a new pass, or
 * repeats the batch.
 */
extern bool retention_drop_some(Worker *worker, RetentionPass *pass, int *dropped);

#endif							/* APPT_RETENTION_H */
