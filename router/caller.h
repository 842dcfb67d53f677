/*
 * caller.h
 *		Who calls a function of the router, as its shard is told.
 */
#ifndef ROUTER_CALLER_H
#define ROUTER_CALLER_H

#include "fmgr.h"

typedef struct Caller
{
	bool		is_service;		/* unrestricted: owner, superuser, member of
								 * appt_service */
	const char *role;			/* of the API, if not a service: a constant */
	const char *claims;			/* request.jwt.claims; "" without, or if the
								 * session is not believed */
	const char *headers;		/* request.headers, likewise */
	const char *method;			/* request.method, likewise */
	bool		is_read_only;
} Caller;

/*
 * The caller of the function. Its texts live as long as the settings that they are.
 * 42501, as from a shard, if its role may call no function of appt.
 */
extern Caller caller_of(FunctionCallInfo fcinfo);

#endif							/* ROUTER_CALLER_H */
