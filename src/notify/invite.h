/*
 * invite.h
 *		The calendar file that goes with a mail to a customer.
 */
#ifndef APPT_INVITE_H
#define APPT_INVITE_H

#include "notify/facts.h"

/*
 * Give the message its calendar file, if it is to have one. Pure: no SPI, no
 * clock. What calendars cannot hold goes without.
 */
extern void add_invite(const NotificationFacts *facts, Message *message, TimestampTz now);

#endif							/* APPT_INVITE_H */
