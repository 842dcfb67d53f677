/*
 * attempt_ends.c
 *		Closes the attempts of finished transfers.
 *
 * Most batches have neither segments nor costs: webhooks never do. Their
 * statement does not carry these columns, because settling is most of what a
 * webhook costs the database.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "channel/channel.h"
#include "channel/price.h"
#include "core/column.h"
#include "core/statement.h"
#include "worker/attempt_ends.h"

#define CLOSE_ATTEMPTS(more_set, more_columns) \
	"UPDATE appt.attempt a " \
	"SET finished_at = c.finished_at, outcome = c.outcome, status_code = nullif(c.status_code, 0)," \
	"  error = c.error, response = c.response, provider_message_id = c.provider_message_id" more_set " " \
	"FROM (SELECT unnest($1) AS id, unnest($2) AS finished_at, unnest($3) AS outcome," \
	"  unnest($4) AS status_code, unnest($5) AS error, unnest($6) AS response," \
	"  unnest($7) AS provider_message_id" more_columns ") c " \
	"WHERE a.id = c.id AND a.outcome IS NULL"

static Statement close_attempts = {
	CLOSE_ATTEMPTS("", ""),
	7, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID}
};

static Statement close_charged = {
	CLOSE_ATTEMPTS(", segments = nullif(c.segments, 0), cost = c.cost, currency = c.currency",
				   ", unnest($8) AS segments, unnest($9) AS cost, unnest($10) AS currency"),
	10, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, INT4ARRAYOID, NUMERICARRAYOID, TEXTARRAYOID}
};

static Statement insert_provider_messages = {
	"INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) "
	"SELECT unnest($1), unnest($2), unnest($3) ON CONFLICT DO NOTHING",
	3, {UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
};

struct AttemptEnds
{
	Column	   *ids;
	Column	   *finished_ats;
	Column	   *outcomes;
	Column	   *statuses;
	Column	   *errors;
	Column	   *responses;
	Column	   *message_ids;
	Column	   *segments;
	Column	   *costs;
	Column	   *currencies;
	bool		are_charged;	/* some have segments or a cost */

	/* Messages that their providers may report on. */
	Column	   *reported_applications;
	Column	   *reported_message_ids;
	Column	   *reported_attempts;
};

AttemptEnds *
attempt_ends_create(int capacity)
{
	AttemptEnds *ends = (AttemptEnds *) palloc0(sizeof(AttemptEnds));

	ends->ids = column_create(INT8OID, capacity);
	ends->finished_ats = column_create(TIMESTAMPTZOID, capacity);
	ends->outcomes = column_create(TEXTOID, capacity);
	ends->statuses = column_create(INT4OID, capacity);
	ends->errors = column_create(TEXTOID, capacity);
	ends->responses = column_create(TEXTOID, capacity);
	ends->message_ids = column_create(TEXTOID, capacity);
	ends->segments = column_create(INT4OID, capacity);
	ends->costs = column_create(NUMERICOID, capacity);
	ends->currencies = column_create(TEXTOID, capacity);
	ends->reported_applications = column_create(UUIDOID, 0);
	ends->reported_message_ids = column_create(TEXTOID, 0);
	ends->reported_attempts = column_create(INT8OID, 0);
	return ends;
}

/* Segments and cost of a message that the provider took. */
static void
add_charge(AttemptEnds *ends, const Delivery *delivery)
{
	bool		is_taken = delivery->outcome.kind == OUTCOME_DELIVERED;
	int			segments = is_taken ? delivery->segments : 0;
	Charge		charge = {NULL, NULL};

	if (is_taken)
		charge = charge_for(delivery->route->settings, segments);
	column_add(ends->segments, Int32GetDatum(segments));
	if (charge.cost != NULL)
		column_add(ends->costs, NumericGetDatum(charge.cost));
	else
		column_add_null(ends->costs);
	column_add_text(ends->currencies, charge.currency);
	if (segments > 0 || charge.cost != NULL)
		ends->are_charged = true;
}

static void
add_reported(AttemptEnds *ends, const Delivery *delivery, const char *message_id)
{
	if (message_id == NULL || !channel_has_receipts(delivery->message, delivery->route))
		return;
	column_add_uuid(ends->reported_applications, &delivery->application_id);
	column_add_text(ends->reported_message_ids, message_id);
	column_add(ends->reported_attempts, Int64GetDatum(delivery->attempt_id));
}

void
attempt_ends_add(AttemptEnds *ends, const Delivery *delivery, bool without_texts)
{
	const Outcome *outcome = &delivery->outcome;
	const char *message_id = without_texts ? NULL : outcome->provider_message_id;

	column_add(ends->ids, Int64GetDatum(delivery->attempt_id));
	column_add(ends->finished_ats, TimestampTzGetDatum(delivery->finished_at));
	column_add_text(ends->outcomes, outcome->kind == OUTCOME_DELIVERED ? "DELIVERED" : "FAILED");
	column_add(ends->statuses, Int32GetDatum(outcome->status_code));
	column_add_text(ends->errors, without_texts ? NULL : outcome->error);
	column_add_text(ends->responses, without_texts ? NULL : outcome->response);
	column_add_text(ends->message_ids, message_id);
	add_charge(ends, delivery);
	add_reported(ends, delivery, message_id);
}

static void
write_reported(const AttemptEnds *ends)
{
	if (ends->reported_attempts->count > 0)
		(void) statement_run(&insert_provider_messages, column_array(ends->reported_applications),
							 column_array(ends->reported_message_ids), column_array(ends->reported_attempts));
}

void
attempt_ends_write(const AttemptEnds *ends)
{
	if (ends->ids->count == 0)
		return;

	/* The simple statement ignores the arguments beyond its own. */
	(void) statement_run(ends->are_charged ? &close_charged : &close_attempts,
						 column_array(ends->ids), column_array(ends->finished_ats),
						 column_array(ends->outcomes), column_array(ends->statuses),
						 column_array(ends->errors), column_array(ends->responses),
						 column_array(ends->message_ids), column_array(ends->segments),
						 column_array(ends->costs), column_array(ends->currencies));
	write_reported(ends);
}
