/*
 * request.h
 *		The request that carries a message: what a channel composes and the
 *		transfer engine sends.
 */
#ifndef APPT_CHANNEL_REQUEST_H
#define APPT_CHANNEL_REQUEST_H

#include "nodes/pg_list.h"

#include "core/vocabulary.h"

typedef enum RequestProtocol
{
	REQUEST_HTTP, REQUEST_SMTP
} RequestProtocol;

typedef enum StartTls
{
	STARTTLS_OPPORTUNISTIC, STARTTLS_REQUIRED, STARTTLS_NEVER
} StartTls;

typedef struct Request
{
	RequestProtocol protocol;
	const char *method;			/* HTTP: GET, POST or PUT; NULL: POST */
	const char *url;			/* checked by url_problem() */
	List	   *headers;		/* HTTP: of char *, "Name: value" */
	const char *body;			/* HTTP body, or the whole RFC 5322 message */
	size_t		body_length;
	const char *envelope_from;	/* SMTP: bare addresses */
	List	   *envelope_to;	/* of char * */
	StartTls	starttls;
	const char *username;		/* NULL: no authentication */
	const char *password;
	const char *token_url;		/* not NULL: OAuth2 client credentials */
	const char *token_client;	/* client id, with `password` as its secret;
								 * NULL: `username` */
	const char *token_scope;	/* scope to ask for, or NULL */
	const char *token_audience; /* audience to ask for, or NULL */
	bool		client_in_body; /* client id and secret go in the form, not in
								 * basic authentication */
} Request;

/* Why a request could not be composed. */
typedef struct ComposeFailure
{
	Reason		reason;
	const char *error;			/* a sentence without secrets */
} ComposeFailure;

/* Fill in the failure; false, for the caller to return. */
static inline bool
compose_failed(ComposeFailure *failure, Reason reason, const char *error)
{
	failure->reason = reason;
	failure->error = error;
	return false;
}

#endif							/* APPT_CHANNEL_REQUEST_H */
