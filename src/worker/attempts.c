/*
 * attempts.c
 *		Inserts the attempts of a claim.
 *
 * The claim's commit writes them before the first byte of a message leaves, so
 * whatever a crash leaves open may have been sent (recover.c). The attempts of
 * messages that need no transfer are never open.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/statement.h"
#include "core/table_write.h"
#include "worker/attempts.h"
#include "worker/delivery.h"
#include "worker/local_messages.h"
#include "worker/notification_rows.h"

/* Columns of a new attempt. */
enum
{
	ATTEMPT_ID, APPLICATION_ID, NOTIFICATION_ID, ATTEMPT_NUMBER, MANUAL, DUE_AT, STARTED_AT, FINISHED_AT, OUTCOME,
	RESPONSE, RECIPIENT, PROVIDER_ID, SUBJECT, TEXT_BODY, HTML_BODY, SHOWN
};
#define ATTEMPT_COLUMNS (SHOWN + 1)

static const char *const attempt_columns[ATTEMPT_COLUMNS] = {
	[ATTEMPT_ID] = "id",
	[APPLICATION_ID] = "application_id",
	[NOTIFICATION_ID] = "notification_id",
	[ATTEMPT_NUMBER] = "attempt_number",
	[MANUAL] = "manual",
	[DUE_AT] = "due_at",
	[STARTED_AT] = "started_at",
	[FINISHED_AT] = "finished_at",
	[OUTCOME] = "outcome",
	[RESPONSE] = "response",
	[RECIPIENT] = "recipient",
	[PROVIDER_ID] = "provider_id",
	[SUBJECT] = "subject",
	[TEXT_BODY] = "text_body",
	[HTML_BODY] = "html_body",
	[SHOWN] = "shown"
};

/* Settling writes a new version of the row, which shares a long body with the first one. */
static NullableDatum
body_value(const char *body)
{
	return body == NULL ? SQL_NULL : SQL_VALUE(text_out_of_line(body));
}

typedef struct NewAttempt
{
	const pg_uuid_t *application_id;
	const QueueKey *key;		/* of its notification */
	int			number;
	bool		is_manual;
	bool		is_delivered;	/* at once; false: it has not ended */
	const char *answer;			/* of a delivered one; NULL: none */
	const AttemptRecord *record;
} NewAttempt;

/* Insert an attempt; returns its id. `place` is as for table_add. */
static int64
add_attempt(TableWriter *writer, const NewAttempt *attempt, TimestampTz now, ItemPointer place)
{
	const AttemptRecord *record = attempt->record;
	int64		id = table_next_id(writer);
	const NullableDatum values[ATTEMPT_COLUMNS] = {
		[ATTEMPT_ID] = SQL_VALUE(Int64GetDatum(id)),
		[APPLICATION_ID] = sql_uuid(attempt->application_id),
		[NOTIFICATION_ID] = SQL_VALUE(Int64GetDatum(attempt->key->notification_id)),
		[ATTEMPT_NUMBER] = SQL_VALUE(Int32GetDatum(attempt->number)),
		[MANUAL] = SQL_VALUE(BoolGetDatum(attempt->is_manual)),
		/* A retry by hand was not due at any time. */
		[DUE_AT] = attempt->is_manual ? SQL_NULL : SQL_VALUE(TimestampTzGetDatum(attempt->key->due_at)),
		[STARTED_AT] = SQL_VALUE(TimestampTzGetDatum(now)),
		[FINISHED_AT] = attempt->is_delivered ? SQL_VALUE(TimestampTzGetDatum(now)) : SQL_NULL,
		[OUTCOME] = attempt->is_delivered ? sql_text("DELIVERED") : SQL_NULL,
		[RESPONSE] = sql_text(attempt->answer),
		[RECIPIENT] = sql_text(record->recipient),
		[PROVIDER_ID] = sql_uuid(record->provider_id),
		[SUBJECT] = sql_text(record->subject),
		[TEXT_BODY] = body_value(record->text_body),
		[HTML_BODY] = body_value(record->html_body),
		[SHOWN] = sql_jsonb(record->shown)
	};

	table_add(writer, values, place);
	return id;
}

/* False if another transaction has locked or changed the notification. */
static bool
mark_sending(NotificationRows *rows, Delivery *delivery, int slot)
{
	QueueKey   *key = &delivery->key;
	NotificationRow row;

	if (!notification_rows_find_same(rows, key->notification_id, &key->notification_place, &row))
		return false;
	row.state = STATE_SENDING;
	row.reason = REASON_NONE;
	row.detail = SQL_NULL;
	row.attempt_count = delivery->attempt_number;
	row.next_attempt_at = 0;
	row.worker_slot = slot;
	if (delivery->attempt_number == 1)
		notification_row_set_address(&row, delivery->record->recipient);
	return notification_rows_write(rows, &row, &key->notification_place);
}

/* Those that could be marked; the others are freed. */
static List *
mark_all_sending(List *deliveries, int slot)
{
	NotificationRows *rows = notification_rows_open();
	ListCell   *cell;

	foreach(cell, deliveries)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);

		if (mark_sending(rows, delivery, slot))
			continue;
		MemoryContextDelete(delivery->context);
		deliveries = foreach_delete_current(deliveries, cell);
	}
	notification_rows_close(rows);
	return deliveries;
}

List *
attempts_open(List *deliveries, int slot, TimestampTz now)
{
	List	   *marked = mark_all_sending(deliveries, slot);
	TableWriter *writer = table_insert_begin("attempt", attempt_columns, ATTEMPT_COLUMNS);
	ListCell   *cell;

	foreach(cell, marked)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);
		const NewAttempt attempt = {
			.application_id = &delivery->application_id,
			.key = &delivery->key,
			.number = delivery->attempt_number,
			.is_manual = delivery->retry.is_manual,
			.record = delivery->record
		};

		delivery->attempt_id = add_attempt(writer, &attempt, now, &delivery->attempt_place);
	}
	table_write_end(writer);
	foreach(cell, marked)
		delivery_forget_record((Delivery *) lfirst(cell));
	return marked;
}

void
attempts_insert_delivered(List *messages, TimestampTz now)
{
	TableWriter *writer = table_insert_begin("attempt", attempt_columns, ATTEMPT_COLUMNS);
	ListCell   *cell;

	foreach(cell, messages)
	{
		const LocalMessage *message = (const LocalMessage *) lfirst(cell);
		const NewAttempt attempt = {
			.application_id = &message->application_id,
			.key = &message->key,
			.number = message->attempt_number,
			.is_manual = message->is_manual,
			.is_delivered = true,
			.answer = message->answer,
			.record = message->record
		};

		(void) add_attempt(writer, &attempt, now, NULL);
	}
	table_write_end(writer);
}
