/*
 * link_token_find.c
 *		The message that a token came with.
 *
 * The tag that a token begins with tells the application. Each of its keys may
 * give an id; the message of that id has made the token, or has not.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"
#include "notify/link_token_find.h"

PG_FUNCTION_INFO_V1(tag_of_token);

static LinkedMessage *
find_notification(const pg_uuid_t *application_id, int64 id)
{
	static Statement find = {
		"SELECT n.appointment_id, n.recipient_id, n.recipient_kind, n.type, n.channel, n.rule_id, n.address, n.created_at"
		" FROM appt.notification n WHERE n.id = $1 AND n.application_id = $2",
		2, {INT8OID, UUIDOID}
	};
	LinkedMessage *message;
	Row		   *row;

	if (statement_run(&find, Int64GetDatum(id), UUIDPGetDatum(application_id)) == 0)
		return NULL;
	row = ROW(0);
	message = (LinkedMessage *) palloc0(sizeof(LinkedMessage));
	message->application_id = *application_id;
	message->notification_id = id;
	message->appointment_id = next_uuid_or_null(row);
	message->participant_id = next_text(row);
	message->recipient_kind = next_text(row);
	if (!notification_type_from_code(next_text(row), &message->type) ||
		!channel_from_code(next_text(row), &message->channel))
		elog(ERROR, "notification " INT64_FORMAT " has an unknown type or channel", id);
	message->rule_id = next_int64(row);
	message->address = next_text(row);
	message->created_at = next_timestamp(row);
	return message;
}

/* Is the message the token's, for any purpose? */
static bool
is_message_of(const ReceivedToken *token, const ApplicationKey *key, LinkedMessage *message)
{
	LinkSubject subject = {
		.application_id = message->application_id,
		.notification_id = message->notification_id,
		.participant_id = message->participant_id
	};

	for (int purpose = 0; purpose < LINK_PURPOSES; purpose++)
	{
		subject.purpose = message->purpose = (LinkPurpose) purpose;
		if (link_token_is_genuine(token, key, &subject))
			return true;
	}
	return false;
}

static bool
find_in_application(const ReceivedToken *token, const pg_uuid_t *application_id, LinkedMessage *found)
{
	ListCell   *cell;

	foreach(cell, application_keys(application_id, TOKEN_KEY_NAME))
	{
		const ApplicationKey *key = (const ApplicationKey *) lfirst(cell);
		LinkedMessage *message = find_notification(application_id, link_token_notification_id(token, key));

		if (message != NULL && is_message_of(token, key, message))
		{
			*found = *message;
			return true;
		}
	}
	return false;
}

/* The application with this tag; NULL: there is none. */
static pg_uuid_t *
find_application(const uint8 *tag)
{
	static Statement find = {
		"SELECT a.id FROM appt.application a WHERE substr(uuid_send(a.id), 1, 4) = $1",
		1, {BYTEAOID}
	};

	return statement_run(&find, tag_datum(tag)) == 0 ? NULL : next_uuid_or_null(ROW(0));
}

bool
link_token_find(const char *text, LinkedMessage *message)
{
	ReceivedToken token;
	pg_uuid_t  *application_id;

	if (!link_token_parse(text, &token))
		return false;
	application_id = find_application(token.tag);
	return application_id != NULL && find_in_application(&token, application_id, message);
}

/* appt.tag_of_token(token text) -> bytea */
Datum
tag_of_token(PG_FUNCTION_ARGS)
{
	ReceivedToken token;

	if (!link_token_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &token))
		PG_RETURN_NULL();
	return tag_datum(token.tag);
}
