/*
 * eligibility.h
 *		May this notification go out now, and what if its attempt failed?
 *
 * Pure functions over plain structs; the clock is an argument. The worker and
 * notification_eligibility both call them, and nothing else decides.
 * Source: auvious-notifications.txt, "Reliability and retries" and
 * "Notification settings"; design.md section 2.
 */
#ifndef APPT_ELIGIBILITY_H
#define APPT_ELIGIBILITY_H

#include "notify/facts.h"

typedef enum AppointmentCondition
{
	CONDITION_NONE,				/* the notification has no appointment */
	CONDITION_SCHEDULED, CONDITION_ACTIVATED, CONDITION_ENDED,
	CONDITION_CANCELLED, CONDITION_DELETED
} AppointmentCondition;

/* The times that windows depend on; 0: there is none. */
typedef struct NotificationTimes
{
	TimestampTz due_at;
	TimestampTz start_at;		/* of the appointment, like end_at */
	TimestampTz end_at;
	TimestampTz expires_at;
} NotificationTimes;

/* Everything that the decision depends on. */
typedef struct EligibilityInput
{
	NotificationType type;
	ChannelCode channel;
	NotificationTimes times;
	TimestampTz next_attempt_at;	/* 0: the first attempt, due at due_at */
	bool		is_attempted;	/* at least one attempt was made */
	bool		is_manual;		/* ignores window and max_attempts */
	bool		is_for_records; /* it was sent to an endpoint before: ignores
								 * that the appointment is over */
	AppointmentCondition appointment;
	bool		room_activates; /* sending ROOM activates the appointment */
	bool		call_started;	/* a customer has joined */
	bool		recipient_exists;	/* the customer or agent is still a
									 * participant, or none is needed */
	bool		appointment_switch; /* captured at scheduling */
	bool		global_switch;
	bool		rule_needed;	/* was it planned by a rule? */
	bool		rule_enabled;
	bool		never_told;		/* the customer was never told of the
								 * appointment, and the rule suppresses
								 * CANCELLED then, or the meeting template
								 * REMINDER */
	bool		user_wants;		/* the user's preference and channel are on */
	bool		user_may_know;	/* the user is an admin, or need not be */
	bool		user_available; /* the user exists and is enabled, or none is
								 * needed */
	bool		platform_allows;	/* TALKDESK has webhooks only */
	bool		route_exists;	/* an enabled provider, or the subscription */
	bool		route_enabled;	/* and open for this type */
	bool		channel_available;	/* this version can send over it */
	bool		sender_verified;	/* or need not be */
	bool		recipient_is_sender;	/* it is sent to its own sender's
										 * address */
	bool		address_given;
	bool		address_valid;
	bool		address_verified;	/* or need not be */
	SuppressionSet suppressions;	/* of the address */
	bool		is_to_user;
	bool		ignores_opt_out;	/* it also goes to who has opted out */
	bool		template_exists;
	bool		is_too_large;	/* it can't be loaded: nothing else is set */
} EligibilityInput;

typedef enum Verdict
{
	VERDICT_SEND,
	VERDICT_WAIT,				/* look again at `until` */
	VERDICT_SETTLE				/* never: settle in `state` for `reason` */
} Verdict;

typedef struct Decision
{
	Verdict		verdict;
	NotificationState state;
	Reason		reason;
	TimestampTz until;
} Decision;

extern Decision eligibility_decide(const EligibilityInput *input, TimestampTz now);

/* The last moment at which a first attempt may start. */
extern TimestampTz window_end(NotificationType type, const NotificationTimes *times);

/* The times of a notification, from its facts. */
extern NotificationTimes notification_times(const NotificationFacts *facts);

/* The input of the decision, from the facts. */
extern EligibilityInput eligibility_input(const NotificationFacts *facts);

/*
 * What the worker will decide of a notification that is PENDING or RETRYING, if
 * nothing changes. It judges none before it is due: *judged_at is `at` or, if that is
 * later, when it is due.
 */
extern Decision eligibility_foresee(const NotificationFacts *facts, TimestampTz at, TimestampTz *judged_at);

typedef struct RetryInput
{
	NotificationType type;
	NotificationTimes times;
	bool		is_manual;		/* the attempt that failed */
	int			attempt_count;	/* attempts made, this one included */
	int			max_attempts;
	TimeOffset	retry_base;
	TimeOffset	retry_cap;
	TimeOffset	retry_after;	/* microseconds that the server asked to wait,
								 * or -1 */
	Reason		final;			/* why another attempt is useless;
								 * REASON_NONE: it is not */
	Reason		superseded_by;	/* the event during the attempt; REASON_NONE:
								 * none */
	double		jitter;			/* in [-1, 1], from a random source */
} RetryInput;

/* RETRYING with `until`, FAILED, or CANCELLED with its reason. */
extern Decision retry_decide(const RetryInput *input, TimestampTz now);

/* Microseconds: base * 2^(n-1) +- 20 %, at least retry_after, at most cap. */
extern TimeOffset retry_wait(const RetryInput *input);

#endif							/* APPT_ELIGIBILITY_H */
