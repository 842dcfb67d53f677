/*
 * asked.c
 *		Messages to the customers of an appointment that somebody asks for.
 */
#include "postgres.h"

#include "core/elapsed.h"
#include "core/row.h"
#include "notify/asked.h"
#include "notify/notification_insert.h"
#include "notify/planned.h"
#include "notify/type_sets.h"
#include "utils/timestamp.h"

/* ---- the source ---- */

#define APPOINTMENT \
	" SELECT a.application_id, a.id AS appointment_id, a.notifications_active, a.title, a.start_at, a.end_at," \
	"  CASE a.organizer_type WHEN 'AGENT' THEN a.organizer_id END AS organizer_id, a.meeting_template_id," \
	"  coalesce(a.reopened_after, 0) AS reopened_after," \
	"  $9 AND coalesce((SELECT m.lead_only_reminders FROM appt.meeting_template m" \
	"   WHERE m.application_id = $1 AND m.id = a.meeting_template_id), false) AS is_for_lead_alone" \
	" FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2"

/* Rules of the meeting template, or of the application. */
#define OF_TEMPLATE IS_RULE_OF_TEMPLATE("r", "$1", "a.meeting_template_id")
#define OF_APPLICATION IS_RULE_OF_APPLICATION("r", "$1")

#define RULES(of) \
	" SELECT r.* FROM appointment a CROSS JOIN LATERAL (" \
	"  SELECT r.id, r.channel, r.time_offset::interval AS time_offset FROM appt.rule r" \
	"  WHERE " of " AND r.type = $3 AND r.channel <> 'WEBHOOK' AND r.enabled" \
	"   AND (r.sending = 'AUTOMATIC' OR NOT $7)" \
	"   AND ($5::text IS NULL OR r.channel IN ($5, 'PREFERRED', 'BOTH')) OFFSET 0) r" \
	" ORDER BY abs(extract(epoch FROM r.time_offset - $8)), r.time_offset FETCH FIRST ROW WITH TIES"

/* One row a customer and channel. */
#define MESSAGES \
	" SELECT DISTINCT ON (p.id, c.channel) p.*, c.channel, w.id AS rule_id, w.time_offset" \
	" FROM appointment a CROSS JOIN rule w CROSS JOIN LATERAL (" \
	"  SELECT p.id, p.type, p.username, p.first_name, p.last_name, p.email, p.phone, p.preferred_channel, p.is_lead, p.joined_at" \
	"  FROM appt.participant p WHERE p.application_id = $1 AND p.appointment_id = $2 OFFSET 0) p" \
	" CROSS JOIN LATERAL unnest(CASE WHEN $5 IS NULL THEN " CHANNELS_OF_RULE " ELSE ARRAY[$5] END) AS c (channel)" \
	" WHERE p.type = 'CUSTOMER' AND ($6::text[] IS NULL AND (p.is_lead OR NOT a.is_for_lead_alone) OR p.id = ANY ($6))" \
	"  AND (p.joined_at IS NOT NULL OR NOT $10)" \
	" ORDER BY p.id, c.channel, CASE w.channel WHEN 'PREFERRED' THEN 2 WHEN 'BOTH' THEN 1 ELSE 0 END"

/* The message that is the same. Those of a type that cancels count also once they are sent ($12), if it was not reopened since. */
#define SAME \
	"(SELECT n.id FROM appt.notification n" \
	" WHERE n.appointment_id = $2 AND n.recipient_id = m.id AND n.application_id = $1" \
	"  AND n.recipient_kind = 'CUSTOMER' AND n.type = $3 AND n.channel = m.channel AND n.due_at <= $11" \
	"  AND n.superseded_by IS NULL AND (n.state IN ('PENDING', 'RETRYING', 'SENDING')" \
	"   OR $12 AND n.state = 'SENT' AND n.id > (SELECT a.reopened_after FROM appointment a))" \
	" ORDER BY n.id DESC LIMIT 1)"

#define ASKED(of) \
	"WITH appointment AS MATERIALIZED (" APPOINTMENT \
	"), rule AS MATERIALIZED (" RULES(of) \
	"), asked AS MATERIALIZED (SELECT m.*, " SAME " AS same_id FROM (" MESSAGES ") m)"

#define PLAN(of) \
	ASKED(of) ", " INSERT_NOTIFICATIONS( \
	" SELECT a.application_id, a.appointment_id, NULL::bigint AS user_event_id, 'CUSTOMER' AS recipient_kind," \
	"  m.id AS recipient_id, NULL::uuid AS subscription_id, m.rule_id, $3 AS type, m.channel, m.time_offset, $4 AS due_at," \
	"  CASE WHEN $13 THEN a.start_at - interval '1 microsecond' END AS expires_at, a.notifications_active," \
	"  false AS never_told, CASE m.channel WHEN 'EMAIL' THEN m.email ELSE m.phone END AS address," \
	"  a.title, a.start_at, a.end_at, a.organizer_id, NULL::jsonb AS context, NULL::jsonb AS event" \
	" FROM appointment a CROSS JOIN asked m WHERE m.same_id IS NULL", "") \
	" SELECT lane, due_at, id FROM notification" \
	" UNION ALL SELECT NULL, NULL, same_id FROM asked WHERE same_id IS NOT NULL"

#define FIND(of) \
	ASKED(of) \
	" SELECT m.id, coalesce(nullif(concat_ws(' ', m.first_name, m.last_name), ''), m.username), m.email, m.phone," \
	"  m.channel, m.rule_id, m.time_offset, m.same_id FROM asked m ORDER BY NOT m.is_lead, m.id COLLATE \"C\", m.channel"

#define ARGUMENTS 13
#define TYPES { \
	UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTARRAYOID, BOOLOID, INTERVALOID, BOOLOID, BOOLOID, \
	TIMESTAMPTZOID, BOOLOID, BOOLOID \
}

static uint64
run(Statement *of_template, Statement *of_application, const AppointmentKey *key, const AskedMessages *asked)
{
	const NotificationTypeInfo *type = &notification_types[asked->type];
	NullableDatum arguments[ARGUMENTS] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		sql_text(type->code),
		SQL_VALUE(TimestampTzGetDatum(asked->now)),
		asked->channel == NULL ? SQL_NULL : sql_text(channel_code(*asked->channel)),
		asked->participant_ids,
		SQL_VALUE(BoolGetDatum(asked->is_automatic)),
		SQL_VALUE(IntervalPGetDatum(elapsed_interval(asked->offset))),
		SQL_VALUE(BoolGetDatum(type->due_rule == DUE_BEFORE_START)),
		SQL_VALUE(BoolGetDatum(type->audience == AUDIENCE_JOINED_CUSTOMERS)),
		SQL_VALUE(TimestampTzGetDatum(GetCurrentTimestamp())),
		SQL_VALUE(BoolGetDatum(type->cancels)),
		SQL_VALUE(BoolGetDatum(type->window_rule == WINDOW_AFTER_DUE_BEFORE_START))
	};

	return statement_run_nullable(key->has_meeting_template ? of_template : of_application, arguments);
}

/* ---- the functions ---- */

bool
is_asked_for(NotificationType type)
{
	const NotificationTypeInfo *info = &notification_types[type];

	return info->has_rules &&
		(info->audience == AUDIENCE_CUSTOMERS || info->audience == AUDIENCE_JOINED_CUSTOMERS);
}

int64 *
plan_asked(const AppointmentKey *key, const AskedMessages *asked, int *count)
{
	static Statement of_template = {PLAN(OF_TEMPLATE), ARGUMENTS, TYPES};
	static Statement of_application = {PLAN(OF_APPLICATION), ARGUMENTS, TYPES};
	int64	   *ids;

	*count = (int) run(&of_template, &of_application, key, asked);
	ids = (int64 *) palloc(Max(*count, 1) * sizeof(int64));
	for (int n = 0; n < *count; n++)
	{
		Row		   *row = ROW(n);

		wake_for_row(row);
		ids[n] = next_int64(row);
	}
	return ids;
}

static AskedMessage *
read_asked(Row *row)
{
	AskedMessage *message = (AskedMessage *) palloc(sizeof(AskedMessage));
	char	   *channel;

	message->participant_id = next_text(row);
	message->name = next_text(row);
	message->email = next_text(row);
	message->phone = next_text(row);
	channel = next_text(row);
	if (!channel_from_code(channel, &message->channel))
		elog(ERROR, "rule has an unknown channel: %s", channel);
	message->rule_id = next_int64(row);
	message->time_offset = next_elapsed(row);
	message->same_id = next_int64(row);
	return message;
}

List *
find_asked(const AppointmentKey *key, const AskedMessages *asked, bool as_seen)
{
	static Statement of_template = {FIND(OF_TEMPLATE), ARGUMENTS, TYPES};
	static Statement of_application = {FIND(OF_APPLICATION), ARGUMENTS, TYPES};
	static Statement of_template_as_seen = {FIND(OF_TEMPLATE), ARGUMENTS, TYPES, true};
	static Statement of_application_as_seen = {FIND(OF_APPLICATION), ARGUMENTS, TYPES, true};
	uint64		count = as_seen ? run(&of_template_as_seen, &of_application_as_seen, key, asked) :
	run(&of_template, &of_application, key, asked);
	List	   *messages = NIL;

	for (uint64 n = 0; n < count; n++)
		messages = lappend(messages, read_asked(ROW(n)));
	return messages;
}

#define FIND_RULE(of) \
	"SELECT FROM appt.appointment a CROSS JOIN LATERAL (" \
	" SELECT FROM appt.rule r WHERE " of " AND r.type = $3 AND r.channel <> 'WEBHOOK' AND r.enabled" \
	"  AND ($4::text IS NULL OR r.channel IN ($4, 'PREFERRED', 'BOTH')) OFFSET 0) r" \
	" WHERE a.application_id = $1 AND a.id = $2 LIMIT 1"

#define RULE_ARGUMENTS 4
#define RULE_TYPES {UUIDOID, UUIDOID, TEXTOID, TEXTOID}

bool
has_rule_for_customers(const AppointmentKey *key, NotificationType type, const ChannelCode *channel, bool as_seen)
{
	static Statement of_template = {FIND_RULE(OF_TEMPLATE), RULE_ARGUMENTS, RULE_TYPES};
	static Statement of_application = {FIND_RULE(OF_APPLICATION), RULE_ARGUMENTS, RULE_TYPES};
	static Statement of_template_as_seen = {FIND_RULE(OF_TEMPLATE), RULE_ARGUMENTS, RULE_TYPES, true};
	static Statement of_application_as_seen = {FIND_RULE(OF_APPLICATION), RULE_ARGUMENTS, RULE_TYPES, true};
	Statement  *now = key->has_meeting_template ? &of_template : &of_application;
	Statement  *seen = key->has_meeting_template ? &of_template_as_seen : &of_application_as_seen;
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		sql_text(notification_types[type].code),
		channel == NULL ? SQL_NULL : sql_text(channel_code(*channel))
	};

	return statement_run_nullable(as_seen ? seen : now, arguments) > 0;
}
