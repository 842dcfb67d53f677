/*
 * asked.c
 *		Messages to the customers of an appointment that somebody asks for.
 *
 * The rules are read first, and chosen from here: which one sends over a channel
 * depends only on whether a customer prefers SMS. So the statement that looks for
 * the customers needs no sorting, and is cheap to start.
 */
#include "postgres.h"

#include "core/column.h"
#include "core/elapsed.h"
#include "core/row.h"
#include "notify/asked.h"
#include "notify/notification_insert.h"

/* ---- the rules ---- */

/* A rule that may send, and what its meeting template says of all messages of the type. */
typedef struct AskedRule
{
	int64		id;
	const char *channel;		/* EMAIL, SMS, BOTH or PREFERRED */
	const Interval *interval;	/* its offset, as the rule has it */
	TimeOffset	time_offset;
	bool	   *ignores_opt_out;
	bool		is_for_lead_alone;
} AskedRule;

/* Rules of the meeting template, or of the application. */
#define OF_TEMPLATE \
	IS_RULE_OF_TEMPLATE("r", "$1", "(SELECT a.meeting_template_id FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2)")
#define OF_APPLICATION IS_RULE_OF_APPLICATION("r", "$1")

#define LEAD_ONLY_REMINDERS \
	"(SELECT m.lead_only_reminders FROM appt.meeting_template m WHERE m.application_id = $1 AND m.id = r.meeting_template_id)"

#define FIND_RULES(of, is_for_lead_alone) \
	"SELECT r.id, r.channel, r.time_offset::interval, r.ignores_opt_out, " is_for_lead_alone " FROM appt.rule r" \
	" WHERE " of " AND r.type = $3 AND r.channel <> 'WEBHOOK' AND r.enabled" \
	"  AND (r.sending = 'AUTOMATIC' OR NOT $5) AND ($4::text IS NULL OR r.channel IN ($4, 'PREFERRED', 'BOTH'))"
#define FIND_RULES_OF_TEMPLATE FIND_RULES(OF_TEMPLATE, "$6 AND " LEAD_ONLY_REMINDERS)
#define FIND_RULES_OF_APPLICATION FIND_RULES(OF_APPLICATION, "false")
#define RULE_ARGUMENTS 6, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID}

static AskedRule *
read_rule(Row *row)
{
	AskedRule  *rule = (AskedRule *) palloc(sizeof(AskedRule));

	rule->id = next_int64(row);
	rule->channel = next_text(row);
	rule->interval = next_interval_or_null(row);
	rule->time_offset = elapsed_microseconds(rule->interval);
	rule->ignores_opt_out = next_bool_or_null(row);
	rule->is_for_lead_alone = next_bool(row);
	return rule;
}

static List *
find_rules(const AppointmentKey *key, const AskedMessages *asked, bool as_seen)
{
	static Statement of_template = {FIND_RULES_OF_TEMPLATE, RULE_ARGUMENTS};
	static Statement of_application = {FIND_RULES_OF_APPLICATION, RULE_ARGUMENTS};
	Statement  *statement = key->has_meeting_template ? &of_template : &of_application;
	const NotificationTypeInfo *type = &notification_types[asked->type];
	const NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		sql_text(type->code),
		asked->channel == NULL ? SQL_NULL : sql_text(channel_code(*asked->channel)),
		SQL_VALUE(BoolGetDatum(asked->is_automatic)),
		SQL_VALUE(BoolGetDatum(type->due_rule == DUE_BEFORE_START))
	};
	uint64		count;
	List	   *rules = NIL;

	statement->is_read_only = as_seen;
	count = statement_run_nullable(statement, arguments);
	for (uint64 n = 0; n < count; n++)
		rules = lappend(rules, read_rule(ROW(n)));
	statement_done();
	return rules;
}

/* How far the offset is from the one that is asked for; of two that are as far, the shorter is nearer. */
static bool
is_nearer(const AskedRule *rule, const AskedRule *other, TimeOffset offset)
{
	TimeOffset	distance = Abs(rule->time_offset - offset);
	TimeOffset	other_distance = Abs(other->time_offset - offset);

	return distance != other_distance ? distance < other_distance : rule->time_offset < other->time_offset;
}

static TimeOffset
nearest_offset(const List *rules, TimeOffset offset)
{
	const AskedRule *nearest = (const AskedRule *) linitial(rules);
	ListCell   *cell;

	foreach(cell, rules)
	{
		const AskedRule *rule = (const AskedRule *) lfirst(cell);

		if (is_nearer(rule, nearest, offset))
			nearest = rule;
	}
	return nearest->time_offset;
}

/* How specific a rule is for a channel to customers who prefer SMS, or do not; 0: it does not send over it. */
static int
fitness(const AskedRule *rule, ChannelCode channel, bool prefers_sms, const ChannelCode *asked)
{
	if (asked != NULL && *asked != channel)
		return 0;
	if (strcmp(rule->channel, channel_code(channel)) == 0)
		return 3;
	if (strcmp(rule->channel, "BOTH") == 0)
		return 2;
	if (strcmp(rule->channel, "PREFERRED") == 0 && (asked != NULL || (channel == CHANNEL_SMS) == prefers_sms))
		return 1;
	return 0;
}

/* The rule with this offset that is the most specific; NULL: none sends. */
static const AskedRule *
choose_rule(const List *rules, TimeOffset offset, ChannelCode channel, bool prefers_sms, const ChannelCode *asked)
{
	const AskedRule *chosen = NULL;
	int			best = 0;
	ListCell   *cell;

	foreach(cell, rules)
	{
		const AskedRule *rule = (const AskedRule *) lfirst(cell);
		int			fits = rule->time_offset == offset ? fitness(rule, channel, prefers_sms, asked) : 0;

		if (fits > best)
		{
			chosen = rule;
			best = fits;
		}
	}
	return chosen;
}

/* For customers who prefer SMS or do not: the rule that sends over each channel; NULL: none does. */
typedef const AskedRule *RuleChoice[2][CHANNELS];

static void
choose_rules(const List *rules, const AskedMessages *asked, RuleChoice chosen)
{
	static const ChannelCode channels[] = {CHANNEL_EMAIL, CHANNEL_SMS};
	TimeOffset	nearest = nearest_offset(rules, asked->offset);

	for (int i = 0; i < lengthof(channels); i++)
	{
		chosen[false][channels[i]] = choose_rule(rules, nearest, channels[i], false, asked->channel);
		chosen[true][channels[i]] = choose_rule(rules, nearest, channels[i], true, asked->channel);
	}
}

/* ---- the messages ---- */

/*
 * The message that is the same. Those of a type that cancels count also once they are sent ($9), if it was not reopened since.
 * OFFSET 0 has them looked up by appointment and recipient, where the planner may believe that the last one of all is near.
 */
#define SAME \
	"(SELECT max(n.id) FROM (SELECT n.id FROM appt.notification n" \
	" WHERE n.appointment_id = $2 AND n.recipient_id = p.id AND n.application_id = $1" \
	"  AND n.recipient_kind = 'CUSTOMER' AND n.type = $3 AND n.channel = c.channel AND n.due_at <= $8" \
	"  AND n.superseded_by IS NULL AND (n.state IN ('PENDING', 'RETRYING', 'SENDING') OR $9 AND n.state = 'SENT'" \
	"   AND n.id > coalesce((SELECT a.reopened_after FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2), 0))" \
	" OFFSET 0) n)"

/* The customers, or those in $6, with the channels to those who prefer SMS ($4) or do not ($5). */
#define FIND \
	"SELECT p.id, coalesce(nullif(concat_ws(' ', p.first_name, p.last_name), ''), p.username), p.email, p.phone," \
	" p.verified_channel, p.preferred_channel IS NOT DISTINCT FROM 'SMS', p.is_lead, c.channel, " SAME \
	" FROM appt.participant p CROSS JOIN (VALUES ('EMAIL'), ('SMS')) AS c (channel)" \
	" WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.type = 'CUSTOMER'" \
	"  AND c.channel = ANY (CASE WHEN p.preferred_channel = 'SMS' THEN $4 ELSE $5 END)" \
	"  AND ($6::text[] IS NULL AND (p.is_lead OR NOT $7) OR p.id = ANY ($6))" \
	"  AND (p.joined_at IS NOT NULL OR NOT $10)"
#define ARGUMENTS 10
#define TYPES { \
	UUIDOID, UUIDOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TIMESTAMPTZOID, BOOLOID, BOOLOID \
}

static NullableDatum
chosen_channels(const AskedRule *const *chosen)
{
	Column	   *channels = column_create(TEXTOID, CHANNELS);

	for (int channel = 0; channel < CHANNELS; channel++)
		if (chosen[channel] != NULL)
			column_add_text(channels, channel_code((ChannelCode) channel));
	return SQL_VALUE(column_array(channels));
}

static AskedMessage *
read_asked(Row *row, RuleChoice chosen)
{
	AskedMessage *message = (AskedMessage *) palloc(sizeof(AskedMessage));
	const AskedRule *rule;
	bool		prefers_sms;
	char	   *channel;

	message->participant_id = next_text(row);
	message->name = next_text(row);
	message->email = next_text(row);
	message->phone = next_text(row);
	message->verified_channel = next_text(row);
	prefers_sms = next_bool(row);
	message->is_lead = next_bool(row);
	channel = next_text(row);
	if (!channel_from_code(channel, &message->channel))
		elog(ERROR, "rule has an unknown channel: %s", channel);
	message->same_id = next_int64(row);
	rule = chosen[prefers_sms][message->channel];
	message->rule_id = rule->id;
	message->interval = rule->interval;
	message->time_offset = rule->time_offset;
	message->ignores_opt_out = rule->ignores_opt_out;
	return message;
}

static int
compare_messages(const ListCell *a, const ListCell *b)
{
	const AskedMessage *one = (const AskedMessage *) lfirst(a);
	const AskedMessage *other = (const AskedMessage *) lfirst(b);
	int			order = strcmp(one->participant_id, other->participant_id);

	if (one->is_lead != other->is_lead)
		return one->is_lead ? -1 : 1;
	return order != 0 ? order : (int) one->channel - (int) other->channel;
}

List *
find_asked(const AppointmentKey *key, const AskedMessages *asked, bool as_seen)
{
	static Statement find = {FIND, ARGUMENTS, TYPES};
	const NotificationTypeInfo *type = &notification_types[asked->type];
	List	   *rules = find_rules(key, asked, as_seen);
	List	   *messages = NIL;
	RuleChoice	chosen = {{NULL}};
	uint64		count;
	NullableDatum arguments[ARGUMENTS];

	if (rules == NIL)
		return NIL;
	choose_rules(rules, asked, chosen);
	arguments[0] = SQL_VALUE(UUIDPGetDatum(&key->application_id));
	arguments[1] = SQL_VALUE(UUIDPGetDatum(&key->id));
	arguments[2] = sql_text(type->code);
	arguments[3] = chosen_channels(chosen[true]);
	arguments[4] = chosen_channels(chosen[false]);
	arguments[5] = asked->participant_ids;
	arguments[6] = SQL_VALUE(BoolGetDatum(((const AskedRule *) linitial(rules))->is_for_lead_alone));
	arguments[7] = SQL_VALUE(TimestampTzGetDatum(GetCurrentTimestamp()));
	arguments[8] = SQL_VALUE(BoolGetDatum(type->cancels));
	arguments[9] = SQL_VALUE(BoolGetDatum(type->audience == AUDIENCE_JOINED_CUSTOMERS));
	find.is_read_only = as_seen;
	count = statement_run_nullable(&find, arguments);
	for (uint64 n = 0; n < count; n++)
		messages = lappend(messages, read_asked(ROW(n), chosen));
	statement_done();
	list_sort(messages, compare_messages);
	return messages;
}

/* ---- types and rules ---- */

bool
is_asked_for(NotificationType type)
{
	const NotificationTypeInfo *info = &notification_types[type];

	return info->has_rules &&
		(info->audience == AUDIENCE_CUSTOMERS || info->audience == AUDIENCE_JOINED_CUSTOMERS);
}

bool
has_rule_for_customers(const AppointmentKey *key, NotificationType type, const ChannelCode *channel, bool as_seen)
{
	const AskedMessages any = {.type = type, .channel = channel};

	return find_rules(key, &any, as_seen) != NIL;
}
