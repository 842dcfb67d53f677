/*
 * retry.h
 *		A person tries again what has failed.
 */
#ifndef APPT_RETRY_H
#define APPT_RETRY_H

#include "notify/facts.h"

/*
 * Put a failed notification back into the queue, to be sent at once as one
 * more attempt, marked manual. PT409, saying why, if it may not be; PT404 if
 * it is gone. SPI connected, as the owner. Locks the appointment (shared), then
 * the notification.
 */
extern void retry_by_hand(int64 notification_id, const pg_uuid_t *application_id,
						  const pg_uuid_t *appointment_id);

#endif							/* APPT_RETRY_H */
