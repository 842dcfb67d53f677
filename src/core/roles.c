/*
 * roles.c
 *		appt's roles: who acts as which, and creating them when the extension
 *		is installed. The router's library has this file, too.
 *
 * Roles belong to the cluster, the extension to a database: a second install
 * finds the roles, DROP EXTENSION keeps them, and installs in two databases
 * may create them concurrently. So each role is created in a subtransaction:
 * the second session waits in the unique index for the first, and when that
 * commits, uses the role as it is.
 *
 * A role that somebody else created before must be as harmless as ours. With
 * LOGIN, anybody with its password would act as a tenant's agent; any other
 * attribute would be available to a PostgREST token through SET ROLE.
 *
 * appt_authenticator is a member of the API roles, so GRANT appt_authenticator
 * TO <PostgREST's login> is all that PostgREST needs: that login can SET ROLE
 * to them. It is NOINHERIT, so its members have none of their privileges
 * before SET ROLE, even if they inherit. It is not a member of appt_service,
 * which no token may become.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "core/roles.h"

static const RoleInfo roles[] = {
	{"appt_agent", CALLER_AGENT, "appt: acts for one agent of an application"},
	{"appt_supervisor", CALLER_SUPERVISOR, "appt: acts for all agents of an application"},
	{"appt_client_service", CALLER_CLIENT_SERVICE, "appt: a service that schedules for an application"},
	{"appt_customer", CALLER_CUSTOMER, "appt: a customer in one conference"},
	{"appt_admin", CALLER_ADMIN, "appt: configures the applications of one organization"},
	{"appt_anonymous", CALLER_ANONYMOUS, "appt: requests without a token"},
	{AUTHENTICATOR, 0, "appt: its members (PostgREST's login) are believed about a token's claims"},
	{SERVICE, 0, "appt: SQL applications, not restricted to a tenant"}
};

PG_FUNCTION_INFO_V1(create_roles);

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

bool
user_is_service(Oid user)
{
	return superuser_arg(user) || is_member_of(user, SERVICE);
}

bool
session_is_believed(void)
{
	return is_member_of_role(GetSessionUserId(), get_role_oid(AUTHENTICATOR, false));
}

const RoleInfo *
api_role_of(Oid user)
{
	for (int i = 0; i < lengthof(roles); i++)
		if (roles[i].caller != 0 && get_role_oid(roles[i].name, true) == user)
			return &roles[i];
	for (int i = 0; i < lengthof(roles); i++)
		if (roles[i].caller != 0 && is_member_of(user, roles[i].name))
			return &roles[i];
	return NULL;
}

const RoleInfo *
api_role_named(const char *name)
{
	for (int i = 0; i < lengthof(roles); i++)
		if (roles[i].caller != 0 && strcmp(roles[i].name, name) == 0)
			return &roles[i];
	return NULL;
}

bool
user_acts_by_token(Oid user)
{
	return !user_is_service(user) && api_role_of(user) != NULL;
}

void
refuse_user(Oid user)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for this function"),
			 errdetail("Role \"%s\" may not call it.", GetUserNameFromId(user, false)),
			 errhint("SQL applications use a login role that is a member of \"%s\".", SERVICE)));
}

/* The attributes of an existing role that ours must not have, as words; NULL: none. */
static const char *
dangerous_attribute(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	const char *attribute = NULL;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	form = (Form_pg_authid) GETSTRUCT(tuple);
	if (form->rolcanlogin)
		attribute = "LOGIN";
	else if (form->rolsuper)
		attribute = "SUPERUSER";
	else if (form->rolcreaterole)
		attribute = "CREATEROLE";
	else if (form->rolcreatedb)
		attribute = "CREATEDB";
	else if (form->rolreplication)
		attribute = "REPLICATION";
	else if (form->rolbypassrls)
		attribute = "BYPASSRLS";
	ReleaseSysCache(tuple);
	return attribute;
}

static void
refuse_dangerous(const RoleInfo *role, Oid id)
{
	const char *attribute = dangerous_attribute(id);

	if (attribute != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\" already exists and cannot be used by appt", role->name),
				 errdetail("The role has the attribute %s.", attribute),
				 errhint("Remove the attribute with ALTER ROLE, or rename the role.")));
}

/*
 * Run commands in a subtransaction. Returns false if another transaction did
 * the same and has committed; other errors are raised.
 */
static bool
run_unless_done(const char *commands)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			result = SPI_execute(commands, false, 0);

		if (result < 0)
			elog(ERROR, "could not run \"%s\": %s", commands, SPI_result_code_string(result));
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION &&
			error->sqlerrcode != ERRCODE_DUPLICATE_OBJECT)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return done;
}

/* Another session may drop a role that we found, or create one that we did not: try a few times. */
#define LOOKS 10

static void
ensure_role(const RoleInfo *role)
{
	char	   *commands = psprintf("CREATE ROLE %s NOLOGIN%s; COMMENT ON ROLE %s IS %s",
									role->name,
									strcmp(role->name, AUTHENTICATOR) == 0 ? " NOINHERIT" : "",
									role->name, quote_literal_cstr(role->comment));

	for (int look = 0; look < LOOKS; look++)
	{
		Oid			id = get_role_oid(role->name, true);

		if (OidIsValid(id))
		{
			refuse_dangerous(role, id);
			return;
		}
		if (run_unless_done(commands))
			return;
	}
	elog(ERROR, "could not create role \"%s\"", role->name);
}

static void
ensure_membership(const RoleInfo *role)
{
	char	   *command = psprintf("GRANT %s TO " AUTHENTICATOR, role->name);

	for (int look = 0; look < LOOKS; look++)
		if (is_member_of_role_nosuper(get_role_oid(AUTHENTICATOR, false),
									  get_role_oid(role->name, false)) ||
			run_unless_done(command))
			return;
	elog(ERROR, "could not grant role \"%s\"", role->name);
}

/*
 * appt.create_roles() -> void
 *
 * The install script calls it. 55000: a role of one of the names exists and
 * has LOGIN, SUPERUSER, CREATEROLE, CREATEDB, REPLICATION or BYPASSRLS.
 * Source: design.md section 5.
 */
Datum
create_roles(PG_FUNCTION_ARGS)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < lengthof(roles); i++)
		ensure_role(&roles[i]);
	for (int i = 0; i < lengthof(roles); i++)
		if (roles[i].caller != 0)
			ensure_membership(&roles[i]);
	SPI_finish();
	PG_RETURN_VOID();
}
