/*
 * planning.c
 *		Plans the notifications that an event causes, and cancels those that it
 *		supersedes.
 *
 * Planning is one statement: it joins the appointment with the enabled rules of
 * its application and with its customers (email and sms) or the application's
 * subscriptions (webhook), and inserts the notifications and their rows of the
 * queue. For CANCELLED, told.c adds a statement. Address, template, provider and
 * switches are judged when the message is due, not here; so disabled
 * subscriptions are planned for, too.
 *
 * Offsets are elapsed time: a day is 24 hours in every timezone, so they are
 * subtracted from the time in UTC.
 *
 * A REMINDER that is due before `now` is not planned; one that is due exactly now
 * is. A ROOM that is past due is planned: its window of 5 minutes may still be
 * open, and if it is not, the log says MISSED.
 *
 * A customer who is added after the call has started gets neither REMINDER nor
 * ROOM.
 *
 * ROOM is planned if the appointment has not been activated, or was activated after
 * it was scheduled. The application's auto_activate does not tell: it may have
 * been switched on since.
 *
 * Superseding takes two statements. The first locks the rows, in the order of
 * their ids, and may wait until the worker commits a claim or a settling. The
 * second has a later snapshot, which sees what the worker wrote, such as the key
 * of a row in the queue. A notification that is SENDING is only marked: its
 * transfer can't be undone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/blanking.h"
#include "notify/planning.h"
#include "notify/told.h"

PG_FUNCTION_INFO_V1(lane);

#define TYPE_BIT(type) (1 << (type))

/* The recipients to plan for. */
typedef enum Recipients
{
	RECIPIENTS_ALL, RECIPIENTS_PEOPLE, RECIPIENTS_SUBSCRIBERS
} Recipients;

/*
 * appt.lane(application_id uuid, channel text, subscription_id uuid)
 *		RETURNS bigint
 *
 * The queue that a notification waits in: one per subscription, else one per
 * application and channel. Never one of those that core/wake.h reserves. Two
 * that collide share a queue and its limits, no more.
 */
Datum
lane(PG_FUNCTION_ARGS)
{
	uint64		hash;

	if (!PG_ARGISNULL(2))
		hash = hash_bytes_extended(PG_GETARG_UUID_P(2)->data, UUID_LEN, 0);
	else if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
	{
		text	   *channel = PG_GETARG_TEXT_PP(1);
		uint64		seed = hash_bytes_extended((unsigned char *) VARDATA_ANY(channel),
											   VARSIZE_ANY_EXHDR(channel), 0);

		hash = hash_bytes_extended(PG_GETARG_UUID_P(0)->data, UUID_LEN, seed);
	}
	else
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) Max(hash, FIRST_LANE));
}

/* The codes of a set of types, as an array parameter. */
static Datum
type_array(int types)
{
	Column	   *column = column_create(TEXTOID, NOTIFICATION_TYPES);

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (types & TYPE_BIT(type))
			column_add_text(column, notification_types[type].code);
	return column_array(column);
}

/* The next two columns are the lane and due_at of what was put into the queue. */
static void
wake_for_row(Row *row)
{
	int64		lane = next_int64(row);
	TimestampTz due_at = next_timestamp(row);

	wake_on_commit(lane, due_at);
}

/* The same for all rows of the last statement. */
static void
wake_for_planned(uint64 count)
{
	for (uint64 n = 0; n < count; n++)
		wake_for_row(ROW(n));
}

/* The notifications by the enabled rules of the types $3 for the appointment $2, and when they are due. */
#define TO_PLAN \
	" SELECT a.application_id, a.id AS appointment_id, r.id AS rule_id, r.type, r.channel," \
	"  r.time_offset::interval AS time_offset, a.notifications_active, a.title, a.start_at, a.end_at," \
	"  CASE a.organizer_type WHEN 'AGENT' THEN a.organizer_id END AS organizer_id," \
	"  CASE WHEN r.type IN ('REMINDER', 'ROOM')" \
	"    THEN ((a.start_at AT TIME ZONE 'UTC') - r.time_offset) AT TIME ZONE 'UTC'" \
	"   WHEN r.type = 'FOLLOW_UP'" \
	"    THEN ((coalesce(a.ended_at, $4) AT TIME ZONE 'UTC') + r.time_offset) AT TIME ZONE 'UTC'" \
	"   ELSE $4 END AS due_at" \
	" FROM appt.appointment a JOIN appt.rule r ON r.application_id = a.application_id" \
	" WHERE a.application_id = $1 AND a.id = $2" \
	"  AND r.application_id = $1 AND r.enabled AND r.type = ANY ($3)" \
	"  AND (r.type NOT IN ('REMINDER', 'ROOM') OR a.interaction->>'state' = 'PENDING')" \
	"  AND (r.type <> 'ROOM' OR a.state = 'SCHEDULED' OR a.activated_at > a.created_at)"

/* The recipients of one of these: the customers, or the one named; or the subscriptions. */
#define RECIPIENTS_OF_PLANNED \
	"  SELECT 'CUSTOMER' AS recipient_kind, p.id AS recipient_id, NULL::uuid AS subscription_id," \
	"   CASE o.channel WHEN 'EMAIL' THEN p.email ELSE p.phone END AS address," \
	"   p.id IN (SELECT unnest($9)) AS never_told" \
	"  FROM appt.participant p" \
	"  WHERE o.channel <> 'WEBHOOK' AND $5" \
	"   AND p.application_id = $1 AND p.appointment_id = $2 AND p.type = 'CUSTOMER'" \
	"   AND ($7::text IS NULL OR p.id = $7)" \
	"   AND (o.type <> 'FOLLOW_UP' OR p.joined_at IS NOT NULL)" \
	"  UNION ALL" \
	"  SELECT 'SUBSCRIBER', s.id::text, s.id, regexp_replace(s.url, '[?].*', '?********'), false" \
	"  FROM appt.subscription s" \
	"  WHERE o.channel = 'WEBHOOK' AND $6 AND s.application_id = $1" \
	"   AND (o.type <> 'FOLLOW_UP' OR EXISTS (SELECT FROM appt.participant p" \
	"     WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.type = 'CUSTOMER'" \
	"      AND p.joined_at IS NOT NULL))"

static Statement insert_planned = {
	"WITH to_plan AS MATERIALIZED (" TO_PLAN
	"), notification AS ("
	" INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id,"
	"  subscription_id, rule_id, type, channel, time_offset, due_at, next_attempt_at, lane,"
	"  notifications_active, never_told, address, title, start_at, end_at, organizer_id, event)"
	" SELECT o.application_id, o.appointment_id, t.recipient_kind, t.recipient_id,"
	"  t.subscription_id, o.rule_id, o.type, o.channel, o.time_offset, o.due_at, o.due_at,"
	"  appt.lane(o.application_id, o.channel, t.subscription_id),"
	"  o.notifications_active, t.never_told, t.address, o.title, o.start_at, o.end_at, o.organizer_id,"
	"  CASE WHEN o.channel = 'WEBHOOK' AND o.type IN ('RESCHEDULE', 'UPDATE') THEN $8 END"
	" FROM to_plan o CROSS JOIN LATERAL ("
	RECIPIENTS_OF_PLANNED
	" ) t"
	" WHERE o.type <> 'REMINDER' OR o.due_at >= $4"
	" RETURNING id, application_id, lane, due_at"
	"), queued AS ("
	" INSERT INTO appt.due (lane, due_at, notification_id, application_id)"
	" SELECT lane, due_at, id, application_id FROM notification"
	") SELECT lane, due_at FROM notification",
	9, {UUIDOID, UUIDOID, TEXTARRAYOID, TIMESTAMPTZOID, BOOLOID, BOOLOID, TEXTOID, JSONBOID, TEXTARRAYOID}
};

static int
types_by_telling(Telling telling)
{
	int			types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].telling == telling)
			types |= TYPE_BIT(type);
	return types;
}

/* The customers who were never told of the appointment. Notifications of these types must be superseded before. */
static NullableDatum
never_told(const AppointmentKey *key, int types, const char *participant_id, TimestampTz now)
{
	if ((types & types_by_telling(PRESUMES_TOLD)) == 0)
		return SQL_NULL;
	Assert((types & ~types_by_telling(PRESUMES_TOLD)) == 0);
	return customers_never_told(key, type_array(types_by_telling(TELLS_OF_BOOKING)), participant_id, now);
}

/*
 * Plan the notifications by the enabled rules of these types to these
 * recipients, or to the one customer named. `event`, which may be NULL, is what webhooks of
 * RESCHEDULE and UPDATE tell of it.
 */
static void
plan_event(const AppointmentKey *key, int types, Recipients recipients,
		   const char *participant_id, Jsonb *event, TimestampTz now)
{
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		SQL_VALUE(type_array(types)),
		SQL_VALUE(TimestampTzGetDatum(now)),
		SQL_VALUE(BoolGetDatum(recipients != RECIPIENTS_SUBSCRIBERS)),
		SQL_VALUE(BoolGetDatum(recipients != RECIPIENTS_PEOPLE)),
		sql_text(participant_id),
		sql_jsonb(event),
		never_told(key, types, participant_id, now)
	};

	wake_for_planned(statement_run_nullable(&insert_planned, arguments));
}

static void
plan_by_rules(const AppointmentKey *key, int types, Recipients recipients,
			  const char *participant_id, TimestampTz now)
{
	plan_event(key, types, recipients, participant_id, NULL, now);
}

/* What an event may supersede. FAILED is included because somebody may just be retrying it by hand. */
#define MAY_BE_SUPERSEDED "state IN ('PENDING', 'RETRYING', 'SENDING', 'FAILED')"

/*
 * Lock the notifications of these types that may be superseded, of one customer
 * or of all recipients, in the order of their ids. False if there are none.
 */
static bool
lock_unsettled(const AppointmentKey *key, int types, const char *participant_id)
{
	static Statement lock = {
		"SELECT id FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND type = ANY ($3) AND " MAY_BE_SUPERSEDED
		"  AND ($4::text IS NULL OR (recipient_kind = 'CUSTOMER' AND recipient_id = $4))"
		" ORDER BY id FOR UPDATE",
		4, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		SQL_VALUE(type_array(types)),
		sql_text(participant_id)
	};

	return statement_run_nullable(&lock, arguments) > 0;
}

static int
types_superseded_by(SupersedingEvent event)
{
	int			types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].superseded_by & EVENT_BIT(event))
			types |= TYPE_BIT(type);
	return types;
}

/*
 * Cancel the notifications that this event supersedes, including those that wait
 * for a retry, and mark those that are SENDING. An earlier mark stays: it names
 * the first event.
 */
static void
supersede(const AppointmentKey *key, SupersedingEvent event, const char *participant_id)
{
	static Statement cancel = {
		"WITH superseded AS MATERIALIZED ("
		" SELECT id, state, lane, next_attempt_at FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND type = ANY ($3)"
		"  AND state IN ('PENDING', 'RETRYING', 'SENDING')"
		"  AND ($5::text IS NULL OR (recipient_kind = 'CUSTOMER' AND recipient_id = $5))"
		"), cancelled AS ("
		" UPDATE appt.notification n SET state = 'CANCELLED', reason = $4, detail = NULL,"
		"  settled_at = statement_timestamp(), next_attempt_at = NULL, manual = false"
		" FROM superseded o WHERE n.id = o.id AND o.state <> 'SENDING'"
		"), marked AS ("
		" UPDATE appt.notification n SET superseded_by = coalesce(n.superseded_by, $4)"
		" FROM superseded o WHERE n.id = o.id AND o.state = 'SENDING'"
		") DELETE FROM appt.due d USING superseded o"
		" WHERE o.state <> 'SENDING' AND d.lane = o.lane AND d.due_at = o.next_attempt_at"
		"  AND d.notification_id = o.id",
		5, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID, TEXTOID}
	};
	int			types = types_superseded_by(event);

	if (lock_unsettled(key, types, participant_id))
	{
		NullableDatum arguments[] = {
			SQL_VALUE(UUIDPGetDatum(&key->application_id)),
			SQL_VALUE(UUIDPGetDatum(&key->id)),
			SQL_VALUE(type_array(types)),
			sql_text(reason_code(superseding_reason(event))),
			sql_text(participant_id)
		};

		(void) statement_run_nullable(&cancel, arguments);
	}
}

/*
 * Mark the settled notifications that a move supersedes, so that they can't be
 * sent again by hand. Other events can be seen from the appointment and its
 * participants, but earlier times and timezones are not stored.
 */
static void
mark_settled_before_move(const AppointmentKey *key)
{
	static Statement mark = {
		"WITH settled AS MATERIALIZED ("
		" SELECT id FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND type = ANY ($3)"
		"  AND state IN ('FAILED', 'SENT', 'MISSED', 'SUPPRESSED') AND superseded_by IS NULL"
		" ORDER BY id FOR NO KEY UPDATE"
		") UPDATE appt.notification n SET superseded_by = 'RESCHEDULED' FROM settled s WHERE n.id = s.id",
		3, {UUIDOID, UUIDOID, TEXTARRAYOID}
	};

	(void) statement_run(&mark, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 type_array(types_superseded_by(EVENT_RESCHEDULED)));
}

void
plan_scheduled(const AppointmentKey *key, TimestampTz now)
{
	plan_by_rules(key, TYPE_BIT(TYPE_CREATE) | TYPE_BIT(TYPE_REMINDER) | TYPE_BIT(TYPE_ROOM),
				  RECIPIENTS_ALL, NULL, now);
}

void
plan_customer_added(const AppointmentKey *key, const char *participant_id, TimestampTz now)
{
	plan_by_rules(key, TYPE_BIT(TYPE_CREATE) | TYPE_BIT(TYPE_REMINDER) | TYPE_BIT(TYPE_ROOM),
				  RECIPIENTS_PEOPLE, participant_id, now);
	plan_updated(key, list_make1(FIELD_PARTICIPANTS), now);
}

void
plan_rescheduled(const AppointmentKey *key, const PreviousTimes *previous, TimestampTz now)
{
	supersede(key, EVENT_RESCHEDULED, NULL);
	mark_settled_before_move(key);
	plan_event(key, TYPE_BIT(TYPE_RESCHEDULE) | TYPE_BIT(TYPE_REMINDER) | TYPE_BIT(TYPE_ROOM),
			   RECIPIENTS_ALL, NULL, event_of_move(previous), now);
}

void
plan_updated(const AppointmentKey *key, const List *fields, TimestampTz now)
{
	plan_event(key, TYPE_BIT(TYPE_UPDATE), RECIPIENTS_SUBSCRIBERS, NULL, event_of_change(fields), now);
}

/*
 * A ROOM that came due before the activation waits in the queue until the end of
 * its window: make it due again. Whether it waits is seen from next_attempt_at,
 * not from our clock: it may have come due since this transaction began.
 */
static void
wake_waiting_rooms(const AppointmentKey *key)
{
	static Statement move = {
		"WITH waiting AS MATERIALIZED ("
		" SELECT id, lane, due_at, next_attempt_at FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND type = 'ROOM' AND state = 'PENDING'"
		"  AND next_attempt_at > due_at"
		"), moved AS ("
		" UPDATE appt.notification n SET next_attempt_at = w.due_at FROM waiting w WHERE n.id = w.id"
		") UPDATE appt.due d SET due_at = w.due_at FROM waiting w"
		" WHERE d.lane = w.lane AND d.due_at = w.next_attempt_at AND d.notification_id = w.id"
		" RETURNING d.lane, d.due_at",
		2, {UUIDOID, UUIDOID}
	};

	if (lock_unsettled(key, TYPE_BIT(TYPE_ROOM), NULL))
		wake_for_planned(statement_run(&move, UUIDPGetDatum(&key->application_id),
									   UUIDPGetDatum(&key->id)));
}

void
plan_activated(const AppointmentKey *key, TimestampTz now)
{
	wake_waiting_rooms(key);
	plan_by_rules(key, TYPE_BIT(TYPE_ACTIVATE), RECIPIENTS_SUBSCRIBERS, NULL, now);
}

void
plan_call_started(const AppointmentKey *key)
{
	supersede(key, EVENT_CALL_STARTED, NULL);
}

/*
 * Count the notifications that could be locked, then all of them. Both counts
 * are stable: the appointment is locked, so nothing can be added to it, and what
 * we have locked can't change.
 */
uint64
plan_lock_endable(Datum application_ids, Datum appointment_ids)
{
	static Statement lock = {
		"WITH locked AS MATERIALIZED ("
		" SELECT n.application_id, n.appointment_id"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.notification n ON n.appointment_id = k.appointment_id AND n.application_id = k.application_id"
		" WHERE n.type = ANY ($3) AND n." MAY_BE_SUPERSEDED
		" ORDER BY n.id FOR UPDATE OF n SKIP LOCKED"
		") SELECT application_id, appointment_id, count(*) FROM locked GROUP BY 1, 2",
		3, {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	};
	static Statement choose = {
		"SELECT k.application_id, k.appointment_id"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" WHERE (SELECT count(*) FROM appt.notification n"
		"   WHERE n.appointment_id = k.appointment_id AND n.application_id = k.application_id"
		"    AND n.type = ANY ($3) AND n." MAY_BE_SUPERSEDED ")"
		"  = (SELECT coalesce(sum(l.locked), 0) FROM (SELECT unnest($4) AS application_id,"
		"    unnest($5) AS appointment_id, unnest($6) AS locked) l"
		"   WHERE l.appointment_id = k.appointment_id AND l.application_id = k.application_id)",
		6, {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID}
	};
	Datum		types = type_array(types_superseded_by(EVENT_ENDED));
	uint64		rows = statement_run(&lock, application_ids, appointment_ids, types);
	Column	   *applications = column_create(UUIDOID, (int) rows);
	Column	   *appointments = column_create(UUIDOID, (int) rows);
	Column	   *counts = column_create(INT8OID, (int) rows);

	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		column_add_uuid(applications, next_uuid_or_null(row));
		column_add_uuid(appointments, next_uuid_or_null(row));
		column_add(counts, Int64GetDatum(next_int64(row)));
	}
	return statement_run(&choose, application_ids, appointment_ids, types, column_array(applications),
						 column_array(appointments), column_array(counts));
}

void
plan_ended(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_ENDED, NULL);
	plan_by_rules(key, TYPE_BIT(TYPE_FOLLOW_UP), RECIPIENTS_ALL, NULL, now);
}

void
plan_cancelled(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_CANCELLED, NULL);
	plan_by_rules(key, TYPE_BIT(TYPE_CANCELLED), RECIPIENTS_ALL, NULL, now);
}

/*
 * Every notification, settled or not, has a copy of the appointment's organizer:
 * the log outlives the appointment, and the policies on the log compare the
 * copy. It is NULL where a customer organizes. Rows are locked in the order of
 * their ids, as elsewhere.
 */
static void
copy_organizer(const AppointmentKey *key)
{
	static Statement copy = {
		"WITH stale AS MATERIALIZED ("
		" SELECT n.id, o.organizer_id FROM appt.notification n, ("
		"  SELECT CASE a.organizer_type WHEN 'AGENT' THEN a.organizer_id END AS organizer_id"
		"  FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2) o"
		" WHERE n.appointment_id = $2 AND n.application_id = $1"
		"  AND n.organizer_id IS DISTINCT FROM o.organizer_id"
		" ORDER BY n.id FOR NO KEY UPDATE OF n"
		") UPDATE appt.notification n SET organizer_id = s.organizer_id FROM stale s WHERE n.id = s.id",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&copy, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
}

void
plan_reassigned(const AppointmentKey *key, const List *fields, TimestampTz now)
{
	copy_organizer(key);
	plan_updated(key, fields, now);
}

/*
 * False if the appointment was cancelled, has ended or is past: then nobody is
 * told of its deletion. (The condition is worded such that no partial index
 * matches it, so the row is found by its key.)
 */
static bool
is_worth_cancelling(const AppointmentKey *key, TimestampTz now)
{
	static Statement find = {
		"SELECT FROM appt.appointment WHERE application_id = $1 AND id = $2"
		" AND state NOT IN ('ENDED', 'CANCELLED') AND end_at > $3",
		3, {UUIDOID, UUIDOID, TIMESTAMPTZOID}
	};

	return statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 TimestampTzGetDatum(now)) > 0;
}

/*
 * Store in the context of each unsettled notification what it is composed from:
 * the appointment and its room; for a customer, the customer, unless it was
 * removed before; for a subscriber, the participants.
 */
static void
keep_snapshots(const AppointmentKey *key)
{
	static Statement keep_for_customers = {
		"UPDATE appt.notification n"
		" SET context = coalesce((SELECT jsonb_build_object('participant', to_jsonb(p))"
		"   FROM appt.participant p WHERE p.application_id = $1 AND p.appointment_id = $2"
		"    AND p.id = n.recipient_id), '{}')"
		"  || coalesce(n.context, '{}') || (SELECT appt.appointment_snapshot($1, $2))"
		" WHERE n.appointment_id = $2 AND n.application_id = $1 AND n.recipient_kind = 'CUSTOMER'"
		"  AND n.state IN ('PENDING', 'RETRYING', 'SENDING')",
		2, {UUIDOID, UUIDOID}
	};
	static Statement keep_for_subscribers = {
		"UPDATE appt.notification n SET context = coalesce(n.context, '{}')"
		"  || (SELECT appt.appointment_snapshot($1, $2) || appt.participants_snapshot($1, $2))"
		" WHERE n.appointment_id = $2 AND n.application_id = $1 AND n.recipient_kind <> 'CUSTOMER'"
		"  AND n.state IN ('PENDING', 'RETRYING', 'SENDING')",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&keep_for_customers, UUIDPGetDatum(&key->application_id),
						 UUIDPGetDatum(&key->id));
	(void) statement_run(&keep_for_subscribers, UUIDPGetDatum(&key->application_id),
						 UUIDPGetDatum(&key->id));
}

void
plan_deleted(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_DELETED, NULL);
	(void) lock_unsettled(key, TYPE_BIT(TYPE_CANCELLED), NULL);
	if (is_worth_cancelling(key, now))
		plan_by_rules(key, TYPE_BIT(TYPE_CANCELLED), RECIPIENTS_ALL, NULL, now);
	keep_snapshots(key);
	copy_organizer(key);
	blanking_of_deleted(key);
}

/* A customer is about to be removed: store it in the context of the messages to it. */
static void
keep_participant(const AppointmentKey *key, const char *participant_id)
{
	static Statement keep = {
		"UPDATE appt.notification n"
		" SET context = coalesce(n.context, '{}') || jsonb_build_object('participant', to_jsonb(p))"
		" FROM appt.participant p"
		" WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.id = $3"
		"  AND n.appointment_id = $2 AND n.application_id = $1 AND n.type = 'CANCELLED'"
		"  AND n.recipient_kind = 'CUSTOMER' AND n.recipient_id = $3"
		"  AND n.state IN ('PENDING', 'RETRYING', 'SENDING')",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	(void) statement_run(&keep, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 text_datum(participant_id));
}

void
plan_participant_removed(const AppointmentKey *key, const char *participant_id,
						 bool is_customer, TimestampTz now)
{
	if (is_customer)
	{
		supersede(key, EVENT_PARTICIPANT_REMOVED, participant_id);
		plan_by_rules(key, TYPE_BIT(TYPE_CANCELLED), RECIPIENTS_PEOPLE, participant_id, now);
		keep_participant(key, participant_id);
	}
	plan_updated(key, list_make1(FIELD_PARTICIPANTS), now);
}

/* The types that the switches do not stop. */
static int
types_ignoring_switches(void)
{
	int			types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].ignores_switches)
			types |= TYPE_BIT(type);
	return types;
}

/*
 * The worker judges a message when it has a slot for it. A message that was due
 * and waited for a slot while the switch was off must not go out later, so it is
 * suppressed here.
 */
void
plan_switched_on(const pg_uuid_t *organization_id, TimestampTz off_since, TimestampTz now)
{
	static Statement suppress = {
		"WITH application AS MATERIALIZED ("
		" SELECT id FROM appt.application WHERE organization_id = $1"
		"), lane AS ("
		" SELECT appt.lane(a.id, c.channel, NULL) AS lane"
		" FROM application a CROSS JOIN unnest('{EMAIL,SMS}'::text[]) AS c (channel)"
		" UNION "
		" SELECT appt.lane(s.application_id, 'WEBHOOK', s.id)"
		" FROM application a JOIN appt.subscription s ON s.application_id = a.id"
		"), held AS MATERIALIZED ("
		" SELECT n.id, d.lane, d.due_at FROM lane l"
		" JOIN appt.due d ON d.lane = l.lane AND d.due_at > $4 AND d.due_at <= $2"
		" JOIN appt.notification n ON n.id = d.notification_id"
		" WHERE n.application_id IN (SELECT id FROM application)"
		"  AND n.state IN ('PENDING', 'RETRYING') AND n.type <> ALL ($3)"
		"  AND (n.next_attempt_at = d.due_at OR n.next_attempt_at IS NULL)"
		" ORDER BY n.id FOR UPDATE OF n"
		"), suppressed AS ("
		" UPDATE appt.notification n SET state = 'SUPPRESSED', detail = NULL, manual = false,"
		"  reason = CASE WHEN n.notifications_active THEN 'GLOBAL_OFF' ELSE 'APPOINTMENT_OFF' END,"
		"  next_attempt_at = NULL, settled_at = $2"
		" FROM held h WHERE n.id = h.id"
		"), left_queue AS ("
		" DELETE FROM appt.due d USING held h"
		" WHERE d.lane = h.lane AND d.due_at = h.due_at AND d.notification_id = h.id"
		") SELECT id FROM held",
		4, {UUIDOID, TIMESTAMPTZOID, TEXTARRAYOID, TIMESTAMPTZOID}
	};
	uint64		count = statement_run(&suppress, UUIDPGetDatum(organization_id), TimestampTzGetDatum(now),
									  type_array(types_ignoring_switches()), TimestampTzGetDatum(off_since));
	int64	   *ids = (int64 *) palloc(Max(count, 1) * sizeof(int64));

	for (uint64 n = 0; n < count; n++)
		ids[n] = next_int64(ROW(n));
	blanking_request(ids, (int) count);
}

int64
plan_to_address(const pg_uuid_t *application_id, NotificationType type,
				ChannelCode channel, const char *address,
				Jsonb *context, TimestampTz now)
{
	static Statement plan = {
		"WITH notification AS ("
		" INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel,"
		"  due_at, next_attempt_at, lane, address, context)"
		" VALUES ($1, 'ADDRESS', $4, $2, $3, $5, $5, appt.lane($1, $3, NULL), $4, $6)"
		" RETURNING id, application_id, lane, due_at"
		"), queued AS ("
		" INSERT INTO appt.due (lane, due_at, notification_id, application_id)"
		" SELECT lane, due_at, id, application_id FROM notification"
		") SELECT lane, due_at, id FROM notification",
		6, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(application_id)),
		sql_text(notification_types[type].code),
		sql_text(channel_code(channel)),
		sql_text(address),
		SQL_VALUE(TimestampTzGetDatum(now)),
		sql_jsonb(context)
	};
	Row		   *row;

	(void) statement_run_nullable(&plan, arguments);
	row = ROW(0);
	wake_for_row(row);
	return next_int64(row);
}
