/*
 * cancel.c
 *		Cancelling an appointment; its row stays.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/cancel.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(cancel_appointment);

void
set_cancelled(const AppointmentKey *key, const char *reason)
{
	static Statement cancel = {
		"UPDATE appt.appointment SET state = 'CANCELLED', cancel_reason = $3, sequence = sequence + 1,"
		" " APPOINTMENT_CHANGED " WHERE application_id = $1 AND id = $2",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&key->application_id), sql_uuid(&key->id), sql_text(reason)
	};

	(void) statement_run_nullable(&cancel, arguments);
}

/*
 * appt.cancel_appointment(id uuid, reason text = null) -> appt.appointment_details
 *
 * If it is already CANCELLED, returns it unchanged. PT404: it does not exist
 * or the caller may not change it. PT409: it has ENDED. Source: api.md's table
 * of functions.
 */
Datum
cancel_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, 0, "id"), false);
	if (strcmp(appointment->state, APPOINTMENT_CANCELLED) != 0)
	{
		require_open(appointment);
		set_cancelled(&appointment->key, optional_words(fcinfo, 1, "reason"));
		plan_cancelled(&appointment->key, GetCurrentTransactionStartTimestamp());
	}
	return return_details(&call, fcinfo, &appointment->key);
}
