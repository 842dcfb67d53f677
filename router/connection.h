/*
 * connection.h
 *		Connections of this session to shards, and calls over them.
 *
 * A session has at most two connections to a shard, one by each of the shard's logins.
 * A call is one round trip and one transaction of its own on the shard, which has ended
 * when connection_finish returns; what the caller is was set for that transaction
 * alone. So nothing of a call is left in a connection.
 *
 *	connection = connection_to(node, &caller);
 *	connection_send(connection, &call);		(to several shards, one after the other)
 *	result = connection_finish(connection, &call);
 *
 * After an error, of a shard or of this session, connections_abandon must be called: it
 * cancels what is still being executed.
 */
#ifndef ROUTER_CONNECTION_H
#define ROUTER_CONNECTION_H

#include "libpq-fe.h"
#include "nodes/pg_list.h"

#include "core/compat.h"
#include "router/caller.h"
#include "router/function.h"

typedef struct Connection Connection;

typedef struct RemoteCall
{
	const Caller *caller;
	Function   *function;		/* that the statement calls; NULL: another
								 * statement */
	const char *name;			/* under which the statement is prepared;
								 * NULL: it is not */
	const char *statement;
	int			count;			/* of values: texts, or NULL */
	const char *const *values;
	bool		wants_response; /* response.status and response.headers */
	const char *response_status;	/* of the latest connection_finish, in
									 * CurrentMemoryContext; "": not set */
	const char *response_headers;
} RemoteCall;

/* Connects if need be. PT503 if the shard does not answer; 55000 if there is no such node. */
extern Connection *connection_to(int node, const Caller *caller);

extern int	connection_node(const Connection *connection);

extern void connection_send(Connection *connection, const RemoteCall *call);

/*
 * The rows, in text format; they belong to the connection, until it is used again. NULL:
 * the shard raised an error, which connection_raise raises.
 */
extern PGresult *connection_finish(Connection *connection, RemoteCall *call);

/* The SQLSTATE and the message of that error. */
extern const char *connection_sqlstate(const Connection *connection);
extern const char *connection_problem(const Connection *connection);

/*
 * Was it that the shard does not have what the statement names, or has it otherwise
 * than when it was prepared? Nothing was executed, and connection_to gets a connection
 * that has prepared nothing if that helps.
 */
extern bool connection_refused_statement(Connection *connection);

pg_noreturn extern void connection_raise(Connection *connection);

extern void connections_abandon(void);

#endif							/* ROUTER_CONNECTION_H */
