/*
 * send_dialog.c
 *		What a dialog shows before a user sends a notification: who gets it, over
 *		which channel, in which words, and who does not get it.
 *
 * As send_notification would send it now. Each message is loaded by itself: only
 * one is in memory.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/arguments.h"
#include "notify/compose.h"
#include "notify/recipient.h"
#include "schedule/sending.h"

PG_FUNCTION_INFO_V1(notification_dialog);

/* What is shown of one message. */
typedef struct DialogRow
{
	const AskedMessage *message;
	Prospect	prospect;
	const Message *composed;	/* NULL: it can't be composed */
} DialogRow;

static const char *
name_or_username(const ParticipantFacts *person)
{
	const char *name = full_name(person);

	return name != NULL ? name : person->username;
}

static void
put_row(ReturnSetInfo *result, const DialogRow *row)
{
	const ParticipantFacts *recipient = row->message->recipient;
	const char *const texts[] = {
		recipient->id, name_or_username(recipient), recipient->email, recipient->phone,
		channel_code(row->message->channel), NULL,
		reason_code(row->prospect.reason), row->prospect.explanation,
		row->composed ? row->composed->subject : NULL,
		row->composed ? row->composed->text_body : NULL,
		row->composed ? row->composed->html_body : NULL
	};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = (texts[i] == NULL);
		values[i] = texts[i] == NULL ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	nulls[5] = false;
	values[5] = BoolGetDatum(row->prospect.can_send);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* A message that can't be composed can't be sent; that shows only when it is tried. */
static void
compose(const NotificationFacts *facts, DialogRow *row)
{
	Reason		reason;
	char	   *error;

	if (facts->is_too_large)
		return;
	row->composed = compose_message(facts, GetCurrentTransactionStartTimestamp(), &reason, &error);
	if (row->composed == NULL && row->prospect.can_send)
		row->prospect = (Prospect) {false, reason, psprintf("%s %s", reason_explanation(reason), error)};
}

static void
show(const Appointment *appointment, const SendRequest *request, const AskedMessage *message, const Obstacle *obstacle,
	 ReturnSetInfo *result)
{
	const NotificationFacts *facts = asked_facts(&appointment->key, request, message);
	DialogRow	row = {.message = message};

	if (facts == NULL)
		return;
	row.prospect = sending_prospect(facts);
	compose(facts, &row);
	if (obstacle->message != NULL)
		row.prospect = (Prospect) {false, REASON_NONE, obstacle->detail};
	put_row(result, &row);
}

/*
 * appt.notification_dialog(id uuid, type text, channel text = null)
 *		-> setof (participant_id, recipient_name, email, phone, channel, can_send, reason, explanation,
 *		subject, text_body, html_body)
 *
 * 22023 and PT404 as send_notification. What would be PT409 there is an explanation.
 * Source: progrid-notifications.txt, "Sending a Notification"; people.md, section 3.
 */
Datum
notification_dialog(PG_FUNCTION_ARGS)
{
	SendRequest request;
	const Appointment *appointment;
	MemoryContext row_context;
	Obstacle	obstacle;
	pg_uuid_t  *id;
	List	   *messages;
	ListCell   *cell;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, SENDING_ID, "id");
	send_request_read(fcinfo, &request, GetCurrentTransactionStartTimestamp());
	appointment = appointment_find(&call.caller, id);
	send_request_aim(&request, appointment);
	obstacle = sending_obstacle(appointment, request.type);
	messages = find_asked(&appointment->key, &request.asked, true);
	if (messages == NIL)
		send_request_check_channel(&appointment->key, &request, true);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "appt dialog", ALLOCSET_DEFAULT_SIZES);
	foreach(cell, messages)
	{
		MemoryContext previous = MemoryContextSwitchTo(row_context);

		show(appointment, &request, (const AskedMessage *) lfirst(cell), &obstacle, (ReturnSetInfo *) fcinfo->resultinfo);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(row_context);
	}
	call_end(&call);
	return (Datum) 0;
}
