/*
 * unsubscribe.h
 *		Opting out by the link of a message.
 */
#ifndef APPT_UNSUBSCRIBE_H
#define APPT_UNSUBSCRIBE_H

#include "notify/link_token_find.h"

/*
 * The person that the message went to wants no more messages there. The caller
 * has proven the token, whose purpose is LINK_UNSUBSCRIBE. With SPI connected, as
 * the owner.
 */
extern void unsubscribe_recipient(const LinkedMessage *message);

#endif							/* APPT_UNSUBSCRIBE_H */
