/*
 * call.c
 *		Authorizing the caller, and working as the extension's owner.
 *
 * Functions are SECURITY INVOKER so that GetUserId() is the role that
 * PostgREST took from the token. The role alone proves nothing: any login that
 * is a member of it can also set request.jwt.claims. So claims are believed
 * only if the session's own user is a member of appt_authenticator.
 *
 * Statements run as the owner with search_path set to pg_catalog: a caller's
 * search_path could otherwise make the owner execute another "=". An abort of
 * the transaction or subtransaction restores everything.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/guc.h"

#include "core/call.h"
#include "core/json_strings.h"
#include "core/plans.h"
#include "core/statement.h"
#include "core/text.h"

/* The claims that appt uses, as they are in the token; NULL: not there, or no string. */
typedef struct Claims
{
	char	   *sub;
	char	   *application_id;
	char	   *organization_id;
	char	   *conference_id;
} Claims;

static Claims
read_claims(void)
{
	JsonString	wanted[] = {{"sub"}, {"application_id"}, {"organization_id"}, {"conference_id"}};

	find_json_strings(GetConfigOption("request.jwt.claims", true, false), wanted, lengthof(wanted));
	return (Claims) {wanted[0].value, wanted[1].value, wanted[2].value, wanted[3].value};
}

static bool
is_user_id(const char *sub)
{
	return sub[0] != '\0' && strlen(sub) <= CALLER_MAX_USER_ID;
}

char *
claimed_sub(void)
{
	Claims		claims = read_claims();

	return claims.sub != NULL && is_user_id(claims.sub) ? claims.sub : NULL;
}

/*
 * Fill in the claims that the caller's role needs; false if one is missing. A
 * role that organizes appointments needs a sub. A supervisor, an admin and a
 * customer need only the claim of what they act for.
 */
static bool
believe_claims(Caller *caller)
{
	Claims		claims;

	if (caller->role == CALLER_ANONYMOUS)
		return true;
	if (!session_is_believed())
		return false;
	claims = read_claims();
	if (claims.sub == NULL)
	{
		if ((caller->role & (CALLER_AGENT | CALLER_CLIENT_SERVICE)) != 0)
			return false;
	}
	else if (!is_user_id(claims.sub))
		return false;
	caller->user_id = claims.sub;
	if (caller->role == CALLER_ADMIN)
		return uuid_parse(claims.organization_id, &caller->organization_id);
	if (caller->role == CALLER_CUSTOMER &&
		!uuid_parse(claims.conference_id, &caller->conference_id))
		return false;
	return uuid_parse(claims.application_id, &caller->application_id);
}

static void
authorize(Caller *caller, Oid function_id, Oid owner, int roles)
{
	Oid			user = GetUserId();
	const RoleInfo *role;

	memset(caller, 0, sizeof(Caller));
	if (user == owner || user_is_service(user))
	{
		caller->role = CALLER_UNRESTRICTED;
		return;
	}
	if ((roles & CALLER_MONITOR) != 0 && has_privs_of_role(user, ROLE_PG_MONITOR))
	{
		caller->role = CALLER_MONITOR;
		return;
	}
	role = api_role_of(user);
	if (role == NULL || (role->caller & roles) == 0)
		refuse_user(user);
	caller->role = role->caller;
	if (!believe_claims(caller))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("no valid tenant claim"),
				 errdetail("Role \"%s\" acts for a tenant that a token's claims name, in a session of a member of \"appt_authenticator\".",
						   GetUserNameFromId(user, false)),
				 errhint("SQL applications use a login role that is a member of \"appt_service\".")));
}

void
call_authorize(FunctionCallInfo fcinfo, int roles)
{
	Caller		caller;
	Oid			function_id = fcinfo->flinfo->fn_oid;

	authorize(&caller, function_id, function_owner(function_id), roles);
}

Caller
call_identify(FunctionCallInfo fcinfo)
{
	Caller		caller;
	Oid			function_id = fcinfo->flinfo->fn_oid;

	authorize(&caller, function_id, function_owner(function_id), CALLER_ALL);
	return caller;
}

bool
caller_acts_as(const Caller *caller, const char *role_name)
{
	const RoleInfo *role = api_role_named(role_name);

	return role != NULL && role->caller == caller->role;
}

static void
become_owner(Call *call, Oid owner)
{
	GetUserIdAndSecContext(&call->saved_user, &call->saved_security_context);
	SetUserIdAndSecContext(owner,
						   call->saved_security_context | SECURITY_LOCAL_USERID_CHANGE);
	call->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	pin_plans(false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
call_begin(Call *call, FunctionCallInfo fcinfo, int roles)
{
	Oid			function_id = fcinfo->flinfo->fn_oid;
	Oid			owner = function_owner(function_id);

	call->context = CurrentMemoryContext;
	authorize(&call->caller, function_id, owner, roles);
	become_owner(call, owner);
}

void
call_begin_as_owner(Call *call, FunctionCallInfo fcinfo)
{
	call->context = CurrentMemoryContext;
	memset(&call->caller, 0, sizeof(Caller));
	become_owner(call, function_owner(fcinfo->flinfo->fn_oid));
}

void
call_end(Call *call)
{
	SPI_finish();
	AtEOXact_GUC(true, call->guc_level);
	SetUserIdAndSecContext(call->saved_user, call->saved_security_context);
}

bool
caller_may_use_application(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement organization_owns = {
		"SELECT FROM appt.application WHERE id = $1 AND organization_id = $2",
		2, {UUIDOID, UUIDOID}, true
	};

	switch (caller->role)
	{
		case CALLER_UNRESTRICTED:
		case CALLER_ANONYMOUS:
			return true;
		case CALLER_ADMIN:
			return statement_run(&organization_owns,
								 UUIDPGetDatum(application_id),
								 UUIDPGetDatum(&caller->organization_id)) > 0;
		default:
			return memcmp(&caller->application_id, application_id, UUID_LEN) == 0;
	}
}

Datum
call_copy(Call *call, Datum value, bool by_value, int16 length)
{
	MemoryContext previous = MemoryContextSwitchTo(call->context);
	Datum		copy = datumCopy(value, by_value, length);

	MemoryContextSwitchTo(previous);
	return copy;
}

HeapTuple
tuple_of(TupleDesc descriptor, const NullableDatum *columns, int count)
{
	Datum		values[STATEMENT_MAX_ARGUMENTS];
	bool		nulls[STATEMENT_MAX_ARGUMENTS];

	if (descriptor->natts != count || count > STATEMENT_MAX_ARGUMENTS)
		elog(ERROR, "unexpected result type");
	for (int i = 0; i < count; i++)
	{
		values[i] = columns[i].value;
		nulls[i] = columns[i].isnull;
	}
	return heap_form_tuple(descriptor, values, nulls);
}

TupleDesc
result_descriptor(FunctionCallInfo fcinfo)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "unexpected result type");
	return BlessTupleDesc(descriptor);
}

Datum
call_row(Call *call, FunctionCallInfo fcinfo, const NullableDatum *columns, int count)
{
	HeapTuple	row = tuple_of(result_descriptor(fcinfo), columns, count);

	return call_copy(call, HeapTupleGetDatum(row), false, -1);
}
