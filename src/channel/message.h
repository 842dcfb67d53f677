/*
 * message.h
 *		What a channel is given: the message, and the route that it takes.
 *
 * Texts are in the server's encoding. The caller owns everything.
 */
#ifndef APPT_MESSAGE_H
#define APPT_MESSAGE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"

typedef struct Header
{
	const char *name;
	const char *value;			/* NULL: a secret that is not stored; the
								 * message can't be sent */
	bool		is_secret;		/* masked in the log where a response repeats
								 * it */
} Header;

/* What is sent, and to whom. */
typedef struct Message
{
	pg_uuid_t	uid;			/* makes the Message-ID and webhook-id */
	NotificationType type;
	ChannelCode channel;
	const char *recipient;		/* email address or phone number; for a
								 * webhook, what the log shows */
	const char *recipient_name; /* may be NULL */
	const char *subject;		/* email only */
	const char *text_body;		/* WEBHOOK: the whole JSON body, see
								 * webhook_body() */
	const char *html_body;		/* email only, may be NULL */
	const char *calendar;		/* email only: an iCalendar file in UTF-8, or
								 * NULL */
	const char *calendar_method;	/* of that file: REQUEST or CANCEL */
	const char *unsubscribe_url;	/* email only: where a POST unsubscribes
									 * (RFC 8058); NULL: nowhere */
	const char *thread;			/* email only: the id that messages about the
								 * same thing share; NULL: none */
	const char *feedback_id;	/* email only: what mail providers count
								 * complaints by; NULL: none */
	List	   *tokens;			/* of char *: secrets in links, masked in the
								 * log where a response repeats them */
	TimestampTz timestamp;		/* of this attempt */
	List	   *headers;		/* of Header: the appointment's notification
								 * headers */
} Message;

typedef enum AuthKind
{
	AUTH_NONE, AUTH_BASIC, AUTH_OAUTH2
} AuthKind;

/* Keys of one subscription that sign at the same time. */
#define MAX_LIVE_KEYS 4

/* A provider or a subscription, with its secrets in clear. */
typedef struct Route
{
	const char *kind;			/* SMTP, TWILIO, GENESYS_CLOUD, HTTP, LOG;
								 * WEBHOOK for a subscription */
	const char *url;			/* NULL: it connects to nothing */
	AuthKind	auth;			/* subscriptions only; for a provider, the
								 * kind decides */
	const char *username;
	const char *password;		/* or the OAuth2 client's secret */
	const char *token_url;		/* subscriptions only, as the next three */
	const char *token_scope;	/* may be NULL */
	const char *token_audience; /* may be NULL */
	bool		client_in_body; /* see Request */
	const char *sender;			/* "address" or "Name <address>" */
	Jsonb	   *settings;		/* the provider's, may be NULL */
	List	   *hmac_keys;		/* of char *, the newest first */
	List	   *headers;		/* of Header: its own, secret ones in clear */
} Route;

#endif							/* APPT_MESSAGE_H */
