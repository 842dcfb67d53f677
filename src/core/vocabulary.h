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

typedef enum NotificationType
{
	TYPE_CREATE, TYPE_RESCHEDULE, TYPE_CANCELLED, TYPE_REMINDER, TYPE_ROOM,
	TYPE_FOLLOW_UP, TYPE_UPDATE, TYPE_ACTIVATE, TYPE_CODE, TYPE_TEST
} NotificationType;
#define NOTIFICATION_TYPES (TYPE_TEST + 1)

typedef enum ChannelCode
{
	CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_WEBHOOK
} ChannelCode;
#define CHANNELS (CHANNEL_WEBHOOK + 1)
#define CHANNEL_BIT(channel) (1 << (channel))

typedef enum NotificationState
{
	STATE_PENDING, STATE_SENDING, STATE_SENT, STATE_RETRYING, STATE_FAILED,
	STATE_SUPPRESSED, STATE_SKIPPED, STATE_MISSED, STATE_CANCELLED
} NotificationState;
#define NOTIFICATION_STATES (STATE_CANCELLED + 1)

/* Until when the first attempt may start. */
typedef enum WindowRule
{
	WINDOW_UNTIL_APPOINTMENT_END,	/* now <= end_at */
	WINDOW_AFTER_DUE,			/* now <= due_at + window_length */
	WINDOW_AFTER_DUE_BEFORE_START	/* the same, and now < start_at */
} WindowRule;

/* Recipients of a type; subscribers get all types by webhook. */
typedef enum Audience
{
	AUDIENCE_CUSTOMERS, AUDIENCE_JOINED_CUSTOMERS, AUDIENCE_SUBSCRIBERS,
	AUDIENCE_ADDRESS
} Audience;

/* Events that supersede a notification which is not sent yet. */
typedef enum SupersedingEvent
{
	EVENT_CALL_STARTED, EVENT_RESCHEDULED, EVENT_ENDED,
	EVENT_CANCELLED, EVENT_DELETED, EVENT_PARTICIPANT_REMOVED
} SupersedingEvent;
#define SUPERSEDING_EVENTS (EVENT_PARTICIPANT_REMOVED + 1)
#define EVENT_BIT(event) (1 << (event))

/* Whether a message tells a customer of the appointment, or assumes that it knows. */
typedef enum Telling
{
	TELLS_NOTHING,
	TELLS_OF_BOOKING,
	PRESUMES_TOLD				/* useless to a customer who was not told */
} Telling;

typedef struct NotificationTypeInfo
{
	const char *code;
	Audience	audience;
	int			channels;		/* CHANNEL_BITs of its channels */
	Telling		telling;
	WindowRule	window_rule;
	TimeOffset	window_length;	/* microseconds after due_at */
	int			superseded_by;	/* EVENT_BITs */
	bool		ignores_switches;
	bool		has_rules;		/* rows of appt.rule plan it */
	bool		has_offset;		/* a rule's time_offset may differ from 0 */
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
	REASON_NEVER_TOLD
} Reason;
#define REASONS (REASON_NEVER_TOLD + 1)

extern const NotificationTypeInfo notification_types[NOTIFICATION_TYPES];

/* Codes as in SQL ("CREATE", "EMAIL", "PENDING", "GLOBAL_OFF"). */
extern const char *channel_code(ChannelCode channel);
extern const char *state_code(NotificationState state);
extern const char *reason_code(Reason reason);	/* NULL for REASON_NONE */
extern const char *reason_explanation(Reason reason);	/* "" for REASON_NONE */

/* The reason that a superseding event sets. */
extern Reason superseding_reason(SupersedingEvent event);

/*
 * Lists of codes that end with NULL: of types that `accepts` accepts (NULL:
 * all), of channels, of reasons.
 */
extern const char *const *notification_type_codes(bool (*accepts) (NotificationType type));
extern const char *const *channel_code_list(void);
extern const char *const *reason_code_list(void);

/* Find the value of a code; false if there is none. */
extern bool notification_type_from_code(const char *code, NotificationType *type);
extern bool channel_from_code(const char *code, ChannelCode *channel);
extern bool state_from_code(const char *code, NotificationState *state);
extern bool reason_from_code(const char *code, Reason *reason);

#endif							/* APPT_VOCABULARY_H */
