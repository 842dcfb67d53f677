/*
 * token_fetch.c
 *		Transfers that need an OAuth2 token: they wait for it in its list while
 *		one more transfer fetches it, and share its failure.
 *
 * The fetch is a transfer like any other, with the deadline of the one that needed
 * it first. If the receiver refuses a token that was valid as far as is known, it
 * may have been revoked: another is fetched, once, and the request sent again.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "transfer/clock.h"
#include "transfer/token_fetch.h"

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

/* A transfer that fetches the token. */
static Transfer *
fetch_of(Engine *engine, Token *token, int64 deadline)
{
	Transfer   *fetch = new_transfer(engine, &token->request, deadline);

	if (fetch != NULL)
	{
		fetch->fetched_token = token;
		token->is_fetching = true;
	}
	return fetch;
}

/* Find or make the transfer's token. False if out of memory. */
static bool
assign_token(Transfer *transfer, int64 now)
{
	Engine	   *engine = transfer->engine;

	if (transfer->token != NULL)
		return true;
	transfer->token = token_find(&engine->tokens, transfer->request, engine->token_headers, now);
	if (transfer->token == NULL)
		return false;
	transfer->token->users++;
	return true;
}

TokenSupply
provide_token(Transfer *transfer, Transfer **fetch)
{
	int64		now = monotonic_ms();
	Token	   *token;
	const char *value;

	*fetch = NULL;
	if (!assign_token(transfer, now))
		return TOKEN_IMPOSSIBLE;
	token = transfer->token;
	value = transfer->token_granted ? token->value : token_value(token, now);
	if (value != NULL)
		return authorize_transfer(transfer, value) ? TOKEN_READY : TOKEN_IMPOSSIBLE;
	if (!token->is_fetching)
	{
		*fetch = fetch_of(transfer->engine, token, transfer->deadline);
		if (*fetch == NULL)
			return TOKEN_IMPOSSIBLE;
	}
	move_transfer(transfer, &token->waiting);
	return TOKEN_AWAITED;
}

void
cancel_fetch(Transfer *fetch)
{
	fetch->fetched_token->is_fetching = false;
	fetch->fetched_token = NULL;
	drop_transfer(fetch);
}

static bool
is_success(int status)
{
	return status >= 200 && status <= 299;
}

/* Why an ended fetch brought no token, for people. */
static void
describe_fetch(const Progress *fetch, char *error)
{
	if (fetch->result != CURLE_OK)
		snprintf(error, ERROR_SIZE, "no token could be fetched: %s", fetch->error);
	else if (is_success(fetch->status))
		strlcpy(error, "the token endpoint's answer holds no token", ERROR_SIZE);
	else
		snprintf(error, ERROR_SIZE, "the token endpoint answered with HTTP status %d", fetch->status);
}

/* End a transfer whose token could not be fetched. */
static void
fail_for_token(Transfer *transfer, const Transfer *fetch)
{
	const Progress *failed = &fetch->progress;
	Progress   *progress = &transfer->progress;

	/* The fetch had no turn, so the transfer had none, either. */
	if (failed->is_untried)
	{
		finish_untried(transfer, failed->error);
		return;
	}
	progress->status = failed->status;
	progress->token_refused = failed->result == CURLE_OK;
	progress->token_failed = true;
	progress->refused_by_policy = failed->refused_by_policy;

	/*
	 * A successful answer may hold a token that was not found: keep it out of
	 * the log.
	 */
	if (!is_success(failed->status))
	{
		progress->body_length = failed->body_length;
		memcpy(transfer->body, fetch->body, failed->body_length);
	}
	strlcpy(progress->retry_after, failed->retry_after, RETRY_AFTER_SIZE);
	describe_fetch(failed, progress->error);
	finish_transfer(transfer, failed->result == CURLE_OK ? CURLE_LOGIN_DENIED : failed->result);
}

/* Keep the token that the fetch brought. False if it brought none. */
static bool
keep_token(Transfer *fetch)
{
	const Progress *progress = &fetch->progress;

	fetch->body[progress->body_length] = '\0';
	return progress->result == CURLE_OK && is_success(progress->status) &&
		token_read_answer(fetch->fetched_token, fetch->body, monotonic_ms());
}

void
finish_fetch(Transfer *fetch, dlist_head *granted)
{
	Token	   *token = fetch->fetched_token;
	bool		is_granted = keep_token(fetch);

	token->is_fetching = false;
	fetch->fetched_token = NULL;
	while (!dlist_is_empty(&token->waiting))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &token->waiting);

		transfer->token_granted = is_granted;
		if (is_granted)
			move_transfer(transfer, granted);
		else
			fail_for_token(transfer, fetch);
	}
	reuse_transfer(fetch);
}

bool
renew_token(Transfer *transfer)
{
	if (transfer->authorization == NULL || transfer->token_renewed)
		return false;
	token_forget(transfer->token, token_of(transfer));
	release_token(transfer);
	transfer->token_renewed = true;
	return true;
}
