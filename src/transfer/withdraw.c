/*
 * withdraw.c
 *		Transfers that end before their message left.
 *
 * A transfer may wait for long before the first byte of its message goes: for
 * a look-up, a token, a descriptor, a connection, a mail server's greeting. If
 * it is not wanted any more until then, it is taken back, and was no attempt.
 * Nothing is waited for here, whatever it waits for itself; but a look-up that
 * is left goes on in its thread, and where many do the next are not left.
 */
#include "postgres.h"

#include "transfer/parts.h"

typedef struct Withdrawal
{
	TransferFilter is_unwanted;
	void	   *argument;
	bool		is_complete;	/* none had to stay for its look-up */
} Withdrawal;

/* Of a mail only the envelope may have gone, of which nothing comes without the message. */
static bool
is_unsent(const Transfer *transfer)
{
	/* Its token was refused, together with the message. */
	if (transfer->token_refreshed)
		return false;
	if (transfer->session != NULL)
		return transfer->session->socket == CURL_SOCKET_BAD ||
			transfer->session->dialogue.step < SMTP_BODY;
	return !transfer->request_sent;
}

/* Take it away from wherever it waits; libcurl does not mind if it knows nothing of it. */
static void
detach(Transfer *transfer)
{
	end_lookup(transfer, LOOKUP_LEFT);
	if (transfer->session != NULL)
		end_session(transfer->session);
	else if (transfer->easy != NULL)
		curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
}

/* It ends without having been tried: nobody's fault. */
void
finish_untried(Transfer *transfer, const char *error)
{
	strlcpy(transfer->error, error, ERROR_SIZE);
	transfer->status = 0;
	transfer->body_length = 0;
	transfer->reach = REACH_UNTRIED;
	transfer->is_untried = !transfer->token_refreshed;
	finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
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
		if (transfer->looking_up && !lookup_may_be_left(transfer->engine))
		{
			withdrawal->is_complete = false;
			continue;
		}
		detach(transfer);
		finish_untried(transfer, "it was withdrawn before anything of it was sent");
	}
}

bool
transfer_withdraw(TransferEngine *engine, TransferFilter is_unwanted, void *argument)
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

void
transfer_engine_abandon(TransferEngine *engine)
{
	sigset_t	signals;

	block_signals(&signals);
	while (!dlist_is_empty(&engine->waiting))
		finish_transfer(dlist_head_element(Transfer, node, &engine->waiting),
						CURLE_ABORTED_BY_CALLBACK);
	while (!dlist_is_empty(&engine->busy))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &engine->busy);

		detach(transfer);
		finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	while (!dlist_is_empty(&engine->mails))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &engine->mails);

		detach(transfer);
		finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	unblock_signals(&signals);

	/* The tags are forgotten. */
	while (!dlist_is_empty(&engine->finished))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&engine->finished));

		release_token(transfer);
		dlist_push_head(&engine->unused, &transfer->node);
	}
}
