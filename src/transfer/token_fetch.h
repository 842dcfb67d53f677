/*
 * token_fetch.h
 *		Transfers that need an OAuth2 token: they wait for it in its list while
 *		one more transfer fetches it, and share its failure.
 *
 * Nothing here raises an error, except token_headers(). Nothing here starts a
 * transfer.
 */
#ifndef APPT_TOKEN_FETCH_H
#define APPT_TOKEN_FETCH_H

#include "transfer/transfer.h"

typedef enum TokenSupply
{
	TOKEN_READY,				/* the transfer is authorized */
	TOKEN_AWAITED,				/* the transfer has moved to the token's list */
	TOKEN_IMPOSSIBLE			/* out of memory; the transfer is where it was */
} TokenSupply;

/* The header lines of requests that fetch tokens, in this memory context. */
extern List *token_headers(MemoryContext context);

/*
 * Authorize a transfer, or let it wait for its token. *fetch is then a transfer
 * that fetches the token, to be begun by the caller (see cancel_fetch()); NULL
 * if one is under way.
 */
extern TokenSupply provide_token(Transfer *transfer, Transfer **fetch);

/* The fetch could not be begun. Those that wait for the token are the caller's to end. */
extern void cancel_fetch(Transfer *fetch);

/*
 * A fetch has ended; it is in no list. Those that waited for its token move to
 * the end of `granted`, to be begun, or end without it. The fetch may be used
 * again.
 */
extern void finish_fetch(Transfer *fetch, dlist_head *granted);

/*
 * The receiver refused the transfer's token. True: this was the first time, so
 * it should be begun again, and will be given another.
 */
extern bool renew_token(Transfer *transfer);

#endif							/* APPT_TOKEN_FETCH_H */
