/*
 * response.h
 *		What the transfer engine returns for a request.
 */
#ifndef APPT_CHANNEL_RESPONSE_H
#define APPT_CHANNEL_RESPONSE_H

#include "datatype/timestamp.h"

/* How far a transfer came with the host of its URL. */
typedef enum Reach
{
	REACH_UNTRIED,				/* a failure says nothing about the host */
	REACH_FAILED,				/* no connection: name, address or port */
	REACH_CONNECTED
} Reach;

typedef struct Response
{
	int			curl_result;	/* CURLcode, 0 when the exchange completed */
	int			status;			/* HTTP status, last SMTP code, or 0 */
	bool		token_refused;	/* `status` is the token endpoint's answer */
	bool		token_failed;	/* no token, for any reason: nothing was sent */
	bool		is_untried;		/* nothing of the message was sent, and
								 * neither side failed: this was no attempt */
	Reach		reach;
	bool		refused_by_policy;	/* the URL, or the token's, names an
									 * address that may not be contacted */
	bool		recipient_refused;	/* `status` answers SMTP's RCPT */
	const char *token;			/* the token it was sent with, or NULL; a
								 * secret */
	const char *error;			/* what went wrong, for people; or NULL */
	const char *body;			/* as much as was kept of the HTTP body, or
								 * the last SMTP line */
	const char *retry_after;	/* the header's text, or NULL */
	TimestampTz started_at;
	TimestampTz finished_at;
} Response;

#endif							/* APPT_CHANNEL_RESPONSE_H */
