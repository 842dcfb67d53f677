/*
 * gateway.h
 *		SMS by any gateway over HTTP.
 */
#ifndef APPT_GATEWAY_H
#define APPT_GATEWAY_H

#include "channel/channel_kind.h"

extern const ChannelKind gateway_sms;

#endif							/* APPT_GATEWAY_H */
