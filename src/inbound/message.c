/*
 * message.c
 *		A text message that came in: recorded once, handled, told.
 *
 * A provider that got no answer sends a message again, with the same id. The
 * unique index of these ids decides which call records it; others wait for its
 * transaction and return its result. At REPEATABLE READ and SERIALIZABLE a call
 * that waited gets 40001, because its snapshot does not have the message.
 *
 * The row has what became of the message and the ids of the events that it
 * caused, so that the result can be told again.
 *
 * Users and subscribers are told of messages for people alone. Of a response they
 * hear as RESPONSE; an opt-out shows where it matters, in the reason OPTED_OUT of
 * what is not sent.
 *
 * Locks: the conversation (high_sms.c), the number that is answered
 * (auto_reply.c), the appointment that a response is about.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "channel/phone.h"
#include "core/column.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "inbound/high_sms.h"
#include "inbound/meaning.h"
#include "inbound/message.h"
#include "notify/planned.h"

typedef struct InboundMessage
{
	const InboundText *given;
	Conversation conversation;	/* application and normalized numbers */
	char	   *calling_code;	/* how numbers without a country's code are
								 * read; NULL: not at all */
	bool		are_all_asked_for;	/* a subscription names INBOUND_MESSAGE */

	/* Once it is recorded. */
	int64		id;
	pg_uuid_t  *line_id;		/* that has the number; NULL: none */
} InboundMessage;

/* What the application says of it. PT404. */
static void
read_application(InboundMessage *message)
{
	static Statement find = {
		"SELECT a.calling_code, EXISTS (SELECT FROM appt.subscription s"
		"  WHERE s.application_id = a.id AND 'INBOUND_MESSAGE' = ANY (s.types))"
		" FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION,
		1, {UUIDOID}
	};
	Conversation *conversation = &message->conversation;
	Row		   *row;

	conversation->application_id = message->given->application_id;
	if (statement_run(&find, UUIDPGetDatum(&conversation->application_id)) == 0)
		report_not_found("application", &conversation->application_id);
	row = ROW(0);
	message->calling_code = next_text(row);
	message->are_all_asked_for = next_bool(row);
	conversation->from_number = sms_end_normalize(message->given->from_number, message->calling_code);
	conversation->to_number = sms_end_normalize(message->given->to_number, message->calling_code);
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
		sql_text(message->given->text),
		sql_text(message->given->provider_message_id),
		SQL_VALUE(TimestampTzGetDatum(message->given->received_at))
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
					  text_datum(message->given->provider_message_id)) == 0)
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
	json_push_member(&state, "text", message->given->text);
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
keep(const InboundMessage *message, const Meaning *meaning, const Column *event_ids)
{
	static Statement keep = {
		"UPDATE appt.inbound_message SET handled_as = $2, response_id = $3, appointment_id = $4, participant_id = $5,"
		"  reply_id = $6, user_event_ids = $7 WHERE id = $1",
		7, {INT8OID, TEXTOID, INT8OID, UUIDOID, TEXTOID, INT8OID, INT8ARRAYOID}
	};
	const NullableDatum arguments[] = {
		SQL_VALUE(Int64GetDatum(message->id)),
		sql_text(meaning->handled_as),
		meaning->response_id == 0 ? SQL_NULL : SQL_VALUE(Int64GetDatum(meaning->response_id)),
		sql_uuid(meaning->appointment_id),
		sql_text(meaning->participant_id),
		meaning->reply_id == 0 ? SQL_NULL : SQL_VALUE(Int64GetDatum(meaning->reply_id)),
		SQL_VALUE(column_array(event_ids))
	};

	if (event_ids->count > 0 || meaning->reply_id != 0 || strcmp(meaning->handled_as, "NONE") != 0)
		(void) statement_run_nullable(&keep, arguments);
}

/* A number of no line has no users, so nobody would be alarmed. */
static void
handle(const InboundMessage *message)
{
	const Conversation *conversation = &message->conversation;
	Column	   *event_ids = column_create(INT8OID, 3);
	bool		is_alarming = message->line_id != NULL &&
	high_sms_raised(conversation, message->id, message->given->received_at);
	Meaning		meaning = meaning_of(&conversation->application_id, conversation->from_number,
									 conversation->to_number, message->calling_code, message->given->text);
	bool		is_for_people = strcmp(meaning.handled_as, "NONE") == 0;

	if (is_for_people && message->are_all_asked_for)
		plan(message, TYPE_INBOUND_MESSAGE, payload_of_message(message), event_ids);
	if (is_for_people && message->line_id != NULL)
		plan(message, TYPE_TEXT_MESSAGE, payload_of_message(message), event_ids);
	if (is_alarming)
		plan(message, TYPE_HIGH_SMS, payload_of_alarm(message), event_ids);
	keep(message, &meaning, event_ids);
}

int64
inbound_record(const InboundText *text)
{
	InboundMessage message = {.given = text};

	read_application(&message);
	if (record_once(&message))
		handle(&message);
	return message.id;
}
