/*
 * vocabulary.h
 *		Closed lists of codes: notification types with their audience,
 *		channels and windows; channels; states; reasons.
 *
 * Each list is defined once, in vocabulary.c; the views notification_type and
 * reason show them. The SQL domains repeat only the codes.
 */
#ifndef APPT_VOCABULARY_H
#define APPT_VOCABULARY_H

#include "datatype/timestamp.h"

#include "core/meeting_codes.h"

typedef enum NotificationType
{
	TYPE_CREATE, TYPE_RESCHEDULE, TYPE_CANCELLED, TYPE_REMINDER, TYPE_ROOM,
	TYPE_FOLLOW_UP, TYPE_UPDATE, TYPE_ACTIVATE, TYPE_CODE, TYPE_TEST,
	TYPE_CALL, TYPE_TEXT_MESSAGE, TYPE_VOICEMAIL, TYPE_FAX, TYPE_MENTION,
	TYPE_CONTACT_ASSIGNED, TYPE_REMINDER_ASSIGNED, TYPE_APPOINTMENT_ASSIGNED,
	TYPE_APPOINTMENT_CREATED, TYPE_APPOINTMENT_REMINDER, TYPE_BILLING_WARNING,
	TYPE_USERS_SYNC, TYPE_CONTACTS_SYNC, TYPE_CONTACT_DISPOSITIONS_SYNC,
	TYPE_CALL_DISPOSITIONS_SYNC, TYPE_INTEGRATION_FAILED, TYPE_IMPORT_EXPORT,
	TYPE_DAILY_ACTIVITY, TYPE_DAILY_INBOUND_SMS, TYPE_DAILY_OUTBOUND_SMS,
	TYPE_DAILY_SPENDING, TYPE_WEBHOOK_FAILURES, TYPE_HIGH_SMS, TYPE_MESSAGE,
	TYPE_INBOUND_MESSAGE, TYPE_CONFIRMATION_REQUEST, TYPE_RESPONSE, TYPE_AUTO_REPLY
} NotificationType;
#define NOTIFICATION_TYPES (TYPE_AUTO_REPLY + 1)

/* A set of types: their TYPE_BITs. */
typedef uint64 TypeSet;
#define TYPE_BIT(type) (UINT64CONST(1) << (type))

typedef enum ChannelCode
{
	CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_WEBHOOK, CHANNEL_IN_APP
} ChannelCode;
#define CHANNELS (CHANNEL_IN_APP + 1)
#define CHANNEL_BIT(channel) (1 << (channel))

/* What a message needs to leave over a channel. */
typedef enum RouteNeed
{
	ROUTE_PROVIDER,				/* the application's enabled provider */
	ROUTE_SUBSCRIPTION,
	ROUTE_NONE					/* it stays in the database */
} RouteNeed;

/* Which of a person's addresses a channel writes to. */
typedef enum ContactKind
{
	CONTACT_NONE, CONTACT_EMAIL, CONTACT_PHONE, CONTACT_USER_ID
} ContactKind;

typedef struct ChannelInfo
{
	const char *code;
	const char *response_source;	/* of answers on the page behind its
									 * links: SOURCE_EMAIL, ... */
	ContactKind contact;
	RouteNeed	route;
	bool		has_template;	/* its messages are written for people */
	bool		has_subject;	/* beside the text, like the next */
	bool		has_html;
	bool		has_links;		/* its messages to customers have links of
								 * their own */
	bool		has_short_links;
	bool		takes_replies;	/* a message may be answered by a word */
	bool		has_verified_senders;	/* its providers send from an address
										 * that the application has proven to
										 * be its own */
	bool		has_message_id; /* a message that is sent again has the same
								 * id, by which the receiver knows it */
} ChannelInfo;

/* The preferred channel of a customer who prefers none. */
#define USUAL_CHANNEL CHANNEL_EMAIL

typedef enum NotificationState
{
	STATE_PENDING, STATE_SENDING, STATE_SENT, STATE_RETRYING, STATE_FAILED,
	STATE_SUPPRESSED, STATE_SKIPPED, STATE_MISSED, STATE_CANCELLED
} NotificationState;
#define NOTIFICATION_STATES (STATE_CANCELLED + 1)

/* When a notification is due. */
typedef enum DueRule
{
	DUE_NOW,					/* when its event happens */
	DUE_BEFORE_START,			/* start_at - time_offset */
	DUE_AFTER_END,				/* ended_at + time_offset */
	DUE_DAILY,					/* the application's report_time */
	DUE_AS_ASKED				/* as the caller says */
} DueRule;

/* Until when the first attempt may start. */
typedef enum WindowRule
{
	WINDOW_UNTIL_APPOINTMENT_END,	/* now <= end_at */
	WINDOW_AFTER_DUE,			/* now <= due_at + window_length */
	WINDOW_AFTER_DUE_BEFORE_START,	/* the same, and now < start_at */
	WINDOW_UNTIL_EXPIRY			/* now <= expires_at; without one, as
								 * WINDOW_AFTER_DUE */
} WindowRule;

/* Until when a further attempt may start. */
typedef enum RetryRule
{
	RETRY_ALWAYS,
	RETRY_BEFORE_START,
	RETRY_WITHIN_WINDOW
} RetryRule;

/* Recipients of a type; subscribers get all types by webhook. */
typedef enum Audience
{
	AUDIENCE_CUSTOMERS, AUDIENCE_JOINED_CUSTOMERS, AUDIENCE_SUBSCRIBERS,
	AUDIENCE_ADDRESS, AUDIENCE_USERS,
	AUDIENCE_NAMED				/* an address, a user or a subscription that
								 * the caller names */
} Audience;

/* What ties users to a notification of a type; bits. */
typedef enum UserTie
{
	TIE_OWNER = 0x01,			/* owner of the personal line */
	TIE_SUBSCRIBED = 0x02,		/* subscribed to the line */
	TIE_RING_GROUPS = 0x04,		/* members of the line's ring groups */
	TIE_RUNG = 0x08,			/* those members whom a call was offered to */
	TIE_NAMED = 0x10,			/* named by the caller */
	TIE_AGENTS = 0x20,			/* agents of the appointment */
	TIE_ADMINS = 0x40,
	TIE_BILLING_ADMINS = 0x80,
	TIE_ORGANIZER = 0x100,		/* organizer of the appointment */
	TIE_FOLLOWERS = 0x200		/* of the appointment */
} UserTie;

/* Ties by a line. */
#define LINE_TIES (TIE_OWNER | TIE_SUBSCRIBED | TIE_RING_GROUPS | TIE_RUNG)

/* An offset at which users get a type, and whether they do by default. */
typedef struct DefaultOffset
{
	TimeOffset	time_offset;	/* microseconds before the start; 0: none */
	bool		is_on;
} DefaultOffset;

/* The calendar file that goes with an email. */
typedef enum Invitation
{
	INVITATION_NONE, INVITATION_REQUEST, INVITATION_CANCEL
} Invitation;

/* Events that supersede a notification which is not sent yet. */
typedef enum SupersedingEvent
{
	EVENT_CALL_STARTED, EVENT_RESCHEDULED, EVENT_ENDED,
	EVENT_CANCELLED, EVENT_DELETED, EVENT_PARTICIPANT_REMOVED,
	EVENT_TEMPLATE_CHANGED, EVENT_REOPENED
} SupersedingEvent;
#define SUPERSEDING_EVENTS (EVENT_REOPENED + 1)
#define EVENT_BIT(event) (1 << (event))

/* Whether a message tells a customer of the appointment, or assumes that it knows. */
typedef enum Telling
{
	TELLS_NOTHING,
	TELLS_OF_BOOKING,
	PRESUMES_TOLD				/* useless to a customer who was not told */
} Telling;

/* Every difference between types; nothing else may depend on a type's code. */
typedef struct NotificationTypeInfo
{
	const char *code;
	Audience	audience;
	int			channels;		/* CHANNEL_BITs of its channels */
	Telling		telling;
	DueRule		due_rule;
	bool		is_planned_late;	/* also where it would be past due */
	WindowRule	window_rule;
	TimeOffset	window_length;	/* microseconds after due_at */
	RetryRule	retry_rule;
	int			superseded_by;	/* EVENT_BITs */
	bool		ignores_switches;
	bool		has_rules;		/* rows of appt.rule plan it */
	bool		has_offset;		/* a rule's time_offset may differ from 0 */
	bool		has_join_link;	/* it is sent once the appointment is
								 * activated */
	bool		is_sent_when_over;	/* by hand, also for an appointment that
									 * is over */
	bool		tells_changes;	/* webhooks tell what changed */
	bool		has_code;		/* it has a one-time code: nothing keeps its
								 * words, except the log of a provider of kind
								 * LOG */
	bool		is_sample;		/* written like the type that its context
								 * names */
	Invitation	invitation;
	int			ignores_opt_out;	/* CHANNEL_BITs: over these it also goes
									 * to who opted out; a rule may say
									 * otherwise */
	BookingState sets_booking_state;	/* when send_notification sends it;
										 * BOOKING_NONE: it sets none */
	bool		is_held_back;	/* until customers were told of the booking,
								 * where the meeting template wants that */
	bool		tells_what_is_so;	/* once it is sent to all customers, they
									 * know what is so */
	bool		cancels;		/* send_notification cancels the appointment,
								 * once the caller has confirmed it */
	bool		invites;		/* once it was sent with buttons to accept or
								 * decline, the appointment is INVITED */

	/* AUDIENCE_USERS */
	int			ties;			/* UserTies; each user gets it once */
	const DefaultOffset *offsets;	/* at least one */
	int			offset_count;
	bool		is_account_level;	/* for admins alone, whatever the
									 * preferences */
	bool		is_not_for_actor;	/* not to the user who causes it */
	bool		is_told_by_callers; /* notify_users plans it */
	bool		skips_empty_days;	/* a report: none of a day without
									 * anything to report */

	const char *due;			/* when it is due, for people */
	const char *description;	/* what it is, for people */
} NotificationTypeInfo;

typedef enum Reason
{
	REASON_NONE,
	REASON_GLOBAL_OFF, REASON_APPOINTMENT_OFF, REASON_NO_ADDRESS,
	REASON_BAD_ADDRESS, REASON_CHANNEL_NOT_AVAILABLE, REASON_NO_PROVIDER,
	REASON_SENDER_NOT_VERIFIED, REASON_NO_TEMPLATE, REASON_TEMPLATE_ERROR, REASON_TOO_LARGE,
	REASON_SUBSCRIPTION_OFF, REASON_RULE_OFF, REASON_WINDOW_PASSED,
	REASON_NOT_ACTIVATED, REASON_RESCHEDULED, REASON_CALL_STARTED,
	REASON_ENDED, REASON_APPOINTMENT_CANCELLED, REASON_APPOINTMENT_DELETED,
	REASON_PARTICIPANT_REMOVED, REASON_WILL_RETRY, REASON_REJECTED,
	REASON_RETRIES_EXHAUSTED, REASON_RETRY_TOO_LATE, REASON_INTERRUPTED,
	REASON_WORKER_CRASHED,
	REASON_BAD_CONFIGURATION, REASON_ADDRESS_NOT_VERIFIED, REASON_ADDRESS_NOT_ALLOWED,
	REASON_NEVER_TOLD, REASON_USER_OFF, REASON_PREFERENCE_OFF, REASON_WITHDRAWN,
	REASON_OPTED_OUT, REASON_UNDELIVERABLE, REASON_COMPLAINED, REASON_BLOCKED,
	REASON_TEMPLATE_CHANGED, REASON_REOPENED, REASON_CUSTOMER_CHANGED
} Reason;
#define REASONS (REASON_CUSTOMER_CHANGED + 1)

extern const NotificationTypeInfo notification_types[NOTIFICATION_TYPES];
extern const ChannelInfo channel_infos[CHANNELS];

/* The types that `accepts` accepts. */
extern TypeSet types_where(bool (*accepts) (const NotificationTypeInfo *type));

/* Does the type go to billing admins alone, not to all admins? */
extern bool type_is_for_billing_admins(const NotificationTypeInfo *type);

/* Codes as in SQL ("CREATE", "EMAIL", "PENDING", "GLOBAL_OFF"). */
extern const char *channel_code(ChannelCode channel);
extern const char *state_code(NotificationState state);
extern const char *reason_code(Reason reason);	/* NULL for REASON_NONE */
extern const char *reason_explanation(Reason reason);	/* "" for REASON_NONE */

/* The reason that a superseding event sets. */
extern Reason superseding_reason(SupersedingEvent event);

/*
 * Lists of codes that end with NULL: of the types and of the channels that
 * `accepts` accepts (NULL: all), of reasons.
 */
extern const char *const *notification_type_codes(bool (*accepts) (NotificationType type));
extern const char *const *channel_code_list(bool (*accepts) (const ChannelInfo *channel));
extern const char *const *reason_code_list(void);

/* Find the value of a code; false if there is none. */
extern bool notification_type_from_code(const char *code, NotificationType *type);
extern bool channel_from_code(const char *code, ChannelCode *channel);
extern bool state_from_code(const char *code, NotificationState *state);
extern bool reason_from_code(const char *code, Reason *reason);

#endif							/* APPT_VOCABULARY_H */
