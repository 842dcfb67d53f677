/*
 * planning.c
 *		Which notifications an event in an appointment's life causes, and which
 *		it supersedes.
 *
 * planned.c inserts them, in one statement for each event; supersede.c cancels
 * the others.
 *
 * A reminder that is due before `now` is not planned; one that is due exactly now
 * is. A ROOM that is past due is planned: its window of 5 minutes may still be
 * open, and if it is not, the log says MISSED.
 *
 * A customer or agent who is added after the call has started gets no reminder
 * and no ROOM.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/blanking.h"
#include "notify/planned.h"
#include "notify/planning.h"
#include "notify/supersede.h"
#include "notify/type_sets.h"

static const Superseded everybody = {0};
static const Superseded customers = {.recipient_kind = "CUSTOMER"};

/* What customers are sent about a new date. */
#define UPCOMING (TYPE_BIT(TYPE_REMINDER) | TYPE_BIT(TYPE_ROOM))

bool
plan_scheduled(const AppointmentKey *key, bool has_users, const char *actor, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_CREATE) | UPCOMING,
		.actor = actor,
		.now = now
	};

	if (has_users)
		event.agent_types = event.agent_webhooks = TYPE_BIT(TYPE_APPOINTMENT_ASSIGNED) |
			TYPE_BIT(TYPE_APPOINTMENT_CREATED) | TYPE_BIT(TYPE_APPOINTMENT_REMINDER);
	return plan_appointment_event(key, &event);
}

bool
plan_customer_added(const AppointmentKey *key, const char *participant_id, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_CREATE) | UPCOMING,
		.recipients = RECIPIENTS_PEOPLE,
		.participant_id = participant_id,
		.now = now
	};
	bool		is_told;

	is_told = plan_appointment_event(key, &event);
	plan_updated(key, list_make1(FIELD_PARTICIPANTS), now);
	return is_told;
}

/* An agent of the appointment is told of it, subscribers of the fields that changed with it. */
static void
plan_new_agent(const AppointmentKey *key, const char *user_id, const char *actor, const List *fields,
			   TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_UPDATE),
		.recipients = RECIPIENTS_SUBSCRIBERS,
		.agent_types = TYPE_BIT(TYPE_APPOINTMENT_ASSIGNED) | TYPE_BIT(TYPE_APPOINTMENT_REMINDER),
		.agent_webhooks = TYPE_BIT(TYPE_APPOINTMENT_ASSIGNED),
		.participant_id = user_id,
		.actor = actor,
		.changes = event_of_change(fields),
		.now = now
	};

	(void) plan_appointment_event(key, &event);
}

void
plan_agent_added(const AppointmentKey *key, const char *user_id, const char *actor, TimestampTz now)
{
	plan_new_agent(key, user_id, actor, list_make1(FIELD_PARTICIPANTS), now);
}

bool
plan_rescheduled(const AppointmentKey *key, const PreviousTimes *previous, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_RESCHEDULE) | UPCOMING,
		.agent_types = TYPE_BIT(TYPE_APPOINTMENT_REMINDER),
		.agent_webhooks = TYPE_BIT(TYPE_APPOINTMENT_REMINDER),
		.changes = event_of_move(previous),
		.now = now
	};

	supersede(key, EVENT_RESCHEDULED, &everybody);
	mark_settled(key, EVENT_RESCHEDULED);
	return plan_appointment_event(key, &event);
}

void
plan_updated(const AppointmentKey *key, const List *fields, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_UPDATE),
		.recipients = RECIPIENTS_SUBSCRIBERS,
		.changes = event_of_change(fields),
		.now = now
	};

	(void) plan_appointment_event(key, &event);
}

void
plan_template_changed(const AppointmentKey *key, const List *fields, TimestampTz now)
{
	AppointmentEvent event = {
		.types = UPCOMING,
		.recipients = RECIPIENTS_PEOPLE,
		.now = now
	};

	supersede(key, EVENT_TEMPLATE_CHANGED, &customers);
	(void) plan_appointment_event(key, &event);
	plan_updated(key, fields, now);
}

bool
plan_reopened(const AppointmentKey *key, const char *actor, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_CREATE) | UPCOMING,
		.agent_types = TYPE_BIT(TYPE_APPOINTMENT_CREATED) | TYPE_BIT(TYPE_APPOINTMENT_REMINDER),
		.agent_webhooks = TYPE_BIT(TYPE_APPOINTMENT_CREATED) | TYPE_BIT(TYPE_APPOINTMENT_REMINDER),
		.actor = actor,
		.now = now
	};

	supersede(key, EVENT_REOPENED, &everybody);
	mark_settled(key, EVENT_REOPENED);
	return plan_appointment_event(key, &event);
}

/* Types whose due time follows from the appointment's start, and that are not sent late. */
static bool
is_planned_ahead(const NotificationTypeInfo *type)
{
	return type->due_rule == DUE_BEFORE_START && !type->is_planned_late && type->audience == AUDIENCE_CUSTOMERS;
}

static bool
goes_to_customers(const NotificationTypeInfo *type)
{
	return type->audience == AUDIENCE_CUSTOMERS || type->audience == AUDIENCE_JOINED_CUSTOMERS;
}

/*
 * What is ahead is planned by the rules, as it would be for a customer who is added
 * now. What was owed already is planned again as it was: by the rules it might not
 * be owed, if a person sent it, or be sent twice, if it went over one channel. What
 * should have been sent ahead of the start and is late stays: planned anew it would
 * be too late. Addresses are read when a message is sent.
 */
void
plan_customer_changed(const AppointmentKey *key, const CustomerChange *change, TimestampTz now)
{
	Superseded	its = {.participant_id = change->participant_id, .recipient_kind = "CUSTOMER"};
	TypeSet		ahead = types_where(is_planned_ahead);
	AppointmentEvent event = {
		.types = ahead,
		.recipients = RECIPIENTS_PEOPLE,
		.participant_id = change->participant_id,
		.now = now
	};

	if (change->is_way_changed)
	{
		if (lock_unsettled(key, types_where(goes_to_customers), &its))
			plan_unsent_again(key, change, ahead, now);
		(void) plan_appointment_event(key, &event);
	}
	plan_updated(key, list_make1(FIELD_PARTICIPANTS), now);
}

/* To all recipients, or to these. */
static void
plan_by_rules(const AppointmentKey *key, NotificationType type, Recipients recipients, TimestampTz now)
{
	AppointmentEvent event = {.types = TYPE_BIT(type), .recipients = recipients, .now = now};

	(void) plan_appointment_event(key, &event);
}

static bool
has_join_link(const NotificationTypeInfo *type)
{
	return type->has_join_link;
}

/*
 * A message with the join link that came due before the activation waits in the
 * queue until the end of its window: make it due again. Whether it waits is seen
 * from next_attempt_at, not from our clock: it may have come due since this
 * transaction began.
 */
static void
wake_waiting_rooms(const AppointmentKey *key)
{
	static Statement move = {
		"WITH waiting AS MATERIALIZED ("
		" SELECT id, lane, due_at, next_attempt_at FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND " TYPE_IS_ONE_OF("type", "$3") " AND state = 'PENDING'"
		"  AND next_attempt_at > due_at"
		"), moved AS ("
		" UPDATE appt.notification n SET next_attempt_at = w.due_at FROM waiting w WHERE n.id = w.id"
		") UPDATE appt.due d SET due_at = w.due_at FROM waiting w"
		" WHERE d.lane = w.lane AND d.due_at = w.next_attempt_at AND d.notification_id = w.id"
		" RETURNING d.lane, d.due_at",
		3, {UUIDOID, UUIDOID, TEXTARRAYOID}
	};
	TypeSet		types = types_where(has_join_link);
	uint64		count = 0;

	if (lock_unsettled(key, types, &everybody))
		count = statement_run(&move, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id), type_codes(types));
	for (uint64 n = 0; n < count; n++)
	{
		Row		   *row = ROW(n);
		int64		lane = next_int64(row);

		wake_on_commit(lane, next_timestamp(row));
	}
}

void
plan_activated(const AppointmentKey *key, TimestampTz now)
{
	wake_waiting_rooms(key);
	plan_by_rules(key, TYPE_ACTIVATE, RECIPIENTS_SUBSCRIBERS, now);
}

void
plan_call_started(const AppointmentKey *key)
{
	supersede(key, EVENT_CALL_STARTED, &everybody);
}

void
plan_ended(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_ENDED, &everybody);
	plan_by_rules(key, TYPE_FOLLOW_UP, RECIPIENTS_ALL, now);
}

void
plan_cancelled(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_CANCELLED, &everybody);
	plan_by_rules(key, TYPE_CANCELLED, RECIPIENTS_ALL, now);
}

void
plan_cancelled_by_hand(const AppointmentKey *key, TimestampTz now)
{
	supersede(key, EVENT_CANCELLED, &everybody);
	plan_by_rules(key, TYPE_CANCELLED, RECIPIENTS_SUBSCRIBERS, now);
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
plan_reassigned(const AppointmentKey *key, const char *user_id, const char *actor, const List *fields,
				TimestampTz now)
{
	Superseded	others = {.kept_user_id = user_id};

	copy_organizer(key);
	supersede(key, EVENT_PARTICIPANT_REMOVED, &others);
	plan_new_agent(key, user_id, actor, fields, now);
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

/* A row as JSON, as small as it can be: each notification has a copy. */
#define WITHOUT_NULLS(row) \
	"(SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(to_jsonb(" row ")) e WHERE e.value <> 'null')"

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
		" SET context = coalesce((SELECT jsonb_build_object('participant', " WITHOUT_NULLS("p") ")"
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
	supersede(key, EVENT_DELETED, &everybody);
	(void) lock_unsettled(key, TYPE_BIT(TYPE_CANCELLED), &everybody);
	if (is_worth_cancelling(key, now))
		plan_by_rules(key, TYPE_CANCELLED, RECIPIENTS_ALL, now);
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
		" SET context = coalesce(n.context, '{}') || jsonb_build_object('participant', " WITHOUT_NULLS("p") ")"
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

static void
plan_customer_removed(const AppointmentKey *key, const char *participant_id, TimestampTz now)
{
	AppointmentEvent event = {
		.types = TYPE_BIT(TYPE_CANCELLED),
		.recipients = RECIPIENTS_PEOPLE,
		.participant_id = participant_id,
		.now = now
	};

	(void) plan_appointment_event(key, &event);
	keep_participant(key, participant_id);
}

void
plan_participant_removed(const AppointmentKey *key, const char *participant_id,
						 bool is_customer, TimestampTz now)
{
	Superseded	its = {.participant_id = participant_id};

	supersede(key, EVENT_PARTICIPANT_REMOVED, &its);
	if (is_customer)
		plan_customer_removed(key, participant_id, now);
	plan_updated(key, list_make1(FIELD_PARTICIPANTS), now);
}

/* The types that the switches stop. */
static bool
obeys_switches(const NotificationTypeInfo *type)
{
	return !type->ignores_switches;
}

/* Channels of which an application has a lane each. */
static int
channels_of_applications(void)
{
	int			channels = 0;

	for (int channel = 0; channel < CHANNELS; channel++)
		if (channel_infos[channel].route != ROUTE_SUBSCRIPTION)
			channels |= CHANNEL_BIT(channel);
	return channels;
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
		" FROM application a CROSS JOIN unnest($5) AS c (channel)"
		" UNION "
		" SELECT appt.lane(s.application_id, 'WEBHOOK', s.id)"
		" FROM application a JOIN appt.subscription s ON s.application_id = a.id"
		"), held AS MATERIALIZED ("
		" SELECT n.id, d.lane, d.due_at FROM lane l"
		" JOIN appt.due d ON d.lane = l.lane AND d.due_at > $4 AND d.due_at <= $2"
		" JOIN appt.notification n ON n.id = d.notification_id"
		" WHERE n.application_id IN (SELECT id FROM application)"
		"  AND n.state IN ('PENDING', 'RETRYING') AND n.type = ANY ($3)"
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
		5, {UUIDOID, TIMESTAMPTZOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID}
	};
	uint64		count = statement_run(&suppress, UUIDPGetDatum(organization_id), TimestampTzGetDatum(now),
									  type_codes(types_where(obeys_switches)), TimestampTzGetDatum(off_since),
									  channel_codes(channels_of_applications()));
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
	NamedMessage message = {
		.application_id = *application_id,
		.type = type,
		.channel = channel,
		.recipient_kind = "ADDRESS",
		.recipient_id = address,
		.address = address,
		.context = context,
		.due_at = now
	};

	return plan_named_message(&message);
}
