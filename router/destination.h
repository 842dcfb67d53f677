/*
 * destination.h
 *		The shards that a call goes to.
 */
#ifndef ROUTER_DESTINATION_H
#define ROUTER_DESTINATION_H

#include "nodes/pg_list.h"

#include "router/caller.h"
#include "router/function.h"

typedef struct Destination
{
	List	   *nodes;			/* integers, at least one */
	bool		until_found;	/* one after the other, until one does not
								 * raise PT404; else all at once */
} Destination;

/* Errors: those of node_of_application; 55000 if the router has no shards. */
extern Destination destination_of(const Function *function, FunctionCallInfo fcinfo, const Caller *caller);

#endif							/* ROUTER_DESTINATION_H */
