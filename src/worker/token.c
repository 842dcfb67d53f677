/*
 * token.c
 *		OAuth2 access tokens by client credentials (RFC 6749, section 4.4).
 *
 * The client authenticates by HTTP basic authentication, which every token
 * endpoint must support, name and secret URL-encoded (section 2.3.1). A token
 * is used until a tenth of its life is left, a minute at most; an endpoint
 * that does not say how long a token lives is asked again after five minutes.
 *
 * Tokens are few (clients times endpoints) and are looked for in a list. They
 * live in malloc'ed memory, for the engine works while signals are blocked and
 * nothing may be raised. The answer is parsed by PostgreSQL's JSON parser,
 * which reports errors as values.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "worker/token.h"

#define UNKNOWN_LIFETIME_SECONDS 300
#define LONGEST_MARGIN_MS 60000

static char grant[] = "grant_type=client_credentials";

static void
free_token(Token *token)
{
	free(token->token_url);
	free(token->client);
	free(token->secret);
	curl_free(token->user);
	curl_free(token->password);
	free(token->value);
	free(token);
}

static Token *
make_token(const Request *request, List *headers)
{
	Token	   *token = calloc(1, sizeof(Token));

	if (token == NULL)
		return NULL;
	dlist_init(&token->waiting);
	token->token_url = strdup(request->token_url);
	token->client = strdup(request->username);
	token->secret = strdup(request->password);
	token->user = curl_easy_escape(NULL, request->username, 0);
	token->password = curl_easy_escape(NULL, request->password, 0);
	if (token->token_url == NULL || token->client == NULL || token->secret == NULL ||
		token->user == NULL || token->password == NULL)
	{
		free_token(token);
		return NULL;
	}
	token->request.protocol = REQUEST_HTTP;
	token->request.url = token->token_url;
	token->request.username = token->user;
	token->request.password = token->password;
	token->request.headers = headers;
	token->request.body = grant;
	token->request.body_length = strlen(grant);
	return token;
}

/* Forget what expired and nobody uses, but for the one just made. */
static void
forget_expired(dlist_head *tokens, const Token *spared, int64 now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, tokens)
	{
		Token	   *token = dlist_container(Token, node, iter.cur);

		if (token != spared && !token->is_fetching && token->users == 0 &&
			token_value(token, now) == NULL)
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
			strcmp(token->client, request->username) == 0 &&
			strcmp(token->secret, request->password) == 0)
			return token;
	}
	token = make_token(request, headers);
	if (token == NULL)
		return NULL;
	dlist_push_head(tokens, &token->node);
	forget_expired(tokens, token, now);
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

/* What is looked for in the answer. */
typedef struct AnswerFields
{
	JsonLexContext *lex;
	char	   *field;			/* the member of the outermost object we are at */
	char	   *access_token;
	char	   *expires_in;
} AnswerFields;

static void
start_field(void *state, char *name, bool isnull)
{
	AnswerFields *fields = state;

	fields->field = fields->lex->lex_level == 1 ? name : NULL;
}

static void
read_scalar(void *state, char *value, JsonTokenType type)
{
	AnswerFields *fields = state;

	if (fields->field == NULL || fields->lex->lex_level != 1)
		return;
	if (strcmp(fields->field, "access_token") == 0 && type == JSON_TOKEN_STRING)
		fields->access_token = value;
	/* Some endpoints send the number as a string. */
	else if (strcmp(fields->field, "expires_in") == 0 &&
			 (type == JSON_TOKEN_NUMBER || type == JSON_TOKEN_STRING))
		fields->expires_in = value;
}

/* A token goes into a header: visible ASCII alone. */
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
keep_answer(Token *token, const AnswerFields *fields, int64 now)
{
	double		seconds = fields->expires_in ? strtod(fields->expires_in, NULL)
		: UNKNOWN_LIFETIME_SECONDS;
	int64		lifetime = seconds > 0 && seconds < 1e9 ? (int64) (seconds * 1000) : 0;
	char	   *value;

	if (fields->access_token == NULL || !is_header_safe(fields->access_token))
		return false;
	value = strdup(fields->access_token);
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
	AnswerFields fields = {0};
	JsonSemAction actions = {0};
	bool		found = false;

	if (answer != NULL &&
		pg_encoding_verifymbstr(PG_UTF8, answer, strlen(answer)) == strlen(answer))
	{
		fields.lex = makeJsonLexContextCstringLen(unconstify(char *, answer),
												  strlen(answer), PG_UTF8, true);
		actions.semstate = &fields;
		actions.object_field_start = start_field;
		actions.scalar = read_scalar;
		found = pg_parse_json(fields.lex, &actions) == JSON_SUCCESS &&
			keep_answer(token, &fields, now);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return found;
}
