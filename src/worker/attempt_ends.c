/*
 * attempt_ends.c
 *		Closes the attempts of finished transfers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "channel/channel.h"
#include "channel/price.h"
#include "core/column.h"
#include "core/statement.h"
#include "worker/attempt_ends.h"

/* Columns that closing writes. */
/* The error of an attempt, in place of one that the database refuses. */
#define UNSTORABLE "it failed, and what the receiver answered cannot be stored"

enum
{
	FINISHED_AT, OUTCOME, STATUS_CODE, ERROR_TEXT, RESPONSE, PROVIDER_MESSAGE_ID, SEGMENTS, COST, CURRENCY
};
#define END_COLUMNS (CURRENCY + 1)

static const char *const end_columns[END_COLUMNS] = {
	[FINISHED_AT] = "finished_at",
	[OUTCOME] = "outcome",
	[STATUS_CODE] = "status_code",
	[ERROR_TEXT] = "error",
	[RESPONSE] = "response",
	[PROVIDER_MESSAGE_ID] = "provider_message_id",
	[SEGMENTS] = "segments",
	[COST] = "cost",
	[CURRENCY] = "currency"
};

bool
attempt_is_free(TableWriter *writer, const Delivery *delivery)
{
	const Datum key = Int64GetDatum(delivery->attempt_id);

	return table_find(writer, &delivery->attempt_place, &key) != ROW_LOCKED;
}

/* False if it is gone. */
static bool
find_to_write(TableWriter *writer, const Delivery *delivery)
{
	const Datum key = Int64GetDatum(delivery->attempt_id);

	return table_find_to_write(writer, &delivery->attempt_place, &key);
}

/* ---- closing ---- */

static NullableDatum
number_datum(int number)
{
	return number == 0 ? SQL_NULL : SQL_VALUE(Int32GetDatum(number));
}

/* Of a message that the provider took. */
static void
set_charge(NullableDatum *values, const Delivery *delivery)
{
	Charge		charge = charge_for(delivery->route->settings, delivery->segments);

	values[SEGMENTS] = number_datum(delivery->segments);
	values[COST] = charge.cost == NULL ? SQL_NULL : SQL_VALUE(NumericGetDatum(charge.cost));
	values[CURRENCY] = sql_text(charge.currency);
}

static void
close_one(TableWriter *writer, Delivery *delivery, bool without_texts)
{
	const Outcome *outcome = &delivery->outcome;
	bool		is_delivered = outcome->kind == OUTCOME_DELIVERED;
	NullableDatum values[END_COLUMNS];

	if (!find_to_write(writer, delivery))
		return;
	table_read(writer, values);
	if (!values[OUTCOME].isnull)
		return;
	values[FINISHED_AT] = SQL_VALUE(TimestampTzGetDatum(delivery->finished_at));
	values[OUTCOME] = sql_text(is_delivered ? "DELIVERED" : "FAILED");
	values[STATUS_CODE] = number_datum(outcome->status_code);
	values[ERROR_TEXT] = sql_text(is_delivered ? NULL : without_texts ? UNSTORABLE : outcome->error);
	values[RESPONSE] = sql_text(without_texts ? NULL : outcome->response);
	values[PROVIDER_MESSAGE_ID] = sql_text(without_texts ? NULL : outcome->provider_message_id);
	if (is_delivered)
		set_charge(values, delivery);
	if (!table_update(writer, values, &delivery->attempt_place))
		table_refuse_locked(writer);
}

/* Messages that their providers may report on. */
static void
write_reported(const List *deliveries)
{
	static Statement insert = {
		"INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) "
		"SELECT unnest($1), unnest($2), unnest($3) ON CONFLICT DO NOTHING",
		3, {UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
	};
	Column	   *applications = column_create(UUIDOID, 8);
	Column	   *message_ids = column_create(TEXTOID, 8);
	Column	   *attempts = column_create(INT8OID, 8);
	ListCell   *cell;

	foreach(cell, deliveries)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);
		const char *message_id = delivery->outcome.provider_message_id;

		if (message_id == NULL || !channel_has_receipts(delivery->message, delivery->route))
			continue;
		column_add_uuid(applications, &delivery->application_id);
		column_add_text(message_ids, message_id);
		column_add(attempts, Int64GetDatum(delivery->attempt_id));
	}
	if (attempts->count > 0)
		(void) statement_run(&insert, column_array(applications), column_array(message_ids), column_array(attempts));
}

void
attempts_close(const List *deliveries, bool without_texts)
{
	TableWriter *writer;
	ListCell   *cell;

	if (deliveries == NIL)
		return;
	writer = table_update_begin("attempt", end_columns, END_COLUMNS, END_COLUMNS);
	foreach(cell, deliveries)
		close_one(writer, (Delivery *) lfirst(cell), without_texts);
	table_write_end(writer);
	if (!without_texts)
		write_reported(deliveries);
}

void
attempts_drop(const List *deliveries)
{
	TableWriter *writer;
	ListCell   *cell;

	if (deliveries == NIL)
		return;
	writer = table_delete_begin("attempt");
	foreach(cell, deliveries)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);

		if (find_to_write(writer, delivery))
			table_delete(writer);
	}
	table_write_end(writer);
}
