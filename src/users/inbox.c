/*
 * inbox.c
 *		The inbox of a user: messages over the channel IN_APP that are delivered.
 *
 * They are listed in the order in which they fell due, the latest first. That is
 * the order of their delivery; the order of their ids is not, because a reminder is
 * planned days before. Each of the two indexes has them in this order: one has what
 * is read, the other what is not, and also what is not due yet or will never be
 * sent. So however large an inbox is, a page reads about as many rows as it shows.
 *
 * A page ends early where its texts and payloads would exceed PAGE_BYTES.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/plans.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "users/acting_user.h"

PG_FUNCTION_INFO_V1(inbox);
PG_FUNCTION_INFO_V1(mark_read);

#define DEFAULT_PAGE_SIZE 25
#define MAX_PAGE_SIZE 1000
#define PAGE_BYTES (4 * 1024 * 1024)

/* Messages that one call of mark_read can mark. */
#define MAX_MARKED 10000
#define MAX_MARKED_TEXT "10000"

/* Arguments of inbox. */
enum
{
	ARGUMENT_UNREAD, ARGUMENT_PAGE_SIZE, ARGUMENT_BEFORE, ARGUMENT_USER_ID, ARGUMENT_APPLICATION_ID
};

/* Where a page begins: after the message with this due time and id. */
typedef struct Position
{
	TimestampTz due_at;
	int64		id;
} Position;

/* ---- where it begins ---- */

/* Nothing is due later, so what waits for its time is passed over. */
static Position
newest(void)
{
	return (Position) {GetCurrentTimestamp(), PG_INT64_MAX};
}

/* OFFSET 0: found by its id, however few rows there were when this was planned. */
static Position
position_of(const ActingUser *user, int64 id)
{
	static Statement find = {
		"SELECT n.due_at FROM (SELECT * FROM appt.notification WHERE id = $3 OFFSET 0) n"
		" WHERE n.application_id = $1 AND n.recipient_id = $2 AND n.channel = 'IN_APP'",
		3, {UUIDOID, TEXTOID, INT8OID}, true
	};

	if (statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
					  Int64GetDatum(id)) == 0)
		report_text_not_found("message", psprintf(INT64_FORMAT, id));
	return (Position) {next_timestamp(ROW(0)), id};
}

/* ---- the page ---- */

#define DELIVERED \
	"SELECT n.id, n.application_id, n.type, n.due_at, n.attempt_count, n.user_event_id, n.read_at" \
	" FROM appt.notification n" \
	" WHERE n.application_id = $1 AND n.recipient_id = $2 AND n.channel = 'IN_APP'" \
	"  AND (n.due_at, n.id) < ($3, $4) AND n.state = 'SENT'"
#define UNREAD DELIVERED " AND n.read_at IS NULL ORDER BY n.due_at DESC, n.id DESC LIMIT $5"
#define READ DELIVERED " AND n.read_at IS NOT NULL ORDER BY n.due_at DESC, n.id DESC LIMIT $5"

/* The last attempt is the one that delivered it. */
#define PAGE_OF(messages) \
	{ \
		"SELECT n.id, n.type, a.subject, a.text_body, e.payload, a.finished_at, n.read_at" \
		" FROM (" messages ") n" \
		" LEFT JOIN appt.attempt a ON a.notification_id = n.id AND a.attempt_number = n.attempt_count" \
		" LEFT JOIN appt.user_event e ON e.application_id = n.application_id AND e.id = n.user_event_id" \
		" ORDER BY n.due_at DESC, n.id DESC LIMIT $5", \
		5, {UUIDOID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID}, true \
	}

static Statement page_of_all = PAGE_OF("(" UNREAD ") UNION ALL (" READ ")");
static Statement page_of_unread = PAGE_OF(UNREAD);
static Statement page_of_read = PAGE_OF(READ);

static Statement *
page_statement(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARGUMENT_UNREAD))
		return &page_of_all;
	return PG_GETARG_BOOL(ARGUMENT_UNREAD) ? &page_of_unread : &page_of_read;
}

static void
push_time(JsonbParseState **state, const char *key, NullableDatum at)
{
	json_push_member(state, key, at.isnull ? NULL : timestamp_text(DatumGetTimestampTz(at.value)));
}

/* A row of page_statement. */
static void
push_message(JsonbParseState **state, Row *row)
{
	NullableDatum payload;

	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_number(state, "id", next_int64(row));
	json_push_member(state, "type", next_text(row));
	json_push_member(state, "title", next_text(row));
	json_push_member(state, "text", next_text(row));
	payload = next_value(row);
	if (payload.isnull)
		json_push_member(state, "payload", NULL);
	else
		json_push_jsonb(state, "payload", DatumGetJsonbP(payload.value));
	push_time(state, "created_at", next_value(row));
	push_time(state, "read_at", next_value(row));
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Bytes of the text and payload of such a row, without reading them; the title is short. */
static Size
bytes_of_message(uint64 number)
{
	Row		   *row = ROW(number);
	Size		bytes = 0;

	for (int i = 0; i < 5; i++)
	{
		NullableDatum value = next_value(row);

		if (i >= 3 && !value.isnull)
			bytes += toast_raw_datum_size(value.value);
	}
	return bytes;
}

/* How many of the rows one page shows: at least one. */
static int
count_shown(uint64 rows, int page_size)
{
	Size		bytes = 0;
	int			shown = 0;

	while (shown < Min(rows, (uint64) page_size))
	{
		bytes += bytes_of_message(shown);
		if (shown > 0 && bytes > PAGE_BYTES)
			break;
		shown++;
	}
	return shown;
}

typedef struct InboxPage
{
	Jsonb	   *content;
	bool		has_more;
} InboxPage;

static InboxPage
read_page(Statement *statement, const ActingUser *user, Position before, int page_size)
{
	JsonbParseState *state = NULL;
	uint64		rows = statement_run(statement, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
									 TimestampTzGetDatum(before.due_at), Int64GetDatum(before.id),
									 Int64GetDatum((int64) page_size + 1));
	int			shown = count_shown(rows, page_size);

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < shown; i++)
		push_message(&state, ROW(i));
	return (InboxPage) {JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)), rows > shown};
}

/* ---- what goes with it ---- */

/* The number of unread messages, up to 100, and the user's key: NULL without a profile. */
static Statement summarize = {
	"SELECT (SELECT count(*)::integer FROM ("
	"  SELECT FROM appt.notification n"
	"  WHERE n.application_id = $1 AND n.recipient_id = $2 AND n.channel = 'IN_APP' AND n.read_at IS NULL"
	"    AND n.due_at <= $3 AND n.state = 'SENT'"
	"  ORDER BY n.due_at DESC, n.id DESC LIMIT 100) u),"
	" (SELECT p.notify_key FROM appt.user_profile p WHERE p.application_id = $1 AND p.id = $2)",
	3, {UUIDOID, TEXTOID, TIMESTAMPTZOID}, true
};

static Datum
inbox_page(Call *call, FunctionCallInfo fcinfo, const ActingUser *user, int page_size)
{
	Position	before = PG_ARGISNULL(ARGUMENT_BEFORE) ? newest() : position_of(user, PG_GETARG_INT64(ARGUMENT_BEFORE));
	InboxPage	page = read_page(page_statement(fcinfo), user, before, page_size);
	Row		   *row;
	int32		unread;
	pg_uuid_t  *notify_key;

	(void) statement_run(&summarize, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
						 TimestampTzGetDatum(GetCurrentTimestamp()));
	row = ROW(0);
	unread = next_int32(row);
	notify_key = next_uuid_or_null(row);
	if (notify_key == NULL && user->is_named)
		report_text_not_found("user", user->user_id);
	{
		const NullableDatum columns[] = {
			sql_jsonb(page.content),
			SQL_VALUE(Int32GetDatum(unread)),
			SQL_VALUE(BoolGetDatum(page.has_more)),
			sql_uuid(notify_key)
		};

		return call_row(call, fcinfo, columns, lengthof(columns));
	}
}

/*
 * appt.inbox(unread boolean = null, page_size integer = 25, before bigint = null,
 *		user_id text = null, application_id uuid = null) -> appt.inbox_page
 *
 * 22023: a page_size out of 1 to 1000, or an admin or SQL application that does not
 * name the application, or the latter not the user. 42501: the token names no user.
 * PT404: application, user or the message `before` is unknown, or not the caller's.
 * Source: people.md, section 2.
 */
Datum
inbox(PG_FUNCTION_ARGS)
{
	Call		call;
	ActingUser	user;
	int			page_size = PG_ARGISNULL(ARGUMENT_PAGE_SIZE) ? DEFAULT_PAGE_SIZE : PG_GETARG_INT32(ARGUMENT_PAGE_SIZE);
	Datum		page;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	pin_order();
	check_range(fcinfo, ARGUMENT_PAGE_SIZE, "page_size", 1, MAX_PAGE_SIZE);
	user = acting_user(&call.caller, fcinfo, ARGUMENT_APPLICATION_ID, ARGUMENT_USER_ID);
	page = inbox_page(&call, fcinfo, &user, page_size);
	call_end(&call);
	return page;
}

/* ---- marking ---- */

/* The unread messages, the latest first, as an array. */
static Datum
find_unread(const ActingUser *user)
{
	static Statement find = {
		"SELECT coalesce(array_agg(u.id), '{}') FROM ("
		"  SELECT n.id FROM appt.notification n"
		"  WHERE n.application_id = $1 AND n.recipient_id = $2 AND n.channel = 'IN_APP' AND n.read_at IS NULL"
		"    AND n.due_at <= $3 AND n.state = 'SENT'"
		"  ORDER BY n.due_at DESC, n.id DESC LIMIT " MAX_MARKED_TEXT ") u",
		3, {UUIDOID, TEXTOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
						 TimestampTzGetDatum(GetCurrentTimestamp()));
	return next_value(ROW(0)).value;
}

static void
check_count(ArrayType *ids)
{
	int			count = ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));

	if (count > MAX_MARKED)
		report_invalid("too many messages", "There are %d ids; at most %d can be marked at once.", count, MAX_MARKED);
}

/* Those of these messages that are the user's, as an array. */
static Datum
find_own(const ActingUser *user, Datum ids)
{
	static Statement find = {
		"SELECT coalesce(array_agg(n.id), '{}') FROM (SELECT DISTINCT unnest($3) AS id) m CROSS JOIN LATERAL ("
		"  SELECT n.* FROM appt.notification n WHERE n.id = m.id OFFSET 0) n "
		"WHERE n.application_id = $1 AND n.recipient_id = $2 AND n.channel = 'IN_APP' AND n.state = 'SENT'",
		3, {UUIDOID, TEXTOID, INT8ARRAYOID}
	};

	(void) statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id), ids);
	return next_value(ROW(0)).value;
}

/* Locked in the order of ids, so that no two calls wait for each other. */
static int32
mark(Datum ids)
{
	static Statement mark_messages = {
		"WITH locked AS MATERIALIZED ("
		"  SELECT n.id FROM appt.notification n WHERE n.id = ANY ($1) AND n.read_at IS NULL"
		"  ORDER BY n.id FOR NO KEY UPDATE) "
		"UPDATE appt.notification n SET read_at = now() FROM locked l WHERE n.id = l.id RETURNING 1",
		1, {INT8ARRAYOID}
	};

	return (int32) statement_run(&mark_messages, ids);
}

/*
 * appt.mark_read(notification_ids bigint[] = null, user_id text = null, application_id uuid = null)
 *		-> integer, how many it marked
 *
 * 22023: more than 10,000 ids, and as in inbox; 42501, PT404: as in inbox.
 * Source: people.md, section 2.
 */
Datum
mark_read(PG_FUNCTION_ARGS)
{
	Call		call;
	ActingUser	user;
	int32		marked;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	pin_order();
	if (!PG_ARGISNULL(0))
		check_count(PG_GETARG_ARRAYTYPE_P(0));
	user = acting_user(&call.caller, fcinfo, 2, 1);
	if (user.is_named)
		require_profile(&user);
	marked = mark(PG_ARGISNULL(0) ? find_unread(&user) : find_own(&user, PG_GETARG_DATUM(0)));
	call_end(&call);
	PG_RETURN_INT32(marked);
}
