/*
 * token.h
 *		OAuth2 access tokens by client credentials, shared by all transfers of
 *		one client at one token endpoint.
 *
 * Nothing here connects: the engine sends the request that a token describes and
 * passes the answer back (token_fetch.c). Nothing here raises an error, except
 * if memory runs out while token_read_answer() parses.
 */
#ifndef APPT_TOKEN_H
#define APPT_TOKEN_H

#include "lib/ilist.h"

#include "channel/request.h"

/* Maximum number of unused tokens that are kept. */
#define TOKENS_KEPT 1000

typedef struct Token
{
	dlist_node	node;			/* in the list of tokens */
	/* Kept by the engine: */
	dlist_head	waiting;		/* of Transfer, those that need the token */
	int			users;			/* transfers that point here */
	bool		is_fetching;	/* the request is under way */

	Request		request;		/* that fetches the token */
	char	   *token_url;
	char	   *client;
	char	   *secret;
	char	   *scope;			/* may be NULL */
	char	   *audience;		/* may be NULL */
	bool		client_in_body;
	char	   *form;			/* what is posted */
	char	   *user;			/* `client` URL-encoded, for basic
								 * authentication */
	char	   *password;		/* `secret` likewise */
	char	   *value;			/* the access token, or NULL */
	int64		valid_until;	/* monotonic ms */
} Token;

/*
 * The token for a request's client and endpoint, made if there is none; NULL if
 * out of memory. To make one frees unused ones that expired or are too many.
 * headers: list of char *, for the requests that fetch tokens; it must outlive
 * the tokens. now: monotonic ms.
 */
extern Token *token_find(dlist_head *tokens, const Request *request,
						 List *headers, int64 now);

/* The access token if it is still valid, else NULL. now: monotonic ms. */
extern const char *token_value(const Token *token, int64 now);

/* The receiver refused this value: do not use it again. */
extern void token_forget(Token *token, const char *value);

/*
 * Read the token from the endpoint's answer, JSON in a string or NULL. False if
 * there is none; the token is unchanged then. now: monotonic ms.
 */
extern bool token_read_answer(Token *token, const char *answer, int64 now);

#endif							/* APPT_TOKEN_H */
