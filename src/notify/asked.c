/*
 * asked.c
 *		Messages to the customers of an appointment that somebody asks for.
 *
 * The rules are read first, and chosen from here: which one sends over a channel
 * depends only on whether a customer prefers SMS. Rules, customers and their messages
 * are few, and a user waits for them, so they are looked up without a statement.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "core/elapsed.h"
#include "core/lookup.h"
#include "notify/asked.h"
#include "notify/facts_rules.h"
#include "notify/reopened.h"

/* ---- the appointment ---- */

/* What is asked about. */
typedef struct Subject
{
	const AppointmentKey *key;
	const pg_uuid_t *meeting_template_id;	/* NULL: none */
	int64		reopened_after; /* what was sent before does not count any
								 * more; 0: all counts */
	TimestampTz reopened_at;
	bool		as_seen;		/* everything is looked up as find_asked says */
} Subject;

static Subject
find_subject(const AppointmentKey *key, bool as_seen)
{
	static const LookupSource appointments = {
		"appointment", "appointment_pkey", {"id", "application_id"}, 3,
		{"meeting_template_id", "reopened_at", "reopened_after"}
	};
	const Datum keys[] = {UUIDPGetDatum(&key->id), UUIDPGetDatum(&key->application_id)};
	Subject		subject = {.key = key, .as_seen = as_seen};
	Lookup	   *lookup = lookup_begin(&appointments, keys, lengthof(keys), as_seen);
	Row		   *row = lookup_next(lookup);

	if (row != NULL)
	{
		subject.meeting_template_id = next_uuid_or_null(row);
		subject.reopened_at = next_timestamp(row);
		subject.reopened_after = next_int64(row);
	}
	lookup_end(lookup);
	return subject;
}

/* Do messages of the type go to the lead alone? */
static bool
is_for_lead_alone(const Subject *subject, NotificationType type)
{
	static const LookupSource templates = {
		"meeting_template", "meeting_template_pkey", {"application_id", "id"}, 1, {"lead_only_reminders"}
	};
	const Datum keys[] = {UUIDPGetDatum(&subject->key->application_id), UUIDPGetDatum(subject->meeting_template_id)};
	Lookup	   *lookup;
	Row		   *row;
	bool		is_so;

	if (notification_types[type].due_rule != DUE_BEFORE_START || subject->meeting_template_id == NULL)
		return false;
	lookup = lookup_begin(&templates, keys, lengthof(keys), subject->as_seen);
	row = lookup_next(lookup);
	is_so = row != NULL && next_bool(row);
	lookup_end(lookup);
	return is_so;
}

/* ---- the rules ---- */

/* A rule that may send. */
typedef struct AskedRule
{
	int64		id;
	const char *channel;		/* EMAIL, SMS, BOTH or PREFERRED */
	const Interval *interval;	/* its offset, as the rule has it */
	TimeOffset	time_offset;
	bool	   *ignores_opt_out;
} AskedRule;

/* Does it send to customers over this channel? NULL: over any. */
static bool
allows_channel(const AskedRule *rule, const ChannelCode *channel)
{
	if (strcmp(rule->channel, "WEBHOOK") == 0)
		return false;
	return channel == NULL || strcmp(rule->channel, channel_code(*channel)) == 0 ||
		strcmp(rule->channel, "PREFERRED") == 0 || strcmp(rule->channel, "BOTH") == 0;
}

/* NULL: it does not send what is asked for. */
static AskedRule *
read_rule(Row *row, const AskedMessages *asked)
{
	AskedRule  *rule = (AskedRule *) palloc(sizeof(AskedRule));
	bool		sends;

	rule->id = next_int64(row);
	sends = strcmp(next_text(row), notification_types[asked->type].code) == 0;
	rule->channel = next_text(row);
	rule->interval = next_interval_or_null(row);
	rule->time_offset = elapsed_microseconds(rule->interval);
	sends &= next_bool(row);
	sends &= strcmp(next_text(row), "AUTOMATIC") == 0 || !asked->is_automatic;
	rule->ignores_opt_out = next_bool_or_null(row);
	return sends && allows_channel(rule, asked->channel) ? rule : NULL;
}

static List *
find_rules(const Subject *subject, const AskedMessages *asked)
{
	Lookup	   *lookup = rules_begin(&subject->key->application_id, subject->meeting_template_id, asked->type, subject->as_seen);
	List	   *rules = NIL;
	Row		   *row;

	while ((row = lookup_next(lookup)) != NULL)
	{
		AskedRule  *rule = read_rule(row, asked);

		if (rule != NULL)
			rules = lappend(rules, rule);
	}
	lookup_end(lookup);
	return rules;
}

/* How far the offset is from the one that is asked for; of two that are as far, the shorter is nearer. */
static bool
is_nearer(const AskedRule *rule, const AskedRule *other, TimeOffset offset)
{
	TimeOffset	distance = llabs(rule->time_offset - offset);
	TimeOffset	other_distance = llabs(other->time_offset - offset);

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

/* ---- the customers ---- */

typedef struct Customer
{
	ParticipantFacts facts;
	bool		prefers_sms;
	bool		has_joined;
	bool		is_lead;
} Customer;

/* NULL: the participant is none. */
static Customer *
read_customer(Row *row)
{
	Customer   *customer = (Customer *) palloc0(sizeof(Customer));
	ParticipantFacts *facts = &customer->facts;
	const char *preferred_channel;

	facts->id = next_text(row);
	facts->is_customer = strcmp(next_text(row), "CUSTOMER") == 0;
	if (!facts->is_customer)
		return NULL;
	facts->username = next_text(row);
	facts->first_name = next_text(row);
	facts->last_name = next_text(row);
	facts->email = next_text(row);
	facts->phone = next_text(row);
	preferred_channel = next_text(row);
	customer->prefers_sms = preferred_channel != NULL && strcmp(preferred_channel, "SMS") == 0;
	facts->verified_channel = next_text(row);
	customer->has_joined = next_timestamp(row) != 0;
	customer->is_lead = next_bool(row);
	return customer;
}

/* Which customers are asked for. */
typedef struct Choice
{
	const List *ids;			/* char *; NIL: all, or the lead */
	bool		is_for_lead_alone;
	bool		is_for_joined;	/* to those alone who have joined */
} Choice;

static List *
read_ids(NullableDatum array)
{
	Datum	   *elements;
	int			count;
	List	   *ids = NIL;

	if (array.isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array.value), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
		ids = lappend(ids, TextDatumGetCString(elements[i]));
	return ids;
}

static Choice
choice_of(const Subject *subject, const AskedMessages *asked)
{
	return (Choice)
	{
		.ids = read_ids(asked->participant_ids),
			.is_for_lead_alone = is_for_lead_alone(subject, asked->type),
			.is_for_joined = notification_types[asked->type].audience == AUDIENCE_JOINED_CUSTOMERS
	};
}

static bool
is_chosen(const Customer *customer, const Choice *choice)
{
	ListCell   *cell;

	if (choice->is_for_joined && !customer->has_joined)
		return false;
	if (choice->ids == NIL)
		return customer->is_lead || !choice->is_for_lead_alone;
	foreach(cell, choice->ids)
	{
		if (strcmp((const char *) lfirst(cell), customer->facts.id) == 0)
			return true;
	}
	return false;
}

static List *
find_customers(const Subject *subject, const Choice *choice)
{
	static const LookupSource participants = {
		"participant", "participant_pkey", {"application_id", "appointment_id"}, 11,
		{"id", "type", "username", "first_name", "last_name", "email", "phone", "preferred_channel", "verified_channel", "joined_at",
		"is_lead"}
	};
	const Datum keys[] = {UUIDPGetDatum(&subject->key->application_id), UUIDPGetDatum(&subject->key->id)};
	Lookup	   *lookup = lookup_begin(&participants, keys, lengthof(keys), subject->as_seen);
	List	   *customers = NIL;
	Row		   *row;

	while ((row = lookup_next(lookup)) != NULL)
	{
		Customer   *customer = read_customer(row);

		if (customer != NULL && is_chosen(customer, choice))
			customers = lappend(customers, customer);
	}
	lookup_end(lookup);
	return customers;
}

/* ---- messages that are the same ---- */

/* Is it about to be sent, or was it sent and still counts? */
static bool
is_same_state(NotificationState state, int64 id, TimestampTz created_at, const Subject *subject, NotificationType type)
{
	switch (state)
	{
		case STATE_PENDING:
		case STATE_RETRYING:
		case STATE_SENDING:
			return true;
		case STATE_SENT:
			return notification_types[type].cancels &&
				!is_before_reopening(id, created_at, subject->reopened_after, subject->reopened_at);
		default:
			return false;
	}
}

/* Note it, if it is a message of the type to a customer that is due. */
static void
note_same(Row *row, const Subject *subject, const AskedMessages *asked, int64 *same_ids)
{
	int64		id = next_int64(row);
	pg_uuid_t	application_id = next_uuid(row);
	const char *recipient_kind = next_text(row);
	const char *type = next_text(row);
	const char *channel = next_text(row);
	TimestampTz due_at = next_timestamp(row);
	const char *state_name = next_text(row);
	bool		is_superseded = next_text(row) != NULL;
	TimestampTz created_at = next_timestamp(row);
	NotificationState state;
	ChannelCode over;

	if (memcmp(&application_id, &subject->key->application_id, UUID_LEN) == 0 && strcmp(recipient_kind, "CUSTOMER") == 0 &&
		strcmp(type, notification_types[asked->type].code) == 0 && due_at <= GetCurrentTimestamp() && !is_superseded &&
		state_from_code(state_name, &state) && is_same_state(state, id, created_at, subject, asked->type) &&
		channel_from_code(channel, &over))
		same_ids[over] = Max(same_ids[over], id);
}

/* The latest message that is the same, of each channel; 0: none. */
static void
find_same(const Subject *subject, const AskedMessages *asked, const char *participant_id, int64 *same_ids)
{
	static const LookupSource notifications = {
		"notification", "notification_appointment", {"appointment_id", "recipient_id"}, 9,
		{"id", "application_id", "recipient_kind", "type", "channel", "due_at", "state", "superseded_by", "created_at"}
	};
	const Datum keys[] = {UUIDPGetDatum(&subject->key->id), text_datum(participant_id)};
	Lookup	   *lookup = lookup_begin(&notifications, keys, lengthof(keys), subject->as_seen);
	Row		   *row;

	while ((row = lookup_next(lookup)) != NULL)
		note_same(row, subject, asked, same_ids);
	lookup_end(lookup);
}

/* ---- the messages ---- */

static AskedMessage *
message_to(const Customer *customer, ChannelCode channel, const AskedRule *rule, int64 same_id)
{
	AskedMessage *message = (AskedMessage *) palloc(sizeof(AskedMessage));

	message->recipient = &customer->facts;
	message->is_lead = customer->is_lead;
	message->channel = channel;
	message->rule_id = rule->id;
	message->interval = rule->interval;
	message->time_offset = rule->time_offset;
	message->ignores_opt_out = rule->ignores_opt_out;
	message->same_id = same_id;
	return message;
}

static List *
add_messages(List *messages, const Customer *customer, const AskedRule *const *chosen, const int64 *same_ids)
{
	for (int channel = 0; channel < CHANNELS; channel++)
		if (chosen[channel] != NULL)
			messages = lappend(messages, message_to(customer, (ChannelCode) channel, chosen[channel], same_ids[channel]));
	return messages;
}

static int
compare_messages(const ListCell *a, const ListCell *b)
{
	const AskedMessage *one = (const AskedMessage *) lfirst(a);
	const AskedMessage *other = (const AskedMessage *) lfirst(b);
	int			order = strcmp(one->recipient->id, other->recipient->id);

	if (one->is_lead != other->is_lead)
		return one->is_lead ? -1 : 1;
	return order != 0 ? order : (int) one->channel - (int) other->channel;
}

List *
find_asked(const AppointmentKey *key, const AskedMessages *asked, bool as_seen)
{
	Subject		subject = find_subject(key, as_seen);
	List	   *rules = find_rules(&subject, asked);
	List	   *messages = NIL;
	RuleChoice	chosen = {{NULL}};
	Choice		choice;
	ListCell   *cell;

	if (rules == NIL)
		return NIL;
	choose_rules(rules, asked, chosen);
	choice = choice_of(&subject, asked);
	foreach(cell, find_customers(&subject, &choice))
	{
		const Customer *customer = (const Customer *) lfirst(cell);
		int64		same_ids[CHANNELS] = {0};

		find_same(&subject, asked, customer->facts.id, same_ids);
		messages = add_messages(messages, customer, chosen[customer->prefers_sms], same_ids);
	}
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
	const Subject subject = find_subject(key, as_seen);

	return find_rules(&subject, &any) != NIL;
}
