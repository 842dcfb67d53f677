/*
 * facts_interrupted.c
 *		Facts about attempts that were interrupted: the messages that were sent.
 */
#include "postgres.h"

#include "notify/facts_interrupted.h"
#include "notify/logged_body.h"

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->reason == REASON_INTERRUPTED)
		column_add(keys[0], Int64GetDatum(facts->id));
}

static void
take_message(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));
	char	   *outcome = next_text(row);
	StoredMessage *stored;

	if (outcome == NULL || strcmp(outcome, "INTERRUPTED") != 0)
		return;
	stored = (StoredMessage *) palloc(sizeof(StoredMessage));
	stored->recipient = batch_text(batch, row);
	stored->subject = batch_stored(batch, row);
	stored->text_body = batch_stored(batch, row);
	stored->html_body = batch_stored(batch, row);
	stored->shown = batch_jsonb(batch, row);
	if (!logged_body_is_whole(stored_size(stored->text_body)) ||
		!logged_body_is_whole(stored_size(stored->html_body)))
		stored->text_body = stored->html_body = NULL;
	facts->stored = stored;
}

static FactLoader last_attempts = {
	.find = {
		"SELECT DISTINCT ON (t.notification_id) t.notification_id, t.outcome, t.recipient,"
		" t.subject, t.text_body, t.html_body, t.shown"
		" FROM appt.attempt t WHERE t.notification_id = ANY ($1)"
		" ORDER BY t.notification_id, t.attempt_number DESC",
		1, {INT8ARRAYOID}
	},
	.add_keys = add_key,
	.take = take_message
};

void
load_interrupted(Batch *batch)
{
	batch_load(batch, &last_attempts);
}
