/*
 * send.c
 *		Sending a notification to the customers of an appointment because a user
 *		wants it.
 *
 * The messages are judged as the worker will judge them, and planned in the caller's
 * transaction, due at once. If nobody could get one, nothing happens. Those to
 * others than can be reached are planned, too: the log tells why they did not go.
 *
 * The appointment is locked first, so calls for the same appointment follow each
 * other, and each sees what the one before has planned.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "core/column.h"
#include "core/errors.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/asked_insert.h"
#include "notify/notification_scope.h"
#include "schedule/cancel.h"
#include "schedule/sending.h"
#include "schedule/told_state.h"

PG_FUNCTION_INFO_V1(send_notification);

/* Customers that one call names at most. */
#define MAX_PARTICIPANT_IDS 1000

/* ---- the arguments ---- */

static NullableDatum
read_participant_ids(FunctionCallInfo fcinfo)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(SENDING_PARTICIPANT_IDS))
		return SQL_NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(SENDING_PARTICIPANT_IDS), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &count);
	if (count < 1 || count > MAX_PARTICIPANT_IDS)
		report_invalid("wrong number of customers", "\"participant_ids\" has %d elements; it must have from 1 to %d.",
					   count, MAX_PARTICIPANT_IDS);
	for (int i = 0; i < count; i++)
		if (nulls[i])
			report_invalid("a participant id is missing", "An element of \"participant_ids\" is null.");
	return SQL_VALUE(PG_GETARG_DATUM(SENDING_PARTICIPANT_IDS));
}

/* Those named must be its customers. */
static void
require_customers(const AppointmentKey *key, NullableDatum participant_ids)
{
	static Statement find_other = {
		"SELECT n.id FROM unnest($3) AS n (id) WHERE NOT EXISTS (SELECT FROM appt.participant p"
		" WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.id = n.id AND p.type = 'CUSTOMER') LIMIT 1",
		3, {UUIDOID, UUIDOID, TEXTARRAYOID}
	};

	if (!participant_ids.isnull &&
		statement_run(&find_other, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  participant_ids.value) > 0)
		report_text_not_found("customer", next_text(ROW(0)));
}

/* ---- nobody gets it ---- */

/* There is no message to send. */
static void
refuse_empty(const AppointmentKey *key, const SendRequest *request)
{
	const char *type = notification_types[request->type].code;

	if (!has_rule_for_customers(key, request->type, NULL, false))
		ereport(ERROR,
				(errcode(ERRCODE_APPT_CONFLICT),
				 errmsg("no rule sends this notification"),
				 errdetail("No enabled rule sends %s to the customers of appointment \"%s\".", type, uuid_text(&key->id)),
				 errhint("Insert a row into appt.rule with this type and a channel, or enable the one that is there.")));
	send_request_check_channel(key, request, false);
	report_conflict("nobody can be sent this notification", "Appointment \"%s\" has no customer who gets %s.",
					uuid_text(&key->id), type);
}

static bool
is_among(const List *messages, const char *participant_id)
{
	ListCell   *cell;

	foreach(cell, messages)
	{
		if (strcmp(((const NotificationFacts *) lfirst(cell))->recipient_id, participant_id) == 0)
			return true;
	}
	return false;
}

/* Does every customer who can be told of this type get it? Those whom the caller left out may be among them. */
static bool
reaches_all(const Appointment *appointment, const SendRequest *request, const List *reached)
{
	AskedMessages to_all = request->asked;
	List	   *others = NIL;
	ListCell   *cell;

	if (request->asked.channel == NULL && request->asked.participant_ids.isnull)
		return true;
	to_all.channel = NULL;
	to_all.participant_ids = SQL_NULL;
	foreach(cell, find_asked(&appointment->key, &to_all, false))
	{
		AskedMessage *message = (AskedMessage *) lfirst(cell);

		if (!is_among(reached, message->recipient->id))
			others = lappend(others, message);
	}
	return judge_asked(appointment, request, others).reached == NIL;
}

/* ---- cancelling ---- */

/* What would go, for the HINT. */
static char *
consequences(const Appointment *appointment, const SendRequest *request)
{
	List	   *messages = find_asked(&appointment->key, &request->asked, false);
	int			counts[CHANNELS] = {0};
	List	   *participants = NIL;
	ListCell   *cell;

	foreach(cell, judge_asked(appointment, request, messages).reached)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		counts[facts->channel]++;
		if (!is_among(participants, facts->recipient_id))
			participants = lappend(participants, facts);
	}
	return psprintf("%d by EMAIL and %d by SMS would go to %d customers", counts[CHANNEL_EMAIL], counts[CHANNEL_SMS],
					list_length(participants));
}

static void
require_confirmed(const Appointment *appointment, const SendRequest *request, bool confirmed)
{
	bool		is_cancelled = strcmp(appointment->state, APPOINTMENT_CANCELLED) == 0;

	if (confirmed)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_APPT_CONFLICT),
			 errmsg("a cancellation needs to be confirmed"),
			 errdetail("%s of appointment \"%s\" cannot be undone.", notification_types[request->type].code,
					   uuid_text(&appointment->key.id)),
			 errhint("Of these messages %s%s. Call again with confirmed => true.", consequences(appointment, request),
					 is_cancelled ? "" : ", and the appointment would be cancelled")));
}

/* Its customers are sent the message by the caller. */
static void
cancel(Appointment *appointment, TimestampTz now)
{
	if (strcmp(appointment->state, APPOINTMENT_CANCELLED) == 0)
		return;
	set_cancelled(&appointment->key, NULL);
	plan_cancelled_by_hand(&appointment->key, now);
	appointment->state = APPOINTMENT_CANCELLED;
}

/* ---- the function ---- */

static void
require_possible(const Appointment *appointment, const SendRequest *request)
{
	Obstacle	obstacle = sending_obstacle(appointment, request->type);

	if (obstacle.message != NULL)
		report_conflict(obstacle.message, "%s", obstacle.detail);
	require_customers(&appointment->key, request->asked.participant_ids);
}

/* Add the messages that were planned before, unless they have been sent. */
static void
store_same(const List *messages, ReturnSetInfo *result)
{
	static Statement find = {
		"SELECT " NOTIFICATION_DETAILS " FROM appt.notification n WHERE n.id = ANY ($1) AND n.state <> 'SENT' ORDER BY n.id",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, list_length(messages));
	NullableDatum argument;
	ListCell   *cell;

	foreach(cell, messages)
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);

		if (message->same_id != 0)
			column_add(ids, Int64GetDatum(message->same_id));
	}
	if (ids->count == 0)
		return;
	argument = SQL_VALUE(column_array(ids));
	statement_store(&find, &argument, result->setResult);
}

/* What is sent changes the appointment before it is planned, because the log has the title. */
static void
send_now(Appointment *appointment, const SendRequest *request, ReturnSetInfo *result)
{
	const NotificationTypeInfo *type = &notification_types[request->type];
	List	   *messages = find_asked(&appointment->key, &request->asked, false);
	Judged		judged;

	if (messages == NIL)
		refuse_empty(&appointment->key, request);
	judged = judge_asked(appointment, request, messages);
	if (judged.reached == NIL)
		report_conflict("nobody can be sent this notification", "%s", judged.obstacles.data);
	if (appointment->key.has_meeting_template)
		told_by_message(appointment, type->sets_booking_state,
						type->tells_what_is_so && reaches_all(appointment, request, judged.reached));
	store_same(messages, result);
	plan_asked(appointment_facts(appointment), &request->asked, messages, result);
}

/*
 * appt.send_notification(id uuid, type text, channel text = null, participant_ids text[] = null,
 *		confirmed boolean = false) -> setof appt.notification_details
 *
 * 22023: a type that does not go to customers, a channel that the rules do not
 * allow. PT404: no such appointment or customer. PT409: it is over or archived, no
 * update is due, nobody can be reached, a cancellation is not confirmed. Source:
 * progrid-notifications.txt, "Sending a Notification"; people.md, section 3.
 */
Datum
send_notification(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	SendRequest request;
	Appointment *appointment;
	pg_uuid_t  *id;
	bool		confirmed = !PG_ARGISNULL(SENDING_CONFIRMED) && PG_GETARG_BOOL(SENDING_CONFIRMED);
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, SENDING_ID, "id");
	send_request_read(fcinfo, &request, now);
	request.asked.participant_ids = read_participant_ids(fcinfo);
	appointment = appointment_lock(&call.caller, id, false);
	send_request_aim(&request, appointment);
	require_possible(appointment, &request);
	if (notification_types[request.type].cancels)
	{
		require_confirmed(appointment, &request, confirmed);
		cancel(appointment, now);
	}
	send_now(appointment, &request, (ReturnSetInfo *) fcinfo->resultinfo);
	call_end(&call);
	return (Datum) 0;
}
