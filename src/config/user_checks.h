/*
 * user_checks.h
 *		Checks of what users and subscribers choose, made by functions and CHECK
 *		constraints.
 *
 * Each raises 22023 with a constant message and the value in DETAIL.
 */
#ifndef APPT_USER_CHECKS_H
#define APPT_USER_CHECKS_H

#include "utils/timestamp.h"

#include "core/vocabulary.h"

/* An address that messages can be sent to over the channel; a phone number is in E.164. */
extern void check_address(ChannelCode channel, const char *address);

/* A type of notifications to users, which they can switch. */
extern NotificationType check_users_type(const char *code);

/* The channels that reach persons, which they can switch: codes, ended by NULL. */
extern const char *const *user_channel_codes(void);

/* One of them. */
extern ChannelCode check_user_channel(const char *code);

/*
 * A type that users can switch, over this channel and at this offset; NULL means
 * every channel and every offset.
 */
extern void check_preference(const char *type, const char *channel, const Interval *time_offset);

/* A text[] of types that webhooks tell of, each once, at least one. */
extern void check_webhook_types(Datum types);

#endif							/* APPT_USER_CHECKS_H */
