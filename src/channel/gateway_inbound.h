/*
 * gateway_inbound.h
 *		What a plain gateway sends: messages that came in, and receipts, by
 *		names that its provider's row has.
 *
 * prove_gateway and read_gateway_inbound are as ChannelKind describes them.
 */
#ifndef APPT_GATEWAY_INBOUND_H
#define APPT_GATEWAY_INBOUND_H

#include "channel/inbound.h"
#include "channel/message.h"

/*
 * Members of the setting `inbound`: names of values, ended by NULL, and the two
 * lists of statuses.
 */
extern const char *const gateway_inbound_names[];
#define GATEWAY_DELIVERED "delivered"
#define GATEWAY_UNDELIVERED "undelivered"

/* NULL, or what is wrong with the setting `inbound`, which is an object. */
extern const char *gateway_inbound_problem(const Jsonb *inbound);

extern bool prove_gateway(const Route *route, const char *secret, const InboundRequest *request);
extern void read_gateway_inbound(const Route *route, const InboundRequest *request, InboundReport *report);

#endif							/* APPT_GATEWAY_INBOUND_H */
