/*
 * invite.h
 *		The calendar file that goes with a mail to a customer.
 */
#ifndef APPT_INVITE_H
#define APPT_INVITE_H

#include "notify/facts.h"

/*
 * Set the message's calendar file, in CurrentMemoryContext, if it has one. Pure:
 * no SPI, no clock. A message that no valid file can be made of has none.
 */
extern void add_invite(const NotificationFacts *facts, Message *message, TimestampTz now);

/* Has its mail a calendar file, if one can be made? */
extern bool has_invite(const NotificationFacts *facts);

#endif							/* APPT_INVITE_H */
