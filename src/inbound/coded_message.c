/*
 * coded_message.c
 *		The message with reply codes that a text message may answer.
 *
 * The index attempt_reply_codes has nothing but messages with codes, so a number
 * that got many others costs no more. Among the latest of these the sender
 * decides: who answers one of an application's numbers means what came from it. A
 * name or a messaging service has no number that the answer could be compared
 * with; it may come in at any.
 */
#include "postgres.h"

#include "channel/phone.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "inbound/coded_message.h"

/* Messages that are looked at. */
#define MESSAGES_LOOKED_AT 20

static uint64
find_latest(const pg_uuid_t *application_id, const char *number)
{
	static Statement find = {
		"SELECT p.sender, a.shown, n.id, n.appointment_id, n.recipient_id, n.recipient_kind, n.type, n.channel, n.rule_id,"
		"  n.address, n.created_at"
		" FROM (SELECT t.id, t.started_at, t.application_id, t.notification_id, t.provider_id, t.shown FROM appt.attempt t"
		"  WHERE t.application_id = $1 AND t.recipient = $2 AND jsonb_typeof(t.shown -> 'reply_codes') = 'object'"
		"   AND t.outcome IS DISTINCT FROM 'FAILED'"
		"  ORDER BY t.started_at DESC, t.id DESC LIMIT $3) a"
		" CROSS JOIN LATERAL (SELECT * FROM appt.notification m WHERE m.id = a.notification_id OFFSET 0) n"
		" LEFT JOIN LATERAL (SELECT r.sender FROM appt.provider r"
		"  WHERE r.application_id = a.application_id AND r.id = a.provider_id OFFSET 0) p ON true"
		" ORDER BY a.started_at DESC, a.id DESC",
		3, {UUIDOID, TEXTOID, INT8OID}
	};

	return statement_run(&find, UUIDPGetDatum(application_id), text_datum(number), Int64GetDatum(MESSAGES_LOOKED_AT));
}

/* May an answer to the sender come in at the number? */
static bool
is_answered_at(const char *sender, const char *own_number, const char *calling_code)
{
	char	   *number = sender == NULL ? NULL : sms_end_normalize(sender, calling_code);

	if (number == NULL || (!phone_number_is_valid(number) && !short_code_is_valid(number)))
		return true;
	return strcmp(number, own_number) == 0;
}

/* The columns behind those that were read. */
static void
read_coded(Row *row, const pg_uuid_t *application_id, Jsonb *shown, CodedMessage *coded)
{
	LinkedMessage *message = &coded->message;

	coded->reply_codes = json_root_jsonb(shown, "reply_codes");
	message->purpose = LINK_RESPOND;
	message->application_id = *application_id;
	message->notification_id = next_int64(row);
	message->appointment_id = next_uuid_or_null(row);
	message->participant_id = next_text(row);
	message->recipient_kind = next_text(row);
	if (!notification_type_from_code(next_text(row), &message->type) ||
		!channel_from_code(next_text(row), &message->channel))
		elog(ERROR, "notification " INT64_FORMAT " has an unknown type or channel", message->notification_id);
	message->rule_id = next_int64(row);
	message->address = next_text(row);
	message->created_at = next_timestamp(row);
}

bool
coded_message_find(const pg_uuid_t *application_id, const char *number, const char *own_number,
				   const char *calling_code, CodedMessage *coded)
{
	uint64		count = find_latest(application_id, number);

	memset(coded, 0, sizeof(CodedMessage));
	for (uint64 n = 0; n < count; n++)
	{
		Row		   *row = ROW(n);
		char	   *sender = next_text(row);
		Jsonb	   *shown = next_jsonb(row);

		if (!is_answered_at(sender, own_number, calling_code))
			continue;
		read_coded(row, application_id, shown, coded);
		return true;
	}
	return false;
}
