/*
 * attempts.c
 *		Opens the attempts of a claim.
 *
 * The claim's commit writes them before the first byte of a message leaves, so
 * whatever a crash leaves open may have been sent (recover.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "worker/attempts.h"
#include "worker/delivery.h"

static Statement insert_attempts = {
	"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, manual, due_at,"
	"  started_at, recipient, provider_id, subject, text_body, html_body) "
	"SELECT a.application_id, a.notification_id, a.attempt_number, a.manual, a.due_at,"
	"  $11, a.recipient, a.provider_id, a.subject, a.text_body, a.html_body "
	"FROM (SELECT unnest($1) AS application_id, unnest($2) AS notification_id,"
	"  unnest($3) AS attempt_number, unnest($4) AS manual, unnest($5) AS due_at,"
	"  unnest($6) AS recipient, unnest($7) AS provider_id, unnest($8) AS subject,"
	"  unnest($9) AS text_body, unnest($10) AS html_body) a "
	"RETURNING id, notification_id",
	11, {UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
	UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
};

static Statement mark_sending = {
	"UPDATE appt.notification n "
	"SET state = 'SENDING', reason = NULL, detail = NULL, attempt_count = c.attempt_number,"
	"  next_attempt_at = NULL, worker_slot = $3 "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS attempt_number) c "
	"WHERE n.id = c.id",
	3, {INT8ARRAYOID, INT4ARRAYOID, INT2OID}
};

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
	int			count = list_length(deliveries);
	Column	   *application_ids = column_create(UUIDOID, count);
	Column	   *notification_ids = column_create(INT8OID, count);
	Column	   *numbers = column_create(INT4OID, count);
	Column	   *manuals = column_create(BOOLOID, count);
	Column	   *due_ats = column_create(TIMESTAMPTZOID, count);
	Column	   *recipients = column_create(TEXTOID, count);
	Column	   *provider_ids = column_create(UUIDOID, count);
	Column	   *subjects = column_create(TEXTOID, count);
	Column	   *texts = column_create(TEXTOID, count);
	Column	   *htmls = column_create(TEXTOID, count);
	ListCell   *cell;

	foreach(cell, deliveries)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);
		const AttemptRecord *record = delivery->record;

		column_add_uuid(application_ids, &delivery->application_id);
		column_add(notification_ids, Int64GetDatum(delivery->key.notification_id));
		column_add(numbers, Int32GetDatum(delivery->attempt_number));
		column_add(manuals, BoolGetDatum(delivery->retry.is_manual));
		/* A retry by hand was not due at any time. */
		if (delivery->retry.is_manual)
			column_add_null(due_ats);
		else
			column_add(due_ats, TimestampTzGetDatum(delivery->key.due_at));
		column_add_text(recipients, record->recipient);
		column_add_uuid(provider_ids, record->provider_id);
		column_add_text(subjects, record->subject);
		column_add_text(texts, record->text_body);
		column_add_text(htmls, record->html_body);
	}
	statement_run(&mark_sending, column_array(notification_ids), column_array(numbers),
				  Int16GetDatum(slot));
	statement_run(&insert_attempts, column_array(application_ids), column_array(notification_ids),
				  column_array(numbers), column_array(manuals), column_array(due_ats),
				  column_array(recipients), column_array(provider_ids), column_array(subjects),
				  column_array(texts), column_array(htmls), TimestampTzGetDatum(now));
	take_attempt_ids(deliveries);
}
