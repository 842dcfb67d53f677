/*
 * planned.h
 *		The one INSERT that plans notifications, from several sources: the rules
 *		of an application, the agents of an appointment, the users that an event
 *		concerns, an appointment's organizer and followers, a recipient that is named.
 *
 * In the transaction of the caller, as the owner, with SPI connected. The worker
 * is woken when the transaction commits.
 */
#ifndef APPT_PLANNED_H
#define APPT_PLANNED_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"
#include "notify/appointment_key.h"

/* Which recipients of rules to plan for. */
typedef enum Recipients
{
	RECIPIENTS_ALL, RECIPIENTS_PEOPLE, RECIPIENTS_SUBSCRIBERS
} Recipients;

/* What happened to an appointment, and whom to tell. What is left 0 plans nothing. */
typedef struct AppointmentEvent
{
	TypeSet		types;			/* by enabled rules */
	Recipients	recipients;
	TypeSet		agent_types;	/* to agents with a profile, by preference; 0
								 * where it is known that nobody gets them */
	TypeSet		agent_webhooks; /* of these, those that subscribers who name
								 * the type get */
	const char *participant_id; /* only this participant; NULL: all */
	const char *actor;			/* the user who caused it; NULL: no user */
	Jsonb	   *changes;		/* what webhooks tell of it; NULL: nothing */
	TimestampTz now;
} AppointmentEvent;

/*
 * Plan what is owed. A notification that is past due is planned only where its
 * type says so. Notifications of types that presume that their customers were
 * told must be superseded before. True: customers of a meeting template's
 * appointment are told what is so, as far as they have addresses.
 */
extern bool plan_appointment_event(const AppointmentKey *key, const AppointmentEvent *event);

/* What changed of a customer. */
typedef struct CustomerChange
{
	const char *participant_id;
	bool		is_way_changed; /* an address or the preferred channel */
	const char *old_channel;	/* that it preferred, and that it prefers:
								 * EMAIL or SMS */
	const char *new_channel;
} CustomerChange;

/*
 * Cancel what has not been sent to the customer, and plan it again, due no earlier
 * than now: messages of rules for the preferred channel over the new one. Of the
 * types `ahead` only what is due from now on is cancelled, and nothing is planned.
 * The notifications are locked.
 */
extern void plan_unsent_again(const AppointmentKey *key, const CustomerChange *change, TypeSet ahead, TimestampTz now);

/* An event that concerns users and no appointment. */
typedef struct UserEvent
{
	pg_uuid_t	application_id;
	NotificationType type;		/* of its notifications */
	const pg_uuid_t *line_id;	/* NULL: none */
	NullableDatum user_ids;		/* text[]: those named, or those rung; NULL:
								 * none named */
	Jsonb	   *contact;		/* NULL: none, like the next two */
	const char *title;
	Jsonb	   *payload;
	TimestampTz due_at;
} UserEvent;

/*
 * Store the event, and plan its notifications: one for each channel of each user
 * that the type's ties reach and that wants it, one for each subscription that
 * names the type. One statement. Returns the event's id; its notifications have
 * it as user_event_id. A line that is disabled, or does not exist, ties nobody.
 */
extern int64 plan_user_event(const UserEvent *event);

/* Something that happened to an appointment, for its organizer and followers. */
typedef struct TiedUsersEvent
{
	NotificationType type;		/* of ties to appointments */
	Jsonb	   *to_users;		/* what it was (notification.event), for those
								 * who may read the appointment */
	Jsonb	   *to_outsiders;	/* the same for followers who may not: nothing
								 * about customers */
	Jsonb	   *to_subscribers; /* for webhooks */
	TimestampTz now;
} TiedUsersEvent;

/*
 * Plan a notification for each channel of each user that the type's ties reach and
 * that wants it, and for each subscription that names the type. One statement.
 */
extern void plan_tied_users_event(const AppointmentKey *key, const TiedUsersEvent *event);

/* One message to a recipient that is named. */
typedef struct NamedMessage
{
	pg_uuid_t	application_id;
	const pg_uuid_t *appointment_id;	/* NULL: it is about none */
	NotificationType type;
	ChannelCode channel;
	const char *recipient_kind; /* ADDRESS, USER or SUBSCRIBER */
	const char *recipient_id;
	const pg_uuid_t *subscription_id;	/* NULL unless the channel is WEBHOOK */
	const char *address;		/* for the log; NULL: none yet */
	const char *title;			/* for the log; NULL: none */
	Jsonb	   *context;		/* what it is composed from (notify/compose.c) */
	TimestampTz due_at;
	TimestampTz expires_at;		/* 0: the window of the type */
} NamedMessage;

/* Plan it; returns the id of the notification. */
extern int64 plan_named_message(const NamedMessage *message);

#endif							/* APPT_PLANNED_H */
