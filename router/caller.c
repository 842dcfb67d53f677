/*
 * caller.c
 *		Who calls a function of the router.
 *
 * A role proves nothing on a shard: the router's session there may take any role of
 * the API. So the router judges as a shard does (core/call.c): claims and headers go on
 * only from sessions of members of appt_authenticator, and only a caller who is
 * unrestricted here is so there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "core/roles.h"
#include "router/caller.h"

/* The role of the API that the user acts as. */
static const char *
api_role(Oid user)
{
	const RoleInfo *role = api_role_of(user);

	if (role == NULL)
		refuse_user(user);
	return role->name;
}

static const char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value == NULL ? "" : value;
}

/*
 * A standby executes everything read only, whatever its client asked for: there only
 * the method of the request tells.
 */
static bool
is_read_only(const char *method)
{
	return (XactReadOnly && !RecoveryInProgress()) || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

Caller
caller_of(FunctionCallInfo fcinfo)
{
	Caller		caller = {.claims = "", .headers = "", .method = ""};
	Oid			user = GetUserId();

	if (user == function_owner(fcinfo->flinfo->fn_oid) || user_is_service(user))
		caller.is_service = true;
	else
		caller.role = api_role(user);
	if (!caller.is_service && session_is_believed())
	{
		caller.claims = setting("request.jwt.claims");
		caller.headers = setting("request.headers");
		caller.method = setting("request.method");
	}
	caller.is_read_only = is_read_only(caller.method);
	return caller;
}
