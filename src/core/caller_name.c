/*
 * caller_name.c
 *		The name of whoever makes a change.
 *
 * Functions run as the extension's owner, so the current user does not tell.
 * PostgREST takes the role of the token by SET ROLE: that role is the outer
 * user, also inside functions. A name gives no rights: it is shown to people,
 * and keeps idempotency keys apart. call.c decides who may do what.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"

#include "core/call.h"
#include "core/caller_name.h"

PG_FUNCTION_INFO_V1(caller_name_shown);

static bool
is_worker(void)
{
	return MyBgworkerEntry != NULL && strcmp(MyBgworkerEntry->bgw_type, WORKER_TYPE) == 0;
}

/*
 * A superuser is a member of every role: its session acts for a token only
 * while it has the role of an API user, as in tests.
 */
static bool
speaks_for_token(Oid role)
{
	Oid			login = GetSessionUserId();

	return role != login && session_is_believed() &&
		(!superuser_arg(login) || user_acts_by_token(role));
}

char *
caller_name(void)
{
	Oid			role = GetOuterUserId();
	char	   *sub;

	if (is_worker())
		return pstrdup(WORKER_TYPE);
	if (!speaks_for_token(role))
		return psprintf("login:%s", GetUserNameFromId(GetSessionUserId(), false));
	sub = claimed_sub();
	if (sub == NULL)
		return GetUserNameFromId(role, false);
	return psprintf("%s:%s", GetUserNameFromId(role, false), sub);
}

/* appt.caller_name() -> text */
Datum
caller_name_shown(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(caller_name()));
}
