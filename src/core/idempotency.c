/*
 * idempotency.c
 *		Executing a call once, however often it is sent.
 *
 * A client that got no answer cannot know whether its call was executed. It
 * sends the call again with the same key, and gets the result of the first.
 *
 * A key is a row of appt.idempotency_key, unique by application, function,
 * caller and key. The call inserts it before it does anything else. Concurrent
 * calls wait in the unique index for the transaction of the first, and for
 * nothing else. When it commits they read its result; when it is rolled back,
 * so is its row, and one of them inserts its own. There is no other lock. At
 * REPEATABLE READ and SERIALIZABLE a call that waited gets 40001, because its
 * snapshot does not have the first result.
 *
 * The digest of the arguments distinguishes a repeated call from another one
 * with the same key. The row is deleted together with the call's result: by a
 * foreign key or, where the result is a notification, by the log's retention
 * (worker/retention.c). A foreign key to appt.notification would make every
 * state change of every notification more expensive.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/call_digest.h"
#include "core/caller_name.h"
#include "core/errors.h"
#include "core/idempotency.h"
#include "core/rest_request.h"
#include "core/row.h"
#include "core/statement.h"

/* Parameters of statements about a call's row. */
#define KEY_ARGUMENTS 5
#define KEY_TYPES {UUIDOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID}
#define OF_CALL "application_id = $1 AND function_name = $2 AND caller = $3 AND key = $4"

/* ---- the key ---- */

static char *
not_empty(char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : text;
}

static char *
key_of(FunctionCallInfo fcinfo, int key_argument)
{
	char	   *argument = not_empty(text_argument(fcinfo, key_argument));
	char	   *header = not_empty(request_header("idempotency-key"));

	if (argument != NULL && header != NULL && strcmp(argument, header) != 0)
		report_invalid("conflicting idempotency keys",
					   "The argument is \"%s\", the header Idempotency-Key \"%s\".", argument, header);
	return argument != NULL ? argument : header;
}

static void
check_length(const char *key)
{
	int			length = pg_mbstrlen(key);

	if (length > MAX_IDEMPOTENCY_KEY)
		report_invalid("idempotency key too long", "The key has %d characters, more than %d.",
					   length, MAX_IDEMPOTENCY_KEY);
}

KeyedCall *
keyed_call(FunctionCallInfo fcinfo, const pg_uuid_t *application_id, int key_argument)
{
	char	   *key = key_of(fcinfo, key_argument);
	KeyedCall  *call;

	if (key == NULL)
		return NULL;
	check_length(key);
	call = (KeyedCall *) palloc(sizeof(KeyedCall));
	call->application_id = *application_id;
	call->function_name = get_func_name(fcinfo->flinfo->fn_oid);
	call->caller = caller_name();
	call->key = key;
	call->arguments = call_digest_without(fcinfo, 0, PG_NARGS(), key_argument);
	return call;
}

/* ---- the row of a key ---- */

static uint64
run(Statement *statement, const KeyedCall *call)
{
	return statement_run(statement, UUIDPGetDatum(&call->application_id),
						 text_datum(call->function_name), text_datum(call->caller),
						 text_datum(call->key), PointerGetDatum(call->arguments));
}

static bool
insert_key(const KeyedCall *call)
{
	static Statement insert = {
		"INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (application_id, function_name, caller, key) DO NOTHING",
		KEY_ARGUMENTS, KEY_TYPES
	};

	return run(&insert, call) > 0;
}

static bool
find_key(const KeyedCall *call)
{
	static Statement find = {
		"SELECT arguments = $5, appointment_id, user_event_id, notification_id"
		" FROM appt.idempotency_key WHERE " OF_CALL,
		KEY_ARGUMENTS, KEY_TYPES
	};

	return run(&find, call) > 0;
}

static void
report_reused(const KeyedCall *call)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_CONFLICT),
			 errmsg("the idempotency key belongs to another call"),
			 errdetail("A call of \"%s\" with other arguments was carried out under \"%s\".",
					   call->function_name, call->key),
			 errhint("Repeat a call with exactly the same arguments, and use a new key for every other call.")));
}

/* The rest of a row of find_key. */
static CallResult *
read_result(Row *row)
{
	CallResult *result = (CallResult *) palloc(sizeof(CallResult));

	result->appointment_id = next_uuid_or_null(row);
	result->user_event_id = next_int64(row);
	result->notification_id = next_int64(row);
	return result;
}

CallResult *
keyed_call_claim(const KeyedCall *call)
{
	if (call == NULL)
		return NULL;

	/* The row that conflicted may be deleted before it is read. */
	while (!insert_key(call))
	{
		Row		   *row;

		CHECK_FOR_INTERRUPTS();
		if (!find_key(call))
			continue;
		row = ROW(0);
		if (!next_bool(row))
			report_reused(call);
		return read_result(row);
	}
	return NULL;
}

static NullableDatum
id_or_null(int64 id)
{
	return id == 0 ? SQL_NULL : SQL_VALUE(Int64GetDatum(id));
}

void
keyed_call_keep(const KeyedCall *call, const CallResult *result)
{
	static Statement keep = {
		"UPDATE appt.idempotency_key SET appointment_id = $5, user_event_id = $6, notification_id = $7"
		" WHERE " OF_CALL,
		7, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, INT8OID, INT8OID}
	};

	if (call != NULL)
	{
		const NullableDatum arguments[] = {
			sql_uuid(&call->application_id), sql_text(call->function_name), sql_text(call->caller),
			sql_text(call->key), sql_uuid(result->appointment_id),
			id_or_null(result->user_event_id), id_or_null(result->notification_id)
		};

		(void) statement_run_nullable(&keep, arguments);
	}
}
