/*
 * engine.h
 *		The transfer engine: many requests at once over libcurl, one epoll
 *		descriptor for all of them.
 *
 * Only the worker uses it, one engine a process. Nothing here raises an error
 * while libcurl is on the stack; what goes wrong with one request comes back
 * as its Response. The engine owns connections, easy handles, TLS sessions and
 * tokens, and reuses them.
 */
#ifndef APPT_ENGINE_H
#define APPT_ENGINE_H

#include "channel/request.h"
#include "channel/response.h"

typedef struct TransferEngine TransferEngine;

/* Settings may change between calls: the engine reads the GUCs at each start. */
extern TransferEngine *transfer_engine_create(void);

/* The descriptor that becomes readable when transfer_engine_run has work. */
extern int	transfer_engine_socket(TransferEngine *engine);

/* Milliseconds until transfer_engine_run must be called anyway; -1: never. */
extern long transfer_engine_timeout(TransferEngine *engine);

/*
 * Start a request. The request and all it points to must live until its
 * response was taken. `tag` comes back with the response. False if no socket
 * or handle could be had: nothing was sent, try later.
 */
extern bool transfer_start(TransferEngine *engine, const Request *request, void *tag);

/* Let libcurl work on whatever is ready; never blocks. */
extern void transfer_engine_run(TransferEngine *engine);

/*
 * Take one finished transfer; NULL when there is none. The response is
 * allocated in CurrentMemoryContext.
 */
extern Response *transfer_take(TransferEngine *engine, void **tag);

extern int	transfers_in_flight(const TransferEngine *engine);

/* How many more may be started now, descriptors and settings considered. */
extern int	transfer_room(TransferEngine *engine);

/*
 * End those whose message has not begun to leave, and of whose tags this is true;
 * it must not raise an error. Their responses, which are to be taken like any
 * other, say that they are untried. False: some had to stay, for too many
 * look-ups go on for nobody already; ask again.
 */
typedef bool (*TransferFilter) (void *tag, void *argument);
extern bool transfer_withdraw(TransferEngine *engine, TransferFilter is_unwanted, void *argument);

/*
 * Drop all that is in flight without waiting for anybody: for shutdown. The
 * tags are forgotten.
 */
extern void transfer_engine_abandon(TransferEngine *engine);

#endif							/* APPT_ENGINE_H */
