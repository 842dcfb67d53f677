/*
 * begin.c
 *		Begin a transfer, for the first time or again.
 *
 * First it needs a token, if its request asks for one; then it is handed to
 * libcurl, or a mail to an SMTP session. If a token must be fetched, the transfer
 * waits for it and the fetch is begun instead.
 */
#include "postgres.h"

#include "transfer/begin.h"
#include "transfer/http.h"
#include "transfer/smtp_session.h"
#include "transfer/token_fetch.h"

static const Progress no_progress = {.socket = CURL_SOCKET_BAD};

/* Begin the fetch of a token; NULL: one is under way. False if that is impossible. */
static bool
await_token(Transfer *fetch)
{
	if (fetch == NULL || begin_transfer(fetch))
		return true;
	cancel_fetch(fetch);
	return false;
}

static bool
start(Transfer *transfer)
{
	Engine	   *engine = transfer->engine;

	/* Make room for another connection. */
	if (engine->sockets.open >= engine->sockets.limit)
		close_idle_session(engine);
	if (transfer->request->protocol == REQUEST_SMTP)
	{
		move_transfer(transfer, &engine->mails);
		return start_mail(transfer);
	}
	move_transfer(transfer, &engine->busy);
	return start_http(transfer);
}

static bool
supply_and_start(Transfer *transfer)
{
	Transfer   *fetch;

	if (transfer->request->token_url == NULL)
		return start(transfer);
	switch (provide_token(transfer, &fetch))
	{
		case TOKEN_READY:
			return start(transfer);
		case TOKEN_AWAITED:
			return await_token(fetch);
		case TOKEN_IMPOSSIBLE:
			break;
	}
	return false;
}

bool
begin_transfer(Transfer *transfer)
{
	transfer->progress = no_progress;
	/* Another thread would hang in the same look-up. */
	if (lookup_hangs(transfer->host))
	{
		strlcpy(transfer->progress.error,
				"the host name could not be looked up: an earlier look-up of it hangs",
				ERROR_SIZE);
		transfer->progress.reach = REACH_FAILED;
		finish_transfer(transfer, CURLE_COULDNT_RESOLVE_HOST);
		return true;
	}
	if (supply_and_start(transfer))
		return true;
	release_token(transfer);
	return false;
}

void
begin_again(Transfer *transfer)
{
	if (!begin_transfer(transfer))
		finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
}
