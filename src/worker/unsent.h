/*
 * unsent.h
 *		Notifications that were looked at and not sent: settled with their
 *		reason, or put off. Collected, then written by a few statements.
 */
#ifndef APPT_UNSENT_H
#define APPT_UNSENT_H

#include "core/vocabulary.h"
#include "worker/queue.h"

typedef struct UnsentBatch UnsentBatch;

/* In CurrentMemoryContext. */
extern UnsentBatch *unsent_create(void);

/* It will not be sent; `detail` may be NULL. */
extern void unsent_settle(UnsentBatch *batch, const QueueKey *key, NotificationState state,
						  Reason reason, const char *detail);

/* Look at it again at `until`. */
extern void unsent_postpone(UnsentBatch *batch, const QueueKey *key, TimestampTz until);

/* SPI connected; the rows are locked by this transaction already. */
extern void unsent_write(UnsentBatch *batch, TimestampTz now);

#endif							/* APPT_UNSENT_H */
