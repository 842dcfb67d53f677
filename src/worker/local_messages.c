/*
 * local_messages.c
 *		Messages that need no transfer.
 *
 * The claim's transaction delivers such a message, so no crash leaves it half
 * delivered: either the transaction commits and the message is there, or the
 * notification is claimed again. It is never SENDING, takes no slot and no memory
 * beyond the claim.
 *
 * With a synchronous standby the message may be seen before the standby has it,
 * as any commit may whose wait is cut short. After a failover it is then claimed
 * anew, by a server on which it was never delivered.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "channel/channel.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/compose.h"
#include "worker/local_messages.h"
#include "worker/notification_rows.h"

static LocalMessage *
make_message(const NotificationFacts *facts, const Message *message, const QueueKey *key, const char *answer)
{
	LocalMessage *made = (LocalMessage *) palloc0(sizeof(LocalMessage));

	made->key = *key;
	made->application_id = facts->application_id;
	made->attempt_number = facts->attempt_count + 1;
	made->is_manual = facts->is_manual;
	made->record = attempt_record_make(facts, message);
	made->answer = answer;
	made->has_reader = facts->user != NULL && facts->channel == CHANNEL_IN_APP;
	if (made->has_reader)
		made->notify_key = facts->user->notify_key;
	return made;
}

LocalMessage *
local_message_compose(const NotificationFacts *facts, const QueueKey *key, TimestampTz now,
					  Reason *reason, char **error)
{
	MemoryContext composing = AllocSetContextCreate(CurrentMemoryContext, "appt composing",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(composing);
	Message    *message = compose_message(facts, now, reason, error);
	const char *answer = NULL;
	bool		is_accepted = message != NULL &&
	channel_accepts(message, facts->route == NULL ? NULL : &facts->route->route, &answer, reason, error);
	LocalMessage *made = NULL;

	MemoryContextSwitchTo(previous);
	if (is_accepted)
		made = make_message(facts, message, key, answer);
	else
		*error = copy_text(*error);
	MemoryContextDelete(composing);
	return made;
}

static Size
text_bytes(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

Size
local_message_bytes(const LocalMessage *message)
{
	const AttemptRecord *record = message->record;

	return sizeof(LocalMessage) + sizeof(AttemptRecord) + text_bytes(record->recipient) +
		text_bytes(record->subject) + text_bytes(record->text_body) + text_bytes(record->html_body);
}

/* False if another transaction has locked or changed the notification. */
static bool
mark_sent(NotificationRows *rows, LocalMessage *message, TimestampTz now, QueueChanges *queue)
{
	QueueKey   *key = &message->key;
	NotificationRow row;

	if (!notification_rows_find_same(rows, key->notification_id, &key->notification_place, &row))
		return false;
	row.state = STATE_SENT;
	row.reason = REASON_NONE;
	row.detail = SQL_NULL;
	row.attempt_count = message->attempt_number;
	row.next_attempt_at = 0;
	row.is_manual = false;
	row.worker_slot = 0;
	row.settled_at = now;
	if (message->attempt_number == 1)
		notification_row_set_address(&row, message->record->recipient);
	if (!notification_rows_write(rows, &row, &key->notification_place))
		return false;
	queue_delete(queue, key, row.has_context);
	return true;
}

List *
local_messages_settle(List *messages, TimestampTz now)
{
	NotificationRows *rows = notification_rows_open();
	QueueChanges queue = {NIL};
	ListCell   *cell;

	foreach(cell, messages)
	{
		LocalMessage *message = (LocalMessage *) lfirst(cell);

		if (!mark_sent(rows, message, now, &queue))
			messages = foreach_delete_current(messages, cell);
	}
	notification_rows_close(rows);
	queue_write(&queue);
	return messages;
}
