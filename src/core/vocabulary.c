/*
 * vocabulary.c
 *		The closed lists of codes, and lookups in them.
 *
 * The table of types is design.md's section 2, from auvious-notifications.txt
 * ("Participant Notifications", "Reliability and retries"), and for users
 * people.md's section 2, from aloware-notification-settings.txt.
 */
#include "postgres.h"

#include "core/vocabulary.h"

#define PEOPLE (CHANNEL_BIT(CHANNEL_EMAIL) | CHANNEL_BIT(CHANNEL_SMS))
#define SUBSCRIBERS CHANNEL_BIT(CHANNEL_WEBHOOK)
#define INBOX CHANNEL_BIT(CHANNEL_IN_APP)
#define ALL_CHANNELS (PEOPLE | INBOX | SUBSCRIBERS)
#define MAIL_ONLY (CHANNEL_BIT(CHANNEL_EMAIL) | SUBSCRIBERS)

#define BY_CALL EVENT_BIT(EVENT_CALL_STARTED)
#define BY_RESCHEDULE EVENT_BIT(EVENT_RESCHEDULED)
#define BY_END EVENT_BIT(EVENT_ENDED)
#define BY_CANCEL_OR_DELETE \
	(EVENT_BIT(EVENT_CANCELLED) | EVENT_BIT(EVENT_DELETED))
#define BY_REMOVAL EVENT_BIT(EVENT_PARTICIPANT_REMOVED)
#define BY_TEMPLATE EVENT_BIT(EVENT_TEMPLATE_CHANGED)

#define DAY (24 * USECS_PER_HOUR)

static const DefaultOffset at_once[] = {{0, true}};
static const DefaultOffset unless_asked[] = {{0, false}};
static const DefaultOffset before_appointment[] = {
	{DAY, false}, {USECS_PER_HOUR, false}, {15 * USECS_PER_MINUTE, true}, {USECS_PER_MINUTE, false}
};

#define ON .offsets = at_once, .offset_count = lengthof(at_once)
#define OFF .offsets = unless_asked, .offset_count = lengthof(unless_asked)

/* A type by which callers of notify_users tell users of something, due at once. */
#define TOLD_TO_USERS(name, kinds, tied, length, retries, enabled, words) \
	{ \
		.code = name, .audience = AUDIENCE_USERS, .channels = kinds, .ties = tied, enabled, \
		.window_rule = WINDOW_AFTER_DUE, .window_length = length, .retry_rule = retries, \
		.is_told_by_callers = true, .due = "now", .description = words \
	}

/* One that goes to admins alone, by email. */
#define TOLD_TO_ADMINS(name, tied, enabled, words) \
	{ \
		.code = name, .audience = AUDIENCE_USERS, .channels = MAIL_ONLY, .ties = tied, enabled, \
		.is_account_level = true, .window_rule = WINDOW_AFTER_DUE, .window_length = DAY, \
		.is_told_by_callers = true, .due = "now", .description = words \
	}

/* A report of the day before, which appt itself plans every day. */
#define DAILY_REPORT(name, skips_empty, words) \
	{ \
		.code = name, .audience = AUDIENCE_USERS, .channels = MAIL_ONLY, .ties = TIE_ADMINS, OFF, \
		.is_account_level = true, .due_rule = DUE_DAILY, .window_rule = WINDOW_AFTER_DUE, \
		.window_length = 12 * USECS_PER_HOUR, .retry_rule = RETRY_WITHIN_WINDOW, \
		.skips_empty_days = skips_empty, \
		.due = "report_time of the application", .description = words \
	}

const NotificationTypeInfo notification_types[NOTIFICATION_TYPES] = {
	[TYPE_CREATE] = {
		.code = "CREATE", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE | SUBSCRIBERS,
		.telling = TELLS_OF_BOOKING, .window_rule = WINDOW_UNTIL_APPOINTMENT_END,
		.superseded_by = BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL | BY_TEMPLATE, .has_rules = true,
		.invitation = INVITATION_REQUEST, .sets_booking_state = BOOKING_BOOKED, .tells_what_is_so = true,
		.due = "now", .description = "An appointment was scheduled, or a customer was added to it."
	},
	[TYPE_RESCHEDULE] = {
		.code = "RESCHEDULE", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE | SUBSCRIBERS,
		.telling = TELLS_OF_BOOKING, .window_rule = WINDOW_UNTIL_APPOINTMENT_END,
		.superseded_by = BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL | BY_TEMPLATE, .has_rules = true,
		.invitation = INVITATION_REQUEST, .tells_changes = true, .tells_what_is_so = true,
		.ignores_opt_out = CHANNEL_BIT(CHANNEL_EMAIL),
		.due = "now", .description = "The start, duration or timezone of an appointment changed."
	},
	[TYPE_CANCELLED] = {
		.code = "CANCELLED", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE | SUBSCRIBERS,
		.telling = PRESUMES_TOLD, .window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = EVENT_BIT(EVENT_REOPENED),
		.has_rules = true, .is_sent_when_over = true, .invitation = INVITATION_CANCEL, .cancels = true,
		.ignores_opt_out = CHANNEL_BIT(CHANNEL_EMAIL),
		.due = "now", .description = "An appointment was cancelled or deleted, or a customer was removed from it."
	},
	[TYPE_REMINDER] = {
		.code = "REMINDER", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE | SUBSCRIBERS,
		.telling = TELLS_OF_BOOKING, .due_rule = DUE_BEFORE_START,
		.window_rule = WINDOW_AFTER_DUE_BEFORE_START, .window_length = USECS_PER_MINUTE,
		.retry_rule = RETRY_BEFORE_START,
		.superseded_by = BY_CALL | BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL | BY_TEMPLATE,
		.has_rules = true, .has_offset = true, .is_held_back = true, .invites = true,
		.due = "start_at - time_offset", .description = "An appointment is about to start."
	},
	[TYPE_ROOM] = {
		.code = "ROOM", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE,
		.telling = TELLS_OF_BOOKING, .due_rule = DUE_BEFORE_START, .is_planned_late = true,
		.window_rule = WINDOW_AFTER_DUE, .window_length = 5 * USECS_PER_MINUTE,
		.retry_rule = RETRY_WITHIN_WINDOW,
		.superseded_by = BY_CALL | BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL | BY_TEMPLATE,
		.has_rules = true, .has_offset = true, .has_join_link = true, .invitation = INVITATION_REQUEST,
		.due = "start_at - time_offset",
		.description = "The invitation with the join link, where appointments are not activated automatically."
	},
	[TYPE_FOLLOW_UP] = {
		.code = "FOLLOW_UP", .audience = AUDIENCE_JOINED_CUSTOMERS, .channels = PEOPLE | SUBSCRIBERS,
		.due_rule = DUE_AFTER_END, .window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = BY_CANCEL_OR_DELETE | BY_REMOVAL, .has_rules = true, .has_offset = true,
		.is_sent_when_over = true,
		.due = "ended_at + time_offset", .description = "An appointment that customers joined has ended."
	},
	[TYPE_UPDATE] = {
		.code = "UPDATE", .audience = AUDIENCE_SUBSCRIBERS, .channels = SUBSCRIBERS,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = BY_CANCEL_OR_DELETE, .has_rules = true, .tells_changes = true,
		.due = "now", .description = "The title, notes, location, metadata, locale, participants or organizer changed."
	},
	[TYPE_ACTIVATE] = {
		.code = "ACTIVATE", .audience = AUDIENCE_SUBSCRIBERS, .channels = SUBSCRIBERS,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = BY_CANCEL_OR_DELETE, .has_rules = true,
		.due = "now", .description = "An appointment was activated explicitly."
	},
	[TYPE_CODE] = {
		.code = "CODE", .audience = AUDIENCE_ADDRESS, .channels = PEOPLE,
		.window_rule = WINDOW_AFTER_DUE, .window_length = 2 * USECS_PER_MINUTE,
		.retry_rule = RETRY_WITHIN_WINDOW, .ignores_switches = true, .has_code = true,
		.ignores_opt_out = CHANNEL_BIT(CHANNEL_EMAIL),
		.due = "now", .description = "A one-time code."
	},
	[TYPE_TEST] = {
		.code = "TEST", .audience = AUDIENCE_ADDRESS, .channels = PEOPLE | INBOX,
		.window_rule = WINDOW_AFTER_DUE, .window_length = 2 * USECS_PER_MINUTE,
		.retry_rule = RETRY_WITHIN_WINDOW, .ignores_switches = true, .is_sample = true,
		.ignores_opt_out = CHANNEL_BIT(CHANNEL_EMAIL),
		.due = "now", .description = "A test message to see that a provider works, or a sample notification to a user."
	},
	[TYPE_CALL] = TOLD_TO_USERS("CALL", ALL_CHANNELS, TIE_OWNER | TIE_SUBSCRIBED | TIE_RUNG,
								2 * USECS_PER_MINUTE, RETRY_WITHIN_WINDOW, ON,
								"A call to the user's personal line, a line that it follows or one of its ring groups."),
	[TYPE_TEXT_MESSAGE] = TOLD_TO_USERS("TEXT_MESSAGE", ALL_CHANNELS, TIE_OWNER | TIE_SUBSCRIBED | TIE_RING_GROUPS,
										DAY, RETRY_ALWAYS, ON,
										"A text message to the user's personal line, a line that it follows or one of its ring groups."),
	[TYPE_VOICEMAIL] = TOLD_TO_USERS("VOICEMAIL", ALL_CHANNELS, TIE_OWNER | TIE_SUBSCRIBED | TIE_RING_GROUPS,
									 DAY, RETRY_ALWAYS, ON,
									 "A voicemail on the user's personal line, a line that it follows or one of its ring groups."),
	[TYPE_FAX] = TOLD_TO_USERS("FAX", ALL_CHANNELS, TIE_OWNER | TIE_SUBSCRIBED, DAY, RETRY_ALWAYS, ON,
							   "A fax to the user's personal line or a line that it follows."),
	[TYPE_MENTION] = TOLD_TO_USERS("MENTION", ALL_CHANNELS, TIE_NAMED, DAY, RETRY_ALWAYS, ON,
								   "The user was mentioned."),
	[TYPE_CONTACT_ASSIGNED] = TOLD_TO_USERS("CONTACT_ASSIGNED", ALL_CHANNELS, TIE_NAMED, DAY, RETRY_ALWAYS, ON,
											"A contact was assigned to the user, by a person or by a sequence."),
	[TYPE_REMINDER_ASSIGNED] = TOLD_TO_USERS("REMINDER_ASSIGNED", ALL_CHANNELS, TIE_NAMED, DAY, RETRY_ALWAYS, ON,
											 "A reminder was assigned to the user."),
	[TYPE_APPOINTMENT_ASSIGNED] = {
		.code = "APPOINTMENT_ASSIGNED", .audience = AUDIENCE_USERS, .channels = ALL_CHANNELS,
		.ties = TIE_AGENTS, ON, .is_not_for_actor = true,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL,
		.due = "now", .description = "Somebody else made the user an agent of an appointment."
	},
	[TYPE_APPOINTMENT_CREATED] = {
		.code = "APPOINTMENT_CREATED", .audience = AUDIENCE_USERS, .channels = ALL_CHANNELS,
		.ties = TIE_AGENTS, OFF,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.superseded_by = BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL,
		.due = "now", .description = "An appointment of which the user is an agent was scheduled."
	},
	[TYPE_APPOINTMENT_REMINDER] = {
		.code = "APPOINTMENT_REMINDER", .audience = AUDIENCE_USERS, .channels = ALL_CHANNELS,
		.ties = TIE_AGENTS, .offsets = before_appointment, .offset_count = lengthof(before_appointment),
		.due_rule = DUE_BEFORE_START,
		.window_rule = WINDOW_AFTER_DUE_BEFORE_START, .window_length = USECS_PER_MINUTE,
		.retry_rule = RETRY_BEFORE_START,
		.superseded_by = BY_CALL | BY_RESCHEDULE | BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL,
		.due = "start_at - time_offset", .description = "An appointment of which the user is an agent is about to start."
	},
	[TYPE_BILLING_WARNING] = TOLD_TO_ADMINS("BILLING_WARNING", TIE_BILLING_ADMINS, ON, "A warning about billing."),
	[TYPE_USERS_SYNC] = TOLD_TO_ADMINS("USERS_SYNC", TIE_ADMINS, OFF, "Users were pushed to or pulled from an integration."),
	[TYPE_CONTACTS_SYNC] = TOLD_TO_ADMINS("CONTACTS_SYNC", TIE_ADMINS, OFF, "Contacts were synchronized with an integration."),
	[TYPE_CONTACT_DISPOSITIONS_SYNC] = TOLD_TO_ADMINS("CONTACT_DISPOSITIONS_SYNC", TIE_ADMINS, OFF,
													  "Contact dispositions were synchronized with an integration."),
	[TYPE_CALL_DISPOSITIONS_SYNC] = TOLD_TO_ADMINS("CALL_DISPOSITIONS_SYNC", TIE_ADMINS, OFF,
												   "Call dispositions were synchronized with an integration."),
	[TYPE_INTEGRATION_FAILED] = TOLD_TO_ADMINS("INTEGRATION_FAILED", TIE_ADMINS, ON, "The connection to an integration failed."),
	[TYPE_IMPORT_EXPORT] = TOLD_TO_ADMINS("IMPORT_EXPORT", TIE_ADMINS, OFF, "An import or export has ended."),
	[TYPE_DAILY_ACTIVITY] = DAILY_REPORT("DAILY_ACTIVITY", false, "Report of the activity of a day."),
	[TYPE_DAILY_INBOUND_SMS] = DAILY_REPORT("DAILY_INBOUND_SMS", false, "Report of the text messages that came in on a day."),
	[TYPE_DAILY_OUTBOUND_SMS] = DAILY_REPORT("DAILY_OUTBOUND_SMS", false, "Report of the text messages that were sent on a day."),
	[TYPE_DAILY_SPENDING] = DAILY_REPORT("DAILY_SPENDING", false, "Report of what the messages of a day cost."),
	[TYPE_WEBHOOK_FAILURES] = DAILY_REPORT("WEBHOOK_FAILURES", true, "Report of the webhooks that failed on a day, if there were any."),
	[TYPE_HIGH_SMS] = {
		.code = "HIGH_SMS", .audience = AUDIENCE_USERS, .channels = ALL_CHANNELS,
		.ties = TIE_OWNER | TIE_SUBSCRIBED | TIE_RING_GROUPS, ON,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.due = "now", .description = "A contact sent more than 15 text messages within 30 seconds to a number of a line."
	},
	[TYPE_MESSAGE] = {
		.code = "MESSAGE", .audience = AUDIENCE_NAMED, .channels = ALL_CHANNELS,
		.due_rule = DUE_AS_ASKED, .window_rule = WINDOW_UNTIL_EXPIRY, .window_length = DAY,
		.retry_rule = RETRY_WITHIN_WINDOW,
		.due = "due_at of send_message", .description = "A message that the application composed itself."
	},
	[TYPE_INBOUND_MESSAGE] = {
		.code = "INBOUND_MESSAGE", .audience = AUDIENCE_SUBSCRIBERS, .channels = SUBSCRIBERS,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.due = "now", .description = "A text message came in."
	},
	[TYPE_CONFIRMATION_REQUEST] = {
		.code = "CONFIRMATION_REQUEST", .audience = AUDIENCE_CUSTOMERS, .channels = PEOPLE,
		.telling = TELLS_OF_BOOKING, .window_rule = WINDOW_UNTIL_APPOINTMENT_END,
		.superseded_by = BY_END | BY_CANCEL_OR_DELETE | BY_REMOVAL | BY_TEMPLATE, .has_rules = true,
		.invitation = INVITATION_REQUEST, .sets_booking_state = BOOKING_INVITED, .tells_what_is_so = true,
		.due = "now", .description = "The customer is asked to accept, decline or move an appointment."
	},
	[TYPE_RESPONSE] = {
		.code = "RESPONSE", .audience = AUDIENCE_USERS, .channels = ALL_CHANNELS,
		.ties = TIE_ORGANIZER | TIE_FOLLOWERS, ON, .is_sent_when_over = true,
		.window_rule = WINDOW_AFTER_DUE, .window_length = DAY,
		.due = "now", .description = "A customer accepted or declined an appointment, or asked for another time."
	},
	[TYPE_AUTO_REPLY] = {
		.code = "AUTO_REPLY", .audience = AUDIENCE_ADDRESS, .channels = CHANNEL_BIT(CHANNEL_SMS),
		.window_rule = WINDOW_AFTER_DUE, .window_length = 10 * USECS_PER_MINUTE,
		.retry_rule = RETRY_WITHIN_WINDOW,
		.due = "now", .description = "An automatic answer to a text message."
	}
};

const ChannelInfo channel_infos[CHANNELS] = {
	[CHANNEL_EMAIL] = {
		.code = "EMAIL", .contact = CONTACT_EMAIL, .route = ROUTE_PROVIDER, .has_template = true, .has_subject = true, .has_html = true,
		.has_links = true, .response_source = SOURCE_EMAIL, .has_verified_senders = true, .has_message_id = true
	},
	[CHANNEL_SMS] = {
		.code = "SMS", .contact = CONTACT_PHONE, .route = ROUTE_PROVIDER, .has_template = true, .has_links = true,
		.has_short_links = true, .takes_replies = true, .response_source = SOURCE_PAGE
	},
	[CHANNEL_WEBHOOK] = {.code = "WEBHOOK", .route = ROUTE_SUBSCRIPTION, .has_message_id = true},
	[CHANNEL_IN_APP] = {
		.code = "IN_APP", .contact = CONTACT_USER_ID, .route = ROUTE_NONE, .has_template = true, .has_subject = true,
		.has_message_id = true
	}
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
	[REASON_NO_PROVIDER] = {"NO_PROVIDER", "The application has no enabled provider for this channel: appt.set_provider sets one."},
	[REASON_SENDER_NOT_VERIFIED] = {"SENDER_NOT_VERIFIED", "The organization requires a verified sender address, and the provider's is not verified: "
	"appt.initiate_email_verification sends it a code."},
	[REASON_NO_TEMPLATE] = {"NO_TEMPLATE", "There is no template for this type and channel."},
	[REASON_TEMPLATE_ERROR] = {"TEMPLATE_ERROR", "The template could not be rendered."},
	[REASON_TOO_LARGE] = {"TOO_LARGE", "The message, or the data that it is composed from, is larger than the worker accepts."},
	[REASON_SUBSCRIPTION_OFF] = {"SUBSCRIPTION_OFF", "The subscription was disabled or removed, or did not name the type, when it was due."},
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
	[REASON_ADDRESS_NOT_ALLOWED] = {"ADDRESS_NOT_ALLOWED", "The URL names an address that may not be contacted: "
	"appt.allowed_addresses lists private ones that may."},
	[REASON_NEVER_TOLD] = {"NEVER_TOLD", "No message about the appointment had reached the customer."},
	[REASON_USER_OFF] = {"USER_OFF", "The user was disabled or removed when it was due."},
	[REASON_PREFERENCE_OFF] = {"PREFERENCE_OFF", "The user had switched off notifications of this kind when it was due."},
	[REASON_WITHDRAWN] = {"WITHDRAWN", "The application withdrew it before it was sent."},
	[REASON_OPTED_OUT] = {"OPTED_OUT", "The recipient does not want messages of the application at this address."},
	[REASON_UNDELIVERABLE] = {"UNDELIVERABLE", "A server said earlier that there is no such mailbox or number."},
	[REASON_COMPLAINED] = {"COMPLAINED", "The recipient reported an earlier message as spam."},
	[REASON_BLOCKED] = {"BLOCKED", "The application blocked the address."},
	[REASON_TEMPLATE_CHANGED] = {"TEMPLATE_CHANGED", "The appointment was given another meeting template, or none, before it was sent."},
	[REASON_REOPENED] = {"REOPENED", "The appointment was reopened before it was sent."},
	[REASON_CUSTOMER_CHANGED] = {"CUSTOMER_CHANGED", "The customer's address or preferred channel changed before it was sent; it was planned anew."}
};

static const Reason superseding_reasons[] = {
	[EVENT_CALL_STARTED] = REASON_CALL_STARTED,
	[EVENT_RESCHEDULED] = REASON_RESCHEDULED,
	[EVENT_ENDED] = REASON_ENDED,
	[EVENT_CANCELLED] = REASON_APPOINTMENT_CANCELLED,
	[EVENT_DELETED] = REASON_APPOINTMENT_DELETED,
	[EVENT_PARTICIPANT_REMOVED] = REASON_PARTICIPANT_REMOVED,
	[EVENT_TEMPLATE_CHANGED] = REASON_TEMPLATE_CHANGED,
	[EVENT_REOPENED] = REASON_REOPENED
};

const char *
channel_code(ChannelCode channel)
{
	return channel_infos[channel].code;
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

TypeSet
types_where(bool (*accepts) (const NotificationTypeInfo *type))
{
	TypeSet		types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (accepts(&notification_types[type]))
			types |= TYPE_BIT(type);
	return types;
}

bool
type_is_for_billing_admins(const NotificationTypeInfo *type)
{
	return (type->ties & (TIE_ADMINS | TIE_BILLING_ADMINS)) == TIE_BILLING_ADMINS;
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
channel_code_list(bool (*accepts) (const ChannelInfo *channel))
{
	const char **codes = (const char **) palloc0((CHANNELS + 1) * sizeof(char *));
	int			count = 0;

	for (int channel = 0; channel < CHANNELS; channel++)
		if (accepts == NULL || accepts(&channel_infos[channel]))
			codes[count++] = channel_infos[channel].code;
	return codes;
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
		if (strcmp(channel_infos[i].code, code) == 0)
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
