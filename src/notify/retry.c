/*
 * retry.c
 *		Sending again by hand: a failed notification by one more attempt, one
 *		that was settled otherwise as a new notification.
 *
 * Source: auvious-notifications.txt ("Manual retry is available only for the
 * most recent failure entry"); design.md, Failures. A failure is the latest if no
 * notification of the same appointment, recipient, channel and type was first
 * attempted after its own first attempt. A notification that the worker would not
 * send now (switched off, superseded, no provider, no address) is refused with
 * that reason: it stays as it is and can be retried once the obstacle is removed.
 * Window and max_attempts do not apply.
 *
 * The appointment is locked first, shared, so that nobody cancels it between the
 * check and the row's return into the queue; then the notification is locked.
 * Sending one again waits for these locks. Sending several does not wait: a lock
 * is an obstacle like any other.
 *
 * An endpoint that lost webhooks gets copies with the same uid, by which it knows
 * those that it has. It is a system that keeps records, so it gets what it lost of
 * appointments that are over, too. The lock on the original keeps two calls from
 * copying it at the same time; a copy that is under way keeps the second from
 * copying it after the first.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/column.h"
#include "core/errors.h"
#include "core/keep_application.h"
#include "core/log_changes.h"
#include "core/one_time_code.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/preference.h"
#include "notify/retry.h"

/* ---- obstacles; NULL: none ---- */

static char *
failure_obstacle(const NotificationFacts *facts, bool as_seen)
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
		return psprintf("Notification " INT64_FORMAT " is %s: only the latest failure can be retried.",
						facts->id, state_code(facts->state));
	find_later.is_read_only = as_seen;
	if (statement_run(&find_later, Int64GetDatum(facts->id)) == 0)
		return NULL;
	return psprintf("Notification " INT64_FORMAT " is not the latest: " INT64_FORMAT
					" of the same kind to the same recipient was attempted after it.",
					facts->id, next_int64(ROW(0)));
}

/* Why the worker would not send it in a manual attempt; `to_endpoint`: as a copy for an endpoint that lost it. */
static char *
decision_obstacle(const NotificationFacts *facts, bool to_endpoint, TimestampTz now)
{
	EligibilityInput input = eligibility_input(facts);
	Decision	decision;

	input.is_manual = true;
	input.is_attempted = true;
	input.is_for_records |= to_endpoint;
	input.next_attempt_at = Min(now, facts->due_at);
	decision = eligibility_decide(&input, now);
	if (decision.verdict == VERDICT_SEND && !input.is_for_records && facts->superseded_by != REASON_NONE)
		decision.reason = facts->superseded_by;
	else if (decision.verdict == VERDICT_SEND)
		return NULL;
	return psprintf("Notification " INT64_FORMAT " would not be sent: %s (%s)",
					facts->id, reason_explanation(decision.reason), reason_code(decision.reason));
}

/* Why it would not be sent now, whatever its state. */
static char *
sending_obstacle(const NotificationFacts *facts, bool to_endpoint, TimestampTz now)
{
	if (facts->appointment_id != NULL && facts->appointment == NULL && !facts->is_too_large)
		return psprintf("The appointment of notification " INT64_FORMAT
						" was deleted, and with it what the message says.", facts->id);
	if (notification_types[facts->type].has_code && now >= facts->due_at + ONE_TIME_CODE_LIFETIME)
		return psprintf("The code of notification " INT64_FORMAT " has expired.", facts->id);
	return decision_obstacle(facts, to_endpoint, now);
}

char *
retry_obstacle(const NotificationFacts *facts, bool as_seen, TimestampTz now)
{
	char	   *obstacle = failure_obstacle(facts, as_seen);

	return obstacle != NULL ? obstacle : sending_obstacle(facts, false, now);
}

static char *
resend_obstacle(const NotificationFacts *facts, TimestampTz now)
{
	if (notification_types[facts->type].has_code)
		return psprintf("Notification " INT64_FORMAT " is a one-time code: ask for a new one.", facts->id);
	if (facts->state != STATE_SENT && facts->state != STATE_MISSED && facts->state != STATE_SUPPRESSED)
		return psprintf("Notification " INT64_FORMAT " is %s: what was SENT, MISSED or SUPPRESSED can be.",
						facts->id, state_code(facts->state));
	return sending_obstacle(facts, false, now);
}

static char *
still_to_be_sent(int64 notification_id, const char *state)
{
	return psprintf("Notification " INT64_FORMAT " is %s: it is still to be sent.", notification_id, state);
}

/* Why a webhook can't be sent to its endpoint again. */
static char *
endpoint_obstacle(const NotificationFacts *facts, TimestampTz now)
{
	switch (facts->state)
	{
		case STATE_PENDING:
		case STATE_SENDING:
		case STATE_RETRYING:
			return still_to_be_sent(facts->id, state_code(facts->state));
		case STATE_CANCELLED:
			return psprintf("Notification " INT64_FORMAT " was not to be sent: %s (%s)",
							facts->id, reason_explanation(facts->reason), reason_code(facts->reason));
		case STATE_SENT:
		case STATE_FAILED:
		case STATE_SUPPRESSED:
		case STATE_SKIPPED:
		case STATE_MISSED:
			break;
	}
	return sending_obstacle(facts, true, now);
}

/* ---- one ---- */

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

/* Lock it and its appointment, then load its facts. */
static const NotificationFacts *
lock_and_load(int64 notification_id, const pg_uuid_t *application_id, const pg_uuid_t *appointment_id)
{
	const NotificationFacts *facts;

	lock_appointment(application_id, appointment_id);
	keep_application(application_id);
	lock_notification(notification_id);
	facts = facts_load_one(notification_id);
	if (facts == NULL)
		report_text_not_found("notification", psprintf(INT64_FORMAT, notification_id));
	log_changes_on_commit(application_id);
	return facts;
}

static Datum
array_of_one(int64 id)
{
	Column	   *ids = column_create(INT8OID, 1);

	column_add(ids, Int64GetDatum(id));
	return column_array(ids);
}

/* An entry that was left there, by a change of the state by direct SQL, is moved. */
static void
put_into_queue(Datum ids, TimestampTz now)
{
	static Statement put = {
		"WITH queued AS ("
		" INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)"
		" SELECT lane, $2, id, application_id, due_at FROM appt.notification WHERE id = ANY ($1)"
		" ON CONFLICT (application_id, first_due_at, notification_id) DO UPDATE SET due_at = excluded.due_at"
		") UPDATE appt.notification SET state = 'RETRYING', reason = 'WILL_RETRY', detail = NULL,"
		"  superseded_by = NULL, manual = true, next_attempt_at = $2, settled_at = NULL"
		" WHERE id = ANY ($1)",
		2, {INT8ARRAYOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&put, ids, TimestampTzGetDatum(now));
}

void
retry_by_hand(int64 notification_id, const pg_uuid_t *application_id,
			  const pg_uuid_t *appointment_id)
{
	TimestampTz now = GetCurrentTimestamp();
	const NotificationFacts *facts = lock_and_load(notification_id, application_id, appointment_id);
	char	   *obstacle = retry_obstacle(facts, false, now);

	if (obstacle != NULL)
		report_conflict("notification cannot be retried", "%s", obstacle);
	put_into_queue(array_of_one(notification_id), now);
	wake_by_hand_on_commit(facts->lane, now);
}

/*
 * Plan copies, those that were due first before the others, with the current
 * title, times and address where appointment and recipient exist; returns how
 * many. The ids are their result. `same_uid`: they are the same messages.
 */
static uint64
plan_again(Datum ids, bool same_uid, TimestampTz now)
{
	static Statement plan = {
		"WITH notification AS ("
		" INSERT INTO appt.notification (uid, application_id, appointment_id, user_event_id, recipient_kind,"
		"  recipient_id, subscription_id, rule_id, type, channel, time_offset, due_at, next_attempt_at, lane, manual,"
		"  notifications_active, address, title, start_at, end_at, organizer_id, context, event, resent_from)"
		" SELECT CASE WHEN $2 THEN n.uid ELSE gen_random_uuid() END,"
		"  n.application_id, n.appointment_id, n.user_event_id, n.recipient_kind, n.recipient_id,"
		"  n.subscription_id, n.rule_id, n.type, n.channel, n.time_offset, $3, $3, n.lane, true,"
		"  n.notifications_active,"
		"  coalesce(CASE n.channel WHEN 'EMAIL' THEN p.email WHEN 'SMS' THEN p.phone END,"
		"   CASE WHEN u.id IS NOT NULL THEN " USER_ADDRESS("u", "n.channel") " END, n.address),"
		"  CASE WHEN a.id IS NULL THEN n.title ELSE a.title END,"
		"  coalesce(a.start_at, n.start_at), coalesce(a.end_at, n.end_at), n.organizer_id,"
		"  n.context, n.event, n.id"
		" FROM appt.notification n"
		" LEFT JOIN appt.appointment a ON a.application_id = n.application_id AND a.id = n.appointment_id"
		" LEFT JOIN appt.participant p ON p.application_id = n.application_id"
		"  AND p.appointment_id = n.appointment_id AND p.id = n.recipient_id AND n.recipient_kind = 'CUSTOMER'"
		" LEFT JOIN appt.user_profile u ON u.application_id = n.application_id AND u.id = n.recipient_id"
		"  AND n.recipient_kind = 'USER'"
		" WHERE n.id = ANY ($1) ORDER BY n.due_at, n.id"
		" RETURNING id, application_id, lane, due_at"
		"), queued AS ("
		" INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)"
		" SELECT lane, due_at, id, application_id, due_at FROM notification"
		") SELECT id FROM notification",
		3, {INT8ARRAYOID, BOOLOID, TIMESTAMPTZOID}
	};

	return statement_run(&plan, ids, BoolGetDatum(same_uid), TimestampTzGetDatum(now));
}

int64
resend_by_hand(int64 notification_id, const pg_uuid_t *application_id,
			   const pg_uuid_t *appointment_id)
{
	TimestampTz now = GetCurrentTimestamp();
	const NotificationFacts *facts = lock_and_load(notification_id, application_id, appointment_id);
	char	   *obstacle = resend_obstacle(facts, now);

	if (obstacle != NULL)
		report_conflict("notification cannot be sent again", "%s", obstacle);
	wake_by_hand_on_commit(facts->lane, now);
	(void) plan_again(array_of_one(notification_id), false, now);
	return next_int64(ROW(0));
}

/* ---- several ---- */

static int
compare_ids(const void *a, const void *b)
{
	int64		id_a = ((const RetryCandidate *) a)->notification_id;
	int64		id_b = ((const RetryCandidate *) b)->notification_id;

	return id_a < id_b ? -1 : (id_a > id_b ? 1 : 0);
}

static RetryCandidate *
find_candidate(RetryCandidate *candidates, int count, int64 id)
{
	RetryCandidate key = {.notification_id = id};

	return (RetryCandidate *) bsearch(&key, candidates, count, sizeof(RetryCandidate), compare_ids);
}

/*
 * Lock their appointments (shared), except those that another transaction has
 * locked. Each is looked up by its key, whatever the planner thought of the table
 * when the session was young.
 */
static List *
lock_free_appointments(const pg_uuid_t *application_id, const RetryCandidate *candidates, int count)
{
	static Statement lock = {
		"SELECT l.id FROM (SELECT DISTINCT unnest($2) AS id ORDER BY 1) k"
		" CROSS JOIN LATERAL (SELECT a.id FROM appt.appointment a"
		"  WHERE a.application_id = $1 AND a.id = k.id FOR SHARE SKIP LOCKED) l",
		2, {UUIDOID, UUIDARRAYOID}
	};
	Column	   *ids = column_create(UUIDOID, count);
	List	   *locked = NIL;
	uint64		rows;

	for (int i = 0; i < count; i++)
		if (candidates[i].waiting_state == NULL && candidates[i].appointment_id != NULL)
			column_add_uuid(ids, candidates[i].appointment_id);
	rows = statement_run(&lock, UUIDPGetDatum(application_id), column_array(ids));
	for (uint64 n = 0; n < rows; n++)
		locked = lappend(locked, next_uuid_or_null(ROW(n)));
	return locked;
}

/* Lock those that no other transaction has locked; returns how many. */
static int
lock_free_notifications(const RetryCandidate *candidates, int count, int64 *locked)
{
	static Statement lock = {
		"SELECT id FROM appt.notification WHERE id = ANY ($1) ORDER BY id FOR UPDATE SKIP LOCKED",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);
	int			rows;

	for (int i = 0; i < count; i++)
		if (candidates[i].waiting_state == NULL)
			column_add(ids, Int64GetDatum(candidates[i].notification_id));
	rows = (int) statement_run(&lock, column_array(ids));
	for (int n = 0; n < rows; n++)
		locked[n] = next_int64(ROW(n));
	return rows;
}

/* Could its appointment not be locked? One that is deleted needs no lock. */
static bool
is_held(const NotificationFacts *facts, const List *locked_appointments)
{
	ListCell   *cell;

	if (facts->appointment == NULL || facts->appointment->is_deleted)
		return false;
	foreach(cell, locked_appointments)
		if (memcmp(lfirst(cell), facts->appointment_id, UUID_LEN) == 0)
		return false;
	return true;
}

/* How several are sent again. */
typedef struct Manner
{
	char	   *(*obstacle) (const NotificationFacts *facts, TimestampTz now);
	void		(*send) (Datum ids, TimestampTz now);
	bool		leaves_copies;	/* of which each has one under way at most */
} Manner;

static char *
obstacle_to_retry(const NotificationFacts *facts, TimestampTz now)
{
	return retry_obstacle(facts, false, now);
}

static void
plan_same_again(Datum ids, TimestampTz now)
{
	(void) plan_again(ids, true, now);
}

static const Manner retrying = {obstacle_to_retry, put_into_queue, false};
static const Manner resending = {endpoint_obstacle, plan_same_again, true};

#define HELD "Another transaction is changing it, or its appointment."

/* Several notifications that are sent again together. */
typedef struct Several
{
	const Manner *manner;
	TimestampTz now;
	RetryCandidate *candidates;
	int			count;
	const List *appointments;	/* ids of those that are locked */
	Column	   *ids;			/* of the notifications that can be sent again */
} Several;

/* Which have a copy with the same uid that is not settled? Their locks keep others from making one. */
static void
find_copies_under_way(const Several *several, const int64 *locked, int count)
{
	static Statement find = {
		"SELECT o.id, c.id FROM appt.notification c"
		" JOIN appt.notification o ON o.id = c.resent_from AND o.uid = c.uid"
		" WHERE c.resent_from = ANY ($1) AND c.settled_at IS NULL",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);
	uint64		rows;

	for (int i = 0; i < count; i++)
		column_add(ids, Int64GetDatum(locked[i]));
	rows = statement_run(&find, column_array(ids));
	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);
		RetryCandidate *candidate = find_candidate(several->candidates, several->count, next_int64(row));

		candidate->copy_id = next_int64(row);
	}
}

static char *
candidate_obstacle(const Several *several, const RetryCandidate *candidate, const NotificationFacts *facts)
{
	if (candidate->copy_id != 0)
		return psprintf("Notification " INT64_FORMAT ", which sends it again, is still to be sent.", candidate->copy_id);
	return several->manner->obstacle(facts, several->now);
}

static void
judge_candidate(Several *several, const NotificationFacts *facts)
{
	RetryCandidate *candidate = find_candidate(several->candidates, several->count, facts->id);

	if (is_held(facts, several->appointments))
		return;
	candidate->obstacle = candidate_obstacle(several, candidate, facts);
	if (candidate->obstacle != NULL)
		return;
	column_add(several->ids, Int64GetDatum(facts->id));
	wake_by_hand_on_commit(facts->lane, several->now);
}

/* Judge as many of these locked notifications as can be loaded at once; returns how many. */
static int
judge_some(Several *several, const int64 *locked, int count)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext facts_context = AllocSetContextCreate(caller, "appt batch", ALLOCSET_DEFAULT_SIZES);
	List	   *all_facts;
	ListCell   *cell;

	MemoryContextSwitchTo(facts_context);
	all_facts = facts_load(locked, &count);
	MemoryContextSwitchTo(caller);
	foreach(cell, all_facts)
		judge_candidate(several, (const NotificationFacts *) lfirst(cell));
	MemoryContextDelete(facts_context);
	return count;
}

/* Until it is judged. What is not settled is not judged, so that no transaction of a caller holds it up. */
static char *
initial_obstacle(const RetryCandidate *candidate)
{
	return candidate->waiting_state != NULL ?
		still_to_be_sent(candidate->notification_id, candidate->waiting_state) : HELD;
}

static void
send_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count, const Manner *manner)
{
	Several		several = {
		manner, GetCurrentTimestamp(), candidates, count,
		lock_free_appointments(application_id, candidates, count), column_create(INT8OID, count)
	};
	int64	   *locked = (int64 *) palloc(Max(count, 1) * sizeof(int64));
	int			locked_count;
	int			at_once;

	keep_application(application_id);
	qsort(candidates, count, sizeof(RetryCandidate), compare_ids);
	for (int i = 0; i < count; i++)
		candidates[i].obstacle = initial_obstacle(&candidates[i]);
	locked_count = at_once = lock_free_notifications(candidates, count, locked);
	if (manner->leaves_copies)
		find_copies_under_way(&several, locked, locked_count);
	for (int done = 0; done < locked_count; done += at_once)
		at_once = judge_some(&several, &locked[done], Min(at_once, locked_count - done));
	if (several.ids->count == 0)
		return;
	manner->send(column_array(several.ids), several.now);
	log_changes_on_commit(application_id);
}

void
retry_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count)
{
	send_several(application_id, candidates, count, &retrying);
}

void
resend_several(const pg_uuid_t *application_id, RetryCandidate *candidates, int count)
{
	send_several(application_id, candidates, count, &resending);
}
