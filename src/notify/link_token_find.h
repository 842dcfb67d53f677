/*
 * link_token_find.h
 *		The message that a token came with.
 */
#ifndef APPT_LINK_TOKEN_FIND_H
#define APPT_LINK_TOKEN_FIND_H

#include "datatype/timestamp.h"

#include "core/vocabulary.h"
#include "notify/link_token.h"

typedef struct LinkedMessage
{
	LinkPurpose purpose;
	pg_uuid_t	application_id;
	int64		notification_id;
	pg_uuid_t  *appointment_id; /* NULL: it is about none */
	char	   *participant_id; /* recipient_id of the notification */
	char	   *recipient_kind;
	NotificationType type;
	ChannelCode channel;
	int64		rule_id;		/* 0: planned by no rule */
	char	   *address;		/* that it was planned for; NULL: none */
	TimestampTz created_at;
} LinkedMessage;

/*
 * Find the message by its token. False for anything but a genuine token of a
 * message that is still in the log. With SPI connected, as the owner; in
 * CurrentMemoryContext. It is read as it is now, not in the query's snapshot.
 */
extern bool link_token_find(const char *text, LinkedMessage *message);

#endif							/* APPT_LINK_TOKEN_FIND_H */
