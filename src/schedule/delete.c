/*
 * delete.c
 *		Deleting an appointment; the log of its notifications stays.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(delete_appointment);

/*
 * appt.delete_appointment(id uuid) -> void
 *
 * In any state, with its participants and room. PT404: it does not exist or
 * the caller may not change it. Source: auvious-appointments-api.txt, "Delete
 * an Appointment".
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

	/*
	 * Copy the data of messages that customers still get from the rows to be
	 * deleted.
	 */
	plan_deleted(&appointment->key, GetCurrentTransactionStartTimestamp());
	(void) statement_run(&delete, UUIDPGetDatum(&appointment->key.application_id),
						 UUIDPGetDatum(&appointment->key.id));
	call_end(&call);
	PG_RETURN_VOID();
}
