/*
 * attempt_record.c
 *		What an attempt stores of its message.
 */
#include "postgres.h"

#include "core/text.h"
#include "notify/links.h"
#include "notify/logged_body.h"
#include "notify/shown.h"
#include "worker/attempt_record.h"

/* Of an interrupted message it is that of the facts. */
static Jsonb *
copy_jsonb(Jsonb *jsonb)
{
	return jsonb == NULL ? NULL : DatumGetJsonbPCopy(JsonbPGetDatum(jsonb));
}

/* The log keeps no words of a message that has a one-time code, and no tokens of links. */
AttemptRecord *
attempt_record_make(const NotificationFacts *facts, const Message *message)
{
	AttemptRecord *record = (AttemptRecord *) palloc0(sizeof(AttemptRecord));

	record->recipient = copy_text(message->recipient);
	if (channel_infos[facts->channel].route == ROUTE_PROVIDER)
	{
		record->provider_id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
		*record->provider_id = facts->route->id;
	}
	if (notification_types[message->type].has_code)
		return record;
	record->subject = copy_text(tokens_mask(message->tokens, message->subject));
	record->text_body = copy_text(logged_body(tokens_mask(message->tokens, message->text_body)));
	record->html_body = copy_text(logged_body(tokens_mask(message->tokens, message->html_body)));
	record->shown = copy_jsonb(shown_of(facts));
	return record;
}
