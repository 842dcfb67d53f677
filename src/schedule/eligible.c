/*
 * eligible.c
 *		Appointments that can be activated.
 *
 * Once only appointments that were about to start could be activated, and the
 * time frame limited how soon. Now a SCHEDULED one can be activated at any
 * time; the time frame is checked and otherwise ignored.
 */
#include "postgres.h"

#include "funcapi.h"

#include "core/row.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(appointments_eligible_for_activation);

/* None of these appointments has a room, because activation opens it. */
#define SELECT_APPOINTMENTS \
	"SELECT " APPOINTMENT_DETAILS_WITHOUT_ROOM "FROM appt.appointment a "

static void
put_appointments(uint64 rows, void *whereto)
{
	ReturnSetInfo *result = (ReturnSetInfo *) whereto;

	for (uint64 row = 0; row < rows; row++)
		tuplestore_puttuple(result->setResult,
							appointment_tuple(result->setDesc, appointment_read(ROW(row))));
}

/*
 * appt.appointments_eligible_for_activation(time_frame interval = null)
 *		-> setof appt.appointment_details
 *
 * All SCHEDULED appointments of the caller's application, by start_at and id.
 * 22023: an invalid time_frame. Source: auvious-appointments-api.txt,
 * "DEPRECATED: Find Appointments Eligible for Activation".
 */
Datum
appointments_eligible_for_activation(PG_FUNCTION_ARGS)
{
	static Statement find_of_application = {
		SELECT_APPOINTMENTS "WHERE a.application_id = $1 AND a.state = 'SCHEDULED' ORDER BY a.start_at, a.id",
		1, {UUIDOID}, true
	};
	static Statement find_all = {
		SELECT_APPOINTMENTS "WHERE a.state = 'SCHEDULED' ORDER BY a.start_at, a.id", 0, {0}, true
	};
	NullableDatum application_id;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	if (!PG_ARGISNULL(0))
		(void) check_duration(PG_GETARG_INTERVAL_P(0));
	if (call.caller.role == CALLER_UNRESTRICTED)
		statement_each(&find_all, NULL, put_appointments, fcinfo->resultinfo);
	else
	{
		application_id = sql_uuid(&call.caller.application_id);
		statement_each(&find_of_application, &application_id, put_appointments, fcinfo->resultinfo);
	}
	call_end(&call);
	return (Datum) 0;
}
