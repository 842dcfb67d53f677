/*
 * engine_state.h
 *		What the files of the engine share: its connections, and its transfers
 *		by state (README.md draws the states). Outside of this folder only
 *		engine.h and withdraw.h are included.
 */
#ifndef APPT_ENGINE_STATE_H
#define APPT_ENGINE_STATE_H

#include <curl/curl.h>

#include "lib/ilist.h"
#include "nodes/pg_list.h"

#include "transfer/hosts.h"
#include "transfer/sockets.h"

typedef struct TransferEngine
{
	MemoryContext context;
	CURLM	   *multi;
	CURLSH	   *share;			/* TLS sessions */
	int64		timer_at;		/* when libcurl wants to be called, monotonic
								 * ms; -1: never */
	Sockets		sockets;
	Hosts		hosts;
	int			reported_limit; /* of sockets, that the log was last told */

	/*
	 * Transfers by state. Those that wait for a token are in the token's
	 * list.
	 */
	dlist_head	unused;
	dlist_head	waiting;		/* for a look-up or a descriptor */
	dlist_head	busy;			/* HTTP; libcurl watches their deadlines */
	dlist_head	mails;			/* SMTP; smtp_session.c watches theirs */
	dlist_head	fetched;		/* ended; finish_fetch() reads the token */
	dlist_head	finished;		/* ended; transfer_take() takes the response */
	int			in_flight;		/* those that have not ended */
	bool		may_unblock;	/* something ended: `waiting` may go on */

	dlist_head	idle_sessions;	/* of SmtpSession, the last used first */
	dlist_head	tokens;			/* of Token */
	List	   *token_headers;	/* of char *, for the requests that fetch
								 * tokens */
} Engine;

#endif							/* APPT_ENGINE_STATE_H */
