/*
 * respond.c
 *		Answering for a customer, by an application with a page of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/statement.h"
#include "core/text.h"
#include "respond/response.h"

PG_FUNCTION_INFO_V1(respond);

/* Arguments of respond. */
enum
{
	ARGUMENT_TOKEN, ARGUMENT_ACTION, ARGUMENT_REASON, ARGUMENT_PROPOSED_START_AT
};

static ResponseAction
read_action(FunctionCallInfo fcinfo)
{
	char	   *code = required_text(fcinfo, ARGUMENT_ACTION, "action");
	ResponseAction action;

	if (!action_from_code(code, &action))
		report_unlisted(action_codes(), "unknown action", "\"%s\" is not an action.", quotable_text(code));
	return action;
}

static char *
read_reason(FunctionCallInfo fcinfo)
{
	char	   *reason = optional_words(fcinfo, ARGUMENT_REASON, "reason");

	if (reason != NULL && pg_mbstrlen(reason) > MAX_REASON_CHARACTERS)
		report_invalid("an argument is too long", "\"reason\" has more than %d characters.", MAX_REASON_CHARACTERS);
	return reason;
}

static TimestampTz
read_proposal(FunctionCallInfo fcinfo, ResponseAction action, TimestampTz now)
{
	TimestampTz at;

	if (PG_ARGISNULL(ARGUMENT_PROPOSED_START_AT))
		return 0;
	at = PG_GETARG_TIMESTAMPTZ(ARGUMENT_PROPOSED_START_AT);
	if (action != ACTION_RESCHEDULE)
		report_invalid("only RESCHEDULE takes a proposal", "\"proposed_start_at\" is given.");
	if (!proposal_is_valid(at, now))
		report_invalid("time out of range", "\"proposed_start_at\" is not in the future, or more than %d years ahead.",
					   MAX_PROPOSAL_YEARS);
	return at;
}

/* Raise what is no response. PT404, PT409, PT410. */
static void
require_response(ResponseOutcome outcome, const char *action)
{
	switch (outcome)
	{
		case RESPONSE_RECORDED:
		case RESPONSE_REPEATED:
			return;
		case RESPONSE_NOT_FOUND:
			break;				/* respond has reported it */
		case RESPONSE_OVER:
			ereport(ERROR,
					(errcode(ERRCODE_APPT_GONE),
					 errmsg("the appointment is over"),
					 errdetail("It has ended, was cancelled or archived, or the message is older than its new date.")));
			break;
		case RESPONSE_TOO_MANY:
			report_conflict("too many responses", "The message was answered %d times.", MAX_RESPONSES_PER_MESSAGE);
			break;
		case RESPONSE_CHANGED:
			report_conflict("the appointment has changed", "Its time or place is not what the message showed.");
			break;
		case RESPONSE_NOT_OFFERED:
			report_conflict("the message does not offer this action", "It has no button %s.", action);
			break;
	}
	elog(ERROR, "unexpected outcome of a response: %d", (int) outcome);
}

static Datum
response_details(Call *call, FunctionCallInfo fcinfo, const ResponseRequest *request, const ResponseResult *result)
{
	const LinkedMessage *message = request->message;
	const NullableDatum columns[] = {
		SQL_VALUE(Int64GetDatum(result->id)),
		sql_uuid(message->appointment_id),
		sql_text(message->participant_id),
		SQL_VALUE(Int64GetDatum(message->notification_id)),
		sql_text(response_actions[request->action].code),
		sql_text(request->reason),
		sql_time(request->proposed_start_at),
		sql_text(result->source),
		SQL_VALUE(TimestampTzGetDatum(result->created_at))
	};

	return call_row(call, fcinfo, columns, lengthof(columns));
}

/* The token is a secret: no error repeats it, and the log does not have the statement (hide_statement). */
static void
report_unknown_token(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_NOT_FOUND),
			 errmsg("message not found"),
			 errdetail("No message that can be answered has this token.")));
}

/*
 * appt.respond(token text, action text, reason text = null, proposed_start_at timestamptz = null)
 *		-> appt.response_details
 *
 * 22023: an invalid argument. PT404: no such token. PT409: the appointment is not
 * what the message showed, the message does not offer the action, or it was
 * answered too often. PT410: the appointment is over. Source: people.md, section 3.
 */
Datum
respond(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hiding = {error_context_stack, hide_statement};
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	LinkedMessage message;
	ResponseRequest request = {.message = &message, .source = SOURCE_API};
	ResponseResult result;
	char	   *token;
	Datum		details;
	Call		call;

	error_context_stack = &hiding;
	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 2);
	token = text_argument(fcinfo, ARGUMENT_TOKEN);
	request.action = read_action(fcinfo);
	request.reason = read_reason(fcinfo);
	request.proposed_start_at = read_proposal(fcinfo, request.action, now);
	if (!link_token_find(token, &message))
		report_unknown_token();
	result = response_record(&request, now);
	if (result.outcome == RESPONSE_NOT_FOUND)
		report_unknown_token();
	require_response(result.outcome, response_actions[request.action].code);
	details = response_details(&call, fcinfo, &request, &result);
	call_end(&call);
	error_context_stack = hiding.previous;
	return details;
}
