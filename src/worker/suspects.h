/*
 * suspects.h
 *		Notifications over which a worker may have crashed, for the workers of
 *		their database: none of them claims a suspect with others, slot 1 claims
 *		suspects one at a time.
 */
#ifndef APPT_SUSPECTS_H
#define APPT_SUSPECTS_H

#include "datatype/timestamp.h"

#include "core/column.h"

/* Are there any? Cheap. */
extern bool suspects_exist(void);
extern bool suspect_is(int64 notification_id);
extern bool suspect_is_guilty(int64 notification_id);

/* The ids of all of them; in CurrentMemoryContext. */
extern Column *suspects_all(void);

/*
 * The ids of those that may be claimed now, the least suspect first; in
 * CurrentMemoryContext. One that was in flight at the crash must wait until the
 * last such one is settled, or has been in flight alone for as long as workers
 * pause after a crash.
 */
extern Column *suspects_to_claim(TimestampTz now);

/* It was claimed alone without a crash; is_sent: it is about to be sent. */
extern void suspect_claimed(int64 notification_id, bool is_sent, TimestampTz now);

/* It was settled without a crash. If no attempt was made, it stays suspect. */
extern void suspect_settled(int64 notification_id, bool was_tried);

/* Slots first to last left these notifications SENDING. They become suspects if one of the slots is suspect. */
extern void suspects_blame_slots(int first, int last, const int64 *notification_ids, int count);

/* Settle the guilty ones as FAILED, except those that a caller has locked. False if a transaction failed. */
extern bool suspects_settle_guilty(void);

/* Forget suspects that are settled. False if the transaction failed. */
extern bool suspects_forget_settled(void);

#endif							/* APPT_SUSPECTS_H */
