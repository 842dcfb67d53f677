/*
 * withdraw.c
 *		End transfers before their message leaves.
 *
 * A transfer may wait for long before the first byte of its message leaves: for
 * a look-up, a token, a descriptor, a connection, a mail server's greeting. If
 * nobody wants it any more by then, it ends, and was no attempt. A look-up that
 * is left goes on in its thread; while too many do, transfers that look up stay.
 */
#include "postgres.h"

#include "transfer/signal_mask.h"
#include "transfer/smtp_session.h"
#include "transfer/token_fetch.h"
#include "transfer/withdraw.h"

typedef struct Withdrawal
{
	TransferFilter is_unwanted;
	void	   *argument;
	bool		is_complete;	/* none had to stay for its look-up */
} Withdrawal;

static bool
is_unsent(const Transfer *transfer)
{
	/* The receiver had the message together with the token that it refused. */
	if (transfer->token_renewed)
		return false;
	if (transfer->session != NULL)
		return mail_is_unsent(transfer->session);
	return !transfer->progress.request_sent;
}

/* Take it out of libcurl's hands, whether or not it is there. */
static void
detach(Transfer *transfer)
{
	note_lookup_end(transfer, LOOKUP_LEFT);
	if (transfer->session != NULL)
		end_session(transfer->session);
	else if (transfer->easy != NULL)
		curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
}

static void
withdraw_from(dlist_head *transfers, Withdrawal *withdrawal)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, transfers)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);

		if (transfer->fetched_token != NULL || !is_unsent(transfer) ||
			!withdrawal->is_unwanted(transfer->tag, withdrawal->argument))
			continue;
		if (transfer->looking_up && !lookup_may_be_left(&transfer->engine->hosts))
		{
			withdrawal->is_complete = false;
			continue;
		}
		detach(transfer);
		finish_untried(transfer, "it was withdrawn before anything of it was sent");
	}
}

bool
transfer_withdraw(Engine *engine, TransferFilter is_unwanted, void *argument)
{
	Withdrawal	withdrawal = {is_unwanted, argument, true};
	sigset_t	signals;
	dlist_iter	iter;

	block_signals(&signals);
	withdraw_from(&engine->waiting, &withdrawal);
	withdraw_from(&engine->busy, &withdrawal);
	withdraw_from(&engine->mails, &withdrawal);
	dlist_foreach(iter, &engine->tokens)
		withdraw_from(&dlist_container(Token, node, iter.cur)->waiting, &withdrawal);
	unblock_signals(&signals);
	return withdrawal.is_complete;
}

static void
abandon(dlist_head *transfers)
{
	while (!dlist_is_empty(transfers))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, transfers);

		detach(transfer);
		finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
}

void
transfer_engine_abandon(Engine *engine)
{
	sigset_t	signals;
	dlist_iter	iter;

	block_signals(&signals);
	dlist_foreach(iter, &engine->tokens)
		abandon(&dlist_container(Token, node, iter.cur)->waiting);
	abandon(&engine->waiting);
	abandon(&engine->busy);
	abandon(&engine->mails);
	unblock_signals(&signals);

	/* Nobody waits for these tokens any more, so none is granted to anyone. */
	while (!dlist_is_empty(&engine->fetched))
		finish_fetch(dlist_container(Transfer, node, dlist_pop_head_node(&engine->fetched)), NULL);
	while (!dlist_is_empty(&engine->finished))
	{
		Transfer   *transfer = dlist_container(Transfer, node, dlist_pop_head_node(&engine->finished));

		release_token(transfer);
		reuse_transfer(transfer);
	}
}
