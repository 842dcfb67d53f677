/*
 * in_app.h
 *		The IN_APP channel: messages that applications show their users.
 */
#ifndef APPT_IN_APP_H
#define APPT_IN_APP_H

#include "channel/channel_kind.h"

extern const ChannelKind in_app;

#endif							/* APPT_IN_APP_H */
