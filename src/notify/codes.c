/*
 * codes.c
 *		One-time codes as rows: requests, their limits, and use.
 *
 * A row does not contain the code (core/one_time_code.c). Only the latest row of a
 * contact is valid, so a new request invalidates older codes. Using a code locks
 * its row: of two calls that use it at the same time, the second finds it used; if
 * the first is rolled back, for instance because the time was taken, the code
 * remains valid.
 *
 * Requests are counted at once in shared memory (core/code_counts.c), so they do
 * not wait for each other's transactions and count even if they are rolled back.
 * Rows are counted, too, for requests that were committed before the server
 * started, or whose codes shared memory dropped for lack of room. Each purpose has its own counts,
 * so that a stranger's requests can't keep an admin from verifying a sender.
 *
 * A code can be redeemed only after its request is committed, so not by the
 * transaction that requested it: that one could be rolled back, and no row would
 * limit the next request.
 *
 * The row of a used code has the appointment that was booked with it and a digest
 * of the call's arguments. It is kept as long as the customer is a participant: a
 * customer who was removed must not read the appointment any more.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "channel/channel.h"
#include "core/code_counts.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/node.h"
#include "core/rest_request.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/codes.h"
#include "notify/planned.h"

static void
report_too_many(const char *requester, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_TOO_MANY),
			 errmsg("too many one-time codes asked for"),
			 errdetail("%s may ask for %d codes within 10 minutes.", requester, limit),
			 errhint("Wait a few minutes.")));
}

static void
require_within(CodeLimit limit)
{
	switch (limit)
	{
		case CODE_LIMIT_NONE:
			break;
		case CODE_LIMIT_CONTACT:
			report_too_many("A contact", CODES_PER_CONTACT);
			break;
		case CODE_LIMIT_CLIENT:
			report_too_many("A client address", CODES_PER_CLIENT);
			break;
		case CODE_LIMIT_APPLICATION:
			report_too_many("An application", CODES_PER_APPLICATION);
			break;
	}
}

/* Committed requests. Contacts are compared as in core/code_counts.c. */
static CodeRequests
count_rows(const CodeRequest *request, TimestampTz now)
{
	static Statement count = {
		"SELECT count(*), count(*) FILTER (WHERE lower(contact COLLATE \"C\") = lower($3 COLLATE \"C\")),"
		" count(*) FILTER (WHERE client_address = $4::inet)"
		" FROM appt.one_time_code WHERE application_id = $1 AND purpose = $2 AND requested_at > $5",
		5, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}, true
	};
	NullableDatum arguments[] = {
		sql_uuid(&request->code.application_id),
		sql_text(request->code.purpose),
		sql_text(request->code.contact),
		sql_text(request->client_address),
		SQL_VALUE(TimestampTzGetDatum(now - ONE_TIME_CODE_LIFETIME))
	};
	CodeRequests requests;
	Row		   *row;

	PushActiveSnapshot(GetLatestSnapshot());
	(void) statement_run_nullable(&count, arguments);
	PopActiveSnapshot();
	row = ROW(0);
	requests.by_application = next_int64(row);
	requests.by_contact = next_int64(row);
	requests.by_client = next_int64(row);
	return requests;
}

static void
check_limits(const CodeRequest *request, TimestampTz now)
{
	CodeRequests rows = count_rows(request, now);

	require_within(code_limit(&rows));
	require_within(code_counts_request(request, now));
}

static void
insert_code(const CodeRequest *request, TimestampTz now)
{
	static Statement insert = {
		"INSERT INTO appt.one_time_code (application_id, purpose, contact, nonce, client_address, requested_at, expires_at)"
		" VALUES ($1, $2, $3, $4, $5::inet, $6, $7)",
		7, {UUIDOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(&request->code.application_id),
		sql_text(request->code.purpose),
		sql_text(request->code.contact),
		sql_uuid(&request->code.nonce),
		sql_text(request->client_address),
		SQL_VALUE(TimestampTzGetDatum(now)),
		SQL_VALUE(TimestampTzGetDatum(now + ONE_TIME_CODE_LIFETIME))
	};

	(void) statement_run_nullable(&insert, arguments);
}

/* What the worker derives the code from: see compose.c. */
static Jsonb *
code_context(const char *purpose, const pg_uuid_t *nonce)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "purpose", purpose);
	json_push_member(&state, "nonce", uuid_text(nonce));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static CodeRequest
new_request(const pg_uuid_t *application_id, const char *purpose, const Contact *contact)
{
	static Statement begin = {
		"SELECT a.organization_id, gen_random_uuid() FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION, 1, {UUIDOID}
	};
	CodeRequest request = {
		.code = {
			.application_id = *application_id,
			.purpose = purpose,
			.contact = channel_address_key(contact->channel, contact->address)
		},
		.client_address = request_client_address()
	};
	Row		   *row;

	if (statement_run(&begin, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	request.organization_id = next_uuid(row);
	request.code.nonce = next_uuid(row);
	return request;
}

static void
plan_code(const CodeRequest *request, const Contact *contact, TimestampTz now)
{
	NamedMessage message = {
		.application_id = request->code.application_id,
		.type = TYPE_CODE,
		.channel = contact->channel,
		.recipient_kind = contact->user_id != NULL ? "USER" : "ADDRESS",
		.recipient_id = contact->user_id != NULL ? contact->user_id : contact->address,
		.address = contact->address,
		.context = code_context(request->code.purpose, &request->code.nonce),
		.due_at = now
	};

	(void) plan_named_message(&message);
}

void
code_request(const pg_uuid_t *application_id, const char *purpose, const Contact *contact)
{
	CodeRequest request = new_request(application_id, purpose, contact);
	TimestampTz now = GetCurrentTimestamp();

	check_limits(&request, now);
	insert_code(&request, now);
	plan_code(&request, contact, now);
}

/* A contact's latest row, the only valid one, locked. */
typedef struct LatestCode
{
	int64		id;
	OneTimeCode code;
	TimestampTz expires_at;
	bool		is_used;
	bool		is_ours;		/* this transaction asked for it */
} LatestCode;

/* False if no code was requested. Waits for a transaction that uses it. */
static bool
lock_latest(const pg_uuid_t *application_id, const char *purpose, const Contact *contact,
			LatestCode *latest)
{
	/*
	 * Codes do not move between nodes, for the server that made them has
	 * their key: those that came from a higher node are passed over, those of
	 * a lower are older. Whether it may be used is checked after it is
	 * locked: a condition here would find an older row. Until a row is used,
	 * its xmin is the transaction that inserted it.
	 */
	static Statement lock = {
		"SELECT id, nonce, expires_at, used_at IS NOT NULL, xmin FROM appt.one_time_code"
		" WHERE application_id = $1 AND purpose = $2 AND contact = $3 AND id <= " LAST_OWN("one_time_code")
		" ORDER BY id DESC LIMIT 1 FOR UPDATE",
		3, {UUIDOID, TEXTOID, TEXTOID}
	};
	char	   *key = channel_address_key(contact->channel, contact->address);
	Row		   *row;

	if (statement_run(&lock, UUIDPGetDatum(application_id), text_datum(purpose), text_datum(key)) == 0)
		return false;
	row = ROW(0);
	latest->id = next_int64(row);
	latest->code = (OneTimeCode) {*application_id, purpose, key, next_uuid(row)};
	latest->expires_at = next_timestamp(row);
	latest->is_used = next_bool(row);
	latest->is_ours = TransactionIdIsCurrentTransactionId(DatumGetTransactionId(next_value(row).value));
	return true;
}

CodeAnswer
code_redeem(const pg_uuid_t *application_id, const char *purpose,
			const Contact *contact, const char *guess, int64 *id)
{
	TimestampTz now;
	LatestCode	latest;

	if (!lock_latest(application_id, purpose, contact, &latest))
		return CODE_ABSENT;
	now = GetCurrentTimestamp();
	if (latest.is_used || latest.is_ours || latest.expires_at <= now)
		return CODE_ABSENT;
	*id = latest.id;
	switch (code_counts_guess(&latest.code.nonce, one_time_code_is(&latest.code, guess), now))
	{
		case GUESS_RIGHT:
			return CODE_ACCEPTED;
		case GUESS_WRONG:
			return CODE_WRONG;
		case GUESS_REFUSED:
			break;
	}
	return CODE_ABSENT;
}

/* The server's log must not contain the guess, which may be a code that is still valid. */
void
code_require_accepted(CodeAnswer answer, const char *requested_by)
{
	switch (answer)
	{
		case CODE_ACCEPTED:
			break;
		case CODE_WRONG:
			ereport(ERROR,
					(errcode(ERRCODE_APPT_WRONG_CODE),
					 errmsg("wrong one-time code"),
					 errdetail("It is not the code that was sent last."),
					 errhint("After %d wrong codes the right one is void.", ONE_TIME_CODE_TRIES),
					 errhidestmt(true)));
			break;
		case CODE_ABSENT:
			ereport(ERROR,
					(errcode(ERRCODE_APPT_NOT_FOUND),
					 errmsg("no valid one-time code"),
					 errdetail("No code was requested, or it has expired, was used, or was guessed at %d times.",
							   ONE_TIME_CODE_TRIES),
					 errhint("Request a code with %s.", requested_by),
					 errhidestmt(true)));
			break;
	}
}

void
code_use(const pg_uuid_t *application_id, int64 id, const CodeUse *use)
{
	static Statement mark = {
		"UPDATE appt.one_time_code SET used_at = clock_timestamp(), appointment_id = $3, participant_id = $4, arguments = $5"
		" WHERE application_id = $1 AND id = $2",
		5, {UUIDOID, INT8OID, UUIDOID, TEXTOID, BYTEAOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id),
		SQL_VALUE(Int64GetDatum(id)),
		sql_uuid(use ? &use->appointment_id : NULL),
		sql_text(use ? use->participant_id : NULL),
		use ? SQL_VALUE(PointerGetDatum(use->arguments)) : SQL_NULL
	};

	(void) statement_run_nullable(&mark, arguments);
}

bool
code_find_use(const pg_uuid_t *application_id, const Contact *contact, const char *guess, CodeUse *use)
{
	static Statement find = {
		"SELECT nonce, appointment_id FROM appt.one_time_code"
		" WHERE application_id = $1 AND contact = $2 AND arguments = $3 AND appointment_id IS NOT NULL"
		" AND id <= " LAST_OWN("one_time_code") " ORDER BY id DESC LIMIT 1",
		3, {UUIDOID, TEXTOID, BYTEAOID}
	};
	LatestCode	latest;
	OneTimeCode code;
	Row		   *row;

	/*
	 * Wait for a call that is using the code right now, to find the
	 * appointment that it books.
	 */
	if (!lock_latest(application_id, CODE_FOR_CUSTOMER, contact, &latest))
		return false;
	code = latest.code;
	if (statement_run(&find, UUIDPGetDatum(application_id), text_datum(code.contact),
					  PointerGetDatum(use->arguments)) == 0)
		return false;
	row = ROW(0);
	code.nonce = next_uuid(row);
	use->appointment_id = next_uuid(row);
	return code_counts_guess_used(&code.nonce, one_time_code_is(&code, guess)) == GUESS_RIGHT;
}
