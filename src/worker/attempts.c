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
#include "core/row.h"
#include "core/statement.h"
#include "worker/attempts.h"
#include "worker/delivery.h"
#include "worker/local_messages.h"

static Statement insert_attempts = {
	"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, manual, due_at,"
	"  started_at, finished_at, outcome, recipient, provider_id, subject, text_body, html_body, shown) "
	"SELECT a.application_id, a.notification_id, a.attempt_number, a.manual, a.due_at,"
	"  $11, CASE WHEN $12 THEN $11 END, CASE WHEN $12 THEN 'DELIVERED' END,"
	"  a.recipient, a.provider_id, a.subject, a.text_body, a.html_body, a.shown "
	"FROM (SELECT unnest($1) AS application_id, unnest($2) AS notification_id,"
	"  unnest($3) AS attempt_number, unnest($4) AS manual, unnest($5) AS due_at,"
	"  unnest($6) AS recipient, unnest($7) AS provider_id, unnest($8) AS subject,"
	"  unnest($9) AS text_body, unnest($10) AS html_body, unnest($13) AS shown) a "
	"RETURNING id, notification_id",
	13, {UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
	UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, BOOLOID, JSONBARRAYOID}
};

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

/* What is inserted, by column. */
typedef struct AttemptColumns
{
	Column	   *application_ids;
	Column	   *notification_ids;
	Column	   *numbers;
	Column	   *manuals;
	Column	   *due_ats;
	Column	   *recipients;
	Column	   *provider_ids;
	Column	   *subjects;
	Column	   *texts;
	Column	   *htmls;
	Column	   *showns;
} AttemptColumns;

static AttemptColumns
columns_create(int count)
{
	AttemptColumns columns = {
		.application_ids = column_create(UUIDOID, count),
		.notification_ids = column_create(INT8OID, count),
		.numbers = column_create(INT4OID, count),
		.manuals = column_create(BOOLOID, count),
		.due_ats = column_create(TIMESTAMPTZOID, count),
		.recipients = column_create(TEXTOID, count),
		.provider_ids = column_create(UUIDOID, count),
		.subjects = column_create(TEXTOID, count),
		.texts = column_create(TEXTOID, count),
		.htmls = column_create(TEXTOID, count),
		.showns = column_create(JSONBOID, count)
	};

	return columns;
}

static void
add_record(const AttemptColumns *columns, const AttemptRecord *record)
{
	column_add_text(columns->recipients, record->recipient);
	column_add_uuid(columns->provider_ids, record->provider_id);
	column_add_text(columns->subjects, record->subject);
	column_add_text(columns->texts, record->text_body);
	column_add_text(columns->htmls, record->html_body);
	if (record->shown == NULL)
		column_add_null(columns->showns);
	else
		column_add(columns->showns, JsonbPGetDatum(record->shown));
}

static void
add_attempt(const AttemptColumns *columns, const pg_uuid_t *application_id, const QueueKey *key,
			int number, bool is_manual)
{
	column_add_uuid(columns->application_ids, application_id);
	column_add(columns->notification_ids, Int64GetDatum(key->notification_id));
	column_add(columns->numbers, Int32GetDatum(number));
	column_add(columns->manuals, BoolGetDatum(is_manual));
	/* A retry by hand was not due at any time. */
	if (is_manual)
		column_add_null(columns->due_ats);
	else
		column_add(columns->due_ats, TimestampTzGetDatum(key->due_at));
}

static void
insert(const AttemptColumns *columns, TimestampTz now, bool is_delivered)
{
	statement_run(&insert_attempts, column_array(columns->application_ids),
				  column_array(columns->notification_ids), column_array(columns->numbers),
				  column_array(columns->manuals), column_array(columns->due_ats),
				  column_array(columns->recipients), column_array(columns->provider_ids),
				  column_array(columns->subjects), column_array(columns->texts),
				  column_array(columns->htmls), TimestampTzGetDatum(now), BoolGetDatum(is_delivered),
				  column_array(columns->showns));
}

/* The rows that were inserted, in the order of the deliveries. */
static void
take_attempt_ids(List *deliveries)
{
	ListCell   *cell;
	uint64		number = 0;

	foreach(cell, deliveries)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);
		Row		   *row = ROW(number++);

		delivery->attempt_id = next_int64(row);
		if (next_int64(row) != delivery->key.notification_id)
			elog(ERROR, "attempts came back in another order than they were inserted");
		delivery_forget_record(delivery);
	}
}

void
attempts_open(List *deliveries, int slot, TimestampTz now)
{
	AttemptColumns columns = columns_create(list_length(deliveries));
	ListCell   *cell;

	foreach(cell, deliveries)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);

		add_attempt(&columns, &delivery->application_id, &delivery->key, delivery->attempt_number,
					delivery->retry.is_manual);
		add_record(&columns, delivery->record);
	}
	statement_run(&mark_sending, column_array(columns.notification_ids), column_array(columns.numbers),
				  Int16GetDatum(slot), column_array(columns.recipients));
	insert(&columns, now, false);
	take_attempt_ids(deliveries);
}

void
attempts_insert_delivered(List *messages, TimestampTz now)
{
	AttemptColumns columns = columns_create(list_length(messages));
	ListCell   *cell;

	foreach(cell, messages)
	{
		const LocalMessage *message = (const LocalMessage *) lfirst(cell);

		add_attempt(&columns, &message->application_id, &message->key, message->attempt_number,
					message->is_manual);
		add_record(&columns, message->record);
	}
	insert(&columns, now, true);
}
