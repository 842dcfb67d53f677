/*
 * record_inbound.c
 *		Recording a text message that an application got itself.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "inbound/message.h"

PG_FUNCTION_INFO_V1(record_inbound_sms);

enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_FROM_NUMBER, ARGUMENT_TO_NUMBER, ARGUMENT_TEXT,
	ARGUMENT_PROVIDER_MESSAGE_ID, ARGUMENT_RECEIVED_AT
};

static char *
read_number(FunctionCallInfo fcinfo, int index, const char *name)
{
	char	   *number = required_text(fcinfo, index, name);

	check_text_length(number, name, INBOUND_MAX_NUMBER);
	return number;
}

/* NULL if it is left out or empty. */
static char *
read_provider_message_id(FunctionCallInfo fcinfo)
{
	char	   *id = optional_text(fcinfo, ARGUMENT_PROVIDER_MESSAGE_ID, "provider_message_id");

	check_text_length(id, "provider_message_id", INBOUND_MAX_ID);
	return id == NULL || id[0] == '\0' ? NULL : id;
}

static TimestampTz
read_received_at(FunctionCallInfo fcinfo)
{
	TimestampTz at;

	if (PG_ARGISNULL(ARGUMENT_RECEIVED_AT))
		return GetCurrentTransactionStartTimestamp();
	at = PG_GETARG_TIMESTAMPTZ(ARGUMENT_RECEIVED_AT);
	if (TIMESTAMP_NOT_FINITE(at))
		report_invalid("value out of range", "\"received_at\" is infinite.");
	return at;
}

/* A text may be empty, as that of a picture is. */
static InboundText
read_text(FunctionCallInfo fcinfo)
{
	InboundText text;

	require_arguments(fcinfo, ARGUMENT_PROVIDER_MESSAGE_ID);
	text.application_id = *PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	text.from_number = read_number(fcinfo, ARGUMENT_FROM_NUMBER, "from_number");
	text.to_number = read_number(fcinfo, ARGUMENT_TO_NUMBER, "to_number");
	text.text = optional_words(fcinfo, ARGUMENT_TEXT, "text");
	if (text.text == NULL)
		text.text = "";
	text.provider_message_id = read_provider_message_id(fcinfo);
	text.received_at = read_received_at(fcinfo);
	return text;
}

static Datum
inbound_details(Call *call, FunctionCallInfo fcinfo, int64 id)
{
	static Statement find = {
		"SELECT m.handled_as, m.response_id, ARRAY(SELECT n.id FROM appt.notification n"
		"  WHERE n.user_event_id = ANY (m.user_event_ids) ORDER BY n.id)"
		" FROM appt.inbound_message m WHERE m.id = $1",
		1, {INT8OID}
	};
	NullableDatum columns[4] = {SQL_VALUE(Int64GetDatum(id))};
	Row		   *row;

	(void) statement_run(&find, Int64GetDatum(id));
	row = ROW(0);
	for (int i = 1; i < lengthof(columns); i++)
		columns[i] = next_value(row);
	return call_row(call, fcinfo, columns, lengthof(columns));
}

/*
 * appt.record_inbound_sms(application_id uuid, from_number text, to_number text,
 *		text text, provider_message_id text = null, received_at timestamptz = null)
 *		-> appt.inbound_details
 *
 * What is a single word with a meaning is handled (meaning.c). Else plans
 * TEXT_MESSAGE for the line that has to_number, and INBOUND_MESSAGE for
 * subscriptions that name it; HIGH_SMS by the times of received_at in either
 * case. received_at is now if left out. PT404: no such application. 22023: something is missing, too
 * long or infinite. Source: people.md sections 2 and 4.
 */
Datum
record_inbound_sms(PG_FUNCTION_ARGS)
{
	InboundText text;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	text = read_text(fcinfo);
	if (!caller_may_use_application(&call.caller, &text.application_id))
		report_not_found("application", &text.application_id);
	result = inbound_details(&call, fcinfo, inbound_record(&text));
	call_end(&call);
	return result;
}
