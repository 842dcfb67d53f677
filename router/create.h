/*
 * create.h
 *		Creating organizations and applications: on which shard, and so that the directory
 *		knows.
 */
#ifndef ROUTER_CREATE_H
#define ROUTER_CREATE_H

#include "router/connection.h"
#include "router/function.h"

/*
 * Both return the id that the shard gave. They raise the shard's errors; 25006 if the
 * router is read only; 22023 for a node that is not in appt.shard.
 */
extern Datum create_organization(Function *function, FunctionCallInfo fcinfo, RemoteCall *call);
extern Datum create_application(Function *function, FunctionCallInfo fcinfo, RemoteCall *call);

#endif							/* ROUTER_CREATE_H */
