/*
 * get.c
 *		Reading one appointment, by its id or by a ticket to its room, and one
 *		of its participants.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(get_appointment);
PG_FUNCTION_INFO_V1(get_participant);
PG_FUNCTION_INFO_V1(resolve_room);

/*
 * appt.get_appointment(id uuid) -> appt.appointment_details
 *
 * PT404: it does not exist or is not the caller's. An agent's appointments are
 * those of its application or, with agent_scope OWN, those that it organizes
 * or attends; a customer's is the one that its token names. Source:
 * auvious-appointments-api.txt, "Retrieve an Appointment by ID".
 */
Datum
get_appointment(PG_FUNCTION_ARGS)
{
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_CUSTOMER);
	details = appointment_details(&call, fcinfo,
								  appointment_find(&call.caller, required_uuid(fcinfo, 0, "id")));
	call_end(&call);
	return details;
}

/* ---- participants ---- */

/* Two columns of text as members of an object; NULLs are left out. */
static NullableDatum
next_pair(Row *row, const char *key, const char *other_key)
{
	JsonbParseState *state = NULL;
	char	   *text = next_text(row);
	char	   *other_text = next_text(row);

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (text != NULL)
		json_push_member(&state, key, text);
	if (other_text != NULL)
		json_push_member(&state, other_key, other_text);
	return sql_jsonb(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

static Datum
participant_details(Call *call, FunctionCallInfo fcinfo, const AppointmentKey *key,
					const char *participant_id, bool customers_only)
{
	static Statement find = {
		"SELECT id, type, username, first_name, last_name, email, phone, metadata FROM appt.participant "
		"WHERE application_id = $1 AND appointment_id = $2 AND id = $3 AND (NOT $4 OR type = 'CUSTOMER')",
		4, {UUIDOID, UUIDOID, TEXTOID, BOOLOID}, true
	};
	NullableDatum columns[6];
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  text_datum(participant_id), BoolGetDatum(customers_only)) == 0)
		report_text_not_found("participant", participant_id);
	row = ROW(0);
	columns[0] = next_value(row);
	columns[1] = next_value(row);
	columns[2] = next_value(row);
	columns[3] = next_pair(row, "firstName", "lastName");
	columns[4] = next_pair(row, "primaryEmail", "primaryPhone");
	columns[5] = next_value(row);
	return call_row(call, fcinfo, columns, lengthof(columns));
}

static bool
is_over(const Appointment *appointment, TimestampTz now)
{
	return strcmp(appointment->state, APPOINTMENT_ENDED) == 0 ||
		strcmp(appointment->state, APPOINTMENT_CANCELLED) == 0 ||
		appointment->end_at <= now;
}

/*
 * appt.get_participant(id uuid, participant_id text) -> appt.participant_details
 *
 * PT404: the appointment or participant does not exist or is not the caller's.
 * A customer sees the customers of its appointment until it is over. Source:
 * auvious-appointments-api.txt, "Get Participant Details".
 */
Datum
get_participant(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *participant_id;
	bool		for_customer;
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CUSTOMER);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	participant_id = required_id(fcinfo, 1, "participant_id");
	appointment = appointment_find(&call.caller, id);
	for_customer = (call.caller.role == CALLER_CUSTOMER);
	if (for_customer && is_over(appointment, GetCurrentTransactionStartTimestamp()))
		report_text_not_found("participant", participant_id);
	details = participant_details(&call, fcinfo, &appointment->key, participant_id, for_customer);
	call_end(&call);
	return details;
}

/* ---- rooms ---- */

/*
 * appt.resolve_room(ticket text) -> appt.appointment_details
 *
 * The ticket is the permission: whoever organizes, it is enough that the
 * appointment belongs to the caller's application. PT404: an unknown or
 * expired ticket, or the appointment is CANCELLED. Source: api.md's functions
 * beyond the seed.
 */
Datum
resolve_room(PG_FUNCTION_ARGS)
{
	static Statement find = {
		"SELECT " APPOINTMENT_DETAILS "FROM " APPOINTMENT_AND_ROOM
		"WHERE r.ticket = $1 AND ($2 IS NULL OR a.application_id = $2)"
		" AND r.expires > $3 AND a.state <> 'CANCELLED'",
		3, {TEXTOID, UUIDOID, TIMESTAMPTZOID}, true
	};
	NullableDatum arguments[3];
	char	   *ticket;
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	ticket = required_id(fcinfo, 0, "ticket");
	arguments[0] = sql_text(ticket);
	arguments[1] = call.caller.role == CALLER_UNRESTRICTED ? SQL_NULL : sql_uuid(&call.caller.application_id);
	arguments[2] = SQL_VALUE(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	if (statement_run_nullable(&find, arguments) == 0)
		report_text_not_found("room", ticket);
	details = appointment_details(&call, fcinfo, appointment_read(ROW(0)));
	call_end(&call);
	return details;
}
