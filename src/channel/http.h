/*
 * http.h
 *		What requests over HTTP and their answers in JSON have in common.
 */
#ifndef APPT_CHANNEL_HTTP_H
#define APPT_CHANNEL_HTTP_H

#include "channel/message.h"
#include "channel/request.h"
#include "channel/response.h"

#define USER_AGENT_HEADER "user-agent: appt/" APPT_VERSION

/*
 * The route's user name and password for basic authentication, or for tokens
 * from token_url. False with *failure filled in if they can't be sent.
 */
extern bool set_basic_authentication(Request *request, const Route *route,
									 ComposeFailure *failure);
extern bool set_client_credentials(Request *request, const Route *route,
								   const char *token_url, ComposeFailure *failure);

/* The body (NULL: none), and the headers that each request to a provider has. */
extern void set_body(Request *request, const char *content_type, const char *body);

/* A scalar of an answer in JSON; NULL if it has none. For paths see core/json_scan.h. */
extern char *answer_text(const Response *response, const char *path);

/* An error for people of the answer's own message and code; NULL if it has no message. */
extern char *answer_error(const Response *response, const char *message_path,
						  const char *code_path);

#endif							/* APPT_CHANNEL_HTTP_H */
