/*
 * recent_messages.h
 *		How often a user was sent what it asked for.
 */
#ifndef APPT_RECENT_MESSAGES_H
#define APPT_RECENT_MESSAGES_H

#include "utils/timestamp.h"

#include "core/vocabulary.h"
#include "users/acting_user.h"

/*
 * How often the user was sent a TEST or a CODE since then; the messages of one
 * request count once. Sees what other sessions have committed, whatever the
 * transaction's snapshot: lock the profile before, and the count is exact.
 */
extern int64 recent_messages(const ActingUser *user, NotificationType type, TimestampTz since);

#endif							/* APPT_RECENT_MESSAGES_H */
