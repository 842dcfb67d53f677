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

#endif							/* APPT_ENGINE_H */
