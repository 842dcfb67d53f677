/*
 * scope.c
 *		How far a caller reaches, for exported functions (scope_user) and for
 *		the policies of sql/row_security.sql.
 *
 * A policy is for one role and compares its rows with the results of these
 * functions, each in a sub-select that depends on no row: the executor calls
 * it once per query, and the planner uses an index as for a constant. Claims
 * are believed under the conditions of core/call.c; without valid ones, the
 * first row that is looked for raises 42501. (What policies need from other
 * tables is in the files of those tables: attended_appointments,
 * administered_applications.)
 *
 * A member of several API roles acts as one of them; for the policies of the
 * others these functions return NULL, which equals nothing. They do so for
 * unrestricted callers, too, who have a policy of their own.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/call.h"
#include "core/scope.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(caller_application);
PG_FUNCTION_INFO_V1(agent_has_application);
PG_FUNCTION_INFO_V1(caller_user);
PG_FUNCTION_INFO_V1(caller_conference);
PG_FUNCTION_INFO_V1(caller_organization);

#define HAS_APPLICATION (CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_CUSTOMER)

static Datum
uuid_datum(const pg_uuid_t *uuid)
{
	pg_uuid_t  *copy = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

	*copy = *uuid;
	return UUIDPGetDatum(copy);
}

/* appt.caller_application(role text) -> uuid; NULL unless the caller acts as that role; 42501 */
Datum
caller_application(PG_FUNCTION_ARGS)
{
	Caller		caller = call_identify(fcinfo);

	if ((caller.role & HAS_APPLICATION) == 0 ||
		!caller_acts_as(&caller, text_to_cstring(PG_GETARG_TEXT_PP(0))))
		PG_RETURN_NULL();
	return uuid_datum(&caller.application_id);
}

/* May an agent use every appointment of its application? */
static bool
agents_share(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT FROM appt.application WHERE id = $1 AND agent_scope = 'APPLICATION'",
		1, {UUIDOID}, true
	};

	return statement_run(&find, UUIDPGetDatum(application_id)) > 0;
}

char *
scope_user(const Caller *caller)
{
	if (caller->role != CALLER_AGENT || agents_share(&caller->application_id))
		return NULL;
	return caller->user_id;
}

const char *
scope_private_user(const Caller *caller)
{
	if (caller->role & (CALLER_ADMIN | CALLER_UNRESTRICTED))
		return NULL;
	return caller->user_id != NULL ? caller->user_id : "";
}

/*
 * appt.agent_has_application() -> boolean
 *
 * Does the caller act as appt_agent, and may use every appointment of its
 * application? 42501: no valid claim.
 */
Datum
agent_has_application(PG_FUNCTION_ARGS)
{
	Call		call;
	bool		has_application;

	call_begin(&call, fcinfo, CALLER_ALL);
	has_application = call.caller.role == CALLER_AGENT && scope_user(&call.caller) == NULL;
	call_end(&call);
	PG_RETURN_BOOL(has_application);
}

/* appt.caller_user(role text) -> text, the token's sub; NULL unless the caller acts as that role; 42501 */
Datum
caller_user(PG_FUNCTION_ARGS)
{
	Caller		caller = call_identify(fcinfo);

	if (caller.user_id == NULL ||
		!caller_acts_as(&caller, text_to_cstring(PG_GETARG_TEXT_PP(0))))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(caller.user_id));
}

/* appt.caller_conference() -> uuid; NULL unless the caller acts as appt_customer; 42501 */
Datum
caller_conference(PG_FUNCTION_ARGS)
{
	Caller		caller = call_identify(fcinfo);

	if (caller.role != CALLER_CUSTOMER)
		PG_RETURN_NULL();
	return uuid_datum(&caller.conference_id);
}

/* appt.caller_organization() -> uuid; NULL unless the caller acts as appt_admin; 42501 */
Datum
caller_organization(PG_FUNCTION_ARGS)
{
	Caller		caller = call_identify(fcinfo);

	if (caller.role != CALLER_ADMIN)
		PG_RETURN_NULL();
	return uuid_datum(&caller.organization_id);
}
