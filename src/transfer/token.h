/*
 * token.h
 *		OAuth2 access tokens by client credentials, shared by all transfers of
 *		one client at one token endpoint.
 *
 * Nothing here connects: the engine sends the request that a token describes
 * and hands the answer back. Nothing here raises an error.
 */
#ifndef APPT_TOKEN_H
#define APPT_TOKEN_H

#include "lib/ilist.h"

#include "channel/request.h"

/* As many are kept though nobody uses them. */
#define TOKENS_KEPT 1000

typedef struct Token
{
	dlist_node	node;			/* in the list of tokens */
	dlist_head	waiting;		/* transfers that need it; the engine's */
	int			users;			/* transfers that point here; the engine's */
	bool		is_fetching;	/* its request is under way; the engine's */
	Request		request;		/* what fetches it */
	char	   *token_url;
	char	   *client;
	char	   *secret;
	char	   *scope;			/* may be NULL, as may the next */
	char	   *audience;
	bool		client_in_body;
	char	   *form;			/* what is posted */
	char	   *user;			/* client and secret URL-encoded, as basic */
	char	   *password;		/* authentication wants them */
	char	   *value;			/* the access token, or NULL */
	int64		valid_until;	/* monotonic ms */
} Token;

/*
 * The token for a request's client and endpoint, made if need be; NULL if out
 * of memory. Making one forgets others that expired, or are too many. `headers`: of char *, for the
 * requests that fetch tokens; must outlive the tokens.
 */
extern Token *token_find(dlist_head *tokens, const Request *request,
						 List *headers, int64 now);

/* The access token if it is good still, else NULL. */
extern const char *token_value(const Token *token, int64 now);

/* The receiver did not take this value: do not use it again. */
extern void token_forget(Token *token, const char *value);

/* Take the token out of the endpoint's answer; false if it holds none. */
extern bool token_read_answer(Token *token, const char *answer, int64 now);

#endif							/* APPT_TOKEN_H */
