/*
 * codes.c
 *		One-time codes as rows: who asked, how often, and what was used.
 *
 * A row has no code in it, see core/one_time_code.c. The latest row of a
 * contact is the only one that counts, so asking again makes older codes
 * invalid. Using one locks its row: of two that use it at the same time, the
 * second finds it used; if the first is undone (no place was left, say), it is
 * still good.
 *
 * Requests are counted by their rows. One that is undone needs no counting:
 * its message was planned in the same transaction and is not sent. Limits are
 * exact: who asks waits for all others who ask in the same application and
 * have not committed yet, and counts what has been committed since, whatever
 * snapshot its transaction has. Purposes are counted apart, so that nobody can
 * keep an admin from verifying a sender by asking in its name.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/snapmgr.h"

#include "core/errors.h"
#include "core/json.h"
#include "core/request.h"
#include "core/statement.h"
#include "notify/codes.h"
#include "notify/planning.h"

/* So many requests, for one purpose within one application, are granted in this time. */
#define REQUEST_WINDOW (10 * USECS_PER_MINUTE)
#define MAX_PER_CONTACT 3
#define MAX_PER_CLIENT 20
#define MAX_PER_APPLICATION 300

/* What tells this lock from those that pg_advisory_lock() can name: they use 1 and 2 as kinds. */
#define REQUEST_LOCK_KIND 0xa9

/* Until the transaction ends, nobody else asks for a code in this application. */
static void
lock_requests(const pg_uuid_t *application_id)
{
	uint64		hash = hash_bytes_extended(application_id->data, UUID_LEN, 0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, REQUEST_LOCK_KIND);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static void
report_too_many(const char *whose, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_TOO_MANY),
			 errmsg("too many one-time codes asked for"),
			 errdetail("%s may ask for %d codes within 10 minutes.", whose, limit),
			 errhint("Wait a few minutes.")));
}

/* Mail servers hardly ever tell local parts apart by case: to the limit they are one contact. */
static void
check_limits(const pg_uuid_t *application_id, const char *purpose, const char *contact,
			 const char *client_address, TimestampTz now)
{
	static Statement count = {
		"SELECT count(*), count(*) FILTER (WHERE lower(contact COLLATE \"C\") = lower($3 COLLATE \"C\")),"
		" count(*) FILTER (WHERE client_address = $4::inet)"
		" FROM appt.one_time_code WHERE application_id = $1 AND purpose = $2 AND requested_at > $5",
		5, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}, true
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id),
		sql_text(purpose),
		sql_text(contact),
		sql_text(client_address),
		SQL_VALUE(TimestampTzGetDatum(now - REQUEST_WINDOW))
	};

	PushActiveSnapshot(GetLatestSnapshot());
	(void) statement_run_nullable(&count, arguments);
	PopActiveSnapshot();
	if (row_int64(0, 2) >= MAX_PER_CONTACT)
		report_too_many("A contact", MAX_PER_CONTACT);
	if (row_int64(0, 3) >= MAX_PER_CLIENT)
		report_too_many("A client address", MAX_PER_CLIENT);
	if (row_int64(0, 1) >= MAX_PER_APPLICATION)
		report_too_many("An application", MAX_PER_APPLICATION);
}

static pg_uuid_t
insert_code(const pg_uuid_t *application_id, const char *purpose, const char *contact,
			const char *client_address, TimestampTz now)
{
	static Statement insert = {
		"INSERT INTO appt.one_time_code (application_id, purpose, contact, client_address, requested_at, expires_at)"
		" VALUES ($1, $2, $3, $4::inet, $5, $6) RETURNING nonce",
		6, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id),
		sql_text(purpose),
		sql_text(contact),
		sql_text(client_address),
		SQL_VALUE(TimestampTzGetDatum(now)),
		SQL_VALUE(TimestampTzGetDatum(now + ONE_TIME_CODE_LIFETIME))
	};

	(void) statement_run_nullable(&insert, arguments);
	return row_uuid(0, 1);
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

void
code_request(const pg_uuid_t *application_id, const char *purpose, const Contact *contact)
{
	char	   *key = channel_address_key(contact->channel, contact->address);
	char	   *client_address = request_client_address();
	TimestampTz now;
	pg_uuid_t	nonce;

	lock_requests(application_id);
	now = GetCurrentTimestamp();
	check_limits(application_id, purpose, key, client_address, now);
	nonce = insert_code(application_id, purpose, key, client_address, now);
	(void) plan_to_address(application_id, TYPE_CODE, contact->channel, contact->address,
						   code_context(purpose, &nonce), now);
}

static void
mark_used(const pg_uuid_t *application_id, int64 id)
{
	static Statement use = {
		"UPDATE appt.one_time_code SET used_at = clock_timestamp() WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, INT8OID}
	};

	(void) statement_run(&use, UUIDPGetDatum(application_id), Int64GetDatum(id));
}

CodeAnswer
code_redeem(const pg_uuid_t *application_id, const char *purpose,
			const Contact *contact, const char *guess)
{
	/*
	 * Whether it may be used is looked at after the lock: a condition here
	 * would find the one before.
	 */
	static Statement lock_latest = {
		"SELECT id, nonce, expires_at, used_at IS NOT NULL FROM appt.one_time_code"
		" WHERE application_id = $1 AND purpose = $2 AND contact = $3 ORDER BY id DESC LIMIT 1 FOR UPDATE",
		3, {UUIDOID, TEXTOID, TEXTOID}
	};
	OneTimeCode code = {.application_id = *application_id, .purpose = purpose};
	TimestampTz now;
	TimestampTz expires_at;
	int64		id;

	code.contact = channel_address_key(contact->channel, contact->address);
	if (statement_run(&lock_latest, UUIDPGetDatum(application_id), text_datum(purpose),
					  text_datum(code.contact)) == 0)
		return CODE_ABSENT;
	id = row_int64(0, 1);
	code.nonce = row_uuid(0, 2);
	expires_at = row_timestamp(0, 3);
	now = GetCurrentTimestamp();
	if (expires_at <= now || row_bool(0, 4))
		return CODE_ABSENT;
	switch (one_time_code_guess(&code, guess, expires_at, now))
	{
		case GUESS_RIGHT:
			mark_used(application_id, id);
			return CODE_ACCEPTED;
		case GUESS_WRONG:
			return CODE_WRONG;
		case GUESS_REFUSED:
			break;
	}
	return CODE_ABSENT;
}
