/*
 * no_transfer.c
 *		A stand-in for the transfer engine: every request is answered with 200 at
 *		once, and nothing is sent.
 *
 * `make bench` links the worker with it, to measure what claiming, composing and
 * settling cost without the network. It is never installed. transfer/engine.h and
 * transfer/withdraw.h say what its functions promise.
 */
#include "postgres.h"

#include <sys/eventfd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "transfer/engine.h"
#include "transfer/withdraw.h"

struct TransferEngine
{
	List	   *tags;			/* of what is "in flight" */
	int			descriptor;		/* never readable */
};

TransferEngine *
transfer_engine_create(void)
{
	TransferEngine *engine = (TransferEngine *) MemoryContextAllocZero(TopMemoryContext, sizeof(TransferEngine));

	engine->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (engine->descriptor < 0)
		elog(ERROR, "could not create an event descriptor: %m");
	return engine;
}

int
transfer_engine_socket(TransferEngine *engine)
{
	return engine->descriptor;
}

long
transfer_engine_timeout(TransferEngine *engine)
{
	return engine->tags == NIL ? -1 : 0;
}

bool
transfer_start(TransferEngine *engine, const Request *request, void *tag)
{
	MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);

	engine->tags = lappend(engine->tags, tag);
	MemoryContextSwitchTo(previous);
	return true;
}

void
transfer_engine_run(TransferEngine *engine)
{
}

Response *
transfer_take(TransferEngine *engine, void **tag)
{
	Response   *response;

	if (engine->tags == NIL)
		return NULL;
	*tag = llast(engine->tags);
	engine->tags = list_delete_last(engine->tags);
	response = (Response *) palloc0(sizeof(Response));
	response->status = 200;
	response->body = "ok";
	response->started_at = response->finished_at = GetCurrentTimestamp();
	return response;
}

int
transfers_in_flight(const TransferEngine *engine)
{
	return list_length(engine->tags);
}

int
transfer_room(TransferEngine *engine)
{
	return Max(0, appt_max_concurrency - list_length(engine->tags));
}

/* All messages have left already. */
bool
transfer_withdraw(TransferEngine *engine, TransferFilter is_unwanted, void *argument)
{
	return true;
}

void
transfer_engine_abandon(TransferEngine *engine)
{
	list_free(engine->tags);
	engine->tags = NIL;
}
