/*
 * asked.h
 *		The message with reply codes that a text message may answer.
 */
#ifndef APPT_ASKED_H
#define APPT_ASKED_H

#include "utils/jsonb.h"

#include "notify/link_token_find.h"

typedef struct AskedMessage
{
	LinkedMessage message;
	Jsonb	   *reply_codes;
} AskedMessage;

/*
 * The latest message with reply codes that the application sent to the customer's
 * number from `own_number`, or from a sender that cannot be answered at another
 * number. False: there is none. calling_code is for numbers without a country's.
 * Looks at a few messages, however many there are. SPI connected, as the owner.
 */
extern bool asked_message_find(const pg_uuid_t *application_id, const char *number, const char *own_number,
							   const char *calling_code, AskedMessage *asked);

#endif							/* APPT_ASKED_H */
