/*
 * planned.c
 *		Plans the notifications of an event, by one statement.
 *
 * The statement's source yields what is owed, a row for each notification. The rows
 * of an appointment's event, the most frequent one, are inserted without a statement
 * (new_notifications.h). All others are inserted by the statement itself, with the
 * same INSERT (notification_insert.h). Types differ by columns of the vocabulary,
 * which are parameters.
 *
 * Address, template, provider and switches are judged when a message is due, not
 * here; so disabled subscriptions and disabled users are planned for, too. What
 * is judged here is what plans nothing at all: rules, ties, channels of a profile
 * and preferences.
 *
 * Offsets are elapsed time: a day is 24 hours in every timezone, so they are
 * subtracted from the time in UTC.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/column.h"
#include "core/elapsed.h"
#include "core/log_changes.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/new_notifications.h"
#include "notify/notification_insert.h"
#include "notify/planned.h"
#include "notify/preference.h"
#include "notify/supersede.h"
#include "notify/told.h"
#include "notify/type_sets.h"

/* A webhook's URL in the log has no query. */
#define LOGGED_URL(subscription) "regexp_replace(" subscription ".url, '[?].*', '?********')"

/* The next two columns are the lane and due_at of what was put into the queue; NULL: nothing was. */
static void
wake_for_row(Row *row)
{
	NullableDatum lane = next_value(row);
	TimestampTz due_at = next_timestamp(row);

	if (!lane.isnull)
		wake_on_commit(DatumGetInt64(lane.value), due_at);
}

static void
wake_for_planned(const pg_uuid_t *application_id, uint64 count)
{
	if (count > 0)
		log_changes_on_commit(application_id);
	for (uint64 n = 0; n < count; n++)
		wake_for_row(ROW(n));
}

/* ---- columns of the vocabulary as parameters ---- */

/* Sets of types that the source of appointments distinguishes, in the order of its parameters from $15 on. */
typedef enum VocabularySet
{
	SET_BEFORE_START, SET_AFTER_END, SET_PLANNED_LATE, SET_BEFORE_CALL,
	SET_WITH_JOIN_LINK, SET_TO_JOINED, SET_TELLING_CHANGES, SET_NOT_FOR_ACTOR,
	SET_TELLING_WHAT_IS_SO
} VocabularySet;
#define VOCABULARY_SETS (SET_TELLING_WHAT_IS_SO + 1)

static bool
is_in_set(const NotificationTypeInfo *type, VocabularySet set)
{
	switch (set)
	{
		case SET_BEFORE_START:
			return type->due_rule == DUE_BEFORE_START;
		case SET_AFTER_END:
			return type->due_rule == DUE_AFTER_END;
		case SET_PLANNED_LATE:
			return type->due_rule != DUE_BEFORE_START || type->is_planned_late;
		case SET_BEFORE_CALL:
			return (type->superseded_by & EVENT_BIT(EVENT_CALL_STARTED)) != 0;
		case SET_WITH_JOIN_LINK:
			return type->has_join_link;
		case SET_TO_JOINED:
			return type->audience == AUDIENCE_JOINED_CUSTOMERS;
		case SET_TELLING_CHANGES:
			return type->tells_changes;
		case SET_NOT_FOR_ACTOR:
			return type->is_not_for_actor;
		case SET_TELLING_WHAT_IS_SO:
			return type->tells_what_is_so;
	}
	return false;				/* not reached */
}

static Datum
set_codes(VocabularySet set)
{
	TypeSet		types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (is_in_set(&notification_types[type], set))
			types |= TYPE_BIT(type);
	return type_codes(types);
}

/* Made once a session. */
static const Datum *
vocabulary_sets(void)
{
	static Datum sets[VOCABULARY_SETS];
	static bool is_made = false;

	if (!is_made)
	{
		MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);

		for (int set = 0; set < VOCABULARY_SETS; set++)
			sets[set] = set_codes((VocabularySet) set);
		MemoryContextSwitchTo(previous);
		is_made = true;
	}
	return sets;
}

/* Types with their default offsets, as arrays of the same length. */
typedef struct OffsetArrays
{
	Datum		types;
	Datum		offsets;
	Datum		are_on;
} OffsetArrays;

static OffsetArrays
offset_arrays(TypeSet types)
{
	Column	   *codes = column_create(TEXTOID, 8);
	Column	   *offsets = column_create(INTERVALOID, 8);
	Column	   *are_on = column_create(BOOLOID, 8);

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
	{
		const NotificationTypeInfo *info = &notification_types[type];

		for (int i = 0; (types & TYPE_BIT(type)) && i < info->offset_count; i++)
		{
			column_add_text(codes, info->code);
			column_add(offsets, IntervalPGetDatum(elapsed_interval(info->offsets[i].time_offset)));
			column_add(are_on, BoolGetDatum(info->offsets[i].is_on));
		}
	}
	return (OffsetArrays)
	{
		column_array(codes), column_array(offsets), column_array(are_on)
	};
}

/* ---- the source of appointments ---- */

/* The appointment $2. */
#define APPOINTMENT \
	" SELECT a.application_id, a.id AS appointment_id, a.notifications_active, a.title, a.start_at, a.end_at," \
	"  a.ended_at, a.state, a.activated_at > coalesce(a.reopened_at, a.created_at) AS is_activated_later," \
	"  a.interaction->>'state' = 'PENDING' AS is_before_call," \
	"  CASE a.organizer_type WHEN 'AGENT' THEN a.organizer_id END AS organizer_id," \
	"  a.meeting_template_id, a.notification_state" \
	" FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2"

/* When a notification `w` of the appointment `a` is due. */
#define DUE_AT \
	"CASE WHEN w.type = ANY ($15) THEN ((a.start_at AT TIME ZONE 'UTC') - w.time_offset) AT TIME ZONE 'UTC'" \
	" WHEN w.type = ANY ($16) THEN ((coalesce(a.ended_at, $4) AT TIME ZONE 'UTC') + w.time_offset) AT TIME ZONE 'UTC'" \
	" ELSE $4 END"

/*
 * One that belongs before the call is not owed once the call has started. One
 * with the join link is owed if the appointment has not been activated, or was
 * activated after it was scheduled: the application's auto_activate does not
 * tell, it may have been switched on since.
 */
#define IS_OWED \
	"(a.is_before_call OR w.type <> ALL ($18))" \
	" AND (w.type <> ALL ($19) OR a.state = 'SCHEDULED' OR a.is_activated_later)"

#define SOMEBODY_JOINED \
	"EXISTS (SELECT FROM appt.participant p WHERE p.application_id = $1 AND p.appointment_id = $2" \
	" AND p.type = 'CUSTOMER' AND p.joined_at IS NOT NULL)"

/* The rules of the application, or of the appointment's meeting template and of the application those of webhooks. */
#define RULES_OF_APPLICATION "appt.rule w"
#define RULES_OF_TEMPLATE \
	"LATERAL (" \
	"  SELECT m.id, m.lead_only_reminders FROM appt.meeting_template m" \
	"  WHERE m.application_id = $1 AND m.id = a.meeting_template_id OFFSET 0" \
	" ) m CROSS JOIN LATERAL (" \
	"  SELECT r.* FROM appt.rule r WHERE " IS_RULE_OF_TEMPLATE("r", "$1", "m.id") \
	"  UNION ALL" \
	"  SELECT r.* FROM appt.rule r WHERE " IS_RULE_OF_APPLICATION("r", "$1") " AND r.channel = 'WEBHOOK'" \
	" ) w"

/*
 * Customers are sent a change of what they know, and nothing of what they were
 * never told.
 */
#define IS_OWED_BY_TEMPLATE \
	"(w.channel = 'WEBHOOK' OR w.type <> ALL ($21) OR a.notification_state = 'UPDATE_DUE')"
#define IS_FOR_CUSTOMER_OF_TEMPLATE "(p.is_lead OR NOT m.lead_only_reminders OR w.type <> ALL ($15))"

/*
 * Does the rule `w` send to the customer `p` over c.channel? Two constant rows and
 * this condition cost a booking less than a function that returns the channels.
 */
#define IS_CHANNEL_OF_RULE \
	"CASE w.channel WHEN 'BOTH' THEN true" \
	" WHEN 'PREFERRED' THEN (c.channel = 'SMS') = (p.preferred_channel IS NOT DISTINCT FROM 'SMS')" \
	" ELSE c.channel = w.channel END"

/*
 * Where rules overlap, a customer gets one message a channel: EMAIL and SMS go
 * before BOTH, BOTH before PREFERRED. The rules of one type have the same customers,
 * so the first row of each message is the one to keep. Sorting the few rows costs a
 * booking less than looking up the other rules.
 */
#define MESSAGE_OF_RULE "t.recipient_id COLLATE \"C\", t.channel COLLATE \"C\", w.type, w.time_offset"
#define RANK_OF_RULE "CASE w.channel WHEN 'BOTH' THEN 1 WHEN 'PREFERRED' THEN 2 ELSE 0 END"

/*
 * By enabled rules of the types $3: to customers, or to the one named; to
 * subscriptions, of which one without types gets all of these.
 */
#define OWED_BY_RULES(rules, is_rule, is_for_customer) \
	" SELECT DISTINCT ON (" MESSAGE_OF_RULE ")" \
	"  a.*, w.id AS rule_id, w.type, t.channel, w.time_offset::interval AS time_offset, " DUE_AT " AS due_at," \
	"  t.recipient_kind, t.recipient_id, t.subscription_id, t.address, t.never_told" \
	" FROM appointment a CROSS JOIN " rules " CROSS JOIN LATERAL (" \
	"  SELECT c.channel, 'CUSTOMER' AS recipient_kind, p.id AS recipient_id, NULL::uuid AS subscription_id," \
	"   CASE c.channel WHEN 'EMAIL' THEN p.email ELSE p.phone END AS address," \
	"   p.id IN (SELECT unnest($9)) AS never_told" \
	"  FROM appt.participant p CROSS JOIN (VALUES ('EMAIL'), ('SMS')) AS c (channel)" \
	"  WHERE w.channel <> 'WEBHOOK' AND $5" \
	"   AND p.application_id = $1 AND p.appointment_id = $2 AND p.type = 'CUSTOMER'" \
	"   AND ($7::text IS NULL OR p.id = $7)" \
	"   AND (w.type <> ALL ($20) OR p.joined_at IS NOT NULL)" \
	"   AND " is_for_customer " AND " IS_CHANNEL_OF_RULE \
	"  UNION ALL" \
	"  SELECT 'WEBHOOK', 'SUBSCRIBER', s.id::text, s.id, " LOGGED_URL("s") ", false" \
	"  FROM appt.subscription s" \
	"  WHERE w.channel = 'WEBHOOK' AND $6 AND s.application_id = $1" \
	"   AND (s.types IS NULL OR w.type = ANY (s.types))" \
	"   AND (w.type <> ALL ($20) OR " SOMEBODY_JOINED ")" \
	" ) t" \
	" WHERE " is_rule " AND w.enabled AND w.sending = 'AUTOMATIC' AND w.type = ANY ($3) AND " IS_OWED \
	" ORDER BY " MESSAGE_OF_RULE ", " RANK_OF_RULE

#define OWED_BY_APPLICATION "(" OWED_BY_RULES(RULES_OF_APPLICATION, IS_RULE_OF_APPLICATION("w", "$1"), "true") ")"
#define OWED_BY_TEMPLATE "(" OWED_BY_RULES(RULES_OF_TEMPLATE, IS_OWED_BY_TEMPLATE, IS_FOR_CUSTOMER_OF_TEMPLATE) ")"

/* The types $10 at the offsets $11, by default on or off ($12). */
#define AGENT_TYPES "unnest($10, $11, $12) AS w (type, time_offset, is_on)"

/*
 * The agents with a profile, or the one named. OFFSET 0 has participants and
 * profile looked up by their primary keys: in an empty table the planner may
 * believe an index that has all agents of the application to be as good.
 */
#define AGENTS \
	" SELECT u.* FROM (" \
	"  SELECT p.id, p.type FROM appt.participant p" \
	"  WHERE p.application_id = $1 AND p.appointment_id = $2 OFFSET 0) p" \
	" CROSS JOIN LATERAL (" \
	"  SELECT u.id, u.channels, u.email, u.backup_phone, u.custom_phone, u.custom_phone_verified_at" \
	"  FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = p.id OFFSET 0) u" \
	" WHERE p.type = 'AGENT' AND ($7::text IS NULL OR p.id = $7)"
#define PREFERENCES_OF_AGENTS \
	" SELECT f.* FROM agent g CROSS JOIN LATERAL (" \
	"  SELECT * FROM appt.user_preference f WHERE f.application_id = $1 AND f.user_id = g.id AND f.type = ANY ($10) OFFSET 0) f"

#define OWED_TO_AGENTS \
	" SELECT a.*, NULL, w.type, c.channel, w.time_offset, " DUE_AT ", 'USER', g.id, NULL, " USER_ADDRESS("g", "c.channel") ", false" \
	" FROM appointment a CROSS JOIN agent g CROSS JOIN LATERAL unnest(g.channels) AS c (channel) CROSS JOIN " AGENT_TYPES \
	" WHERE " IS_OWED " AND (w.type <> ALL ($22) OR g.id IS DISTINCT FROM $13)" \
	"  AND " PREFERENCE("preference", "$1", "g.id", "w.type", "w.time_offset", "c.channel", "w.is_on")

/* Of types without rules subscriptions get those that they name. */
#define OWED_TO_SUBSCRIBERS_OF_AGENT_TYPES \
	" SELECT a.*, NULL, w.type, 'WEBHOOK', w.time_offset, " DUE_AT ", 'SUBSCRIBER', s.id::text, s.id, " LOGGED_URL("s") ", false" \
	" FROM appointment a CROSS JOIN appt.subscription s CROSS JOIN " AGENT_TYPES \
	" WHERE s.application_id = $1 AND s.types IS NOT NULL" \
	"  AND w.type = ANY ($14) AND w.type = ANY (s.types) AND w.is_on AND " IS_OWED

#define OWED_OF_APPOINTMENT(sources, is_telling) \
	" SELECT w.application_id, w.appointment_id, w.recipient_kind, w.recipient_id, w.subscription_id, w.rule_id, w.type," \
	"  w.channel, w.time_offset, w.due_at, appt.lane(w.application_id, w.channel, w.subscription_id)," \
	"  w.notifications_active, w.never_told, w.address, w.title, w.start_at, w.end_at, w.organizer_id," \
	"  CASE WHEN w.type = ANY ($21) THEN $8 END" is_telling \
	" FROM (" sources ") w" \
	" WHERE w.type = ANY ($17) OR w.due_at >= $4"

#define ARGUMENTS_OF_APPOINTMENT (14 + VOCABULARY_SETS)
#define TYPES_OF_APPOINTMENT { \
	UUIDOID, UUIDOID, TEXTARRAYOID, TIMESTAMPTZOID, BOOLOID, BOOLOID, TEXTOID, JSONBOID, TEXTARRAYOID, \
	TEXTARRAYOID, INTERVALARRAYOID, BOOLARRAYOID, TEXTOID, TEXTARRAYOID, \
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, \
	TEXTARRAYOID \
}

/* Does a notification tell a customer of a meeting template what is so? Without an address it reaches nobody. */
#define IS_TELLING "w.type = ANY ($23) AND w.recipient_kind = 'CUSTOMER' AND w.address IS NOT NULL"

/*
 * By the rules and to agents, or by the rules alone: for an event that concerns no
 * agents a plan of half the size, which a booking would start in vain otherwise.
 */
#define PLAN_WITH_AGENTS(by_rules, is_telling) \
	"WITH appointment AS MATERIALIZED (" APPOINTMENT \
	"), agent AS MATERIALIZED (" AGENTS \
	"), preference AS MATERIALIZED (" PREFERENCES_OF_AGENTS \
	")" OWED_OF_APPOINTMENT(by_rules " UNION ALL" OWED_TO_AGENTS " UNION ALL" OWED_TO_SUBSCRIBERS_OF_AGENT_TYPES, \
							", " is_telling)
#define PLAN_BY_RULES_ALONE(by_rules, is_telling) \
	"WITH appointment AS MATERIALIZED (" APPOINTMENT \
	")" OWED_OF_APPOINTMENT(by_rules, ", " is_telling)

static Statement *
choose_plan(bool has_meeting_template, bool concerns_agents)
{
	static Statement by_application = {
		PLAN_BY_RULES_ALONE(OWED_BY_APPLICATION, "false"), ARGUMENTS_OF_APPOINTMENT, TYPES_OF_APPOINTMENT
	};
	static Statement by_template = {
		PLAN_BY_RULES_ALONE(OWED_BY_TEMPLATE, IS_TELLING), ARGUMENTS_OF_APPOINTMENT, TYPES_OF_APPOINTMENT
	};
	static Statement by_application_with_agents = {
		PLAN_WITH_AGENTS(OWED_BY_APPLICATION, "false"), ARGUMENTS_OF_APPOINTMENT, TYPES_OF_APPOINTMENT
	};
	static Statement by_template_with_agents = {
		PLAN_WITH_AGENTS(OWED_BY_TEMPLATE, IS_TELLING), ARGUMENTS_OF_APPOINTMENT, TYPES_OF_APPOINTMENT
	};

	if (has_meeting_template)
		return concerns_agents ? &by_template_with_agents : &by_template;
	return concerns_agents ? &by_application_with_agents : &by_application;
}

/* The customers who were never told of the appointment, where that matters. */
static NullableDatum
never_told(const AppointmentKey *key, const AppointmentEvent *event)
{
	TypeSet		presuming = types_by_telling(PRESUMES_TOLD);

	if ((event->types & presuming) == 0)
		return SQL_NULL;
	Assert((event->types & ~presuming) == 0);
	return customers_never_told(key, type_codes(types_by_telling(TELLS_OF_BOOKING)),
								event->participant_id, event->now);
}

/* The arguments that plans by the rules alone do not read: $10 to $14. */
static void
set_agent_arguments(NullableDatum *arguments, const AppointmentEvent *event)
{
	OffsetArrays to_agents = offset_arrays(event->agent_types);

	arguments[9] = SQL_VALUE(to_agents.types);
	arguments[10] = SQL_VALUE(to_agents.offsets);
	arguments[11] = SQL_VALUE(to_agents.are_on);
	arguments[12] = sql_text(event->actor);
	arguments[13] = SQL_VALUE(type_codes(event->agent_webhooks));
}

/* Columns that OWED_OF_APPOINTMENT selects, in its order. */
static const NewColumn owed_columns[] = {
	NEW_APPLICATION_ID, NEW_APPOINTMENT_ID, NEW_RECIPIENT_KIND, NEW_RECIPIENT_ID, NEW_SUBSCRIPTION_ID, NEW_RULE_ID, NEW_TYPE,
	NEW_CHANNEL, NEW_TIME_OFFSET, NEW_DUE_AT, NEW_LANE, NEW_NOTIFICATIONS_ACTIVE, NEW_NEVER_TOLD, NEW_ADDRESS, NEW_TITLE,
	NEW_START_AT, NEW_END_AT, NEW_ORGANIZER_ID, NEW_EVENT
};

/* Insert what the statement has found. Does one of them tell its customer what is so? */
static bool
insert_owed(uint64 count)
{
	NewNotification *rows = (NewNotification *) palloc(Max(count, 1) * sizeof(NewNotification));
	bool		is_telling = false;

	for (uint64 n = 0; n < count; n++)
	{
		Row		   *owed = ROW(n);

		new_notification_init(&rows[n]);
		for (int i = 0; i < lengthof(owed_columns); i++)
			rows[n].values[owed_columns[i]] = next_value(owed);
		is_telling = next_bool(owed) || is_telling;
	}
	new_notifications_insert(rows, (int) count);
	return is_telling;
}

bool
plan_appointment_event(const AppointmentKey *key, const AppointmentEvent *event)
{
	bool		concerns_agents = event->agent_types != 0;
	NullableDatum arguments[ARGUMENTS_OF_APPOINTMENT] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		SQL_VALUE(type_codes(event->types)),
		SQL_VALUE(TimestampTzGetDatum(event->now)),
		SQL_VALUE(BoolGetDatum(event->recipients != RECIPIENTS_SUBSCRIBERS)),
		SQL_VALUE(BoolGetDatum(event->recipients != RECIPIENTS_PEOPLE)),
		sql_text(event->participant_id),
		sql_jsonb(event->changes),
		never_told(key, event),
		SQL_NULL, SQL_NULL, SQL_NULL, SQL_NULL, SQL_NULL
	};

	if (concerns_agents)
		set_agent_arguments(arguments, event);
	for (int set = 0; set < VOCABULARY_SETS; set++)
		arguments[14 + set] = SQL_VALUE(vocabulary_sets()[set]);
	log_changes_on_commit(&key->application_id);
	return insert_owed(statement_run_nullable(choose_plan(key->has_meeting_template, concerns_agents), arguments));
}

/* ---- the source of what has not been sent to a customer ---- */

/*
 * What a user retried or sent again by hand stays so: it is judged without the
 * clock. Where the channel changes, what the same event has over that channel already is
 * not planned a second time.
 */
#define UNSENT_OVER_ITS_CHANNEL \
	" SELECT DISTINCT ON (u.type, u.time_offset, u.created_at, u.new_channel)" \
	"  u.application_id, u.appointment_id, u.user_event_id, u.recipient_kind, u.recipient_id, u.subscription_id, u.rule_id," \
	"  u.type, u.new_channel AS channel, u.time_offset, greatest(u.due_at, $5) AS due_at, u.expires_at," \
	"  u.notifications_active, u.never_told, CASE u.new_channel WHEN 'EMAIL' THEN p.email ELSE p.phone END AS address," \
	"  u.title, u.start_at, u.end_at, u.organizer_id, u.context, u.event, u.manual, u.resent_from" \
	" FROM unsent u CROSS JOIN LATERAL (" \
	"  SELECT p.email, p.phone FROM appt.participant p" \
	"  WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.id = $3 OFFSET 0) p" \
	" WHERE u.type <> ALL ($4) AND (u.new_channel = u.channel OR NOT EXISTS (" \
	"  SELECT FROM appt.notification o" \
	"  WHERE o.appointment_id = $2 AND o.application_id = $1 AND o.recipient_kind = 'CUSTOMER' AND o.recipient_id = $3" \
	"   AND o.type = u.type AND o.time_offset = u.time_offset AND o.created_at = u.created_at" \
	"   AND o.channel = u.new_channel AND o.state <> 'CANCELLED'))" \
	" ORDER BY u.type, u.time_offset, u.created_at, u.new_channel, u.id"

static Statement plan_unsent = {
	"WITH unsent AS MATERIALIZED ("
	" SELECT n.*, CASE WHEN n.channel = $6 AND EXISTS (SELECT FROM appt.rule r WHERE r.application_id = $1"
	"   AND r.id = n.rule_id AND r.channel = 'PREFERRED') THEN $7 ELSE n.channel END AS new_channel"
	" FROM appt.notification n"
	" WHERE n.appointment_id = $2 AND n.application_id = $1 AND n.recipient_kind = 'CUSTOMER' AND n.recipient_id = $3"
	"  AND n.state IN ('PENDING', 'RETRYING') AND (n.type <> ALL ($4) OR n.due_at >= $5)"
	"), cancelled AS ("
	" UPDATE appt.notification n SET " SET_CANCELLED("'CUSTOMER_CHANGED'") " FROM unsent u WHERE n.id = u.id"
	"), taken AS ("
	" DELETE FROM appt.due d USING unsent u"
	" WHERE d.lane = u.lane AND d.due_at = u.next_attempt_at AND d.notification_id = u.id"
	"), " INSERT_NOTIFICATIONS_WITH(", manual, resent_from", ", o.manual, o.resent_from", UNSENT_OVER_ITS_CHANNEL)
	" SELECT lane, due_at FROM notification",
	7, {UUIDOID, UUIDOID, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}
};

void
plan_unsent_again(const AppointmentKey *key, const CustomerChange *change, TypeSet ahead, TimestampTz now)
{
	wake_for_planned(&key->application_id,
					 statement_run(&plan_unsent, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
								   text_datum(change->participant_id), type_codes(ahead), TimestampTzGetDatum(now),
								   text_datum(change->old_channel), text_datum(change->new_channel)));
}

/* ---- the source of user events ---- */

/* Each user once, whichever ties it has. The bits are those of UserTie. */
#define TIED_USERS \
	" SELECT l.owner_id AS user_id FROM line l WHERE ($9 & 1) <> 0 AND l.owner_id IS NOT NULL" \
	" UNION" \
	" SELECT s.user_id FROM line l JOIN appt.line_subscription s ON s.application_id = $1 AND s.line_id = l.id" \
	" WHERE ($9 & 2) <> 0" \
	" UNION" \
	" SELECT m.user_id FROM line l" \
	"  JOIN appt.line_ring_group lg ON lg.application_id = $1 AND lg.line_id = l.id" \
	"  JOIN appt.ring_group g ON g.application_id = $1 AND g.id = lg.ring_group_id" \
	"  JOIN appt.ring_group_member m ON m.application_id = $1 AND m.ring_group_id = g.id" \
	" WHERE ($9 & 4) <> 0 OR ($9 & 8) <> 0 AND (g.fisher_mode OR $4 IS NULL OR m.user_id = ANY ($4))" \
	" UNION" \
	" SELECT n.user_id FROM unnest($4) AS n (user_id) WHERE ($9 & 16) <> 0" \
	" UNION" \
	" SELECT u.id FROM appt.user_profile u" \
	" WHERE ($9 & 192) <> 0 AND u.application_id = $1 AND u.is_admin AND (u.is_billing_admin OR ($9 & 64) <> 0)"

StaticAssertDecl(TIE_OWNER == 1 && TIE_SUBSCRIBED == 2 && TIE_RING_GROUPS == 4 && TIE_RUNG == 8 &&
				 TIE_NAMED == 16 && TIE_ADMINS == 64 && TIE_BILLING_ADMINS == 128, "the bits in TIED_USERS");

#define RECIPIENTS_OF_EVENT \
	" SELECT 'USER' AS recipient_kind, u.id AS recipient_id, NULL::uuid AS subscription_id, c.channel," \
	"  " USER_ADDRESS("u", "c.channel") " AS address" \
	" FROM tied t CROSS JOIN LATERAL (" \
	"  SELECT * FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = t.user_id OFFSET 0) u" \
	"  CROSS JOIN LATERAL unnest(u.channels) AS c (channel)" \
	" WHERE (u.is_admin OR NOT $11) AND c.channel = ANY ($10)" \
	"  AND " PREFERENCE("appt.user_preference", "$1", "u.id", "$2", "'0'", "c.channel", "$12") \
	" UNION ALL" \
	" SELECT 'SUBSCRIBER', s.id::text, s.id, 'WEBHOOK', " LOGGED_URL("s") \
	" FROM appt.subscription s WHERE s.application_id = $1 AND $2 = ANY (s.types)"

static Statement plan_for_users = {
	"WITH happened AS ("
	" INSERT INTO appt.user_event (application_id, type, line_id, contact, title, payload)"
	" VALUES ($1, $2, $3, $5, $6, $7) RETURNING id"
	"), line AS MATERIALIZED ("
	" SELECT l.id, l.owner_id FROM appt.line l WHERE l.application_id = $1 AND l.id = $3 AND l.enabled"
	"), tied AS MATERIALIZED (" TIED_USERS
	"), " INSERT_NOTIFICATIONS(
							   " SELECT $1 AS application_id, NULL::uuid AS appointment_id, h.id AS user_event_id, t.recipient_kind,"
							   "  t.recipient_id, t.subscription_id, NULL::bigint AS rule_id, $2 AS type, t.channel,"
							   "  interval '0' AS time_offset, $8 AS due_at, NULL::timestamptz AS expires_at,"
							   "  true AS notifications_active, false AS never_told, t.address, $6 AS title,"
							   "  NULL::timestamptz AS start_at, NULL::timestamptz AS end_at, NULL AS organizer_id,"
							   "  NULL::jsonb AS context, NULL::jsonb AS event"
							   " FROM happened h CROSS JOIN (" RECIPIENTS_OF_EVENT ") t")
	" SELECT n.lane, n.due_at, h.id FROM happened h LEFT JOIN notification n ON true",
	12, {
		UUIDOID, TEXTOID, UUIDOID, TEXTARRAYOID, JSONBOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, INT4OID,
		TEXTARRAYOID, BOOLOID, BOOLOID
	}
};

int64
plan_user_event(const UserEvent *event)
{
	const NotificationTypeInfo *type = &notification_types[event->type];
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&event->application_id)),
		sql_text(type->code),
		sql_uuid(event->line_id),
		event->user_ids,
		sql_jsonb(event->contact),
		sql_text(event->title),
		sql_jsonb(event->payload),
		SQL_VALUE(TimestampTzGetDatum(event->due_at)),
		SQL_VALUE(Int32GetDatum(type->ties)),
		SQL_VALUE(channel_codes(type->channels)),
		SQL_VALUE(BoolGetDatum(type->is_account_level)),
		SQL_VALUE(BoolGetDatum(type->offset_count > 0 && type->offsets[0].is_on))
	};
	uint64		count = statement_run_nullable(&plan_for_users, arguments);
	Row		   *row = ROW(0);

	wake_for_planned(&event->application_id, count);
	(void) next_value(row);
	(void) next_timestamp(row);
	return next_int64(row);
}

/* ---- the source of an appointment's organizer and followers ---- */

/* The appointment; the organizer is NULL where a customer organizes. */
#define APPOINTMENT_OF_TIED \
	" SELECT a.notifications_active, a.title, a.start_at, a.end_at, p.agent_scope = 'OWN' AS is_private," \
	"  CASE a.organizer_type WHEN 'AGENT' THEN a.organizer_id END AS organizer_id," \
	"  m.name AS template_name, coalesce(m.notify_followers, true) AS has_followers" \
	" FROM appt.appointment a" \
	" CROSS JOIN LATERAL (SELECT p.agent_scope FROM appt.application p WHERE p.id = $1 OFFSET 0) p" \
	" LEFT JOIN LATERAL (SELECT m.name, m.notify_followers FROM appt.meeting_template m" \
	"  WHERE m.application_id = $1 AND m.id = a.meeting_template_id OFFSET 0) m ON true" \
	" WHERE a.application_id = $1 AND a.id = $2"

/* Each user once. Who follows an appointment that it may not read is an outsider. The bits are those of UserTie. */
#define TIED_TO_APPOINTMENT \
	" SELECT a.organizer_id AS user_id, false AS is_outsider FROM appointment a" \
	" WHERE ($4 & 256) <> 0 AND a.organizer_id IS NOT NULL" \
	" UNION ALL" \
	" SELECT f.user_id, a.is_private AND NOT EXISTS (" \
	"   SELECT FROM appt.participant p WHERE p.application_id = $1 AND p.appointment_id = $2" \
	"    AND p.id = f.user_id AND p.type = 'AGENT')" \
	" FROM appointment a CROSS JOIN LATERAL (" \
	"  SELECT f.user_id FROM appt.follower f WHERE f.application_id = $1 AND f.appointment_id = $2 OFFSET 0) f" \
	" WHERE ($4 & 512) <> 0 AND a.has_followers AND f.user_id IS DISTINCT FROM a.organizer_id"

StaticAssertDecl(TIE_ORGANIZER == 256 && TIE_FOLLOWERS == 512, "the bits in TIED_TO_APPOINTMENT");

#define RECIPIENTS_OF_TIED \
	" SELECT 'USER' AS recipient_kind, u.id AS recipient_id, NULL::uuid AS subscription_id, c.channel," \
	"  " USER_ADDRESS("u", "c.channel") " AS address, t.is_outsider," \
	"  CASE WHEN t.is_outsider THEN $8 ELSE $7 END AS event" \
	" FROM tied t CROSS JOIN LATERAL (" \
	"  SELECT * FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = t.user_id OFFSET 0) u" \
	"  CROSS JOIN LATERAL unnest(u.channels) AS c (channel)" \
	" WHERE c.channel = ANY ($5)" \
	"  AND " PREFERENCE("appt.user_preference", "$1", "u.id", "$3", "'0'", "c.channel", "$6") \
	" UNION ALL" \
	" SELECT 'SUBSCRIBER', s.id::text, s.id, 'WEBHOOK', " LOGGED_URL("s") ", false, $9" \
	" FROM appt.subscription s WHERE s.application_id = $1 AND $3 = ANY (s.types)"

/* An outsider learns the name of the meeting template in place of the title. */
static Statement plan_for_tied_users = {
	"WITH appointment AS MATERIALIZED (" APPOINTMENT_OF_TIED
	"), tied AS MATERIALIZED (" TIED_TO_APPOINTMENT
	"), " INSERT_NOTIFICATIONS(
							   " SELECT $1 AS application_id, $2 AS appointment_id, NULL::bigint AS user_event_id, t.recipient_kind,"
							   "  t.recipient_id, t.subscription_id, NULL::bigint AS rule_id, $3 AS type, t.channel,"
							   "  interval '0' AS time_offset, $10 AS due_at, NULL::timestamptz AS expires_at,"
							   "  a.notifications_active, false AS never_told, t.address,"
							   "  CASE WHEN t.is_outsider THEN a.template_name ELSE a.title END AS title,"
							   "  a.start_at, a.end_at, a.organizer_id, NULL::jsonb AS context,"
							   "  CASE WHEN t.is_outsider THEN t.event || jsonb_build_object('title', a.template_name)"
							   "   ELSE t.event END AS event"
							   " FROM appointment a CROSS JOIN (" RECIPIENTS_OF_TIED ") t")
	" SELECT lane, due_at FROM notification",
	10, {
		UUIDOID, UUIDOID, TEXTOID, INT4OID, TEXTARRAYOID, BOOLOID, JSONBOID, JSONBOID, JSONBOID, TIMESTAMPTZOID
	}
};

void
plan_tied_users_event(const AppointmentKey *key, const TiedUsersEvent *event)
{
	const NotificationTypeInfo *type = &notification_types[event->type];
	uint64		count = statement_run(&plan_for_tied_users,
									  UUIDPGetDatum(&key->application_id),
									  UUIDPGetDatum(&key->id),
									  text_datum(type->code),
									  Int32GetDatum(type->ties),
									  channel_codes(type->channels),
									  BoolGetDatum(type->offset_count > 0 && type->offsets[0].is_on),
									  JsonbPGetDatum(event->to_users),
									  JsonbPGetDatum(event->to_outsiders),
									  JsonbPGetDatum(event->to_subscribers),
									  TimestampTzGetDatum(event->now));

	wake_for_planned(&key->application_id, count);
}

/* ---- the source of one message ---- */

static Statement plan_for_recipient = {
	"WITH " INSERT_NOTIFICATIONS(
								 " SELECT $1 AS application_id, $12 AS appointment_id, NULL::bigint AS user_event_id,"
								 "  $4 AS recipient_kind, $5 AS recipient_id, $6 AS subscription_id, NULL::bigint AS rule_id,"
								 "  $2 AS type, $3 AS channel, interval '0' AS time_offset, $10 AS due_at, $11 AS expires_at,"
								 "  true AS notifications_active, false AS never_told, $7 AS address, $8 AS title,"
								 "  NULL::timestamptz AS start_at, NULL::timestamptz AS end_at, NULL AS organizer_id,"
								 "  $9 AS context, NULL::jsonb AS event")
	" SELECT lane, due_at, id FROM notification",
	12, {
		UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		UUIDOID
	}
};

int64
plan_named_message(const NamedMessage *message)
{
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&message->application_id)),
		sql_text(notification_types[message->type].code),
		sql_text(channel_code(message->channel)),
		sql_text(message->recipient_kind),
		sql_text(message->recipient_id),
		sql_uuid(message->subscription_id),
		sql_text(message->address),
		sql_text(message->title),
		sql_jsonb(message->context),
		SQL_VALUE(TimestampTzGetDatum(message->due_at)),
		sql_time(message->expires_at),
		sql_uuid(message->appointment_id)
	};
	Row		   *row;

	(void) statement_run_nullable(&plan_for_recipient, arguments);
	row = ROW(0);
	wake_for_row(row);
	log_changes_on_commit(&message->application_id);
	return next_int64(row);
}
