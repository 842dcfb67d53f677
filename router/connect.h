/*
 * connect.h
 *		Connections of libpq to shards: how they are opened, and how long that may take.
 */
#ifndef ROUTER_CONNECT_H
#define ROUTER_CONNECT_H

#include "libpq-fe.h"
#include "utils/timestamp.h"

/* Begins to connect, which PQconnectPoll goes on with; it may have failed already. 08001: too many files are open. */
extern PGconn *connect_start(const char *conninfo, const char *login);

/* When an attempt that begins now is given up. */
extern TimestampTz connect_deadline(const char *conninfo);

/* NULL: nothing. */
extern void connect_close(PGconn *conn);

#endif							/* ROUTER_CONNECT_H */
