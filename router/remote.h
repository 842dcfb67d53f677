/*
 * remote.h
 *		Calls of functions on shards, whose appt may be of another version.
 *
 * As connection.h has them, but that a shard may lack what the router knows of the
 * function. 55000, in all of these: it lacks the function, or an argument whose value is
 * not its default.
 */
#ifndef ROUTER_REMOTE_H
#define ROUTER_REMOTE_H

#include "router/connection.h"

extern void remote_send(Connection *connection, const RemoteCall *call);

/* Sends the call to all of these nodes, which then work at the same time: a connection (Connection *) each. */
extern List *remote_send_all(const List *nodes, const RemoteCall *call);

/* The rows; a column that the shard lacks is null. NULL: the shard raised an error, which connection_raise raises. */
extern PGresult *remote_finish(Connection *connection, RemoteCall *call);

/* As remote_finish, but raises the error of the shard. */
extern PGresult *remote_rows(Connection *connection, RemoteCall *call);

#endif							/* ROUTER_REMOTE_H */
