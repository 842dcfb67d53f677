/*
 * user_names.c
 *		Ids and names of the users of an application, which all its users may
 *		know; the rest of a profile is private.
 */
#include "postgres.h"

#include "funcapi.h"

#include "core/call.h"
#include "core/statement.h"
#include "users/acting_user.h"

PG_FUNCTION_INFO_V1(user_names);

/*
 * appt.user_names(application_id uuid = null) -> setof (id text, name text)
 *
 * Enabled users. 22023, PT404: as acting_user.h. Source: people.md section 2, "Who
 * sees".
 */
Datum
user_names(PG_FUNCTION_ARGS)
{
	static Statement find = {
		"SELECT u.id, u.name FROM appt.user_profile u WHERE u.application_id = $1 AND u.enabled ORDER BY u.id",
		1, {UUIDOID}, true
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_uuid_t	application_id;
	NullableDatum arguments[1];
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	application_id = acting_application(&call.caller, fcinfo, 0);
	arguments[0] = sql_uuid(&application_id);
	statement_store(&find, arguments, result->setResult);
	call_end(&call);
	return (Datum) 0;
}
