/*
 * activate.c
 *		Activating an appointment, which opens its room.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "schedule/activate.h"
#include "schedule/appointment.h"
#include "schedule/room.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(activate_appointment);

/*
 * Change the state and open the room; the row is locked. activated_at is
 * clock_timestamp(), so that it differs from created_at even if the
 * transaction that schedules the appointment also activates it: planning
 * relies on that.
 */
static Room
activate(const AppointmentKey *key, TimestampTz end_at)
{
	static Statement update = {
		"UPDATE appt.appointment SET state = 'ACTIVATED', activated_at = clock_timestamp(), " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, UUIDOID}
	};
	static Statement find_settings = {
		"SELECT room_url, room_code_length, end_grace FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};
	RoomSettings settings;
	Row		   *row;

	(void) statement_run(&update, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
	if (statement_run(&find_settings, UUIDPGetDatum(&key->application_id)) == 0)
		report_not_found("application", &key->application_id);
	row = ROW(0);
	settings.url = next_text(row);
	settings.code_length = next_int32(row);
	wake_on_commit(LANE_CHORES, end_at + next_elapsed(row));
	return room_open(key, &settings, end_at);
}

/*
 * appt.activate_appointment(id uuid) -> appt.room_access_details
 *
 * If it is already active, returns the same room. PT404: it does not exist or
 * is not the caller's. PT409: it is over. Source:
 * auvious-appointments-api.txt, "Activate an Appointment".
 */
Datum
activate_appointment(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Appointment *appointment;
	Room		room;
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, 0, "id"), false);
	require_open(appointment);
	if (strcmp(appointment->state, APPOINTMENT_ACTIVATED) == 0)
		room = appointment_reload(&appointment->key)->room;
	else
	{
		room = activate(&appointment->key, appointment->end_at);
		plan_activated(&appointment->key, now);
	}
	details = room_access_details(&call, fcinfo, &room);
	call_end(&call);
	return details;
}

bool
activate_for_room(const AppointmentKey *key, TimestampTz now)
{
	static Statement lock = {
		"SELECT p.room_activates AND a.state = 'SCHEDULED', a.end_at FROM appt.appointment a "
		"JOIN appt.application p ON p.id = a.application_id "
		"WHERE a.application_id = $1 AND a.id = $2 AND NOT p.is_held FOR NO KEY UPDATE OF a SKIP LOCKED",
		2, {UUIDOID, UUIDOID}
	};
	Row		   *row;

	if (statement_run(&lock, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) == 0)
		return false;
	row = ROW(0);
	if (next_bool(row))
		(void) activate(key, next_timestamp(row));
	return true;
}
