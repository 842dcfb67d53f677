/*
 * twilio_inbound.h
 *		Twilio's webhooks: messages that came in, and the status of those that
 *		it took.
 *
 * Both are as ChannelKind describes prove and read_inbound.
 */
#ifndef APPT_TWILIO_INBOUND_H
#define APPT_TWILIO_INBOUND_H

#include "channel/inbound.h"
#include "channel/message.h"

extern bool prove_twilio(const Route *route, const char *secret, const InboundRequest *request);
extern void read_twilio_inbound(const Route *route, const InboundRequest *request, InboundReport *report);

#endif							/* APPT_TWILIO_INBOUND_H */
