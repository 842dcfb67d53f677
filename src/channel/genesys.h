/*
 * genesys.h
 *		SMS and EMAIL by Genesys Cloud.
 */
#ifndef APPT_GENESYS_H
#define APPT_GENESYS_H

#include "channel/channel_kind.h"

extern const ChannelKind genesys_sms;
extern const ChannelKind genesys_email;

#endif							/* APPT_GENESYS_H */
