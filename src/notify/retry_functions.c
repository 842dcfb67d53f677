/*
 * retry_functions.c
 *		Sending again by hand, as SQL functions.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/facts_load.h"
#include "notify/notification_scope.h"
#include "notify/retry.h"

PG_FUNCTION_INFO_V1(retry_notification);
PG_FUNCTION_INFO_V1(retry_notifications);
PG_FUNCTION_INFO_V1(resend_notification);
PG_FUNCTION_INFO_V1(resend_notifications);
PG_FUNCTION_INFO_V1(not_retriable_because);

/* Notifications that one call sends again at most, and those that it loads at once. */
#define MAX_AT_ONCE 10000
#define BATCH 100

/* Arguments of retry_notifications, and of resend_notifications. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_SINCE, ARGUMENT_UNTIL, ARGUMENT_TYPE, ARGUMENT_CHANNEL,
	ARGUMENT_RECIPIENT, ARGUMENT_SUBSCRIPTION_ID, ARGUMENT_REASON, ARGUMENT_MAX
};
enum
{
	RESEND_SUBSCRIPTION_ID, RESEND_SINCE, RESEND_UNTIL, RESEND_TYPES, RESEND_FAILED_ONLY, RESEND_MAX
};

/* Begin a call that sends the notification $1 again; PT404 if the caller may not do so. */
static NotificationScope
begin_by_hand(Call *call, FunctionCallInfo fcinfo, int64 *id)
{
	call_begin(call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_ADMIN);
	require_arguments(fcinfo, 1);
	*id = PG_GETARG_INT64(0);
	return notification_in_scope(&call->caller, *id, false);
}

/*
 * appt.retry_notification(notification_id bigint) -> appt.notification_details
 *
 * PT404; PT409 with the reason in DETAIL unless it is the latest failure and would
 * be sent now. Source: auvious-notifications.txt,
 * "Reliability and retries"; design.md, Failures.
 */
Datum
retry_notification(PG_FUNCTION_ARGS)
{
	Call		call;
	int64		id;
	NotificationScope scope = begin_by_hand(&call, fcinfo, &id);
	Datum		result;

	retry_by_hand(id, &scope.application_id, scope.appointment_id);
	result = notification_details(&call, id);
	call_end(&call);
	return result;
}

/*
 * appt.resend_notification(notification_id bigint) -> appt.notification_details
 *
 * Returns the new notification. PT404; PT409 with the reason in DETAIL if it is not
 * SENT, MISSED or SUPPRESSED, if it is a CODE, or if it would not be sent now.
 * Source: api.md, Notifications.
 */
Datum
resend_notification(PG_FUNCTION_ARGS)
{
	Call		call;
	int64		id;
	NotificationScope scope = begin_by_hand(&call, fcinfo, &id);
	Datum		result;

	result = notification_details(&call, resend_by_hand(id, &scope.application_id, scope.appointment_id));
	call_end(&call);
	return result;
}

/*
 * appt.not_retriable_because(notification_id bigint) -> text
 *
 * Why retry_notification would refuse it now; null if it would not. For the
 * view latest_failure. PT404.
 */
Datum
not_retriable_because(PG_FUNCTION_ARGS)
{
	Call		call;
	int64		id;
	const NotificationFacts *facts;
	char	   *obstacle;
	Datum		result = (Datum) 0;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 1);
	id = PG_GETARG_INT64(0);
	(void) notification_in_scope(&call.caller, id, true);
	facts = facts_load_one_as_seen(id);
	if (facts == NULL)
		report_text_not_found("notification", psprintf(INT64_FORMAT, id));
	obstacle = retry_obstacle(facts, true, GetCurrentTimestamp());
	if (obstacle != NULL)
		result = call_copy(&call, CStringGetTextDatum(obstacle), false, -1);
	call_end(&call);
	if (obstacle == NULL)
		PG_RETURN_NULL();
	return result;
}

/* ---- several ---- */

static void
check_max(FunctionCallInfo fcinfo, int index)
{
	require_argument(fcinfo, index, "max");
	if (PG_GETARG_INT32(index) < 1 || PG_GETARG_INT32(index) > MAX_AT_ONCE)
		report_invalid("value out of range", "\"max\" is %d; it must be from 1 to %d.", PG_GETARG_INT32(index), MAX_AT_ONCE);
}

/* The last statement's rows: notifications, their appointments, and the states of those that are not settled. */
static RetryCandidate *
take_candidates(int count)
{
	RetryCandidate *candidates = (RetryCandidate *) palloc0(Max(count, 1) * sizeof(RetryCandidate));

	for (int n = 0; n < count; n++)
	{
		Row		   *row = ROW(n);

		candidates[n].notification_id = next_int64(row);
		candidates[n].appointment_id = next_uuid_or_null(row);
		candidates[n].waiting_state = next_text(row);
	}
	return candidates;
}

static void
put_results(ReturnSetInfo *result, const RetryCandidate *candidates, int count)
{
	for (int i = 0; i < count; i++)
	{
		const char *obstacle = candidates[i].obstacle;
		bool		nulls[3] = {false, false, obstacle == NULL};
		Datum		values[3];

		values[0] = Int64GetDatum(candidates[i].notification_id);
		values[1] = BoolGetDatum(obstacle == NULL);
		values[2] = obstacle != NULL ? CStringGetTextDatum(obstacle) : (Datum) 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

typedef void (*SendSeveral) (const pg_uuid_t *application_id, RetryCandidate *candidates, int count);

/* In batches, so that memory is bounded. */
static void
send_in_batches(const pg_uuid_t *application_id, RetryCandidate *candidates, int count, SendSeveral send,
				ReturnSetInfo *result)
{
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "appt retries", ALLOCSET_DEFAULT_SIZES);

	for (int done = 0; done < count; done += BATCH)
	{
		MemoryContext previous = MemoryContextSwitchTo(batch);
		int			size = Min(BATCH, count - done);

		CHECK_FOR_INTERRUPTS();
		send(application_id, candidates + done, size);
		put_results(result, candidates + done, size);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(batch);
	}
	MemoryContextDelete(batch);
}

/* ---- retry_notifications ---- */

static void
check_filters(FunctionCallInfo fcinfo)
{
	char	   *type = text_argument(fcinfo, ARGUMENT_TYPE);
	char	   *channel = text_argument(fcinfo, ARGUMENT_CHANNEL);
	char	   *reason = text_argument(fcinfo, ARGUMENT_REASON);
	NotificationType known_type;
	ChannelCode known_channel;
	Reason		known_reason;

	if (type != NULL && !notification_type_from_code(type, &known_type))
		report_unlisted(notification_type_codes(NULL), "unknown notification type", "\"%s\" is not a notification type.", type);
	if (channel != NULL && !channel_from_code(channel, &known_channel))
		report_unlisted(channel_code_list(NULL), "unknown channel", "\"%s\" is not a channel.", channel);
	if (reason != NULL && !reason_from_code(reason, &known_reason))
		report_unlisted(reason_code_list(), "unknown reason", "\"%s\" is not a reason.", reason);
	check_max(fcinfo, ARGUMENT_MAX);
}

/* The failures that match the arguments, the earliest due first. */
static RetryCandidate *
find_failures(const Caller *caller, FunctionCallInfo fcinfo, int *count)
{
	static Statement find = {
		"SELECT n.id, n.appointment_id, NULL::text FROM appt.notification n"
		" WHERE n.application_id = $1 AND n.state = 'FAILED' AND " NOTIFICATION_IN_SCOPE
		" AND n.due_at >= coalesce($8, '-infinity') AND n.due_at < coalesce($9, 'infinity')"
		" AND ($10::text IS NULL OR n.type = $10) AND ($11::text IS NULL OR n.channel = $11)"
		" AND ($12::text IS NULL OR $12 IN (n.address, n.recipient_id))"
		" AND ($13::uuid IS NULL OR n.subscription_id = $13) AND ($14::text IS NULL OR n.reason = $14)"
		" ORDER BY n.due_at, n.id LIMIT $15",
		15, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		TEXTOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID, INT4OID}
	};
	NullableDatum arguments[15];

	arguments[0] = fcinfo->args[ARGUMENT_APPLICATION_ID];
	set_notification_scope(caller, arguments, false);
	for (int i = ARGUMENT_SINCE; i <= ARGUMENT_MAX; i++)
		arguments[6 + i] = fcinfo->args[i];
	*count = (int) statement_run_nullable(&find, arguments);
	return take_candidates(*count);
}

/*
 * appt.retry_notifications(application_id uuid, since timestamptz = null, until timestamptz = null,
 *		type text = null, channel text = null, recipient text = null, subscription_id uuid = null,
 *		reason text = null, max integer = 1000)
 *		-> setof (notification_id bigint, retried boolean, explanation text)
 *
 * Retries each FAILED notification that was due in [since, until) as
 * retry_notification does. One that can't be retried yields a row with the
 * explanation and no error. `recipient` is an address or a participant's id.
 * 22023: an unknown type, channel or reason, or max outside 1..10000;
 * PT404: no such application. Source: api.md, Notifications.
 */
Datum
retry_notifications(PG_FUNCTION_ARGS)
{
	RetryCandidate *candidates;
	pg_uuid_t  *application_id;
	int			count;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_ADMIN);
	require_arguments(fcinfo, 1);
	check_filters(fcinfo);
	application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	require_application_in_scope(&call.caller, application_id);
	candidates = find_failures(&call.caller, fcinfo, &count);
	send_in_batches(application_id, candidates, count, retry_several, (ReturnSetInfo *) fcinfo->resultinfo);
	call_end(&call);
	return (Datum) 0;
}

/* ---- resend_notifications ---- */

static void
check_types(FunctionCallInfo fcinfo, int index)
{
	NotificationType type;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(index))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(index), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *code = nulls[i] ? "NULL" : TextDatumGetCString(elements[i]);

		if (!notification_type_from_code(code, &type))
			report_unlisted(notification_type_codes(NULL), "unknown notification type", "\"%s\" is not a notification type.", code);
	}
}

/* The application of the subscription; PT404. */
static pg_uuid_t
subscription_in_scope(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT application_id FROM appt.subscription WHERE id = $1", 1, {UUIDOID}
	};
	pg_uuid_t	application_id;

	if (statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("subscription", id);
	application_id = next_uuid(ROW(0));
	if (!caller_may_use_application(caller, &application_id))
		report_not_found("subscription", id);
	return application_id;
}

/*
 * What was due in the time asked for, the earliest first, found by the index of
 * the application's notifications: one of subscriptions would cost each webhook
 * that is planned, for a call that is rare. A copy with the same uid
 * is the same message: its original stands for it as long as the log has that.
 * What failed is not lost any more once a copy of it has arrived. Both are looked up
 * for each row by an index; EXISTS might read the whole log instead.
 */
static RetryCandidate *
find_lost(FunctionCallInfo fcinfo, const pg_uuid_t *application_id, TimestampTz now, int *count)
{
	static Statement find = {
		"SELECT n.id, n.appointment_id, CASE WHEN n.settled_at IS NULL THEN n.state END FROM appt.notification n"
		" WHERE n.application_id = $8 AND n.subscription_id = $1 AND n.due_at >= $2 AND n.due_at < coalesce($3, 'infinity') AND n.due_at <= $7"
		" AND ($4::text[] IS NULL OR n.type = ANY ($4))"
		" AND (NOT $5 OR n.state = 'FAILED' AND (SELECT c.id FROM appt.notification c"
		"  WHERE c.resent_from = n.id AND c.uid = n.uid AND c.state = 'SENT' LIMIT 1) IS NULL)"
		" AND (SELECT o.uid FROM appt.notification o WHERE o.id = n.resent_from) IS DISTINCT FROM n.uid"
		" ORDER BY n.due_at, n.id LIMIT $6",
		8, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID, BOOLOID, INT4OID, TIMESTAMPTZOID, UUIDOID}
	};
	NullableDatum arguments[8];

	for (int i = 0; i <= RESEND_MAX; i++)
		arguments[i] = fcinfo->args[i];
	arguments[6] = SQL_VALUE(TimestampTzGetDatum(now));
	arguments[7] = sql_uuid(application_id);
	*count = (int) statement_run_nullable(&find, arguments);
	return take_candidates(*count);
}

/*
 * appt.resend_notifications(subscription_id uuid, since timestamptz, until timestamptz = null,
 *		types text[] = null, failed_only boolean = false, max integer = 1000)
 *		-> setof (notification_id bigint, resent boolean, explanation text)
 *
 * Sends a subscription's endpoint again what was due in [since, until) and is
 * settled, each as a new notification with the uid of the old one. What can't be
 * sent again yields a row with the explanation and no error. 22023: an unknown
 * type, max outside 1..10000; PT404: no such subscription. Source: people.md,
 * section 2, Functions.
 */
Datum
resend_notifications(PG_FUNCTION_ARGS)
{
	RetryCandidate *candidates;
	pg_uuid_t	application_id;
	int			count;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	require_argument(fcinfo, RESEND_FAILED_ONLY, "failed_only");
	check_types(fcinfo, RESEND_TYPES);
	check_max(fcinfo, RESEND_MAX);
	application_id = subscription_in_scope(&call.caller, PG_GETARG_UUID_P(RESEND_SUBSCRIPTION_ID));
	candidates = find_lost(fcinfo, &application_id, GetCurrentTimestamp(), &count);
	send_in_batches(&application_id, candidates, count, resend_several, (ReturnSetInfo *) fcinfo->resultinfo);
	call_end(&call);
	return (Datum) 0;
}
