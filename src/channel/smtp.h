/*
 * smtp.h
 *		EMAIL by an SMTP server.
 */
#ifndef APPT_SMTP_H
#define APPT_SMTP_H

#include "channel/channel_kind.h"

extern const ChannelKind smtp_email;

#endif							/* APPT_SMTP_H */
