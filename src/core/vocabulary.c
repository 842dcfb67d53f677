/*
 * vocabulary.c
 *		The closed lists of codes, and lookups in them.
 *
 * The table of types is design.md's section 2, from auvious-notifications.txt
 * ("Participant Notifications", "Reliability and retries").
 */
#include "postgres.h"

#include "core/vocabulary.h"

#define PEOPLE (CHANNEL_BIT(CHANNEL_EMAIL) | CHANNEL_BIT(CHANNEL_SMS))
#define SUBSCRIBERS CHANNEL_BIT(CHANNEL_WEBHOOK)

#define BY_CALL EVENT_BIT(EVENT_CALL_STARTED)
#define BY_RESCHEDULE EVENT_BIT(EVENT_RESCHEDULED)
#define BY_END EVENT_BIT(EVENT_ENDED)
#define BY_CANCEL_OR_DELETE \
	(EVENT_BIT(EVENT_CANCELLED) | EVENT_BIT(EVENT_DELETED))
#define BY_REMOVAL EVENT_BIT(EVENT_PARTICIPANT_REMOVED)

const NotificationTypeInfo notification_types[NOTIFICATION_TYPES] = {
	[TYPE_CREATE] = {
		"CREATE", AUDIENCE_CUSTOMERS, PEOPLE | SUBSCRIBERS, TELLS_OF_BOOKING,
		WINDOW_UNTIL_APPOINTMENT_END, 0,
		BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL, false, true, false,
		"now", "An appointment was scheduled, or a customer was added to it."
	},
	[TYPE_RESCHEDULE] = {
		"RESCHEDULE", AUDIENCE_CUSTOMERS, PEOPLE | SUBSCRIBERS, TELLS_OF_BOOKING,
		WINDOW_UNTIL_APPOINTMENT_END, 0,
		BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL, false, true, false,
		"now", "The start, duration or timezone of an appointment changed."
	},
	[TYPE_CANCELLED] = {
		"CANCELLED", AUDIENCE_CUSTOMERS, PEOPLE | SUBSCRIBERS, PRESUMES_TOLD,
		WINDOW_AFTER_DUE, 24 * USECS_PER_HOUR,
		0, false, true, false,
		"now", "An appointment was cancelled or deleted, or a customer was removed from it."
	},
	[TYPE_REMINDER] = {
		"REMINDER", AUDIENCE_CUSTOMERS, PEOPLE | SUBSCRIBERS, TELLS_OF_BOOKING,
		WINDOW_AFTER_DUE_BEFORE_START, USECS_PER_MINUTE,
		BY_CALL | BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL, false, true, true,
		"start_at - time_offset", "An appointment is about to start."
	},
	[TYPE_ROOM] = {
		"ROOM", AUDIENCE_CUSTOMERS, PEOPLE, TELLS_OF_BOOKING,
		WINDOW_AFTER_DUE, 5 * USECS_PER_MINUTE,
		BY_CALL | BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL, false, true, true,
		"start_at - time_offset", "The invitation with the join link, where appointments are not activated automatically."
	},
	[TYPE_FOLLOW_UP] = {
		"FOLLOW_UP", AUDIENCE_JOINED_CUSTOMERS, PEOPLE | SUBSCRIBERS, TELLS_NOTHING,
		WINDOW_AFTER_DUE, 24 * USECS_PER_HOUR,
		BY_CANCEL_OR_DELETE | BY_REMOVAL, false, true, true,
		"ended_at + time_offset", "An appointment that customers joined has ended."
	},
	[TYPE_UPDATE] = {
		"UPDATE", AUDIENCE_SUBSCRIBERS, SUBSCRIBERS, TELLS_NOTHING,
		WINDOW_AFTER_DUE, 24 * USECS_PER_HOUR,
		BY_CANCEL_OR_DELETE, false, true, false,
		"now", "The title, notes, location, metadata, locale, participants or organizer changed."
	},
	[TYPE_ACTIVATE] = {
		"ACTIVATE", AUDIENCE_SUBSCRIBERS, SUBSCRIBERS, TELLS_NOTHING,
		WINDOW_AFTER_DUE, 24 * USECS_PER_HOUR,
		BY_CANCEL_OR_DELETE, false, true, false,
		"now", "An appointment was activated explicitly."
	},
	[TYPE_CODE] = {
		"CODE", AUDIENCE_ADDRESS, PEOPLE, TELLS_NOTHING,
		WINDOW_AFTER_DUE, 2 * USECS_PER_MINUTE,
		0, true, false, false,
		"now", "A one-time code."
	},
	[TYPE_TEST] = {
		"TEST", AUDIENCE_ADDRESS, PEOPLE, TELLS_NOTHING,
		WINDOW_AFTER_DUE, 2 * USECS_PER_MINUTE,
		0, true, false, false,
		"now", "A test message to see that a provider works."
	}
};

static const char *const channel_codes[CHANNELS + 1] = {
	[CHANNEL_EMAIL] = "EMAIL",
	[CHANNEL_SMS] = "SMS",
	[CHANNEL_WEBHOOK] = "WEBHOOK",
	[CHANNELS] = NULL
};

static const char *const state_codes[NOTIFICATION_STATES] = {
	[STATE_PENDING] = "PENDING",
	[STATE_SENDING] = "SENDING",
	[STATE_SENT] = "SENT",
	[STATE_RETRYING] = "RETRYING",
	[STATE_FAILED] = "FAILED",
	[STATE_SUPPRESSED] = "SUPPRESSED",
	[STATE_SKIPPED] = "SKIPPED",
	[STATE_MISSED] = "MISSED",
	[STATE_CANCELLED] = "CANCELLED"
};

static const struct
{
	const char *code;
	const char *explanation;
}			reasons[REASONS] = {
	[REASON_NONE] = {NULL, ""},
	[REASON_GLOBAL_OFF] = {"GLOBAL_OFF", "Notifications were switched off for the organization when it was due."},
	[REASON_APPOINTMENT_OFF] = {"APPOINTMENT_OFF", "Notifications were off for the organization when the appointment was scheduled."},
	[REASON_NO_ADDRESS] = {"NO_ADDRESS", "The recipient has no address for this channel."},
	[REASON_BAD_ADDRESS] = {"BAD_ADDRESS", "The recipient's address for this channel is not valid."},
	[REASON_CHANNEL_NOT_AVAILABLE] = {"CHANNEL_NOT_AVAILABLE", "The application's platform or the provider's kind does not send over this channel."},
	[REASON_NO_PROVIDER] = {"NO_PROVIDER", "The application has no enabled provider for this channel."},
	[REASON_SENDER_NOT_VERIFIED] = {"SENDER_NOT_VERIFIED", "The organization requires a verified sender address, and the provider's is not verified."},
	[REASON_NO_TEMPLATE] = {"NO_TEMPLATE", "There is no template for this type and channel."},
	[REASON_TEMPLATE_ERROR] = {"TEMPLATE_ERROR", "The template could not be rendered."},
	[REASON_TOO_LARGE] = {"TOO_LARGE", "The message, or the data that it is composed from, is larger than the worker accepts."},
	[REASON_SUBSCRIPTION_OFF] = {"SUBSCRIPTION_OFF", "The subscription was disabled or removed when it was due."},
	[REASON_RULE_OFF] = {"RULE_OFF", "The rule was disabled or removed when it was due."},
	[REASON_WINDOW_PASSED] = {"WINDOW_PASSED", "The time in which it may be sent had passed."},
	[REASON_NOT_ACTIVATED] = {"NOT_ACTIVATED", "The appointment was not activated in time."},
	[REASON_RESCHEDULED] = {"RESCHEDULED", "The appointment was rescheduled before it was sent."},
	[REASON_CALL_STARTED] = {"CALL_STARTED", "A customer joined the call before it was sent."},
	[REASON_ENDED] = {"ENDED", "The appointment ended before it was sent."},
	[REASON_APPOINTMENT_CANCELLED] = {"APPOINTMENT_CANCELLED", "The appointment was cancelled before it was sent."},
	[REASON_APPOINTMENT_DELETED] = {"APPOINTMENT_DELETED", "The appointment was deleted before it was sent."},
	[REASON_PARTICIPANT_REMOVED] = {"PARTICIPANT_REMOVED", "The recipient was removed from the appointment before it was sent."},
	[REASON_WILL_RETRY] = {"WILL_RETRY", "The last attempt failed; another one will be made."},
	[REASON_REJECTED] = {"REJECTED", "The receiving side refused it for good."},
	[REASON_RETRIES_EXHAUSTED] = {"RETRIES_EXHAUSTED", "The last of the attempts that the application allows failed."},
	[REASON_RETRY_TOO_LATE] = {"RETRY_TOO_LATE", "An attempt failed, and the next would have come too late."},
	[REASON_INTERRUPTED] = {"INTERRUPTED", "The server stopped during an attempt: it is unknown whether the message arrived."},
	[REASON_WORKER_CRASHED] = {"WORKER_CRASHED", "Twice a worker crashed while this was the only notification that it was claiming or sending."},
	[REASON_BAD_CONFIGURATION] = {"BAD_CONFIGURATION", "The configuration of the provider or subscription does not allow sending."},
	[REASON_ADDRESS_NOT_VERIFIED] = {"ADDRESS_NOT_VERIFIED", "The customer booked without an agent, and this address is not verified."},
	[REASON_ADDRESS_NOT_ALLOWED] = {"ADDRESS_NOT_ALLOWED", "The URL names an address that may not be contacted."},
	[REASON_NEVER_TOLD] = {"NEVER_TOLD", "No message about the appointment had reached the customer."}
};

static const Reason superseding_reasons[] = {
	[EVENT_CALL_STARTED] = REASON_CALL_STARTED,
	[EVENT_RESCHEDULED] = REASON_RESCHEDULED,
	[EVENT_ENDED] = REASON_ENDED,
	[EVENT_CANCELLED] = REASON_APPOINTMENT_CANCELLED,
	[EVENT_DELETED] = REASON_APPOINTMENT_DELETED,
	[EVENT_PARTICIPANT_REMOVED] = REASON_PARTICIPANT_REMOVED
};

const char *
channel_code(ChannelCode channel)
{
	return channel_codes[channel];
}

const char *
state_code(NotificationState state)
{
	return state_codes[state];
}

const char *
reason_code(Reason reason)
{
	return reasons[reason].code;
}

const char *
reason_explanation(Reason reason)
{
	return reasons[reason].explanation;
}

Reason
superseding_reason(SupersedingEvent event)
{
	return superseding_reasons[event];
}

const char *const *
notification_type_codes(bool (*accepts) (NotificationType type))
{
	const char **codes = (const char **) palloc0((NOTIFICATION_TYPES + 1) * sizeof(char *));
	int			count = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (accepts == NULL || accepts((NotificationType) type))
			codes[count++] = notification_types[type].code;
	return codes;
}

const char *const *
channel_code_list(void)
{
	return channel_codes;
}

const char *const *
reason_code_list(void)
{
	const char **codes = (const char **) palloc0(REASONS * sizeof(char *));

	for (int i = REASON_NONE + 1; i < REASONS; i++)
		codes[i - 1] = reasons[i].code;
	return codes;
}

bool
notification_type_from_code(const char *code, NotificationType *type)
{
	for (int i = 0; i < NOTIFICATION_TYPES; i++)
		if (strcmp(notification_types[i].code, code) == 0)
		{
			*type = (NotificationType) i;
			return true;
		}
	return false;
}

bool
channel_from_code(const char *code, ChannelCode *channel)
{
	for (int i = 0; i < CHANNELS; i++)
		if (strcmp(channel_codes[i], code) == 0)
		{
			*channel = (ChannelCode) i;
			return true;
		}
	return false;
}

bool
state_from_code(const char *code, NotificationState *state)
{
	for (int i = 0; i < NOTIFICATION_STATES; i++)
		if (strcmp(state_codes[i], code) == 0)
		{
			*state = (NotificationState) i;
			return true;
		}
	return false;
}

bool
reason_from_code(const char *code, Reason *reason)
{
	for (int i = REASON_NONE + 1; i < REASONS; i++)
		if (strcmp(reasons[i].code, code) == 0)
		{
			*reason = (Reason) i;
			return true;
		}
	return false;
}
