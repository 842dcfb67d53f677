/*
 * statement.h
 *		Statements on the router's own tables, and on shards.
 */
#ifndef ROUTER_STATEMENT_H
#define ROUTER_STATEMENT_H

#include "router/connection.h"

/* The router itself, on a shard. */
extern const Caller service_caller;

/*
 * Run a statement as the owner of the function that is being called, without notices.
 * Returns the number of rows; *value (value may be NULL) is set to the integer in the
 * first column of the first row, if there is one.
 */
extern uint64 directory_run(FunctionCallInfo fcinfo, const char *statement, int count, Oid *types, Datum *arguments, int *value);

/* Run one on a shard; the rows belong to the connection until it is used again. Raises the shard's errors. */
extern PGresult *shard_run(int node, RemoteCall *call);

#endif							/* ROUTER_STATEMENT_H */
