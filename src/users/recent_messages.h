/*
 * recent_messages.h
 *		The limits of samples and codes that a user asks for.
 */
#ifndef APPT_RECENT_MESSAGES_H
#define APPT_RECENT_MESSAGES_H

#include "core/vocabulary.h"
#include "users/acting_user.h"

/*
 * PT429 with this constant message if the user was sent a TEST or a CODE (`type`)
 * `most` times or more within 10 minutes; the messages of one request count once.
 * Sees what other sessions have committed, whatever the transaction's snapshot:
 * lock the profile before, and the count is exact.
 */
extern void limit_recent_messages(const ActingUser *user, NotificationType type, int most, const char *message);

#endif							/* APPT_RECENT_MESSAGES_H */
