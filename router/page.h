/*
 * page.h
 *		A page of appointments of many shards.
 */
#ifndef ROUTER_PAGE_H
#define ROUTER_PAGE_H

#include "router/connection.h"
#include "router/function.h"

/*
 * What the function (appt.find_appointments) returns if its tenants are on all these
 * shards. Every shard is asked for all of its appointments up to the end of the page, in
 * portions of at most 500.
 */
extern Datum page_of_all(Function *function, FunctionCallInfo fcinfo, List *nodes, RemoteCall *call);

#endif							/* ROUTER_PAGE_H */
