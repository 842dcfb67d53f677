/*
 * attempts.c
 *		Inserts the attempts of a claim.
 *
 * The claim's commit writes them before the first byte of a message leaves, so
 * whatever a crash leaves open may have been sent (recover.c). The attempts of
 * messages that need no transfer are never open.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/statement.h"
#include "core/table_insert.h"
#include "worker/attempts.h"
#include "worker/delivery.h"
#include "worker/local_messages.h"

/* The log is searched by the address. It is rarely another than the one that was planned, so that the update stays HOT. */
static Statement mark_sending = {
	"UPDATE appt.notification n "
	"SET state = 'SENDING', reason = NULL, detail = NULL, attempt_count = c.attempt_number,"
	"  next_attempt_at = NULL, worker_slot = $3,"
	"  address = CASE WHEN c.attempt_number = 1 THEN c.address ELSE n.address END "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS attempt_number, unnest($4) AS address) c "
	"WHERE n.id = c.id",
	4, {INT8ARRAYOID, INT4ARRAYOID, INT2OID, TEXTARRAYOID}
};

/* Columns of a new attempt. */
enum
{
	ATTEMPT_ID, APPLICATION_ID, NOTIFICATION_ID, ATTEMPT_NUMBER, MANUAL, DUE_AT, STARTED_AT, FINISHED_AT, OUTCOME,
	RECIPIENT, PROVIDER_ID, SUBJECT, TEXT_BODY, HTML_BODY, SHOWN
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

/* Insert an attempt that has not ended, or that was DELIVERED at once; returns its id. */
static int64
add_attempt(TableInsert *insert, const pg_uuid_t *application_id, const QueueKey *key, int number, bool is_manual,
			const AttemptRecord *record, TimestampTz now, bool is_delivered)
{
	int64		id = table_insert_next_id(insert);
	const NullableDatum values[ATTEMPT_COLUMNS] = {
		[ATTEMPT_ID] = SQL_VALUE(Int64GetDatum(id)),
		[APPLICATION_ID] = sql_uuid(application_id),
		[NOTIFICATION_ID] = SQL_VALUE(Int64GetDatum(key->notification_id)),
		[ATTEMPT_NUMBER] = SQL_VALUE(Int32GetDatum(number)),
		[MANUAL] = SQL_VALUE(BoolGetDatum(is_manual)),
		/* A retry by hand was not due at any time. */
		[DUE_AT] = is_manual ? SQL_NULL : SQL_VALUE(TimestampTzGetDatum(key->due_at)),
		[STARTED_AT] = SQL_VALUE(TimestampTzGetDatum(now)),
		[FINISHED_AT] = is_delivered ? SQL_VALUE(TimestampTzGetDatum(now)) : SQL_NULL,
		[OUTCOME] = is_delivered ? sql_text("DELIVERED") : SQL_NULL,
		[RECIPIENT] = sql_text(record->recipient),
		[PROVIDER_ID] = sql_uuid(record->provider_id),
		[SUBJECT] = sql_text(record->subject),
		[TEXT_BODY] = body_value(record->text_body),
		[HTML_BODY] = body_value(record->html_body),
		[SHOWN] = sql_jsonb(record->shown)
	};

	table_insert_add(insert, values);
	return id;
}

static void
mark_all_sending(List *deliveries, int slot)
{
	Column	   *ids = column_create(INT8OID, list_length(deliveries));
	Column	   *numbers = column_create(INT4OID, list_length(deliveries));
	Column	   *addresses = column_create(TEXTOID, list_length(deliveries));
	ListCell   *cell;

	foreach(cell, deliveries)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);

		column_add(ids, Int64GetDatum(delivery->key.notification_id));
		column_add(numbers, Int32GetDatum(delivery->attempt_number));
		column_add_text(addresses, delivery->record->recipient);
	}
	statement_run(&mark_sending, column_array(ids), column_array(numbers), Int16GetDatum(slot), column_array(addresses));
}

void
attempts_open(List *deliveries, int slot, TimestampTz now)
{
	TableInsert *insert;
	ListCell   *cell;

	mark_all_sending(deliveries, slot);
	insert = table_insert_begin("attempt", attempt_columns, ATTEMPT_COLUMNS);
	foreach(cell, deliveries)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);

		delivery->attempt_id = add_attempt(insert, &delivery->application_id, &delivery->key, delivery->attempt_number,
										   delivery->retry.is_manual, delivery->record, now, false);
	}
	table_insert_end(insert);
	foreach(cell, deliveries)
		delivery_forget_record((Delivery *) lfirst(cell));
}

void
attempts_insert_delivered(List *messages, TimestampTz now)
{
	TableInsert *insert = table_insert_begin("attempt", attempt_columns, ATTEMPT_COLUMNS);
	ListCell   *cell;

	foreach(cell, messages)
	{
		const LocalMessage *message = (const LocalMessage *) lfirst(cell);

		(void) add_attempt(insert, &message->application_id, &message->key, message->attempt_number, message->is_manual,
						   message->record, now, true);
	}
	table_insert_end(insert);
}
