/*
 * engine.h
 *		The transfer engine: many requests at once over libcurl, one epoll
 *		descriptor for all of them.
 *
 * Only the worker uses it, with one engine for the process. It owns connections,
 * easy handles, TLS sessions and tokens, and reuses them. It reads appt's settings
 * whenever a transfer begins. What goes wrong with a request comes back as its
 * Response; errors are raised only where this is said here. See README.md.
 */
#ifndef APPT_ENGINE_H
#define APPT_ENGINE_H

#include "channel/request.h"
#include "channel/response.h"

typedef struct TransferEngine TransferEngine;

/*
 * A new engine, for the rest of the process. Raises an error if libcurl, its TLS
 * library or a descriptor is not available.
 */
extern TransferEngine *transfer_engine_create(void);

/* The descriptor that becomes readable when transfer_engine_run() has work. */
extern int	transfer_engine_socket(TransferEngine *engine);

/* Milliseconds until transfer_engine_run() must be called anyway; -1: never. */
extern long transfer_engine_timeout(TransferEngine *engine);

/*
 * Start a request. It, and all it points to, must live until its response was
 * taken. `tag` comes back with the response. False if it can't be started for lack
 * of memory or descriptors: nothing was sent, there will be no response.
 */
extern bool transfer_start(TransferEngine *engine, const Request *request, void *tag);

/* Let libcurl work on what is ready, and handle what has ended. Never blocks. */
extern void transfer_engine_run(TransferEngine *engine);

/*
 * Take the response of one finished transfer; NULL if there is none. It is
 * allocated in CurrentMemoryContext. An error for lack of memory leaves the
 * transfer finished.
 */
extern Response *transfer_take(TransferEngine *engine, void **tag);

/* Transfers that were started and have not finished, fetches of tokens included. */
extern int	transfers_in_flight(const TransferEngine *engine);

/* How many more may be started now, as descriptors and appt.max_concurrency allow. */
extern int	transfer_room(TransferEngine *engine);

#endif							/* APPT_ENGINE_H */
