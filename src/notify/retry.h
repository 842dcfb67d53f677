/*
 * retry.h
 *		Sending again by hand.
 *
 * SPI must be connected, as the owner. Explanations are sentences in
 * CurrentMemoryContext.
 */
#ifndef APPT_RETRY_H
#define APPT_RETRY_H

#include "notify/facts.h"

/*
 * Why it can't be retried by hand now; NULL if it can. `as_seen`: in the calling
 * query's snapshot, for STABLE functions.
 */
extern char *retry_obstacle(const NotificationFacts *facts, bool as_seen, TimestampTz now);

/*
 * Put a failed notification back into the queue for one more attempt at once,
 * marked manual. PT409 with the obstacle if it can't be retried; PT404 if it does
 * not exist. Locks the appointment (shared), then the notification.
 */
extern void retry_by_hand(int64 notification_id, const pg_uuid_t *application_id,
						  const pg_uuid_t *appointment_id);

/* One of several notifications to send again. */
typedef struct RetryCandidate
{
	int64		notification_id;
	pg_uuid_t  *appointment_id; /* NULL: it has none */
	char	   *waiting_state;	/* not settled yet, so neither locked nor sent
								 * again; NULL: settled */
	int64		copy_id;		/* of one that sends it again already; 0: none */
	char	   *obstacle;		/* why it was not sent again; NULL if it was */
} RetryCandidate;

/*
 * Retry each of these notifications of an application in the same way; may reorder
 * them. Does not wait: those that another transaction has locked are not retried.
 */
extern void retry_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count);

/*
 * Plan a copy of each of these webhooks of an application for its endpoint, with
 * the same uid, to be sent at once, those that were due first before the others;
 * may reorder them. Copied is what is settled, unless an event superseded it before
 * it was sent. Does not wait either.
 */
extern void resend_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count);

/*
 * Plan a copy of a notification that is SENT, MISSED or SUPPRESSED, to be sent at
 * once, its attempt marked manual; returns the id of the copy. PT409 with the
 * obstacle if it can't be sent again. Locks as retry_by_hand.
 */
extern int64 resend_by_hand(int64 notification_id, const pg_uuid_t *application_id,
							const pg_uuid_t *appointment_id);

#endif							/* APPT_RETRY_H */
