/*
 * retry.c
 *		Manual retry: only the latest failure entry, and only what the worker
 *		would send.
 *
 * Source: auvious-notifications.txt ("Manual retry is available only for the
 * most recent failure entry"); design.md, Failures. The latest is the failure
 * after whose first attempt none of the same appointment, recipient, channel
 * and type was first attempted. What the worker would not send now (switched
 * off, overtaken, no provider, no address) is refused with that reason: the
 * entry stays FAILED, and can be retried once that is mended. Window and
 * max_attempts do not count.
 *
 * The appointment is locked first and shared, so that nobody cancels it between
 * the look and the row's return into the queue; after that the notification.
 */
#include "postgres.h"

#include "core/errors.h"
#include "core/one_time_code.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/eligibility.h"
#include "notify/retry.h"

#define NOT_NOW "notification cannot be retried"

static void
lock_appointment(const pg_uuid_t *application_id, const pg_uuid_t *appointment_id)
{
	static Statement lock = {
		"SELECT FROM appt.appointment WHERE application_id = $1 AND id = $2 FOR SHARE",
		2, {UUIDOID, UUIDOID}
	};

	if (appointment_id != NULL)
		(void) statement_run(&lock, UUIDPGetDatum(application_id), UUIDPGetDatum(appointment_id));
}

static void
lock_notification(int64 notification_id)
{
	static Statement lock = {
		"SELECT FROM appt.notification WHERE id = $1 FOR UPDATE", 1, {INT8OID}
	};

	if (statement_run(&lock, Int64GetDatum(notification_id)) == 0)
		report_text_not_found("notification", psprintf(INT64_FORMAT, notification_id));
}

/* The facts as they are now that the locks are held. */
static const NotificationFacts *
load_current(int64 notification_id)
{
	List	   *loaded = facts_load(&notification_id, 1);

	if (loaded == NIL)
		report_text_not_found("notification", psprintf(INT64_FORMAT, notification_id));
	return (const NotificationFacts *) linitial(loaded);
}

static void
require_latest_failure(const NotificationFacts *facts)
{
	static Statement find_later = {
		"SELECT o.id FROM appt.notification n"
		" JOIN appt.notification o ON o.appointment_id = n.appointment_id"
		"  AND o.application_id = n.application_id AND o.id <> n.id"
		"  AND o.recipient_kind = n.recipient_kind AND o.recipient_id = n.recipient_id"
		"  AND o.channel = n.channel AND o.type = n.type"
		" WHERE n.id = $1"
		"  AND ((SELECT min(t.started_at) FROM appt.attempt t WHERE t.notification_id = o.id), o.id)"
		"   > ((SELECT min(t.started_at) FROM appt.attempt t WHERE t.notification_id = n.id), n.id)"
		" LIMIT 1",
		1, {INT8OID}
	};

	if (facts->state != STATE_FAILED)
		report_conflict(NOT_NOW, "Notification " INT64_FORMAT " is %s: only the latest failure can be retried.",
						facts->id, state_code(facts->state));
	if (statement_run(&find_later, Int64GetDatum(facts->id)) > 0)
		report_conflict(NOT_NOW, "Notification " INT64_FORMAT " is not the latest: " INT64_FORMAT
						" of the same kind to the same recipient was attempted after it.",
						facts->id, row_int64(0, 1));
}

/* Would the worker send it, asked by a person? */
static void
require_sendable(const NotificationFacts *facts, TimestampTz now)
{
	EligibilityInput input = eligibility_input(facts);
	Decision	decision;

	input.is_manual = true;
	input.is_attempted = true;
	input.next_attempt_at = Min(now, facts->due_at);
	decision = eligibility_decide(&input, now);
	if (decision.verdict == VERDICT_SEND && facts->overtaken_by != REASON_NONE)
		decision.reason = facts->overtaken_by;
	else if (decision.verdict == VERDICT_SEND)
		return;
	report_conflict(NOT_NOW, "Notification " INT64_FORMAT " would not be sent: %s (%s)",
					facts->id, reason_explanation(decision.reason), reason_code(decision.reason));
}

static void
put_into_queue(const NotificationFacts *facts, TimestampTz now)
{
	static Statement put = {
		"WITH queued AS ("
		" INSERT INTO appt.due (lane, due_at, notification_id, application_id)"
		" SELECT lane, $2, id, application_id FROM appt.notification WHERE id = $1"
		") UPDATE appt.notification SET state = 'RETRYING', reason = 'WILL_RETRY', detail = NULL,"
		"  overtaken_by = NULL, manual = true, next_attempt_at = $2, settled_at = NULL WHERE id = $1",
		2, {INT8OID, TIMESTAMPTZOID}
	};

	(void) statement_run(&put, Int64GetDatum(facts->id), TimestampTzGetDatum(now));
	wake_by_hand_on_commit(facts->lane, now);
}

void
retry_by_hand(int64 notification_id, const pg_uuid_t *application_id,
			  const pg_uuid_t *appointment_id)
{
	TimestampTz now = GetCurrentTimestamp();
	const NotificationFacts *facts;

	lock_appointment(application_id, appointment_id);
	lock_notification(notification_id);
	facts = load_current(notification_id);
	require_latest_failure(facts);
	if (facts->appointment_id != NULL && facts->appointment == NULL)
		report_conflict(NOT_NOW, "The appointment of notification " INT64_FORMAT
						" was deleted, and with it what the message says.", facts->id);
	if (facts->type == TYPE_CODE && now >= facts->due_at + ONE_TIME_CODE_LIFETIME)
		report_conflict(NOT_NOW, "The code of notification " INT64_FORMAT " has expired.", facts->id);
	require_sendable(facts, now);
	put_into_queue(facts, now);
}
