/*
 * suspects.h
 *		Notifications over which a worker may have crashed, as the workers of
 *		their database see them: nobody claims them with others, slot 1 claims
 *		them one at a time.
 */
#ifndef APPT_SUSPECTS_H
#define APPT_SUSPECTS_H

#include "datatype/timestamp.h"

#include "core/column.h"

/* Are there any? Cheap. */
extern bool suspects_exist(void);
extern bool suspect_is(int64 notification_id);
extern bool suspect_is_guilty(int64 notification_id);

/* All of them; in CurrentMemoryContext. */
extern Column *suspects_all(void);

/*
 * Those of which one may be claimed now, the least suspect first: one that was
 * in flight at the crash not before the last such one is settled, or has had
 * its time alone.
 */
extern Column *suspects_to_claim(TimestampTz now);

/* It was claimed alone without a crash; `is_sent`: it is sent next. */
extern void suspect_claimed(int64 notification_id, bool is_sent, TimestampTz now);

/* It was settled without a crash. If no attempt was made, it is claimed alone again. */
extern void suspect_settled(int64 notification_id, bool was_tried);

/* These notifications were left SENDING by slots first to last: suspects, if one of the slots is. */
extern void suspects_blame_slots(int first, int last, const int64 *notification_ids, int count);

/*
 * Settle the guilty ones as FAILED, unless somebody has them locked; forget
 * suspects that are settled. In transactions of their own; false if one failed.
 */
extern bool suspects_settle_guilty(void);
extern bool suspects_forget_settled(void);

#endif							/* APPT_SUSPECTS_H */
