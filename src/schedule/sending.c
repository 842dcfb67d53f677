/*
 * sending.c
 *		What a user sends to the customers of an appointment, before it is sent.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/text.h"
#include "notify/asked_insert.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/facts_to_judge.h"
#include "schedule/sending.h"

/* Messages of which an error tells why they could not go. */
#define MAX_EXPLAINED 10

/* ---- the request ---- */

static NotificationType
read_type(FunctionCallInfo fcinfo)
{
	char	   *code = required_text(fcinfo, SENDING_TYPE, "type");
	NotificationType type;

	if (!notification_type_from_code(code, &type))
		report_unlisted(notification_type_codes(is_asked_for), "unknown notification type",
						"\"%s\" is not a notification type.", code);
	if (!is_asked_for(type))
		report_unlisted(notification_type_codes(is_asked_for), "the type does not go to customers",
						"No rule sends %s to customers.", code);
	return type;
}

static bool
has_customers(const ChannelInfo *channel)
{
	return channel->route == ROUTE_PROVIDER;
}

static bool
read_channel(FunctionCallInfo fcinfo, ChannelCode *channel)
{
	char	   *code = text_argument(fcinfo, SENDING_CHANNEL);

	if (code == NULL)
		return false;
	if (!channel_from_code(code, channel) || !has_customers(&channel_infos[*channel]))
		report_unlisted(channel_code_list(has_customers), "unknown channel", "\"%s\" is no channel to customers.", code);
	return true;
}

void
send_request_read(FunctionCallInfo fcinfo, SendRequest *request, TimestampTz now)
{
	memset(request, 0, sizeof(SendRequest));
	request->type = request->asked.type = read_type(fcinfo);
	if (read_channel(fcinfo, &request->channel))
		request->asked.channel = &request->channel;
	request->asked.participant_ids = SQL_NULL;
	request->asked.now = now;
}

/* The time that is left before the start, or that has passed since the end. */
void
send_request_aim(SendRequest *request, const Appointment *appointment)
{
	switch (notification_types[request->type].due_rule)
	{
		case DUE_BEFORE_START:
			request->asked.offset = Max(appointment->start_at - request->asked.now, 0);
			break;
		case DUE_AFTER_END:
			request->asked.offset = Max(request->asked.now - appointment->end_at, 0);
			break;
		case DUE_NOW:
		case DUE_DAILY:
		case DUE_AS_ASKED:
			break;
	}
}

void
send_request_check_channel(const AppointmentKey *key, const SendRequest *request, bool as_seen)
{
	const ChannelCode *channel = request->asked.channel;

	if (channel != NULL && has_rule_for_customers(key, request->type, NULL, as_seen) &&
		!has_rule_for_customers(key, request->type, channel, as_seen))
		report_invalid("the rule does not send over this channel", "No enabled rule sends %s by %s.",
					   notification_types[request->type].code, channel_code(*channel));
}

/* ---- what stands against it ---- */

static Obstacle
obstacle(const Appointment *a, const char *message, const char *state)
{
	return (Obstacle) {message, psprintf("Appointment \"%s\" is %s.", uuid_text(&a->key.id), state)};
}

/* A cancellation goes before the end, and again once it is cancelled; what follows the end, after it; all else before it is over. */
static bool
is_right_state(const char *state, const NotificationTypeInfo *type)
{
	bool		is_open = strcmp(state, APPOINTMENT_SCHEDULED) == 0 || strcmp(state, APPOINTMENT_ACTIVATED) == 0;

	if (type->due_rule == DUE_AFTER_END)
		return strcmp(state, APPOINTMENT_ENDED) == 0;
	return is_open || (type->cancels && strcmp(state, APPOINTMENT_CANCELLED) == 0);
}

Obstacle
sending_obstacle(const Appointment *a, NotificationType type)
{
	const NotificationTypeInfo *info = &notification_types[type];

	if (a->archived_at != 0)
		return obstacle(a, "the appointment is archived", "archived");
	if (!is_right_state(a->state, info))
		return obstacle(a, info->due_rule == DUE_AFTER_END ? "the appointment has not ended" : "the appointment is over", a->state);
	if (info->tells_changes && a->key.has_meeting_template && strcmp(a->notification_state, "UPDATE_DUE") != 0)
		return (Obstacle) {"no update is due", psprintf("Nothing significant of appointment \"%s\" has changed since its customers "
														"were told; its notification state is %s.",
														uuid_text(&a->key.id), a->notification_state)};
	return (Obstacle) {NULL, NULL};
}

/* ---- who can be reached ---- */

/* One that was planned before may be under way, or have been sent. */
Prospect
sending_prospect(const NotificationFacts *facts)
{
	EligibilityInput input = eligibility_input(facts);
	Decision	decision;

	if (facts->state == STATE_SENT)
		return (Prospect) {false, REASON_NONE, "It was sent."};
	if (facts->state != STATE_PENDING)
		return (Prospect) {true, REASON_NONE, "It is being sent."};
	decision = eligibility_decide(&input, Max(GetCurrentTimestamp(), facts->due_at));
	if (decision.verdict == VERDICT_SEND)
		return (Prospect) {true, REASON_NONE, "It is sent at once."};
	if (decision.verdict == VERDICT_WAIT)
		decision.reason = REASON_NOT_ACTIVATED;
	return (Prospect) {false, decision.reason, reason_explanation(decision.reason)};
}

AppointmentFacts *
appointment_facts(const Appointment *appointment)
{
	AppointmentFacts *facts = (AppointmentFacts *) palloc0(sizeof(AppointmentFacts));

	facts->id = appointment->key.id;
	facts->application_id = appointment->key.application_id;
	facts->state = appointment->state;
	facts->organizer_id = appointment->organizer_id;
	facts->organizer_type = appointment->organizer_type;
	facts->title = appointment->title;
	facts->start_at = appointment->start_at;
	facts->end_at = appointment->end_at;
	facts->locale = appointment->locale;
	facts->notifications_active = appointment->notifications_active;
	facts->call_started = strcmp(interaction_state(appointment), INTERACTION_PENDING) != 0;
	return facts;
}

/* find_asked finds only what enabled rules send. */
static RuleFacts *
rule_facts(const AskedMessage *message)
{
	RuleFacts  *facts = (RuleFacts *) palloc0(sizeof(RuleFacts));

	facts->id = message->rule_id;
	facts->enabled = true;
	facts->ignores_opt_out = message->ignores_opt_out;
	return facts;
}

static NotificationFacts *
message_facts(const AppointmentFacts *appointment, const SendRequest *request, const AskedMessage *message)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));

	facts->application_id = appointment->application_id;
	facts->appointment_id = (pg_uuid_t *) &appointment->id;
	facts->recipient_kind = "CUSTOMER";
	facts->recipient_id = message->recipient->id;
	facts->rule_id = message->rule_id;
	facts->type = request->type;
	facts->channel = message->channel;
	facts->time_offset = message->time_offset;
	facts->due_at = request->asked.now;
	facts->expires_at = asked_expiry(request->type, appointment->start_at);
	facts->notifications_active = appointment->notifications_active;
	facts->appointment = appointment;
	facts->recipient = message->recipient;
	facts->rule = rule_facts(message);
	return facts;
}

/* The messages that are not planned yet, numbered in their order. */
static List *
load_new(const Appointment *appointment, const SendRequest *request, const List *messages)
{
	const AppointmentFacts *about = appointment_facts(appointment);
	List	   *all_facts = NIL;
	ListCell   *cell;

	foreach(cell, messages)
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);
		NotificationFacts *facts;

		if (message->same_id != 0)
			continue;
		facts = message_facts(about, request, message);
		facts->id = list_length(all_facts) + 1;
		all_facts = lappend(all_facts, facts);
	}
	if (all_facts != NIL)
		facts_load_to_judge(all_facts);
	return all_facts;
}

/* The planned messages that are the same, which may be under way or have been sent; as many at once as memory allows. */
static List *
load_same(const List *messages)
{
	int64	   *ids = (int64 *) palloc(Max(list_length(messages), 1) * sizeof(int64));
	int			count = 0;
	List	   *all_facts = NIL;
	ListCell   *cell;

	foreach(cell, messages)
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);

		if (message->same_id != 0)
			ids[count++] = message->same_id;
	}
	while (count > 0)
	{
		int			loaded = count;

		all_facts = list_concat(all_facts, facts_load(ids, &loaded));
		ids += loaded;
		count -= loaded;
	}
	return all_facts;
}

static void
explain(Judged *judged, const NotificationFacts *facts, const Prospect *prospect)
{
	const char *reason = reason_code(prospect->reason);

	if (judged->refused < MAX_EXPLAINED)
		appendStringInfo(&judged->obstacles, "%sCustomer \"%s\" by %s: %s%s%s", judged->refused > 0 ? " " : "",
						 facts->recipient_id, channel_code(facts->channel), reason != NULL ? reason : "",
						 reason != NULL ? ". " : "", prospect->explanation);
	else if (judged->refused == MAX_EXPLAINED)
		appendStringInfoString(&judged->obstacles, " And others.");
	judged->refused++;
}

Judged
judge_asked(const Appointment *appointment, const SendRequest *request, const List *messages)
{
	Judged		judged = {NIL};
	List	   *all_facts = list_concat(load_same(messages), load_new(appointment, request, messages));
	ListCell   *cell;

	initStringInfo(&judged.obstacles);
	foreach(cell, all_facts)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);
		Prospect	prospect = sending_prospect(facts);

		if (prospect.can_send)
			judged.reached = lappend(judged.reached, facts);
		else
			explain(&judged, facts, &prospect);
	}
	return judged;
}

NotificationFacts *
asked_facts(const AppointmentKey *key, const SendRequest *request, const AskedMessage *message)
{
	Preview		preview = {
		.application_id = key->application_id,
		.appointment_id = key->id,
		.participant_id = message->recipient->id,
		.type = request->type,
		.channel = message->channel,
		.time_offset = message->time_offset,
		.rule_id = message->rule_id,
		.due_at = request->asked.now
	};
	NotificationFacts *facts;

	if (message->same_id != 0)
		return facts_load_one_as_seen(message->same_id);
	facts = facts_of_preview(&preview);
	if (facts != NULL && facts->appointment != NULL)
		facts->expires_at = asked_expiry(request->type, facts->appointment->start_at);
	return facts;
}
