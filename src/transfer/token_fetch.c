/*
 * token_fetch.c
 *		Transfers that need an OAuth2 token: they wait in the token's queue
 *		while one transfer fetches it, and share its failure.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "transfer/parts.h"

List *
token_headers(MemoryContext context)
{
	static char form[] = "Content-Type: application/x-www-form-urlencoded";
	static char json[] = "Accept: application/json";
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *headers = list_make2(form, json);

	MemoryContextSwitchTo(old);
	return headers;
}

/* It needs none any more; what it was sent with is kept, for the answer may repeat it. */
void
leave_token(Transfer *transfer)
{
	if (transfer->token != NULL)
		transfer->token->users--;
	transfer->token = NULL;
	transfer->token_granted = false;
}

void
release_token(Transfer *transfer)
{
	leave_token(transfer);
	free(transfer->authorization);
	transfer->authorization = NULL;
}

/* Ask the endpoint, as a transfer whose answer comes to finish_token(). */
static bool
fetch_token(TransferEngine *engine, Token *token, int64 deadline)
{
	Host	   *host = find_host(engine, token->request.url, HASH_ENTER_NULL);
	Transfer   *transfer = host ? unused_transfer(engine) : NULL;

	if (transfer == NULL)
		return false;
	assign_transfer(transfer, &token->request, host, deadline);
	transfer->fetched_token = token;
	token->is_fetching = true;
	if (begin_transfer(transfer))
		return true;
	token->is_fetching = false;
	engine->in_flight--;
	release_host(engine, transfer->host);
	transfer->fetched_token = NULL;
	dlist_push_head(&engine->unused, &transfer->node);
	return false;
}

#define AUTHORIZATION_PREFIX "Authorization: Bearer "

/* See to it that the transfer has a token or waits for one. */
TokenSupply
provide_token(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;
	int64		now = monotonic_ms();
	Token	   *token = transfer->token;
	const char *value;

	if (token == NULL)
	{
		token = token_find(&engine->tokens, transfer->request, engine->token_headers, now);
		if (token == NULL)
			return TOKEN_IMPOSSIBLE;
		transfer->token = token;
		token->users++;
	}
	value = transfer->token_granted ? token->value : token_value(token, now);
	if (value != NULL)
	{
		size_t		size = strlen(AUTHORIZATION_PREFIX) + strlen(value) + 1;

		free(transfer->authorization);
		transfer->authorization = malloc(size);
		if (transfer->authorization == NULL)
			return TOKEN_IMPOSSIBLE;
		snprintf(transfer->authorization, size, AUTHORIZATION_PREFIX "%s", value);
		return TOKEN_READY;
	}
	dlist_push_tail(&token->waiting, &transfer->node);
	if (token->is_fetching || fetch_token(engine, token, transfer->deadline))
		return TOKEN_AWAITED;
	dlist_delete(&transfer->node);
	return TOKEN_IMPOSSIBLE;
}

/* The token could not be had: so ends a transfer that waited for it. */
static void
fail_for_token(Transfer *transfer, const Transfer *fetch)
{
	/* It did not have its turn, so this one had none either. */
	if (fetch->is_untried)
	{
		finish_untried(transfer, fetch->error);
		return;
	}
	transfer->status = fetch->status;
	transfer->token_refused = fetch->result == CURLE_OK;
	transfer->token_failed = true;
	transfer->refused_by_policy = fetch->refused_by_policy;

	/*
	 * An answer that grants may hold a token where we did not find it: none
	 * of that is for the log.
	 */
	if (fetch->status < 200 || fetch->status > 299)
	{
		transfer->body_length = fetch->body_length;
		memcpy(transfer->body, fetch->body, fetch->body_length);
	}
	strlcpy(transfer->retry_after, fetch->retry_after, RETRY_AFTER_SIZE);
	if (fetch->result != CURLE_OK)
		snprintf(transfer->error, ERROR_SIZE, "no token could be fetched: %s", fetch->error);
	else if (fetch->status >= 200 && fetch->status <= 299)
		strlcpy(transfer->error, "the token endpoint's answer holds no token", ERROR_SIZE);
	else
		snprintf(transfer->error, ERROR_SIZE,
				 "the token endpoint answered with HTTP status %d", fetch->status);
	finish_transfer(transfer, fetch->result == CURLE_OK ? CURLE_LOGIN_DENIED : fetch->result);
}

/* The endpoint answered, or could not be reached: on with those that wait. */
void
finish_token(Transfer *fetch)
{
	TransferEngine *engine = fetch->engine;
	Token	   *token = fetch->fetched_token;
	bool		is_granted;
	dlist_head	waiting;

	fetch->body[fetch->body_length] = '\0';
	is_granted = fetch->result == CURLE_OK && fetch->status >= 200 && fetch->status <= 299 &&
		token_read_answer(token, fetch->body, monotonic_ms());
	token->is_fetching = false;
	fetch->fetched_token = NULL;

	/* One that can't be started is not to be met again in this list. */
	dlist_init(&waiting);
	while (!dlist_is_empty(&token->waiting))
		dlist_push_tail(&waiting, dlist_pop_head_node(&token->waiting));
	while (!dlist_is_empty(&waiting))
	{
		Transfer   *transfer = dlist_container(Transfer, node, dlist_pop_head_node(&waiting));

		transfer->token_granted = is_granted;
		if (is_granted && begin_transfer(transfer))
			continue;
		dlist_push_tail(&engine->busy, &transfer->node);
		if (is_granted)
			finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
		else
			fail_for_token(transfer, fetch);
	}
	dlist_push_head(&engine->unused, &fetch->node);
}

/* What the transfer is authorized with, or NULL. */
const char *
token_of(const Transfer *transfer)
{
	return transfer->authorization == NULL ? NULL : transfer->authorization + strlen(AUTHORIZATION_PREFIX);
}

/* The receiver refused the token: fetch another, once, and send again. */
bool
refresh_token(Transfer *transfer)
{
	if (transfer->authorization == NULL || transfer->token_refreshed)
		return false;
	token_forget(transfer->token, token_of(transfer));
	release_token(transfer);
	transfer->token_refreshed = true;
	restart_transfer(transfer);
	return true;
}
