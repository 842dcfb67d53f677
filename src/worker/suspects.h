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
#include "worker/guard.h"

/* A copy of what crashes.h has for this database, kept up to date. */
typedef struct Suspects Suspects;

/* In CurrentMemoryContext. */
extern Suspects *suspects_create(Worker *worker);

/* Are there any? Cheap. */
extern bool suspects_exist(Suspects *suspects);
extern bool suspect_is(Suspects *suspects, int64 notification_id);
extern bool suspect_is_guilty(Suspects *suspects, int64 notification_id);

/* The ids of all of them; in CurrentMemoryContext. */
extern Column *suspects_all(Suspects *suspects);

/*
 * The ids of those that may be claimed now, the least suspect first; in
 * CurrentMemoryContext. One that was in flight at the crash must wait until the
 * last such one is settled, or has been in flight alone for as long as workers
 * pause after a crash.
 */
extern Column *suspects_to_claim(Suspects *suspects, TimestampTz now);

/* It was claimed alone without a crash; is_sent: it is about to be sent. */
extern void suspect_claimed(Suspects *suspects, int64 notification_id, bool is_sent, TimestampTz now);

/* It was settled without a crash. If no attempt was made, it stays suspect. */
extern void suspect_settled(Suspects *suspects, int64 notification_id, bool was_tried);

/* Slots first to last left these notifications SENDING. They become suspects if one of the slots is suspect. */
extern void suspects_blame_slots(Suspects *suspects, int first, int last,
								 const int64 *notification_ids, int count);

/* Settle the guilty ones as FAILED, except those that a caller has locked. False if a transaction failed. */
extern bool suspects_settle_guilty(Suspects *suspects);

/* Forget suspects that are settled. False if the transaction failed. */
extern bool suspects_forget_settled(Suspects *suspects);

#endif							/* APPT_SUSPECTS_H */
