/*
 * webhook.h
 *		The WEBHOOK channel.
 */
#ifndef APPT_WEBHOOK_H
#define APPT_WEBHOOK_H

#include "channel/channel_kind.h"

extern const ChannelKind webhook;

/*
 * The body: {"id","type","payload","timestamp"}, where payload is a string that
 * holds JSON. It is stored with the attempt, and sent again unchanged after an
 * interruption. In CurrentMemoryContext, as the next.
 */
extern char *webhook_body(const pg_uuid_t *uid, NotificationType type,
						  const char *payload, TimestampTz timestamp);

/* The payload that webhook_body() was given; NULL if it did not write this body. */
extern char *webhook_payload(const char *body);

#endif							/* APPT_WEBHOOK_H */
