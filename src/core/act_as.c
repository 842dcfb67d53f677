/*
 * act_as.c
 *		A router's connection takes the role and the claims of a request.
 *
 * PostgREST does this by statements of its own. A router that passes calls on to the
 * database of their tenant has verified the token on its side; here it says for whom it
 * calls. (Services it calls for by a login that is a member of appt_service, and needs
 * no role.) Whoever may execute this can be any tenant, so it is guarded more than by its
 * grant, which nobody has at first:
 *
 *	- it is for a login that is a member of appt_authenticator, and becomes only the
 *	  roles of tokens; not for one that is also a member of appt_service, or a superuser;
 *	- it is for the login itself: not once a role has been taken, whether by SET ROLE, by
 *	  this function or by a function that runs as its owner. So nothing that a request
 *	  runs can act for somebody else, even if its role could execute this.
 *
 * All is LOCAL to the transaction, so that a pooled connection has neither role nor claims
 * for the next call. What a call does not give is empty, not what it was before.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include "core/arguments.h"
#include "core/roles.h"

PG_FUNCTION_INFO_V1(act_as);

/* Arguments of act_as. */
enum
{
	ARGUMENT_ROLE, ARGUMENT_CLAIMS, ARGUMENT_HEADERS, ARGUMENT_METHOD
};

static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to act for others"),
			 errdetail("%s", detail)));
}

/* 42501 if the session's login may not act for others at all, or not as this role. */
static void
require_login_of(const char *role)
{
	Oid			login = GetSessionUserId();

	if (GetUserId() != login || GetOuterUserId() != login)
		refuse("A role has been taken already.");
	if (superuser_arg(login))
		refuse("The login is a superuser.");
	if (!is_member_of_role_nosuper(login, get_role_oid(AUTHENTICATOR, false)) ||
		is_member_of_role_nosuper(login, get_role_oid(SERVICE, false)))
		refuse("The login must be a member of \"appt_authenticator\", and not of \"appt_service\".");
	if (api_role_named(role) == NULL)
		refuse("It is not a role of tokens.");
}

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

static char *
text_or_empty(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *text = optional_text(fcinfo, index, name);

	return text == NULL ? pstrdup("") : text;
}

/*
 * appt.act_as(role text, claims text = null, headers text = null, method text = null) -> void
 *
 * For the rest of the transaction: the role, and the settings request.jwt.claims,
 * request.headers and request.method. With the method GET or HEAD it is read-only, as
 * PostgREST's. 42501: see the head of this file. Source: shards.md.
 */
Datum
act_as(PG_FUNCTION_ARGS)
{
	char	   *role = required_text(fcinfo, ARGUMENT_ROLE, "role");
	char	   *claims = text_or_empty(fcinfo, ARGUMENT_CLAIMS, "claims");
	char	   *headers = text_or_empty(fcinfo, ARGUMENT_HEADERS, "headers");
	char	   *method = text_or_empty(fcinfo, ARGUMENT_METHOD, "method");

	require_login_of(role);
	set_locally("request.jwt.claims", claims);
	set_locally("request.headers", headers);
	set_locally("request.method", method);
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		set_locally("transaction_read_only", "on");
	set_locally("role", role);
	PG_RETURN_VOID();
}
