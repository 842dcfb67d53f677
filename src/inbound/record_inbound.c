/*
 * record_inbound.c
 *		Text messages that come in: recorded once, and told to the users of the
 *		line that has the number, and to subscribers.
 *
 * A provider that got no answer sends a message again, with the same id. The
 * unique index of these ids decides which call records it; others wait for its
 * transaction and return its result. At REPEATABLE READ and SERIALIZABLE a call
 * that waited gets 40001, because its snapshot does not have the message.
 *
 * The row has the ids of the events that it caused, so that the result can be
 * told again: each call reads it from there, also the first.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "channel/phone.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/column.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/planned.h"
#include "inbound/high_sms.h"

PG_FUNCTION_INFO_V1(record_inbound_sms);

/* Maximum bytes, as in the table: of a number or name, of an id, of a text. */
#define MAX_NUMBER 256
#define MAX_PROVIDER_ID 1024

enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_FROM_NUMBER, ARGUMENT_TO_NUMBER, ARGUMENT_TEXT,
	ARGUMENT_PROVIDER_MESSAGE_ID, ARGUMENT_RECEIVED_AT
};

typedef struct InboundMessage
{
	Conversation conversation;	/* application and normalized numbers */
	char	   *text;
	char	   *provider_message_id;	/* NULL: none */
	TimestampTz received_at;

	/* Once it is recorded. */
	int64		id;
	pg_uuid_t  *line_id;		/* that has the number; NULL: none */
} InboundMessage;

/* ---- the arguments ---- */

static char *
read_number(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *number = required_text(fcinfo, index, name);

	check_text_length(number, name, MAX_NUMBER);
	return number;
}

/* NULL if it is left out or empty. */
static char *
read_provider_message_id(FunctionCallInfo fcinfo)
{
	char	   *id = optional_text(fcinfo, ARGUMENT_PROVIDER_MESSAGE_ID, "provider_message_id");

	check_text_length(id, "provider_message_id", MAX_PROVIDER_ID);
	return id == NULL || id[0] == '\0' ? NULL : id;
}

static TimestampTz
read_received_at(FunctionCallInfo fcinfo)
{
	TimestampTz at;

	if (PG_ARGISNULL(ARGUMENT_RECEIVED_AT))
		return GetCurrentTransactionStartTimestamp();
	at = PG_GETARG_TIMESTAMPTZ(ARGUMENT_RECEIVED_AT);
	if (TIMESTAMP_NOT_FINITE(at))
		report_invalid("value out of range", "\"received_at\" is infinite.");
	return at;
}

/* Numbers as the caller writes them. A text may be empty, as that of a picture is. */
static void
read_message(FunctionCallInfo fcinfo, InboundMessage *message)
{
	require_arguments(fcinfo, ARGUMENT_PROVIDER_MESSAGE_ID);
	message->conversation.application_id = *PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	message->conversation.from_number = read_number(fcinfo, ARGUMENT_FROM_NUMBER, "from_number");
	message->conversation.to_number = read_number(fcinfo, ARGUMENT_TO_NUMBER, "to_number");
	message->text = optional_words(fcinfo, ARGUMENT_TEXT, "text");
	if (message->text == NULL)
		message->text = pstrdup("");
	message->provider_message_id = read_provider_message_id(fcinfo);
	message->received_at = read_received_at(fcinfo);
}

/* What the application says of it: how numbers without a country's code are read, and who asks for all messages. */
static bool
normalize_numbers(const Caller *caller, Conversation *conversation)
{
	static Statement find = {
		"SELECT a.calling_code, EXISTS (SELECT FROM appt.subscription s"
		"  WHERE s.application_id = a.id AND 'INBOUND_MESSAGE' = ANY (s.types))"
		" FROM appt.application a WHERE a.id = $1",
		1, {UUIDOID}
	};
	Row		   *row;
	char	   *calling_code;

	if (!caller_may_use_application(caller, &conversation->application_id) ||
		statement_run(&find, UUIDPGetDatum(&conversation->application_id)) == 0)
		report_not_found("application", &conversation->application_id);
	row = ROW(0);
	calling_code = next_text(row);
	conversation->from_number = sms_end_normalize(conversation->from_number, calling_code);
	conversation->to_number = sms_end_normalize(conversation->to_number, calling_code);
	return next_bool(row);
}

/* ---- recording ---- */

/* False: one of the same provider_message_id was recorded before. */
static bool
insert_message(InboundMessage *message)
{
	static Statement insert = {
		"INSERT INTO appt.inbound_message (application_id, from_number, to_number, text, provider_message_id,"
		"  received_at, line_id)"
		" VALUES ($1, $2, $3, $4, $5, $6, (SELECT n.line_id FROM appt.line_number n"
		"  WHERE n.application_id = $1 AND n.number = $3))"
		" ON CONFLICT (application_id, provider_message_id) WHERE provider_message_id IS NOT NULL DO NOTHING"
		" RETURNING id, line_id",
		6, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&message->conversation.application_id)),
		sql_text(message->conversation.from_number),
		sql_text(message->conversation.to_number),
		sql_text(message->text),
		sql_text(message->provider_message_id),
		SQL_VALUE(TimestampTzGetDatum(message->received_at))
	};
	Row		   *row;

	if (statement_run_nullable(&insert, arguments) == 0)
		return false;
	row = ROW(0);
	message->id = next_int64(row);
	message->line_id = next_uuid_or_null(row);
	return true;
}

static bool
find_message(InboundMessage *message)
{
	static Statement find = {
		"SELECT id FROM appt.inbound_message WHERE application_id = $1 AND provider_message_id = $2",
		2, {UUIDOID, TEXTOID}
	};

	if (statement_run(&find, UUIDPGetDatum(&message->conversation.application_id),
					  text_datum(message->provider_message_id)) == 0)
		return false;
	message->id = next_int64(ROW(0));
	return true;
}

/* True: this call recorded it. The row that conflicted may be deleted before it is read. */
static bool
record_once(InboundMessage *message)
{
	while (!insert_message(message))
	{
		CHECK_FOR_INTERRUPTS();
		if (find_message(message))
			return false;
	}
	return true;
}

/* ---- telling ---- */

/* {"phone"} or, of a sender that is a name, {"name"} */
static Jsonb *
contact_of(const InboundMessage *message)
{
	const char *from = message->conversation.from_number;
	bool		is_number = phone_number_is_valid(from) || short_code_is_valid(from);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, is_number ? "phone" : "name", from);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* End a payload with the members that all have: {"from", "to", "inboundMessageId"}. */
static Jsonb *
end_payload(JsonbParseState **state, const InboundMessage *message)
{
	json_push_member(state, "from", message->conversation.from_number);
	json_push_member(state, "to", message->conversation.to_number);
	json_push_number(state, "inboundMessageId", message->id);
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}

static Jsonb *
payload_of_message(const InboundMessage *message)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "text", message->text);
	return end_payload(&state, message);
}

static Jsonb *
payload_of_alarm(const InboundMessage *message)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_number(&state, "count", HIGH_SMS_LIMIT + 1);
	json_push_number(&state, "seconds", HIGH_SMS_SPAN / USECS_PER_SEC);
	return end_payload(&state, message);
}

static void
plan(const InboundMessage *message, NotificationType type, Jsonb *payload, Column *event_ids)
{
	UserEvent	event = {
		.application_id = message->conversation.application_id,
		.type = type,
		.line_id = message->line_id,
		.user_ids = SQL_NULL,
		.contact = contact_of(message),
		.payload = payload,
		.due_at = GetCurrentTransactionStartTimestamp()
	};

	column_add(event_ids, Int64GetDatum(plan_user_event(&event)));
}

static void
keep_events(const InboundMessage *message, const Column *event_ids)
{
	static Statement keep = {
		"UPDATE appt.inbound_message SET user_event_ids = $2 WHERE id = $1", 2, {INT8OID, INT8ARRAYOID}
	};

	if (event_ids->count > 0)
		(void) statement_run(&keep, Int64GetDatum(message->id), column_array(event_ids));
}

/* A number of no line has no users, so nobody would be alarmed. */
static void
tell(const InboundMessage *message, bool are_all_asked_for)
{
	Column	   *event_ids = column_create(INT8OID, 3);

	if (are_all_asked_for)
		plan(message, TYPE_INBOUND_MESSAGE, payload_of_message(message), event_ids);
	if (message->line_id != NULL)
	{
		plan(message, TYPE_TEXT_MESSAGE, payload_of_message(message), event_ids);
		if (high_sms_raised(&message->conversation, message->id, message->received_at))
			plan(message, TYPE_HIGH_SMS, payload_of_alarm(message), event_ids);
	}
	keep_events(message, event_ids);
}

/* ---- the call ---- */

static Datum
inbound_details(Call *call, FunctionCallInfo fcinfo, int64 id)
{
	static Statement find = {
		"SELECT m.handled_as, m.response_id, ARRAY(SELECT n.id FROM appt.notification n"
		"  WHERE n.user_event_id = ANY (m.user_event_ids) ORDER BY n.id)"
		" FROM appt.inbound_message m WHERE m.id = $1",
		1, {INT8OID}
	};
	NullableDatum columns[4] = {SQL_VALUE(Int64GetDatum(id))};
	Row		   *row;

	(void) statement_run(&find, Int64GetDatum(id));
	row = ROW(0);
	for (int i = 1; i < lengthof(columns); i++)
		columns[i] = next_value(row);
	return call_row(call, fcinfo, columns, lengthof(columns));
}

/*
 * appt.record_inbound_sms(application_id uuid, from_number text, to_number text,
 *		text text, provider_message_id text = null, received_at timestamptz = null)
 *		-> appt.inbound_details
 *
 * Plans TEXT_MESSAGE and, by the times of received_at, HIGH_SMS for the line that
 * has to_number, and INBOUND_MESSAGE for subscriptions that name it. received_at
 * is now if left out. PT404: no such application. 22023: something is missing, too
 * long or infinite. Source: people.md sections 2 and 4.
 */
Datum
record_inbound_sms(PG_FUNCTION_ARGS)
{
	InboundMessage message = {0};
	bool		are_all_asked_for;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	read_message(fcinfo, &message);
	are_all_asked_for = normalize_numbers(&call.caller, &message.conversation);
	if (record_once(&message))
		tell(&message, are_all_asked_for);
	result = inbound_details(&call, fcinfo, message.id);
	call_end(&call);
	return result;
}
