/*
 * acting_user.c
 *		The user for whom a function about users works.
 *
 * What belongs to somebody else is "not found", never "forbidden": a caller learns
 * nothing of other applications and users.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/statement.h"
#include "users/acting_user.h"

static void
refuse_without_sub(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("no user in the token"),
			 errdetail("The claim \"sub\" names the user; the token has none.")));
}

/* Of a caller that has one application: the one that it names must be this. */
static pg_uuid_t
own_application(const Caller *caller, FunctionCallInfo fcinfo, int argument)
{
	if (!PG_ARGISNULL(argument) &&
		memcmp(PG_GETARG_UUID_P(argument), &caller->application_id, UUID_LEN) != 0)
		report_not_found("application", PG_GETARG_UUID_P(argument));
	return caller->application_id;
}

static pg_uuid_t
named_application(const Caller *caller, FunctionCallInfo fcinfo, int argument)
{
	static Statement find = {
		"SELECT FROM appt.application WHERE id = $1", 1, {UUIDOID}, true
	};
	const pg_uuid_t *application_id = PG_GETARG_UUID_P(argument);

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	return *application_id;
}

static char *
own_user(const Caller *caller)
{
	if (caller->user_id == NULL)
		refuse_without_sub();
	return caller->user_id;
}

/* May the caller act for other users than itself? */
static bool
acts_for_others(const Caller *caller)
{
	return (caller->role & (CALLER_ADMIN | CALLER_UNRESTRICTED)) != 0;
}

pg_uuid_t
acting_application(const Caller *caller, FunctionCallInfo fcinfo, int application_argument)
{
	if (!acts_for_others(caller))
		return own_application(caller, fcinfo, application_argument);
	require_argument(fcinfo, application_argument, "application_id");
	return named_application(caller, fcinfo, application_argument);
}

ActingUser
acting_user_of(const Caller *caller, const pg_uuid_t *application_id, FunctionCallInfo fcinfo, int user_argument)
{
	ActingUser	user = {.application_id = *application_id, .user_id = optional_text(fcinfo, user_argument, "user_id")};

	if (caller->role == CALLER_UNRESTRICTED)
		require_argument(fcinfo, user_argument, "user_id");
	user.is_named = user.user_id != NULL;
	if (!user.is_named)
		user.user_id = own_user(caller);
	else if (!acts_for_others(caller) && strcmp(user.user_id, own_user(caller)) != 0)
		report_text_not_found("user", user.user_id);
	return user;
}

ActingUser
acting_user(const Caller *caller, FunctionCallInfo fcinfo, int application_argument, int user_argument)
{
	pg_uuid_t	application_id;

	if (acts_for_others(caller))
		require_argument(fcinfo, application_argument, "application_id");
	if (caller->role == CALLER_UNRESTRICTED)
		require_argument(fcinfo, user_argument, "user_id");
	application_id = acting_application(caller, fcinfo, application_argument);
	return acting_user_of(caller, &application_id, fcinfo, user_argument);
}

void
require_profile(const ActingUser *user)
{
	static Statement find = {
		"SELECT FROM appt.user_profile WHERE application_id = $1 AND id = $2", 2, {UUIDOID, TEXTOID}, true
	};

	if (statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id)) == 0)
		report_text_not_found("user", user->user_id);
}
