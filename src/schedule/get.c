/*
 * get.c
 *		Reading one appointment.
 */
#include "postgres.h"

#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(get_appointment);

/*
 * appt.get_appointment(id uuid) -> appt.appointment_details
 *
 * PT404 for one that is not there, or not the caller's: an agent's are those
 * it organizes or attends, a customer's the one that its token names.
 * Source: auvious-appointments-api.txt, "Retrieve an Appointment by ID".
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
