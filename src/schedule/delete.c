/*
 * delete.c
 *		Deleting an appointment for good: its log stays.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(delete_appointment);

/*
 * appt.delete_appointment(id uuid) -> void
 *
 * In any state; its participants and room go with it. PT404 if it is not
 * there or not the caller's to change. Source: auvious-appointments-api.txt,
 * "Delete an Appointment".
 */
Datum
delete_appointment(PG_FUNCTION_ARGS)
{
	static Statement delete = {
		"DELETE FROM appt.appointment WHERE application_id = $1 AND id = $2", 2, {UUIDOID, UUIDOID}
	};
	Appointment *appointment;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, 0, "id"), true);
	/* What customers are still to be told is copied from the rows that go. */
	plan_deleted(&appointment->key, GetCurrentTransactionStartTimestamp());
	(void) statement_run(&delete, UUIDPGetDatum(&appointment->key.application_id),
						 UUIDPGetDatum(&appointment->key.id));
	call_end(&call);
	PG_RETURN_VOID();
}
