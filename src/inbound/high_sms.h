/*
 * high_sms.h
 *		HIGH_SMS: whether a contact has begun to send too many messages to a
 *		number.
 *
 * The limit is exceeded at any time at which more than HIGH_SMS_LIMIT messages
 * were received within the HIGH_SMS_SPAN before it, so from the 16th message on
 * and until the first of the 16 is 30 seconds old. A message that is exactly
 * 30 seconds old does not count any more.
 */
#ifndef APPT_HIGH_SMS_H
#define APPT_HIGH_SMS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#define HIGH_SMS_LIMIT 15
#define HIGH_SMS_SPAN (30 * USECS_PER_SEC)

/*
 * No more than this many messages before the new one matter, and no more after
 * it: the nearest, less than HIGH_SMS_REACH away.
 */
#define HIGH_SMS_NEIGHBORS (2 * HIGH_SMS_LIMIT + 1)
#define HIGH_SMS_REACH (2 * HIGH_SMS_SPAN)

/*
 * Pure: does a message received at `at` raise an alarm, besides those that were
 * recorded before it? `times` are when these were received, in ascending order;
 * some may be later than `at`. It does if it makes the limit exceeded, and
 * without it the limit was within for 30 seconds before and after.
 */
extern bool high_sms_begins(const TimestampTz *times, int count, TimestampTz at);

/* Messages from a contact to a number of an application. */
typedef struct Conversation
{
	pg_uuid_t	application_id;
	const char *from_number;
	const char *to_number;
} Conversation;

/*
 * Does the message `id` of the conversation, just inserted and received at `at`,
 * raise an alarm? Others that record one of the same conversation wait until
 * this transaction ends. SPI must be connected, as the owner.
 */
extern bool high_sms_raised(const Conversation *conversation, int64 id, TimestampTz at);

#endif							/* APPT_HIGH_SMS_H */
