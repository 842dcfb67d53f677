/*
 * send.c
 *		Sending a notification to the customers of an appointment because a user
 *		wants it.
 *
 * The messages are planned in the caller's transaction, due at once, and judged as
 * the worker will judge them. If nobody could get one, nothing happens. Those to
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
#include "notify/facts_load.h"
#include "notify/notification_scope.h"
#include "schedule/booking_state.h"
#include "schedule/cancel.h"
#include "schedule/sending.h"
#include "schedule/told_state.h"

PG_FUNCTION_INFO_V1(send_notification);

/* Customers that one call names at most. */
#define MAX_PARTICIPANT_IDS 1000

/* Messages of which an error tells why they could not go. */
#define MAX_EXPLAINED 10

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

static void
explain(StringInfo text, int number, const char *participant_id, ChannelCode channel, const Prospect *prospect)
{
	const char *reason = reason_code(prospect->reason);

	if (number < MAX_EXPLAINED)
		appendStringInfo(text, "%sCustomer \"%s\" by %s: %s%s%s", number > 0 ? " " : "", participant_id, channel_code(channel),
						 reason != NULL ? reason : "", reason != NULL ? ". " : "", prospect->explanation);
	else if (number == MAX_EXPLAINED)
		appendStringInfoString(text, " And others.");
}

/* There is no message to send. */
static void
refuse_empty(const AppointmentKey *key, const SendRequest *request)
{
	const char *type = notification_types[request->type].code;

	if (!has_rule_for_customers(key, request->type, NULL, false))
		report_conflict("no rule sends this notification", "No enabled rule sends %s to the customers of appointment \"%s\".",
						type, uuid_text(&key->id));
	send_request_check_channel(key, request, false);
	report_conflict("nobody can be sent this notification", "Appointment \"%s\" has no customer who gets %s.",
					uuid_text(&key->id), type);
}

/* ---- judging ---- */

/* Who gets a message that is planned. */
typedef struct Reached
{
	List	   *participants;	/* their ids */
	StringInfoData obstacles;	/* why the others do not go */
	int			refused;
} Reached;

static void
take_prospect(Reached *reached, const NotificationFacts *facts)
{
	Prospect	prospect = sending_prospect(facts);

	if (prospect.can_send)
		reached->participants = lappend(reached->participants, facts->recipient_id);
	else
		explain(&reached->obstacles, reached->refused++, facts->recipient_id, facts->channel, &prospect);
}

/* As many at once as memory allows. */
static void
judge(const int64 *ids, int count, Reached *reached)
{
	memset(reached, 0, sizeof(Reached));
	initStringInfo(&reached->obstacles);
	while (count > 0)
	{
		int			loaded = count;
		List	   *facts = facts_load(ids, &loaded);
		ListCell   *cell;

		foreach(cell, facts)
			take_prospect(reached, (const NotificationFacts *) lfirst(cell));
		ids += loaded;
		count -= loaded;
	}
}

static bool
is_among(const List *participants, const char *id)
{
	ListCell   *cell;

	foreach(cell, participants)
	{
		if (strcmp((const char *) lfirst(cell), id) == 0)
			return true;
	}
	return false;
}

/* Does every customer who can be told of this type get it? Those whom the caller left out may be among them. */
static bool
reaches_all(const AppointmentKey *key, const SendRequest *request, const Reached *reached)
{
	AskedMessages to_all = request->asked;
	ListCell   *cell;

	if (request->asked.channel == NULL && request->asked.participant_ids.isnull)
		return true;
	to_all.channel = NULL;
	to_all.participant_ids = SQL_NULL;
	foreach(cell, find_asked(key, &to_all, false))
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);
		const NotificationFacts *facts;

		if (is_among(reached->participants, message->participant_id))
			continue;
		facts = asked_facts(key, request, message, false);
		if (facts != NULL && sending_prospect(facts).can_send)
			return false;
	}
	return true;
}

/* ---- cancelling ---- */

/* What would go, for the HINT. */
static char *
consequences(const AppointmentKey *key, const SendRequest *request)
{
	int			messages[CHANNELS] = {0};
	List	   *participants = NIL;
	ListCell   *cell;

	foreach(cell, find_asked(key, &request->asked, false))
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);
		const NotificationFacts *facts = asked_facts(key, request, message, false);

		if (facts == NULL || !sending_prospect(facts).can_send)
			continue;
		messages[message->channel]++;
		if (!is_among(participants, message->participant_id))
			participants = lappend(participants, message->participant_id);
	}
	return psprintf("%d by EMAIL and %d by SMS would go to %d customers", messages[CHANNEL_EMAIL], messages[CHANNEL_SMS],
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
			 errhint("Of these messages %s%s. Call again with confirmed => true.", consequences(&appointment->key, request),
					 is_cancelled ? "" : ", and the appointment would be cancelled")));
}

/* Its customers are sent the message by the caller. */
static void
cancel(const Appointment *appointment, TimestampTz now)
{
	if (strcmp(appointment->state, APPOINTMENT_CANCELLED) == 0)
		return;
	set_cancelled(&appointment->key, NULL);
	plan_cancelled_by_hand(&appointment->key, now);
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

static void
send_now(const AppointmentKey *key, const SendRequest *request, ReturnSetInfo *result)
{
	static Statement find = {
		"SELECT " NOTIFICATION_DETAILS " FROM appt.notification n WHERE n.id = ANY ($1) AND n.state <> 'SENT' ORDER BY n.id",
		1, {INT8ARRAYOID}
	};
	const NotificationTypeInfo *type = &notification_types[request->type];
	Column	   *planned;
	NullableDatum argument;
	Reached		reached;
	int			count;
	int64	   *ids;

	/* Before planning, because the log has the title. */
	if (type->sets_booking_state != BOOKING_NONE)
		booking_state_set(key, type->sets_booking_state);
	ids = plan_asked(key, &request->asked, &count);
	if (count == 0)
		refuse_empty(key, request);
	judge(ids, count, &reached);
	if (reached.participants == NIL)
		report_conflict("nobody can be sent this notification", "%s", reached.obstacles.data);
	if (type->tells_what_is_so && key->has_meeting_template && reaches_all(key, request, &reached))
		told_remember(key);
	planned = column_create(INT8OID, count);
	for (int i = 0; i < count; i++)
		column_add(planned, Int64GetDatum(ids[i]));
	argument = SQL_VALUE(column_array(planned));
	statement_store(&find, &argument, result->setResult);
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
	send_now(&appointment->key, &request, (ReturnSetInfo *) fcinfo->resultinfo);
	call_end(&call);
	return (Datum) 0;
}
