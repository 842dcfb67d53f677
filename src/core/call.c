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
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "core/call.h"
#include "core/compat.h"
#include "core/plans.h"
#include "core/statement.h"
#include "core/text.h"

static const struct
{
	const char *name;
	int			role;
}			api_roles[] = {
	{"appt_agent", CALLER_AGENT},
	{"appt_supervisor", CALLER_SUPERVISOR},
	{"appt_client_service", CALLER_CLIENT_SERVICE},
	{"appt_customer", CALLER_CUSTOMER},
	{"appt_admin", CALLER_ADMIN},
	{"appt_anonymous", CALLER_ANONYMOUS}
};

/* The claims that appt uses, as they are in the token. */
typedef struct Claims
{
	JsonLexContext *lex;
	char	  **next;			/* where to put the value of the present
								 * field, or NULL */
	char	   *sub;
	char	   *application_id;
	char	   *organization_id;
	char	   *conference_id;
} Claims;

static bool
is_member_of(Oid user, const char *role_name)
{
	Oid			role = get_role_oid(role_name, true);

	return OidIsValid(role) && is_member_of_role_nosuper(user, role);
}

static Oid
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
is_unrestricted(Oid user, Oid owner)
{
	return user == owner || superuser_arg(user) || is_member_of(user, "appt_service");
}

/* The API role that the user acts as; 0: none. */
static int
api_role(Oid user)
{
	for (int i = 0; i < lengthof(api_roles); i++)
		if (get_role_oid(api_roles[i].name, true) == user)
			return api_roles[i].role;
	for (int i = 0; i < lengthof(api_roles); i++)
		if (is_member_of(user, api_roles[i].name))
			return api_roles[i].role;
	return 0;
}

bool
is_role_of_tokens(const char *role_name)
{
	for (int i = 0; i < lengthof(api_roles); i++)
		if (strcmp(api_roles[i].name, role_name) == 0)
			return true;
	return false;
}

bool
user_acts_by_token(Oid user)
{
	return !superuser_arg(user) && !is_member_of(user, "appt_service") && api_role(user) != 0;
}

/* Where the claim of this name goes; NULL: nobody reads it. */
static char **
place_of_claim(Claims *claims, const char *name)
{
	if (strcmp(name, "sub") == 0)
		return &claims->sub;
	if (strcmp(name, "application_id") == 0)
		return &claims->application_id;
	if (strcmp(name, "organization_id") == 0)
		return &claims->organization_id;
	if (strcmp(name, "conference_id") == 0)
		return &claims->conference_id;
	return NULL;
}

static JsonCallbackResult
claim_field_start(void *state, char *name, bool is_null)
{
	Claims	   *claims = (Claims *) state;

	claims->next = claims->lex->lex_level == 1 ? place_of_claim(claims, name) : NULL;

	/* If a name occurs twice, the last value counts, of whatever type. */
	if (claims->next != NULL)
		*claims->next = NULL;
	return JSON_CONTINUE;
}

static JsonCallbackResult
claim_scalar(void *state, char *token, JsonTokenType kind)
{
	Claims	   *claims = (Claims *) state;

	if (claims->next != NULL && claims->lex->lex_level == 1)
		*claims->next = (kind == JSON_TOKEN_STRING) ? token : NULL;
	claims->next = NULL;
	return JSON_CONTINUE;
}

/* Parse the token's claims; malformed JSON has none and raises no error. */
static void
read_claims(Claims *claims)
{
	const char *text = GetConfigOption("request.jwt.claims", true, false);
	JsonSemAction actions = {0};

	memset(claims, 0, sizeof(Claims));
	if (text == NULL || text[0] == '\0')
		return;
	claims->lex = create_json_lexer(pstrdup(text), strlen(text), GetDatabaseEncoding());
	actions.semstate = claims;
	actions.object_field_start = claim_field_start;
	actions.scalar = claim_scalar;
	if (pg_parse_json(claims->lex, &actions) != JSON_SUCCESS)
		memset(claims, 0, sizeof(Claims));
}

bool
session_is_believed(void)
{
	return is_member_of_role(GetSessionUserId(), get_role_oid("appt_authenticator", false));
}

static bool
is_user_id(const char *sub)
{
	return sub[0] != '\0' && strlen(sub) <= CALLER_MAX_USER_ID;
}

char *
claimed_sub(void)
{
	Claims		claims;

	read_claims(&claims);
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
	read_claims(&claims);
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

	memset(caller, 0, sizeof(Caller));
	if (is_unrestricted(user, owner))
	{
		caller->role = CALLER_UNRESTRICTED;
		return;
	}
	if ((roles & CALLER_MONITOR) != 0 && has_privs_of_role(user, ROLE_PG_MONITOR))
	{
		caller->role = CALLER_MONITOR;
		return;
	}
	caller->role = api_role(user);
	if ((caller->role & roles) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for this function"),
				 errdetail("Role \"%s\" may not call it.", GetUserNameFromId(user, false)),
				 errhint("SQL applications use a login role that is a member of \"appt_service\".")));
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
	for (int i = 0; i < lengthof(api_roles); i++)
		if (strcmp(api_roles[i].name, role_name) == 0)
			return api_roles[i].role == caller->role;
	return false;
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
