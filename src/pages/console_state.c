/*
 * console_state.c
 *		Has the log of the caller's applications changed?
 *
 * The answer is made of counts in shared memory (core/log_changes.h), so that a
 * console may ask every few seconds. Some changes are not counted: responses,
 * receipts, what a switch suppresses, what another session committed as a prepared
 * transaction. For these the answer changes every minute; every five seconds where the
 * server counts nothing, because it did not preload appt.
 */
#include "postgres.h"

#include <inttypes.h>

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/call.h"
#include "core/log_changes.h"
#include "core/rest_request.h"
#include "core/rest_response.h"
#include "core/row.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(console_state);

#define PERIOD USECS_PER_MINUTE
#define PERIOD_WITHOUT_COUNTS (5 * USECS_PER_SEC)

typedef struct State
{
	uint64		digest;
	TimeOffset	period;
} State;

static void
add_number(State *state, uint64 number)
{
	state->digest = hash_combine64(state->digest, hash_bytes_extended((const unsigned char *) &number, sizeof(number), 0));
}

static void
add_application(State *state, const pg_uuid_t *application_id)
{
	uint64		count = 0;

	if (!log_changes_count(application_id, &count))
		state->period = PERIOD_WITHOUT_COUNTS;
	add_number(state, count);
}

/* Those of the organization; for unrestricted callers all. */
static void
add_applications(State *state, const Caller *caller)
{
	static Statement find = {
		"SELECT id FROM appt.application WHERE $1::uuid IS NULL OR organization_id = $1 ORDER BY id", 1, {UUIDOID}, true
	};
	NullableDatum organization = sql_uuid(caller->role == CALLER_ADMIN ? &caller->organization_id : NULL);
	uint64		rows = statement_run_nullable(&find, &organization);

	for (uint64 n = 0; n < rows; n++)
	{
		pg_uuid_t	id = next_uuid(ROW(n));

		add_application(state, &id);
	}
}

static char *
state_text(const Caller *caller)
{
	State		state = {.period = PERIOD};

	if (caller->role == CALLER_ADMIN || caller->role == CALLER_UNRESTRICTED)
		add_applications(&state, caller);
	else
		add_application(&state, &caller->application_id);
	add_number(&state, GetCurrentTimestamp() / state.period);
	return psprintf("%016" PRIx64, state.digest);
}

/* If-None-Match may list several, each with W/ before it. */
static void
answer_by_etag(const char *text)
{
	ResponseHeader headers[] = {{"ETag", psprintf("\"%s\"", text)}, {"Cache-Control", "no-cache"}};
	char	   *known = request_header("if-none-match");

	response_set_headers(headers, lengthof(headers));
	if (known != NULL && strstr(known, headers[0].value) != NULL)
		response_set_status(304);
}

/*
 * appt.console_state() -> text
 *
 * Source: people.md section 3, "Console".
 */
Datum
console_state(PG_FUNCTION_ARGS)
{
	Call		call;
	char	   *text;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	text = MemoryContextStrdup(call.context, state_text(&call.caller));
	call_end(&call);
	answer_by_etag(text);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
