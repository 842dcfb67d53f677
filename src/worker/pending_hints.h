/*
 * pending_hints.h
 *		The users that wait for a hint: a bounded queue, with each user once.
 *		Pure: no SPI, no clock.
 */
#ifndef APPT_PENDING_HINTS_H
#define APPT_PENDING_HINTS_H

#include "utils/uuid.h"

typedef struct PendingHints PendingHints;

/* For `max` users at most; in CurrentMemoryContext. */
extern PendingHints *pending_hints_create(int max);

/* Add the user with this key, unless it waits already. If the queue is full, the user that waits longest is dropped. */
extern void pending_hints_add(PendingHints *hints, const pg_uuid_t *notify_key);

extern int	pending_hints_count(const PendingHints *hints);

/* The keys of those that wait longest, at most `max`, in their order; returns how many. */
extern int	pending_hints_oldest(PendingHints *hints, pg_uuid_t *notify_keys, int max);

/* Drop that many that wait longest. */
extern void pending_hints_drop(PendingHints *hints, int count);

#endif							/* APPT_PENDING_HINTS_H */
