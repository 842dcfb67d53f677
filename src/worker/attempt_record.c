/*
 * attempt_record.c
 *		What an attempt stores of its message.
 */
#include "postgres.h"

#include "core/json.h"
#include "core/one_time_code.h"
#include "core/text.h"
#include "notify/links.h"
#include "notify/logged_body.h"
#include "notify/recipient.h"
#include "notify/shown.h"
#include "worker/attempt_record.h"

/* Of an interrupted message it is that of the facts. */
static Jsonb *
copy_jsonb(Jsonb *jsonb)
{
	return jsonb == NULL ? NULL : DatumGetJsonbPCopy(JsonbPGetDatum(jsonb));
}

/*
 * What must be known to nobody but the recipient: words with a one-time code, tokens
 * of links. A message by a provider of kind LOG has no other recipient than the log's
 * reader, who needs both to try what they are for. But a code that was asked for to
 * verify the sender of another kind of provider stays secret: with it, whoever reads
 * the log could verify that sender.
 */
static bool
hides_words(const NotificationFacts *facts)
{
	char	   *purpose = json_root_text(facts->context, "purpose");

	return notification_types[facts->type].has_code &&
		(!is_local_message(facts) || purpose == NULL || strcmp(purpose, CODE_FOR_SENDER) == 0);
}

static const char *
logged_text(const NotificationFacts *facts, const Message *message, const char *text)
{
	return is_local_message(facts) ? text : tokens_mask(message->tokens, text);
}

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
	if (hides_words(facts))
		return record;
	record->subject = copy_text(logged_text(facts, message, message->subject));
	record->text_body = copy_text(logged_body(logged_text(facts, message, message->text_body)));
	record->html_body = copy_text(logged_body(logged_text(facts, message, message->html_body)));
	record->shown = copy_jsonb(shown_of(facts));
	return record;
}
