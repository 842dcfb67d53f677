/*
 * notification_functions.c
 *		Eligibility and preview of a single notification, as SQL functions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/compose.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/notification_scope.h"

PG_FUNCTION_INFO_V1(notification_eligibility);
PG_FUNCTION_INFO_V1(preview_notification);

/* The function's result, in the caller's memory context. */
static Datum
form_result(Call *call, FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	MemoryContext previous = MemoryContextSwitchTo(call->context);
	TupleDesc	descriptor;
	Datum		result;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result = HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
	MemoryContextSwitchTo(previous);
	return result;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* ---- eligibility ---- */

/* The result of notification_eligibility. */
typedef struct Answer
{
	bool		eligible;
	Reason		reason;
	char	   *explanation;
} Answer;

/* The answer for a notification that is settled or being sent; false for others. */
static bool
answer_from_state(const NotificationFacts *facts, Answer *answer)
{
	if (facts->state == STATE_PENDING || facts->state == STATE_RETRYING)
		return false;
	answer->eligible = false;
	answer->reason = facts->reason;
	if (facts->state == STATE_SENT)
		answer->explanation = pstrdup("It was sent.");
	else if (facts->state == STATE_SENDING)
		answer->explanation = pstrdup("It is being sent.");
	else
		answer->explanation = psprintf("It is %s. %s", state_code(facts->state),
									   reason_explanation(facts->reason));
	return true;
}

static void
answer_from_decision(const Decision *decision, TimestampTz at, TimestampTz judged_at, Answer *answer)
{
	switch (decision->verdict)
	{
		case VERDICT_SEND:
			answer->eligible = true;
			answer->reason = REASON_NONE;
			answer->explanation = judged_at > at ?
				psprintf("It will be sent at %s.", timestamp_text(judged_at)) :
				pstrdup("It is sent now.");
			break;
		case VERDICT_WAIT:
			answer->eligible = false;
			answer->reason = REASON_NOT_ACTIVATED;
			answer->explanation = psprintf("It waits for the appointment to be activated, until %s.",
										   timestamp_text(decision->until));
			break;
		case VERDICT_SETTLE:
			answer->eligible = false;
			answer->reason = decision->reason;
			answer->explanation = pstrdup(reason_explanation(decision->reason));
			break;
	}
}

/* The worker's own judgement. */
static Answer
judge(const NotificationFacts *facts, TimestampTz at)
{
	TimestampTz judged_at;
	Decision	decision;
	Answer		answer = {0};

	if (answer_from_state(facts, &answer))
		return answer;
	decision = eligibility_foresee(facts, at, &judged_at);
	answer_from_decision(&decision, at, judged_at, &answer);
	return answer;
}

/*
 * appt.notification_eligibility(notification_id bigint, at timestamptz = now(),
 *		OUT eligible boolean, OUT reason text, OUT explanation text)
 *
 * Would it be sent, and if not, why not? PT404. Source:
 * auvious-notifications.txt, "Notification settings"; api.md.
 */
Datum
notification_eligibility(PG_FUNCTION_ARGS)
{
	Call		call;
	int64		id;
	TimestampTz at;
	NotificationFacts *facts;
	Answer		answer;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	Datum		result;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	id = PG_GETARG_INT64(0);
	at = PG_GETARG_TIMESTAMPTZ(1);
	(void) notification_in_scope(&call.caller, id, true);
	facts = facts_load_one_as_seen(id);
	if (facts == NULL)
		report_text_not_found("notification", psprintf(INT64_FORMAT, id));
	answer = judge(facts, at);

	values[0] = BoolGetDatum(answer.eligible);
	set_text(values, nulls, 1, reason_code(answer.reason));
	set_text(values, nulls, 2, answer.explanation);
	result = form_result(&call, fcinfo, values, nulls);
	call_end(&call);
	return result;
}

/* ---- preview ---- */

static bool
has_appointment(NotificationType type)
{
	return notification_types[type].has_rules;
}

/* A type and a channel that may carry it; 22023. */
static void
read_kind(FunctionCallInfo fcinfo, NotificationType *type, ChannelCode *channel)
{
	char	   *type_text = text_argument(fcinfo, 2);
	char	   *channel_text = text_argument(fcinfo, 3);

	if (!notification_type_from_code(type_text, type))
		report_unlisted(notification_type_codes(has_appointment), "unknown notification type",
						"\"%s\" is not a notification type.", type_text);
	if (!channel_from_code(channel_text, channel))
		report_unlisted(channel_code_list(NULL), "unknown channel", "\"%s\" is not a channel.", channel_text);
	if ((notification_types[*type].channels & CHANNEL_BIT(*channel)) == 0)
		report_invalid("the type is not sent over this channel", "%s is not sent by %s.",
					   type_text, channel_text);
	if (!has_appointment(*type))
		report_unlisted(notification_type_codes(has_appointment), "the type has no appointment",
						"%s cannot be previewed.", type_text);
}

static TimeOffset
read_offset(FunctionCallInfo fcinfo)
{
	const Interval *offset;

	if (PG_ARGISNULL(4))
		return 0;
	offset = PG_GETARG_INTERVAL_P(4);
	if (offset->month != 0)
		report_invalid("time offset has months", "\"%s\" has no fixed length.",
					   DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(4))));
	return elapsed_microseconds(offset);
}

/*
 * The rule that is named, or that of the appointment with this offset; 0 if
 * there is none. A rule of PREFERRED or BOTH sends over either channel to
 * customers; one of the channel alone goes first.
 */
static int64
find_rule(FunctionCallInfo fcinfo, const pg_uuid_t *application_id,
		  NotificationType type, ChannelCode channel)
{
	static Statement find = {
		"SELECT r.id FROM appt.rule r WHERE r.application_id = $1 AND r.type = $2"
		" AND (r.channel = $3 OR $3 <> 'WEBHOOK' AND r.channel IN ('PREFERRED', 'BOTH'))"
		" AND CASE WHEN $4::bigint IS NOT NULL THEN r.id = $4 ELSE r.time_offset::interval = $5"
		"  AND (r.channel = 'WEBHOOK' OR r.meeting_template_id IS NOT DISTINCT FROM"
		"   (SELECT a.meeting_template_id FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $6)) END"
		" ORDER BY r.channel = $3 DESC, r.channel = 'BOTH' DESC LIMIT 1",
		6, {UUIDOID, TEXTOID, TEXTOID, INT8OID, INTERVALOID, UUIDOID}, true
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id),
		sql_text(notification_types[type].code),
		sql_text(channel_code(channel)),
		PG_ARGISNULL(5) ? SQL_NULL : SQL_VALUE(PG_GETARG_DATUM(5)),
		PG_ARGISNULL(4) ? SQL_NULL : SQL_VALUE(PG_GETARG_DATUM(4)),
		SQL_VALUE(PG_GETARG_DATUM(0))
	};

	if (PG_ARGISNULL(4) && PG_ARGISNULL(5))
		return 0;
	if (statement_run_nullable(&find, arguments) > 0)
		return next_int64(ROW(0));
	if (!PG_ARGISNULL(5))
		report_text_not_found("rule", psprintf(INT64_FORMAT, PG_GETARG_INT64(5)));
	return 0;
}

static Datum
form_preview(Call *call, FunctionCallInfo fcinfo, const NotificationFacts *facts)
{
	Reason		reason;
	char	   *error;
	Message    *message = compose_message(facts, GetCurrentTransactionStartTimestamp(), &reason, &error);
	Datum		values[4];
	bool		nulls[4];

	if (message == NULL)
		report_invalid("the message cannot be composed", "%s The reason is %s.", error, reason_code(reason));
	set_text(values, nulls, 0, message->recipient);
	set_text(values, nulls, 1, message->subject);
	set_text(values, nulls, 2, message->text_body);
	set_text(values, nulls, 3, message->html_body);
	return form_result(call, fcinfo, values, nulls);
}

/*
 * appt.preview_notification(appointment_id uuid, participant_id text, type text, channel text,
 *		time_offset interval = null, rule_id bigint = null,
 *		OUT recipient text, OUT subject text, OUT text_body text, OUT html_body text)
 *
 * What would be sent now to this customer; by WEBHOOK, the body that the first
 * subscription would get. PT404: no such appointment, customer or rule. 22023: a
 * type that has no appointment or not this channel, a template that fails.
 */
Datum
preview_notification(PG_FUNCTION_ARGS)
{
	Call		call;
	Preview		preview = {0};
	NotificationFacts *facts;
	Datum		result;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_ADMIN);
	require_arguments(fcinfo, 4);
	read_kind(fcinfo, &preview.type, &preview.channel);
	preview.time_offset = read_offset(fcinfo);
	preview.participant_id = text_argument(fcinfo, 1);
	preview.appointment_id = *PG_GETARG_UUID_P(0);
	preview.application_id = appointment_in_scope(&call.caller, &preview.appointment_id).application_id;
	preview.rule_id = find_rule(fcinfo, &preview.application_id, preview.type, preview.channel);
	facts = facts_of_preview(&preview);
	if (facts == NULL)
		report_text_not_found("customer", preview.participant_id);
	result = form_preview(&call, fcinfo, facts);
	call_end(&call);
	return result;
}
