/*
 * forecast.c
 *		What an application would send to whom up to a time, as things stand.
 *
 * The same code decides as in the worker, of the facts that the calling query
 * sees: also what its own transaction has changed.
 *
 * Memory is bounded: the ids that are asked for, and the facts of some of them at
 * a time, within the budget of a load.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/notification_scope.h"
#include "notify/recipient.h"

PG_FUNCTION_INFO_V1(forecast);

/* Rows that one call returns at most, and notifications that are loaded at once. */
#define MAX_ROWS 100000
#define BATCH 500

enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_UNTIL, ARGUMENT_AT, ARGUMENT_MAX
};

#define COLUMNS 13

/*
 * What waits, is due by then and may be read by the caller, in the order in which it
 * is due. No retry is due before the first attempt: the index ends where that is.
 */
static int64 *
find_waiting(const Caller *caller, FunctionCallInfo fcinfo, int *count)
{
	static Statement find = {
		"SELECT n.id FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
		" WHERE d.application_id = $1 AND d.first_due_at <= coalesce($8, 'infinity') AND d.due_at <= coalesce($8, 'infinity')"
		" AND n.state IN ('PENDING', 'RETRYING') AND " NOTIFICATION_IN_SCOPE
		" ORDER BY d.first_due_at, d.notification_id LIMIT $9",
		9, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, INT4OID}, true
	};
	NullableDatum arguments[9];
	int64	   *ids;

	arguments[0] = fcinfo->args[ARGUMENT_APPLICATION_ID];
	set_notification_scope(caller, arguments, true);
	arguments[7] = fcinfo->args[ARGUMENT_UNTIL];
	arguments[8] = fcinfo->args[ARGUMENT_MAX];
	*count = (int) statement_run_nullable(&find, arguments);
	ids = (int64 *) palloc(Max(*count, 1) * sizeof(int64));
	for (int n = 0; n < *count; n++)
		ids[n] = next_int64(ROW(n));
	statement_done();
	return ids;
}

static NullableDatum
verdict_text(const Decision *decision)
{
	switch (decision->verdict)
	{
		case VERDICT_SEND:
			return sql_text("SEND");
		case VERDICT_WAIT:
			return sql_text("WAIT");
		case VERDICT_SETTLE:
			return sql_text(state_code(decision->state));
	}
	pg_unreachable();
}

static NullableDatum
explanation_text(const Decision *decision)
{
	switch (decision->verdict)
	{
		case VERDICT_SEND:
			return SQL_NULL;
		case VERDICT_WAIT:
			return sql_text("It waits for the appointment to be activated.");
		case VERDICT_SETTLE:
			return sql_text(reason_explanation(decision->reason));
	}
	pg_unreachable();
}

static void
put_row(ReturnSetInfo *result, const NotificationFacts *facts, TimestampTz at)
{
	TimestampTz judged_at;
	Decision	decision = eligibility_foresee(facts, at, &judged_at);
	bool		waits = (decision.verdict == VERDICT_WAIT);
	NullableDatum columns[COLUMNS] = {
		SQL_VALUE(TimestampTzGetDatum(facts->due_at)),
		SQL_VALUE(Int64GetDatum(facts->id)),
		sql_uuid(facts->appointment_id),
		sql_text(notification_types[facts->type].code),
		sql_text(channel_code(facts->channel)),
		sql_text(facts->recipient_kind),
		sql_text(facts->recipient_id),
		sql_text(recipient_to_log(facts)),
		SQL_VALUE(TimestampTzGetDatum(judged_at)),
		verdict_text(&decision),
		sql_text(reason_code(waits ? REASON_NOT_ACTIVATED : decision.reason)),
		explanation_text(&decision),
		waits ? SQL_VALUE(TimestampTzGetDatum(decision.until)) : SQL_NULL
	};

	tuplestore_puttuple(result->setResult, tuple_of(result->setDesc, columns, COLUMNS));
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	const NotificationFacts *one = (const NotificationFacts *) lfirst(a);
	const NotificationFacts *other = (const NotificationFacts *) lfirst(b);

	if (one->due_at != other->due_at)
		return one->due_at < other->due_at ? -1 : 1;
	return one->id < other->id ? -1 : one->id > other->id;
}

/* Judge the first of these, as many as can be loaded at once; returns how many. */
static int
judge_some(ReturnSetInfo *result, const int64 *ids, int count, TimestampTz at)
{
	List	   *all_facts = facts_load_as_seen(ids, &count);
	ListCell   *cell;

	list_sort(all_facts, compare_due);
	foreach(cell, all_facts)
		put_row(result, (const NotificationFacts *) lfirst(cell), at);
	return count;
}

static void
judge_in_batches(ReturnSetInfo *result, const int64 *ids, int count, TimestampTz at)
{
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "appt forecast", ALLOCSET_DEFAULT_SIZES);

	for (int done = 0; done < count;)
	{
		MemoryContext previous = MemoryContextSwitchTo(batch);

		CHECK_FOR_INTERRUPTS();
		done += judge_some(result, ids + done, Min(BATCH, count - done), at);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(batch);
	}
	MemoryContextDelete(batch);
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	require_arguments(fcinfo, 1);
	require_argument(fcinfo, ARGUMENT_AT, "at");
	require_argument(fcinfo, ARGUMENT_MAX, "max");
	check_range(fcinfo, ARGUMENT_MAX, "max", 1, MAX_ROWS);
}

/*
 * appt.forecast(application_id uuid, until timestamptz = null, at timestamptz = now(), max integer = 10000)
 *		-> setof (due_at timestamptz, notification_id bigint, appointment_id uuid, type text, channel text,
 *				  recipient_kind text, recipient_id text, address text, judged_at timestamptz, verdict text,
 *				  reason text, explanation text, waits_until timestamptz)
 *
 * The notifications that wait, are due up to `until` (null: whenever) and that the
 * caller may read, with what the worker would decide of each when it is due, or at
 * `at` if that is later. 22023: max outside 1..100000; PT404: no such application.
 * Source: design.md section 2; the decision is notification_eligibility's.
 */
Datum
forecast(PG_FUNCTION_ARGS)
{
	Call		call;
	int64	   *ids;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	check_arguments(fcinfo);
	require_application_in_scope(&call.caller, PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID));
	ids = find_waiting(&call.caller, fcinfo, &count);
	judge_in_batches((ReturnSetInfo *) fcinfo->resultinfo, ids, count, PG_GETARG_TIMESTAMPTZ(ARGUMENT_AT));
	call_end(&call);
	return (Datum) 0;
}
