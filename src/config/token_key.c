/*
 * token_key.c
 *		Rotating the key of the tokens in links.
 */
#include "postgres.h"

#include "config/application.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/statement.h"
#include "notify/application_keys.h"

PG_FUNCTION_INFO_V1(rotate_token_key);

/*
 * The keys so far prove tokens for `overlap` more. Those that expire earlier keep
 * their time; the oldest go at once if there are too many.
 */
static void
retire_keys(const pg_uuid_t *application_id, Datum overlap)
{
	static Statement retire = {
		"UPDATE appt.secret SET expires_at = statement_timestamp() + $2"
		" WHERE application_id = $1 AND name = 'TOKEN_KEY'"
		"  AND (expires_at IS NULL OR expires_at > statement_timestamp() + $2)",
		2, {UUIDOID, INTERVALOID}
	};
	static Statement forget = {
		"DELETE FROM appt.secret WHERE application_id = $1 AND name = 'TOKEN_KEY'"
		" AND (expires_at <= statement_timestamp() OR id IN ("
		"  SELECT s.id FROM appt.secret s WHERE s.application_id = $1 AND s.name = 'TOKEN_KEY'"
		"   AND (s.expires_at IS NULL OR s.expires_at > statement_timestamp())"
		"  ORDER BY " LATEST_KEY_FIRST("s") " OFFSET $2))",
		2, {UUIDOID, INT8OID}
	};

	(void) statement_run(&retire, UUIDPGetDatum(application_id), overlap);
	(void) statement_run(&forget, UUIDPGetDatum(application_id), Int64GetDatum(MAX_APPLICATION_KEYS - 1));
}

/*
 * appt.rotate_token_key(application_id uuid, overlap interval = '30 days') -> void
 *
 * Makes a new key, which signs the links of messages from now on; those signed
 * before work for `overlap` more, 0 ends them at once. A fifth key ends the
 * oldest. 22023: an interval with months or below 0. PT404: no such application.
 * Source: people.md section 3.
 */
Datum
rotate_token_key(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Call		call;

	require_argument(fcinfo, 0, "application_id");
	check_elapsed(fcinfo, 1, "overlap", true);
	application_id = PG_GETARG_UUID_P(0);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, application_id);
	retire_keys(application_id, PG_GETARG_DATUM(1));
	(void) application_key_create(application_id, TOKEN_KEY_NAME);
	call_end(&call);
	PG_RETURN_VOID();
}
