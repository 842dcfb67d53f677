/*
 * facts.h
 *		All that is known about a notification when it is judged and composed.
 *
 * The worker, notification_eligibility, retry_notification and
 * preview_notification all work from these structs, which facts_load.h loads.
 *
 * What tenants store may be large. A value that may be large and is not always
 * needed stays as it is stored in its row (stored.h) until a message is composed
 * of it.
 */
#ifndef APPT_FACTS_H
#define APPT_FACTS_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "channel/message.h"
#include "core/stored.h"
#include "core/vocabulary.h"
#include "notify/link_token.h"
#include "notify/suppression.h"
#include "render/calendar_event.h"

typedef struct OrganizationFacts
{
	pg_uuid_t	id;
	bool		notifications_enabled;
	bool		require_verified_sender;
} OrganizationFacts;

typedef struct ApplicationFacts
{
	pg_uuid_t	id;
	OrganizationFacts organization;
	char	   *name;
	char	   *platform;
	bool		room_activates;
	char	   *public_url;
	char	   *short_url;		/* NULL: none */
	bool		one_click;
	Jsonb	   *contact;		/* NULL: none, like the next */
	Jsonb	   *branding;
	ApplicationKey *link_key;	/* of the tokens in links; NULL: no message of
								 * the batch needs it, or there is none */
	List	   *address_keys;	/* of ApplicationKey *, for hashes of
								 * suppressed addresses; NIL: it has
								 * suppressed nothing */
	char	   *locale;
	char	   *timezone;
	int			max_attempts;
	TimeOffset	retry_base;		/* microseconds */
	TimeOffset	retry_cap;
	bool		is_held;		/* the workers leave it alone */
} ApplicationFacts;

typedef struct ParticipantFacts
{
	char	   *id;
	bool		is_customer;
	char	   *username;
	char	   *first_name;
	char	   *last_name;
	char	   *email;
	char	   *phone;
	char	   *locale;
	Stored	   *metadata;
	char	   *verified_channel;	/* of the address that a code verified;
									 * NULL: none was needed */
} ParticipantFacts;

/* A user as it is now, and what it wants of one notification. */
typedef struct UserFacts
{
	char	   *id;
	char	   *name;			/* NULL: not known, like the next three */
	char	   *email;
	char	   *phone;			/* for text messages */
	char	   *locale;
	char	   *timezone;		/* NULL: none of its own */
	bool		enabled;
	bool		is_admin;
	bool		is_billing_admin;
	bool		has_channel;	/* the notification's channel is on */
	bool		has_preference; /* its preference, or the type's default, is
								 * on */
	pg_uuid_t	notify_key;
} UserFacts;

/* What users are told of that is no appointment. */
typedef struct UserEventFacts
{
	int64		id;
	char	   *type;
	pg_uuid_t  *line_id;		/* NULL: none */
	char	   *line_name;		/* NULL: none, or the line is deleted */
	char	   *title;			/* NULL: none, like the next two */
	Stored	   *contact;
	Stored	   *payload;
	TimestampTz created_at;
} UserEventFacts;

/* A participant as webhooks name it. */
typedef struct ParticipantName
{
	char	   *id;
	bool		is_customer;
	TimestampTz created_at;
} ParticipantName;

/* The appointment as it is now or, if it is deleted, as it was last. */
typedef struct AppointmentFacts
{
	pg_uuid_t	id;
	pg_uuid_t	application_id;
	pg_uuid_t	conference_id;
	bool		is_deleted;		/* read from notification.context */
	bool		notifications_active;
	bool		call_started;	/* a customer has joined */
	char	   *state;
	char	   *organizer_id;
	char	   *organizer_type;
	char	   *title;
	char	   *title_for_customers;	/* without a booking state */
	char	   *notes;
	char	   *location;
	TimestampTz start_at;
	TimestampTz end_at;
	TimestampTz ended_at;		/* 0: not yet */
	char	   *timezone;
	char	   *locale;
	Stored	   *metadata;
	Stored	   *interaction;
	Stored	   *notification_headers;	/* NULL if none */
	int			sequence;
	TimestampTz updated_at;
	char	   *cancel_reason;	/* NULL: none was given */
	pg_uuid_t  *meeting_template_id;	/* NULL: none, like the next */
	char	   *booking_state;
	char	   *notification_state;
	Stored	   *changed_fields; /* text[], of names; NULL unless UPDATE_DUE */
	char	   *room_ticket;	/* NULL: not activated */
	char	   *room_type;
	char	   *room_url;
	TimestampTz room_expires;
	List	   *participants;	/* of ParticipantName *, ordered by
								 * created_at, id; loaded for webhooks only */
	char	   *customer_names; /* loaded for users only; NULL: none */
} AppointmentFacts;

/* A rule as it is now. */
typedef struct RuleFacts
{
	int64		id;
	pg_uuid_t	application_id;
	pg_uuid_t  *meeting_template_id;	/* NULL: none */
	bool		enabled;
	bool		even_if_never_told;
	bool	   *ignores_opt_out;	/* NULL: as its type says */
	int			buttons;		/* BUTTON_BITs */
	Jsonb	   *appearance;		/* NULL: none, like the next */
	Jsonb	   *reply_codes;
	Alarms		alarms;			/* of those whom the rule invites: the offsets
								 * of the reminders that rules send them */
} RuleFacts;

/* What messages tell of a meeting template. */
typedef struct MeetingTemplateFacts
{
	pg_uuid_t	id;
	char	   *meeting_type;
	char	   *video_platform; /* NULL: none */
	bool		reminders_need_confirmation;
} MeetingTemplateFacts;

/* A provider or subscription with its secrets. */
typedef struct RouteFacts
{
	pg_uuid_t	id;
	bool		enabled;
	bool		is_verified;	/* providers */
	TypeSet		types;			/* that may leave this way */
	Route		route;
} RouteFacts;

typedef struct TemplateFacts
{
	int64		rule_id;		/* 0: any */
	pg_uuid_t  *meeting_template_id;	/* NULL: any */
	char	   *locale;
	Stored	   *subject;
	Stored	   *text_body;
	Stored	   *html_body;
} TemplateFacts;

/*
 * The message of the last attempt if that was interrupted: it is sent again as it
 * was. The bodies are NULL if the log has none, or not the whole: then the message
 * is composed anew, to the same recipient.
 */
typedef struct StoredMessage
{
	char	   *recipient;
	Stored	   *subject;
	Stored	   *text_body;
	Stored	   *html_body;
	Jsonb	   *shown;			/* shown.h; NULL: nothing */
} StoredMessage;

typedef struct NotificationFacts
{
	int64		id;
	pg_uuid_t	uid;
	pg_uuid_t	application_id;
	pg_uuid_t  *appointment_id; /* NULL: it has none */
	char	   *recipient_kind;
	char	   *recipient_id;
	pg_uuid_t  *subscription_id;	/* NULL unless it is a webhook */
	int64		user_event_id;	/* 0: it tells of none */
	int64		rule_id;		/* 0: planned by no rule */
	NotificationType type;
	ChannelCode channel;
	TimeOffset	time_offset;
	TimestampTz due_at;
	int64		lane;
	NotificationState state;
	Reason		reason;
	Reason		superseded_by;
	int			attempt_count;
	TimestampTz next_attempt_at;	/* 0: none */
	bool		is_manual;		/* the next attempt was asked for by a person */
	bool		is_resent;		/* it sends another one again */
	bool		notifications_active;	/* the appointment's switch when this
										 * was planned */
	bool		never_told;		/* when this was planned, no message had told
								 * the customer of the appointment */
	char	   *address;		/* a copy, in case the recipient is removed */
	TimestampTz start_at;		/* copies of the appointment's times; 0: none */
	TimestampTz end_at;
	TimestampTz expires_at;		/* 0: none */
	Jsonb	   *context;		/* of one without an appointment; else NULL */
	Stored	   *snapshot;		/* of a deleted appointment or a removed
								 * participant, from which appointment and
								 * recipient are read; NULL: none */
	Stored	   *event;			/* members of a webhook's payload (event.h);
								 * NULL: none */
	bool		is_too_large;	/* it exceeds the budget: all below is NULL,
								 * and it can't be sent */

	const ApplicationFacts *application;	/* NULL: deleted */
	const AppointmentFacts *appointment;	/* NULL: it has none, or deleted
											 * and no snapshot is left */
	const ParticipantFacts *recipient;	/* a customer; NULL otherwise */
	bool		recipient_is_gone;	/* removed: read from the snapshot */
	const UserFacts *user;		/* the recipient; NULL: it is no user, or is
								 * gone */
	bool		user_takes_part;	/* the user is an agent of the appointment */
	const UserEventFacts *user_event;	/* NULL: none */
	const RuleFacts *rule;		/* NULL: planned by none, or it is gone */
	const MeetingTemplateFacts *meeting_template;	/* the appointment's;
													 * NULL: none */
	SuppressionSet suppressions;	/* why its address must not be written to */
	const RouteFacts *route;	/* NULL: no provider, or no such subscription */
	List	   *templates;		/* of TemplateFacts *: its rule's, its meeting
								 * template's and its type's, in the locales
								 * that it may be written in */
	List	   *layouts;		/* of TemplateFacts *: the application's, in
								 * these locales */
	const StoredMessage *stored;	/* NULL unless the last attempt was
									 * interrupted */
} NotificationFacts;

#endif							/* APPT_FACTS_H */
