/*
 * coded_message.h
 *		The message with reply codes that a text message may answer.
 */
#ifndef APPT_CODED_MESSAGE_H
#define APPT_CODED_MESSAGE_H

#include "utils/jsonb.h"

#include "notify/link_token_find.h"

typedef struct CodedMessage
{
	LinkedMessage message;
	Jsonb	   *reply_codes;
} CodedMessage;

/*
 * The latest message with reply codes that the application sent to the customer's
 * number from `own_number`, or from a sender that cannot be answered at another
 * number. False: there is none. calling_code is for numbers without a country's.
 * Looks at a few messages, however many there are. SPI connected, as the owner.
 */
extern bool coded_message_find(const pg_uuid_t *application_id, const char *number, const char *own_number,
							   const char *calling_code, CodedMessage *coded);

#endif							/* APPT_CODED_MESSAGE_H */
