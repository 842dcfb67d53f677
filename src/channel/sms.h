/*
 * sms.h
 *		A text message, checked, for any provider to send.
 */
#ifndef APPT_SMS_H
#define APPT_SMS_H

#include "channel/message.h"
#include "channel/request.h"

typedef struct TextMessage
{
	const char *to;				/* E.164 */
	const char *text;			/* UTF-8 */
} TextMessage;

/* False with *failure filled in if it can't be sent. */
extern bool collect_text_message(TextMessage *text_message, const Message *message,
								 ComposeFailure *failure);

#endif							/* APPT_SMS_H */
