/*
 * twilio.h
 *		SMS by Twilio.
 */
#ifndef APPT_TWILIO_H
#define APPT_TWILIO_H

#include "channel/channel_kind.h"

extern const ChannelKind twilio_sms;

#endif							/* APPT_TWILIO_H */
