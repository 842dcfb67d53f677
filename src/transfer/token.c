/*
 * token.c
 *		OAuth2 access tokens by client credentials (RFC 6749, section 4.4).
 *
 * The client authenticates by HTTP basic authentication with its name and secret
 * URL-encoded, which every token endpoint must support, or in the form, which some
 * endpoints require (section 2.3.1). A token is used until a tenth of its lifetime
 * is left, but at most a minute. If the endpoint does not say how long a token
 * lives, it is asked again after five minutes.
 *
 * Tokens are few (clients times endpoints): they are in a list, the last used
 * first. A client that changes its name or secret leaves a token behind that may
 * be valid for years, so the number of unused tokens is limited. They live in
 * malloc'ed memory, because nothing may raise an error while the engine works.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "utils/memutils.h"

#include "core/json_scan.h"
#include "core/text.h"
#include "transfer/token.h"

#define UNKNOWN_LIFETIME_SECONDS 300
#define LONGEST_MARGIN_MS 60000

#define GRANT "grant_type=client_credentials"

static void
free_token(Token *token)
{
	free(token->token_url);
	free(token->client);
	free(token->secret);
	free(token->scope);
	free(token->audience);
	free(token->form);
	curl_free(token->user);
	curl_free(token->password);
	free(token->value);
	free(token);
}

static const char *
client_of(const Request *request)
{
	return request->token_client ? request->token_client : request->username;
}

/* Copy a text that may be NULL. False if out of memory. */
static bool
copy_optional(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return *copy != NULL || text == NULL;
}

/* Add a value to the form unless it is NULL. False if out of memory. */
static bool
add_field(char **form, const char *name, const char *value)
{
	char	   *encoded = value ? curl_easy_escape(NULL, value, 0) : NULL;
	size_t		length = strlen(*form);
	size_t		size = length + strlen(name) + (encoded ? strlen(encoded) : 0) + 3;
	char	   *longer = encoded ? realloc(*form, size) : NULL;

	if (longer != NULL)
	{
		snprintf(longer + length, size - length, "&%s=%s", name, encoded);
		*form = longer;
	}
	curl_free(encoded);
	return longer != NULL || value == NULL;
}

static bool
make_form(Token *token)
{
	token->form = strdup(GRANT);
	return token->form != NULL &&
		add_field(&token->form, "scope", token->scope) &&
		add_field(&token->form, "audience", token->audience) &&
		add_field(&token->form, "client_id", token->client_in_body ? token->client : NULL) &&
		add_field(&token->form, "client_secret", token->client_in_body ? token->secret : NULL);
}

/* For basic authentication. */
static bool
make_credentials(Token *token)
{
	if (token->client_in_body)
		return true;
	token->user = curl_easy_escape(NULL, token->client, 0);
	token->password = curl_easy_escape(NULL, token->secret, 0);
	return token->user != NULL && token->password != NULL;
}

static Token *
make_token(const Request *request, List *headers)
{
	Token	   *token = calloc(1, sizeof(Token));

	if (token == NULL)
		return NULL;
	dlist_init(&token->waiting);
	token->client_in_body = request->client_in_body;
	if (!copy_optional(&token->token_url, request->token_url) ||
		!copy_optional(&token->client, client_of(request)) ||
		!copy_optional(&token->secret, request->password) ||
		!copy_optional(&token->scope, request->token_scope) ||
		!copy_optional(&token->audience, request->token_audience) ||
		!make_form(token) || !make_credentials(token))
	{
		free_token(token);
		return NULL;
	}
	token->request.protocol = REQUEST_HTTP;
	token->request.url = token->token_url;
	token->request.username = token->user;
	token->request.password = token->password;
	token->request.headers = headers;
	token->request.body = token->form;
	token->request.body_length = strlen(token->form);
	return token;
}

/* Free the unused tokens that expired, and those used longest ago past TOKENS_KEPT; never `spared`. */
static void
forget_some(dlist_head *tokens, const Token *spared, int64 now)
{
	dlist_mutable_iter iter;
	int			kept = 0;

	dlist_foreach_modify(iter, tokens)
	{
		Token	   *token = dlist_container(Token, node, iter.cur);

		if (token != spared && !token->is_fetching && token->users == 0 &&
			(token_value(token, now) == NULL || ++kept >= TOKENS_KEPT))
		{
			dlist_delete(&token->node);
			free_token(token);
		}
	}
}

Token *
token_find(dlist_head *tokens, const Request *request, List *headers, int64 now)
{
	dlist_iter	iter;
	Token	   *token;

	dlist_foreach(iter, tokens)
	{
		token = dlist_container(Token, node, iter.cur);
		if (strcmp(token->token_url, request->token_url) == 0 &&
			strcmp(token->client, client_of(request)) == 0 &&
			strcmp(token->secret, request->password) == 0 &&
			is_same_text(token->scope, request->token_scope) &&
			is_same_text(token->audience, request->token_audience) &&
			token->client_in_body == request->client_in_body)
		{
			dlist_move_head(tokens, &token->node);
			return token;
		}
	}
	token = make_token(request, headers);
	if (token == NULL)
		return NULL;
	dlist_push_head(tokens, &token->node);
	forget_some(tokens, token, now);
	return token;
}

const char *
token_value(const Token *token, int64 now)
{
	return token->value != NULL && now < token->valid_until ? token->value : NULL;
}

void
token_forget(Token *token, const char *value)
{
	if (token->value != NULL && strcmp(token->value, value) == 0)
		token->valid_until = 0;
}

/* A token becomes part of a header, so only visible ASCII is taken. */
static bool
is_header_safe(const char *value)
{
	if (value[0] == '\0')
		return false;
	for (; *value != '\0'; value++)
	{
		if (*value <= ' ' || *value > '~')
			return false;
	}
	return true;
}

static bool
keep_answer(Token *token, const char *access_token, const char *expires_in, int64 now)
{
	double		seconds = expires_in ? strtod(expires_in, NULL) : UNKNOWN_LIFETIME_SECONDS;
	int64		lifetime = seconds > 0 && seconds < 1e9 ? (int64) (seconds * 1000) : 0;
	char	   *value;

	if (access_token == NULL || !is_header_safe(access_token))
		return false;
	value = strdup(access_token);
	if (value == NULL)
		return false;
	free(token->value);
	token->value = value;
	token->valid_until = now + lifetime - Min(lifetime / 10, LONGEST_MARGIN_MS);
	return true;
}

bool
token_read_answer(Token *token, const char *answer, int64 now)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "appt token answer",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	bool		found;

	/* Some endpoints send the number as a string. */
	found = answer != NULL && json_is_valid(answer) &&
		keep_answer(token, json_scalar_at(answer, "access_token"),
					json_scalar_at(answer, "expires_in"), now);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return found;
}
