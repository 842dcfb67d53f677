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

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "router/caller.h"

static const char *const api_roles[] = {
	"appt_agent", "appt_supervisor", "appt_client_service", "appt_customer", "appt_admin", "appt_anonymous"
};

Oid
function_owner(Oid function_id)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_id));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function_id);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

static bool
is_member_of(Oid user, const char *role_name)
{
	Oid			role = get_role_oid(role_name, true);

	return OidIsValid(role) && is_member_of_role_nosuper(user, role);
}

/* The role of the API that the user acts as. */
static const char *
api_role(Oid user)
{
	for (int i = 0; i < lengthof(api_roles); i++)
		if (get_role_oid(api_roles[i], true) == user)
			return api_roles[i];
	for (int i = 0; i < lengthof(api_roles); i++)
		if (is_member_of(user, api_roles[i]))
			return api_roles[i];
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for this function"),
			 errdetail("Role \"%s\" may not call it.", GetUserNameFromId(user, false)),
			 errhint("SQL applications use a login role that is a member of \"appt_service\".")));
}

static const char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value == NULL ? "" : value;
}

static bool
session_is_believed(void)
{
	return is_member_of_role(GetSessionUserId(), get_role_oid("appt_authenticator", false));
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

	if (user == function_owner(fcinfo->flinfo->fn_oid) || superuser_arg(user) || is_member_of(user, "appt_service"))
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
