/*
 * log_only.h
 *		EMAIL and SMS by a provider of kind LOG: messages that are written to the
 *		log and sent to nobody, for development.
 */
#ifndef APPT_LOG_ONLY_H
#define APPT_LOG_ONLY_H

#include "channel/channel_kind.h"

extern const ChannelKind log_email;
extern const ChannelKind log_sms;

#endif							/* APPT_LOG_ONLY_H */
