/*
 * eligibility.c
 *		May this notification go out now, and what if its attempt failed?
 *
 * Several obstacles may exist at once; the one that an operator wants to know
 * first is reported. Nothing is judged before it is due, because an obstacle may
 * be gone by then. The order:
 *
 *	1. Events that supersede it: the appointment was deleted, cancelled or has
 *	   ended, the call has started, the recipient was removed. It is CANCELLED.
 *	2. The switches: first the appointment's, which was captured and never
 *	   changes, then the organization's; the rule; whether the customer was ever
 *	   told of the appointment; what the user wants and may know. Somebody decided
 *	   against the message: it is SUPPRESSED.
 *	3. The clock. A first attempt has a window, after which it is MISSED (a ROOM
 *	   whose appointment was not activated, for that reason). A retry has a limit
 *	   only where a late message is worse than none: ROOM within 5 minutes after it
 *	   is due, REMINDER before the start, CODE and TEST within 2 minutes. After
 *	   that it is FAILED, since it was attempted.
 *	4. A ROOM waits for the activation as long as its window is open.
 *	5. The way: the user, if it is to one; platform and channel, provider or
 *	   subscription, sender, address, whether that may be written to, template. A
 *	   subscription that is disabled or deleted, or does not name the type, and an
 *	   address that must not be written to count as switches: SUPPRESSED. Otherwise
 *	   it is SKIPPED.
 *
 * Preferences count for the types that users choose from. A message to a user
 * whom the application names minds none, but goes to no user who is disabled.
 *
 * A manual retry ignores the clock and whether the customer was ever told.
 */
#include "postgres.h"

#include <math.h>

#include "channel/channel.h"
#include "channel/mail_address.h"
#include "core/json.h"
#include "notify/eligibility.h"
#include "notify/recipient.h"
#include "notify/template_choice.h"

/* The random part of the wait between attempts. */
#define RETRY_JITTER 0.2

static Decision
send_now(void)
{
	return (Decision) {.verdict = VERDICT_SEND, .state = STATE_SENDING};
}

static Decision
wait_until(TimestampTz until)
{
	return (Decision) {.verdict = VERDICT_WAIT, .state = STATE_PENDING, .until = until};
}

static Decision
settle(NotificationState state, Reason reason)
{
	return (Decision) {.verdict = VERDICT_SETTLE, .state = state, .reason = reason};
}

static bool
is_superseded_by(NotificationType type, SupersedingEvent event)
{
	return (notification_types[type].superseded_by & EVENT_BIT(event)) != 0;
}

/*
 * The event that has superseded it, as the facts show; REASON_NONE if there is
 * none. Types that are sent when the appointment is over may be retried by hand
 * whatever its state, and any type may be sent again to an endpoint that lost it;
 * otherwise they may not once it is over.
 */
static Reason
superseded(const EligibilityInput *input)
{
	NotificationType type = input->type;
	bool		is_retryable = notification_types[type].is_sent_when_over || input->is_for_records;
	bool		may_pass = input->is_manual && is_retryable;
	bool		may_not_pass = input->is_manual && !is_retryable;

	switch (input->appointment)
	{
		case CONDITION_DELETED:
			if (may_not_pass || (!may_pass && is_superseded_by(type, EVENT_DELETED)))
				return REASON_APPOINTMENT_DELETED;
			break;
		case CONDITION_CANCELLED:
			if (may_not_pass || (!may_pass && is_superseded_by(type, EVENT_CANCELLED)))
				return REASON_APPOINTMENT_CANCELLED;
			break;
		case CONDITION_ENDED:
			if (may_not_pass || (!may_pass && is_superseded_by(type, EVENT_ENDED)))
				return REASON_ENDED;
			break;
		case CONDITION_NONE:
		case CONDITION_SCHEDULED:
		case CONDITION_ACTIVATED:
			break;
	}
	if (input->call_started && !may_pass && is_superseded_by(type, EVENT_CALL_STARTED))
		return REASON_CALL_STARTED;
	if (!input->recipient_exists && is_superseded_by(type, EVENT_PARTICIPANT_REMOVED))
		return REASON_PARTICIPANT_REMOVED;
	return REASON_NONE;
}

static Reason
switched_off(const EligibilityInput *input)
{
	if (!notification_types[input->type].ignores_switches)
	{
		if (!input->appointment_switch)
			return REASON_APPOINTMENT_OFF;
		if (!input->global_switch)
			return REASON_GLOBAL_OFF;
	}
	if (input->rule_needed && !input->rule_enabled)
		return REASON_RULE_OFF;
	if (input->never_told && !input->is_manual)
		return REASON_NEVER_TOLD;
	if (notification_types[input->type].audience == AUDIENCE_USERS && !(input->user_wants && input->user_may_know))
		return REASON_PREFERENCE_OFF;
	return REASON_NONE;
}

TimestampTz
window_end(NotificationType type, const NotificationTimes *times)
{
	const NotificationTypeInfo *info = &notification_types[type];
	TimestampTz end = times->due_at + info->window_length;

	if (times->expires_at != 0)
		return times->expires_at;
	switch (info->window_rule)
	{
		case WINDOW_UNTIL_APPOINTMENT_END:
			return times->end_at;
		case WINDOW_AFTER_DUE:
			return end;
		case WINDOW_AFTER_DUE_BEFORE_START:
			return Min(end, times->start_at - 1);
		case WINDOW_UNTIL_EXPIRY:
			return end;
	}
	pg_unreachable();
}

/* The last moment at which a retry may start; DT_NOEND: no limit. */
static TimestampTz
retry_end(NotificationType type, const NotificationTimes *times)
{
	switch (notification_types[type].retry_rule)
	{
		case RETRY_ALWAYS:
			return DT_NOEND;
		case RETRY_BEFORE_START:
			return times->start_at - 1;
		case RETRY_WITHIN_WINDOW:
			return window_end(type, times);
	}
	pg_unreachable();
}

/* The join link exists only after the activation. */
static bool
needs_activation(const EligibilityInput *input)
{
	return notification_types[input->type].has_join_link && input->appointment == CONDITION_SCHEDULED &&
		!input->room_activates;
}

static Decision
judge_time(const EligibilityInput *input, TimestampTz now)
{
	if (input->is_manual)
		return needs_activation(input) ? settle(STATE_FAILED, REASON_NOT_ACTIVATED) : send_now();
	if (input->is_attempted)
	{
		if (now > retry_end(input->type, &input->times))
			return settle(STATE_FAILED, REASON_RETRY_TOO_LATE);
		return needs_activation(input) ? settle(STATE_FAILED, REASON_NOT_ACTIVATED) : send_now();
	}
	else
	{
		TimestampTz end = window_end(input->type, &input->times);

		if (now > end)
			return settle(STATE_MISSED, needs_activation(input) ?
						  REASON_NOT_ACTIVATED : REASON_WINDOW_PASSED);
		/* At `end` itself it may still be activated. */
		return needs_activation(input) ? wait_until(end + 1) : send_now();
	}
}

/* The code that verifies a sender is sent by that sender to itself. */
static bool
needs_verified_sender(const EligibilityInput *input)
{
	return channel_infos[input->channel].has_verified_senders &&
		!(notification_types[input->type].has_code && input->recipient_is_sender);
}

/*
 * Why the address must not be written to, of several reasons the one that stops
 * most; REASON_NONE: it may. A user works with the application, which no opt-out
 * ends; but where there is no mailbox nobody is reached.
 */
static Reason
suppressing(const EligibilityInput *input)
{
	static const Reason reasons[] = {REASON_UNDELIVERABLE, REASON_BLOCKED, REASON_COMPLAINED, REASON_OPTED_OUT};

	for (int i = 0; i < lengthof(reasons); i++)
	{
		Reason		reason = reasons[i];
		bool		is_obeyed = input->is_to_user ? reason == REASON_UNDELIVERABLE :
		reason != REASON_OPTED_OUT || !input->ignores_opt_out;

		if (is_obeyed && (input->suppressions & SUPPRESSION_BIT(reason)) != 0)
			return reason;
	}
	return REASON_NONE;
}

static Decision
judge_way(const EligibilityInput *input)
{
	const ChannelInfo *channel = &channel_infos[input->channel];
	bool		has_route = (input->route_exists && input->route_enabled);
	Reason		suppression;

	if (!input->user_available)
		return settle(STATE_SKIPPED, REASON_USER_OFF);
	if (channel->route == ROUTE_PROVIDER && !input->platform_allows)
		return settle(STATE_SKIPPED, REASON_CHANNEL_NOT_AVAILABLE);
	if (channel->route == ROUTE_SUBSCRIPTION && !has_route)
		return settle(STATE_SUPPRESSED, REASON_SUBSCRIPTION_OFF);
	if (!input->channel_available)
		return settle(STATE_SKIPPED, REASON_CHANNEL_NOT_AVAILABLE);
	if (channel->route == ROUTE_PROVIDER && !has_route)
		return settle(STATE_SKIPPED, REASON_NO_PROVIDER);
	if (needs_verified_sender(input) && !input->sender_verified)
		return settle(STATE_SKIPPED, REASON_SENDER_NOT_VERIFIED);
	if (!input->address_given)
		return settle(STATE_SKIPPED, REASON_NO_ADDRESS);
	if (!input->address_valid)
		return settle(STATE_SKIPPED, REASON_BAD_ADDRESS);
	if (!input->address_verified)
		return settle(STATE_SKIPPED, REASON_ADDRESS_NOT_VERIFIED);
	if ((suppression = suppressing(input)) != REASON_NONE)
		return settle(STATE_SUPPRESSED, suppression);
	if (channel->has_template && !input->template_exists)
		return settle(STATE_SKIPPED, REASON_NO_TEMPLATE);
	return send_now();
}

Decision
eligibility_decide(const EligibilityInput *input, TimestampTz now)
{
	TimestampTz next = input->next_attempt_at ? input->next_attempt_at : input->times.due_at;
	Reason		reason;
	Decision	decision;

	if (now < next)
		return wait_until(next);
	if (input->is_too_large)
		return settle(STATE_SKIPPED, REASON_TOO_LARGE);
	if ((reason = superseded(input)) != REASON_NONE)
		return settle(STATE_CANCELLED, reason);
	if ((reason = switched_off(input)) != REASON_NONE)
		return settle(STATE_SUPPRESSED, reason);
	decision = judge_time(input, now);
	if (decision.verdict != VERDICT_SEND)
		return decision;
	return judge_way(input);
}

/* The state of the appointment that the notification is about. */
static AppointmentCondition
appointment_condition(const NotificationFacts *facts)
{
	const AppointmentFacts *appointment = facts->appointment;

	if (facts->appointment_id == NULL)
		return CONDITION_NONE;
	if (appointment == NULL || appointment->is_deleted)
		return CONDITION_DELETED;
	if (strcmp(appointment->state, "SCHEDULED") == 0)
		return CONDITION_SCHEDULED;
	if (strcmp(appointment->state, "ACTIVATED") == 0)
		return CONDITION_ACTIVATED;
	if (strcmp(appointment->state, "ENDED") == 0)
		return CONDITION_ENDED;
	return CONDITION_CANCELLED;
}

/* Of a deleted appointment, the copies of its times are used. */
NotificationTimes
notification_times(const NotificationFacts *facts)
{
	const AppointmentFacts *appointment = facts->appointment;

	return (NotificationTimes)
	{
		.due_at = facts->due_at,
			.start_at = appointment ? appointment->start_at : facts->start_at,
			.end_at = appointment ? appointment->end_at : facts->end_at,
			.expires_at = facts->expires_at
	};
}

/* Does the recipient still take part in the appointment, or need not? */
static bool
takes_part(const NotificationFacts *facts)
{
	if (strcmp(facts->recipient_kind, "CUSTOMER") == 0)
		return facts->recipient != NULL && !facts->recipient_is_gone;
	return strcmp(facts->recipient_kind, "USER") != 0 || facts->user_takes_part;
}

static void
describe_appointment(EligibilityInput *input, const NotificationFacts *facts)
{
	input->appointment = appointment_condition(facts);
	input->appointment_switch = facts->notifications_active;
	input->call_started = facts->appointment != NULL && facts->appointment->call_started;
	input->recipient_exists = takes_part(facts);
}

/* Is the user one of those that planning would reach? */
static bool
may_know(const UserFacts *user, NotificationType type)
{
	const NotificationTypeInfo *info = &notification_types[type];

	if (!info->is_account_level)
		return true;
	return user->is_admin && (user->is_billing_admin || !type_is_for_billing_admins(info));
}

/* Of a user who is gone nothing is known but that. */
static void
describe_user(EligibilityInput *input, const NotificationFacts *facts)
{
	const UserFacts *user = facts->user;

	input->user_wants = user == NULL || (user->has_channel && user->has_preference);
	input->user_may_know = user == NULL || may_know(user, facts->type);
	input->user_available = strcmp(facts->recipient_kind, "USER") != 0 || (user != NULL && user->enabled);
}

static bool
is_sender(const RouteFacts *route, ChannelCode channel, const char *recipient)
{
	char	   *sender;

	if (route == NULL || recipient == NULL || !channel_infos[channel].has_verified_senders)
		return false;
	sender = sender_address(route->route.sender);
	return sender != NULL &&
		strcmp(channel_address_key(channel, sender), channel_address_key(channel, recipient)) == 0;
}

/*
 * A customer who books without an agent proves that one address is its own. The
 * other one may be anybody's; it is used once an agent organizes the appointment.
 */
static bool
is_verified(const NotificationFacts *facts)
{
	const AppointmentFacts *appointment = facts->appointment;
	const ParticipantFacts *recipient = facts->recipient;

	return appointment == NULL || recipient == NULL || recipient->verified_channel == NULL ||
		strcmp(appointment->organizer_type, "CUSTOMER") != 0 ||
		strcmp(recipient->verified_channel, channel_code(facts->channel)) == 0;
}

/* The rule's decision, without one the type's. The answer to somebody who opts out passes by itself. */
static bool
ignores_opt_out(const NotificationFacts *facts)
{
	if (json_root_bool(facts->context, "passes_opt_out", false))
		return true;
	if (facts->rule != NULL && facts->rule->ignores_opt_out != NULL)
		return *facts->rule->ignores_opt_out;
	return (notification_types[facts->type].ignores_opt_out & CHANNEL_BIT(facts->channel)) != 0;
}

static void
describe_way(EligibilityInput *input, const NotificationFacts *facts)
{
	const RouteFacts *route = facts->route;
	const char *recipient = recipient_address(facts);

	input->platform_allows = channel_infos[facts->channel].route != ROUTE_PROVIDER ||
		facts->application == NULL ||
		strcmp(facts->application->platform, "TALKDESK") != 0;
	input->route_exists = (route != NULL);
	input->route_enabled = (route != NULL && route->enabled && (route->types & TYPE_BIT(facts->type)) != 0);
	input->channel_available = channel_is_available(facts->channel,
													route ? route->route.kind : NULL);
	input->sender_verified = route == NULL || route->is_verified ||
		facts->application == NULL || !facts->application->organization.require_verified_sender;
	input->recipient_is_sender = notification_types[facts->type].has_code && is_sender(route, facts->channel, recipient);
	input->address_given = (recipient != NULL && recipient[0] != '\0');
	input->address_valid = input->address_given &&
		channel_address_is_valid(facts->channel, recipient);
	input->address_verified = is_verified(facts);
	input->suppressions = facts->suppressions;
	input->is_to_user = strcmp(facts->recipient_kind, "USER") == 0;
	input->ignores_opt_out = ignores_opt_out(facts);
	input->template_exists = has_template(facts);
}

/* The template holds reminders back, and no customer was told of the booking yet. */
static bool
needs_confirmation(const NotificationFacts *facts)
{
	return facts->meeting_template != NULL && facts->meeting_template->reminders_need_confirmation &&
		facts->appointment->booking_state != NULL && strcmp(facts->appointment->booking_state, "NEW") == 0;
}

/*
 * Does the meeting template hold it back until the customers were told of the
 * booking? Not what a user sends, which alone has a time when it expires (asked.c).
 */
static bool
is_held_back(const NotificationFacts *facts)
{
	return notification_types[facts->type].is_held_back && facts->expires_at == 0 &&
		strcmp(facts->recipient_kind, "CUSTOMER") == 0 && needs_confirmation(facts);
}

EligibilityInput
eligibility_input(const NotificationFacts *facts)
{
	EligibilityInput input = {0};

	input.type = facts->type;
	input.channel = facts->channel;
	input.times = notification_times(facts);
	input.next_attempt_at = facts->next_attempt_at;
	input.is_attempted = facts->attempt_count > 0;
	input.is_manual = facts->is_manual;
	input.is_for_records = facts->is_resent && channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION;
	input.is_too_large = facts->is_too_large;
	describe_appointment(&input, facts);
	input.global_switch = facts->application != NULL &&
		facts->application->organization.notifications_enabled;
	input.room_activates = facts->application != NULL && facts->application->room_activates;
	input.rule_needed = notification_types[facts->type].has_rules;
	input.rule_enabled = facts->rule != NULL && facts->rule->enabled;
	input.never_told = (facts->never_told && !(facts->rule != NULL && facts->rule->even_if_never_told)) ||
		is_held_back(facts);
	describe_user(&input, facts);
	describe_way(&input, facts);
	return input;
}

Decision
eligibility_foresee(const NotificationFacts *facts, TimestampTz at, TimestampTz *judged_at)
{
	EligibilityInput input = eligibility_input(facts);

	/*
	 * A ROOM that waits for its activation is judged again when that happens,
	 * not when it is looked at next.
	 */
	*judged_at = Max(at, facts->attempt_count > 0 ? facts->next_attempt_at : facts->due_at);
	input.next_attempt_at = *judged_at;
	return eligibility_decide(&input, *judged_at);
}

TimeOffset
retry_wait(const RetryInput *input)
{
	double		cap = (double) input->retry_cap;
	double		wait = (double) input->retry_base * pow(2, Min(Max(input->attempt_count, 1) - 1, 62));

	wait = Min(wait, cap) * (1 + RETRY_JITTER * Max(-1.0, Min(input->jitter, 1.0)));
	if (input->retry_after > 0)
		wait = Max(wait, (double) input->retry_after);
	return (TimeOffset) Min(wait, cap);
}

Decision
retry_decide(const RetryInput *input, TimestampTz now)
{
	Decision	decision = {.verdict = VERDICT_WAIT, .state = STATE_RETRYING, .reason = REASON_WILL_RETRY};

	if (input->superseded_by != REASON_NONE)
		return settle(STATE_CANCELLED, input->superseded_by);
	if (input->final != REASON_NONE)
		return settle(STATE_FAILED, input->final);
	if (input->is_manual || input->attempt_count >= input->max_attempts)
		return settle(STATE_FAILED, REASON_RETRIES_EXHAUSTED);
	decision.until = now + retry_wait(input);
	if (decision.until > retry_end(input->type, &input->times))
		return settle(STATE_FAILED, REASON_RETRY_TOO_LATE);
	return decision;
}
