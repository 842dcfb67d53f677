/*
 * retry.h
 *		A person sends something again.
 *
 * SPI connected, as the owner. Explanations are sentences in
 * CurrentMemoryContext.
 */
#ifndef APPT_RETRY_H
#define APPT_RETRY_H

#include "notify/facts.h"

/*
 * Why it can't be retried by hand, as things stand; NULL if it can. `as_seen`:
 * as the calling query sees it, for STABLE functions.
 */
extern char *retry_obstacle(const NotificationFacts *facts, bool as_seen, TimestampTz now);

/*
 * Put a failed notification back into the queue, to be sent at once as one
 * more attempt, marked manual. PT409, saying why, if it may not be; PT404 if
 * it is gone. Locks the appointment (shared), then the notification.
 */
extern void retry_by_hand(int64 notification_id, const pg_uuid_t *application_id,
						  const pg_uuid_t *appointment_id);

/* One of several to be retried. */
typedef struct RetryCandidate
{
	int64		notification_id;
	pg_uuid_t  *appointment_id; /* NULL: it has none */
	char	   *obstacle;		/* why it was not retried; NULL if it was */
} RetryCandidate;

/*
 * Retry each of these notifications of an application likewise; may reorder
 * them. Does not wait: what another transaction has locked is not retried.
 */
extern void retry_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count);

/*
 * Plan what was SENT, MISSED or SUPPRESSED anew, to be sent at once, its attempt
 * marked manual; returns the new notification. PT409, saying why, if it may not
 * be. Locks as retry_by_hand.
 */
extern int64 resend_by_hand(int64 notification_id, const pg_uuid_t *application_id,
							const pg_uuid_t *appointment_id);

#endif							/* APPT_RETRY_H */
