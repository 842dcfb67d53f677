/*
 * parts.h
 *		What the channels share with channel.c and with each other. Nobody
 *		outside of this folder includes it.
 */
#ifndef APPT_CHANNEL_PARTS_H
#define APPT_CHANNEL_PARTS_H

#include "lib/stringinfo.h"

#include "channel/channel.h"

/* Why a request could not be composed. */
typedef struct ComposeFailure
{
	Reason		reason;
	const char *error;
} ComposeFailure;

/* One channel each; NULL and the failure filled in if it can't be composed. */
extern Request *compose_webhook(const Message *message, const Route *route,
								ComposeFailure *failure);
extern Request *compose_smtp_mail(const Message *message, const Route *route,
								  ComposeFailure *failure);

/* "Name <address>" taken apart; the name may be NULL. False: it does not parse. */
extern bool parse_mailbox(const char *text, char **name, char **address);

/*
 * The address as SMTP wants it, its domain in ASCII (IDNA); NULL if mail can't
 * be sent to it. The address is UTF-8.
 */
extern char *ascii_mail_address(const char *address);

/*
 * http.c
 */

#define USER_AGENT_HEADER "user-agent: appt/1.0"

/* Lists of "Name: value". Added are those that are not there already. */
extern bool has_header(List *lines, const char *name);
extern bool add_headers(List **lines, List *headers, ComposeFailure *failure);

extern bool set_basic_authentication(Request *request, const Route *route,
									 ComposeFailure *failure);
extern bool set_client_credentials(Request *request, const Route *route,
								   const char *token_url, ComposeFailure *failure);

/* Text of the server's encoding in UTF-8; NULL if it is not valid. */
extern char *text_to_utf8(const char *text);

/* Text without control characters, as headers and addresses need it? */
extern bool is_one_line(const char *text);

/* Signatures: HMAC-SHA256 with a key's bytes. NULL if the key is malformed. */
extern char *hex_signature(const char *key, const char *content);
extern char *standard_signature(const char *key, const char *signed_content);

/* What webhook_body() was given as its payload; NULL if that made no body. */
extern char *webhook_payload(const char *body);

#endif							/* APPT_CHANNEL_PARTS_H */
