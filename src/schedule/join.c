/*
 * join.c
 *		Participants who enter and leave the call, as the video front end
 *		reports them.
 *
 * The call starts when the first customer enters: from then on reminders and
 * links would only disturb. Leaving does not end it: people come back.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(record_join);
PG_FUNCTION_INFO_V1(record_leave);

/* A customer may record itself only, and learns nothing about others. */
static char *
whom(FunctionCallInfo fcinfo, const Caller *caller)
{
	char	   *participant_id = required_id(fcinfo, 1, "participant_id");

	if (caller->role == CALLER_CUSTOMER &&
		(caller->user_id == NULL || strcmp(participant_id, caller->user_id) != 0))
		report_text_not_found("participant", participant_id);
	return participant_id;
}

static void
require_activated(const Appointment *appointment)
{
	require_open(appointment);
	if (strcmp(appointment->state, APPOINTMENT_ACTIVATED) != 0)
		report_conflict("the appointment is not activated",
						"Appointment \"%s\" is %s.",
						uuid_text(&appointment->key.id), appointment->state);
}

/* Record that the participant is in the call; is it a customer? PT404 if there is none of that id. */
static bool
set_joined(const AppointmentKey *key, const char *participant_id)
{
	static Statement join = {
		"UPDATE appt.participant SET joined_at = coalesce(joined_at, now()), left_at = NULL "
		"WHERE application_id = $1 AND appointment_id = $2 AND id = $3 RETURNING type",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	if (statement_run(&join, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
					  text_datum(participant_id)) == 0)
		report_text_not_found("participant", participant_id);
	return strcmp(next_text(ROW(0)), PARTICIPANT_CUSTOMER) == 0;
}

static void
start_call(const AppointmentKey *key)
{
	static Statement start = {
		"UPDATE appt.appointment SET interaction = interaction || '{\"state\": \"ACTIVE\"}', " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&start, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
	plan_call_started(key);
}

/*
 * appt.record_join(id uuid, participant_id text) -> void
 *
 * Repeated, it only clears left_at. PT404: the appointment or participant does
 * not exist or is not the caller's. PT409: it is not ACTIVATED. Source:
 * auvious-notifications.txt, reminders and the call; api.md's functions beyond
 * the seed.
 */
Datum
record_join(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *participant_id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE | CALLER_CUSTOMER);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	participant_id = whom(fcinfo, &call.caller);
	appointment = appointment_lock(&call.caller, id, false);
	require_activated(appointment);
	if (set_joined(&appointment->key, participant_id) &&
		strcmp(interaction_state(appointment), INTERACTION_PENDING) == 0)
		start_call(&appointment->key);
	call_end(&call);
	PG_RETURN_VOID();
}

/*
 * appt.record_leave(id uuid, participant_id text) -> void
 *
 * Nothing is recorded for a participant who never joined; repeated, the first
 * time stays. PT404 and PT409 as record_join.
 */
Datum
record_leave(PG_FUNCTION_ARGS)
{
	static Statement leave = {
		"UPDATE appt.participant SET left_at = CASE WHEN joined_at IS NOT NULL THEN coalesce(left_at, now()) END "
		"WHERE application_id = $1 AND appointment_id = $2 AND id = $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *participant_id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE | CALLER_CUSTOMER);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	participant_id = whom(fcinfo, &call.caller);
	appointment = appointment_lock(&call.caller, id, false);
	require_activated(appointment);
	if (statement_run(&leave, UUIDPGetDatum(&appointment->key.application_id),
					  UUIDPGetDatum(&appointment->key.id), text_datum(participant_id)) == 0)
		report_text_not_found("participant", participant_id);
	call_end(&call);
	PG_RETURN_VOID();
}
