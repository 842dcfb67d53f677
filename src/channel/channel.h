/*
 * channel.h
 *		The one door of the channels: from a message and a route, compose the
 *		request that carries it; from the response, read the outcome.
 *
 * Everything here is pure: no SPI, no clock, no ereport for bad data. A channel
 * that cannot compose says why as a value. Results live in the
 * CurrentMemoryContext of the caller. Adding a channel is one file and one row
 * in channel.c.
 */
#ifndef APPT_CHANNEL_H
#define APPT_CHANNEL_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"

typedef struct Header
{
	const char *name;
	const char *value;			/* NULL: a secret one whose value is not
								 * stored; it is not sent */
	bool		is_secret;		/* masked where a response echoes it */
} Header;

/* What is to be said to whom. */
typedef struct Message
{
	pg_uuid_t	uid;			/* Message-ID and webhook-id come from it */
	NotificationType type;
	ChannelCode channel;
	const char *recipient;		/* email address or phone number; of a
								 * webhook, what the log shows */
	const char *recipient_name; /* may be NULL */
	const char *subject;		/* email alone */
	const char *text_body;		/* WEBHOOK: the whole JSON body, see
								 * webhook_body() */
	const char *html_body;		/* email alone, may be NULL */
	const char *calendar;		/* email alone: an iCalendar file in UTF-8, or
								 * NULL */
	const char *calendar_method;	/* the file's: REQUEST or CANCEL */
	TimestampTz timestamp;		/* of this attempt */
	List	   *headers;		/* of Header: the appointment's notification
								 * headers */
} Message;

typedef enum AuthKind
{
	AUTH_NONE, AUTH_BASIC, AUTH_OAUTH2
} AuthKind;

/* Keys of a subscription that sign side by side. */
#define MAX_LIVE_KEYS 4

/* How it leaves the building: a provider or a subscription, secrets included. */
typedef struct Route
{
	const char *kind;			/* SMTP, TWILIO, GENESYS_CLOUD, HTTP; WEBHOOK
								 * for a subscription */
	const char *url;
	AuthKind	auth;			/* a subscription's; a provider's kind knows
								 * its own */
	const char *username;
	const char *password;		/* or the OAuth2 client's secret */
	const char *token_url;		/* OAuth2, as are the next three */
	const char *token_scope;	/* a subscription's; may be NULL, as may the
								 * next */
	const char *token_audience;
	bool		client_in_body; /* see Request */
	const char *sender;			/* "address" or "Name <address>" */
	Jsonb	   *settings;		/* the provider's, may be NULL */
	List	   *hmac_keys;		/* of char *, the newest first */
	List	   *headers;		/* of Header: its own, secret ones in clear */
} Route;

typedef enum RequestProtocol
{
	REQUEST_HTTP, REQUEST_SMTP
} RequestProtocol;

typedef enum StartTls
{
	STARTTLS_OPPORTUNISTIC, STARTTLS_REQUIRED, STARTTLS_NEVER
} StartTls;

/* What the transfer engine is to do. */
typedef struct Request
{
	RequestProtocol protocol;
	const char *method;			/* HTTP: GET, POST or PUT; NULL: POST */
	const char *url;			/* checked: scheme, no CR, LF, NUL, < or > */
	List	   *headers;		/* HTTP: of char *, "Name: value" */
	const char *body;			/* HTTP body, or the whole RFC 5322 message */
	size_t		body_length;
	const char *envelope_from;	/* SMTP: bare addresses */
	List	   *envelope_to;	/* of char * */
	StartTls	starttls;
	const char *username;		/* NULL: no authentication */
	const char *password;
	const char *token_url;		/* not NULL: OAuth2 client credentials */
	const char *token_client;	/* whose password is the secret then; NULL:
								 * username's */
	const char *token_scope;	/* what the token is asked for; NULL: whatever */
	const char *token_audience; /* and whose it is to be taken by; NULL: whose
								 * ever */
	bool		client_in_body; /* the client says who it is in the form, not
								 * by basic authentication */
} Request;

/* How far a transfer came with the host of its URL. */
typedef enum Reach
{
	REACH_UNTRIED,				/* that it failed, if it did, tells nothing of
								 * the host */
	REACH_FAILED,				/* no connection: name, address or port */
	REACH_CONNECTED
} Reach;

/* What came back. */
typedef struct Response
{
	int			curl_result;	/* CURLcode, 0 when the exchange completed */
	int			status;			/* HTTP status, last SMTP code, or 0 */
	bool		token_refused;	/* `status` is the token endpoint's answer */
	bool		token_failed;	/* no token, for whatever reason: nothing was
								 * sent */
	bool		is_untried;		/* nothing of the message left, through nobody's
								 * fault: it was no attempt */
	Reach		reach;
	bool		refused_by_policy;	/* the URL, or the token's, names an address
									 * that may not be contacted */
	const char *token;			/* that it was sent with, or NULL; not for the log */
	const char *error;			/* what went wrong, for people; or NULL */
	const char *body;			/* as far as kept; HTTP body or last SMTP line */
	const char *retry_after;	/* that header's text, or NULL */
	TimestampTz started_at;
	TimestampTz finished_at;
} Response;

typedef enum OutcomeKind
{
	OUTCOME_DELIVERED,			/* done */
	OUTCOME_REJECTED,			/* final: trying again will not help */
	OUTCOME_FAILED				/* may be tried again */
} OutcomeKind;

typedef struct Outcome
{
	OutcomeKind kind;
	Reason		final;			/* OUTCOME_REJECTED: the reason; else REASON_NONE */
	int			status_code;	/* 0: none came */
	const char *error;			/* NULL when delivered */
	const char *cause;			/* the same without the answer's words, which
								 * may be the message's */
	const char *response;		/* what the log keeps of the answer, or NULL */
	const char *provider_message_id;	/* or NULL */
	TimeOffset	retry_after;	/* microseconds asked for, or -1 */
} Outcome;

/*
 * Compose the request for a message. NULL and a sentence in *error if that
 * can't be done (an address that would inject a header, an unknown provider
 * kind, a sender that does not parse, ...); *reason then says which.
 */
extern Request *channel_compose(const Message *message, const Route *route,
								Reason *reason, char **error);

/* Read the outcome of a response. */
extern Outcome channel_read_outcome(const Message *message, const Route *route,
									const Response *response);

/* What the status alone tells, where the answer could not be read; allocates nothing. */
extern Outcome channel_status_outcome(const Message *message, const Route *route,
									  const Response *response);

/* Is there a way to send over this channel by this kind of provider (NULL: by any) at all? */
extern bool channel_is_available(ChannelCode channel, const char *provider_kind);

/*
 * What is wrong with a provider, as far as it can be told without sending:
 * NULL or a sentence that shows no value. Its kind must carry the channel.
 */
extern const char *channel_route_problem(ChannelCode channel, const Route *route);

/* Would it be of no use without a password? */
extern bool channel_needs_secret(ChannelCode channel, const Route *route);

/* Can a message be sent to this address over this channel? */
extern bool channel_address_is_valid(ChannelCode channel, const char *address);

/*
 * A phone number as E.164 where that can be known, else as it was given. Of one
 * written without it, calling_code is the country's; it may be NULL.
 */
extern char *phone_normalize(const char *phone, const char *calling_code);

/*
 * An address as it is compared with others: the domain of a mail address in
 * ASCII and lower case. What stands before it only that domain can tell apart.
 */
extern char *channel_address_key(ChannelCode channel, const char *address);

/* The bare address of a provider's sender, in UTF-8; NULL if it does not parse. */
extern char *sender_address(const char *sender);

/*
 * The webhook body: {"id","type","payload","timestamp"}, where payload is a
 * string that holds JSON. It is stored with the attempt, and sent again as it
 * stands after an interruption.
 */
extern char *webhook_body(const pg_uuid_t *uid, NotificationType type,
						  const char *payload, TimestampTz timestamp);

/* Checks for the functions that store configuration; NULL or what is wrong. */
extern const char *url_problem(const char *url, bool smtp);

/* Is the host an address and not a name, however it is written? */
extern bool url_names_address(const char *url);
extern const char *sender_problem(const char *sender);
extern const char *header_problem(const char *name, const char *value);
extern const char *hmac_key_problem(const char *key);

/*
 * The address of "address" or "Name <address>" as mail is sent to it, its domain
 * in ASCII, and the name, NULL if there is none. False if it is neither.
 */
extern bool mailbox_parts(const char *mailbox, char **name, char **address);

#endif							/* APPT_CHANNEL_H */
