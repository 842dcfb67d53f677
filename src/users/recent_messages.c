/*
 * recent_messages.c
 *		The limits of samples and codes that a user asks for.
 */
#include "postgres.h"

#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "users/recent_messages.h"

#define PERIOD (10 * USECS_PER_MINUTE)

static int64
recent_messages(const ActingUser *user, NotificationType type, TimestampTz since)
{
	/* The list of types is that of the index notification_recent. */
	static Statement count = {
		"SELECT count(DISTINCT due_at) FROM appt.notification WHERE application_id = $1 AND recipient_id = $2"
		" AND recipient_kind = 'USER' AND type IN ('TEST', 'CODE') AND type = $3 AND due_at > $4",
		4, {UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}, true
	};

	PushActiveSnapshot(GetLatestSnapshot());
	(void) statement_run(&count, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
						 text_datum(notification_types[type].code), TimestampTzGetDatum(since));
	PopActiveSnapshot();
	return next_int64(ROW(0));
}

void
limit_recent_messages(const ActingUser *user, NotificationType type, int most, const char *message)
{
	if (recent_messages(user, type, GetCurrentTimestamp() - PERIOD) >= most)
		ereport(ERROR,
				(errcode(ERRCODE_APPT_TOO_MANY),
				 errmsg("%s", message),
				 errdetail("A user may be sent %d within 10 minutes.", most),
				 errhint("Wait a few minutes.")));
}
