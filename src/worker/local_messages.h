/*
 * local_messages.h
 *		Messages that need no transfer, because their channel or provider leaves
 *		them in the database: the transaction that claims them delivers them.
 */
#ifndef APPT_LOCAL_MESSAGES_H
#define APPT_LOCAL_MESSAGES_H

#include "nodes/pg_list.h"

#include "notify/facts.h"
#include "worker/attempt_record.h"
#include "worker/queue.h"

typedef struct LocalMessage
{
	QueueKey	key;			/* of its row in appt.due */
	pg_uuid_t	application_id;
	int			attempt_number;
	bool		is_manual;
	AttemptRecord *record;
	const char *answer;			/* what the log shows as its answer; NULL:
								 * nothing */
	bool		has_reader;		/* it is in the inbox of a user who has a
								 * profile */
	pg_uuid_t	notify_key;		/* the reader's */
} LocalMessage;

/*
 * Compose the message of these facts, which is of such a channel; `key` is that
 * of its row in appt.due. In CurrentMemoryContext; shares no memory with the facts.
 * NULL if it can't be composed, with *reason and with *error in
 * CurrentMemoryContext.
 */
extern LocalMessage *local_message_compose(const NotificationFacts *facts, const QueueKey *key,
										   TimestampTz now, Reason *reason, char **error);

/* The bytes that it stores. */
extern Size local_message_bytes(const LocalMessage *message);

/*
 * Their notifications are SENT and leave the queue; attempts_insert_delivered
 * writes the messages. Those that other transactions have locked or changed stay in
 * the queue; returns the list of the others. SPI must be connected.
 */
extern List *local_messages_settle(List *messages, TimestampTz now);

#endif							/* APPT_LOCAL_MESSAGES_H */
