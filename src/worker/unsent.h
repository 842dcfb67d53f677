/*
 * unsent.h
 *		Notifications that are not sent now: settled with a reason, or postponed.
 *		They are collected, then written together.
 */
#ifndef APPT_UNSENT_H
#define APPT_UNSENT_H

#include "core/vocabulary.h"
#include "worker/queue.h"

typedef struct UnsentBatch UnsentBatch;

/* In CurrentMemoryContext. */
extern UnsentBatch *unsent_create(void);

/* It is never sent. `detail` may be NULL. The key must live until unsent_write, as for the next. */
extern void unsent_settle(UnsentBatch *batch, const QueueKey *key, NotificationState state,
						  Reason reason, const char *detail);

/* Claim it again at `until`. */
extern void unsent_postpone(UnsentBatch *batch, const QueueKey *key, TimestampTz until);

/* Those that other transactions have locked stay as they are. SPI must be connected. */
extern void unsent_write(const UnsentBatch *batch, TimestampTz now);

#endif							/* APPT_UNSENT_H */
