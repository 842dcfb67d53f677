/*
 * archive.c
 *		Archiving appointments that are over.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/type_sets.h"
#include "schedule/appointment.h"

PG_FUNCTION_INFO_V1(archive_appointment);

/*
 * Is a notice of the cancellation still on its way to a customer? Also one that was
 * sent after the transaction's snapshot was taken: that changes no appointment that
 * is cancelled already.
 */
static bool
is_notice_owed(const AppointmentKey *key)
{
	static Statement find = {
		"SELECT FROM appt.notification WHERE appointment_id = $2 AND application_id = $1 AND recipient_kind = 'CUSTOMER'"
		" AND " TYPE_IS_ONE_OF("type", "$3") " AND state IN ('PENDING', 'RETRYING', 'SENDING') LIMIT 1",
		3, {UUIDOID, UUIDOID, TEXTARRAYOID}, true
	};
	bool		is_owed;

	PushActiveSnapshot(GetLatestSnapshot());
	is_owed = statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
							type_codes(types_by_telling(PRESUMES_TOLD))) > 0;
	PopActiveSnapshot();
	return is_owed;
}

static void
require_archivable(const Appointment *appointment)
{
	if (strcmp(appointment->state, APPOINTMENT_ENDED) == 0)
		return;
	if (strcmp(appointment->state, APPOINTMENT_CANCELLED) != 0)
		report_conflict("the appointment is not over",
						"Appointment \"%s\" is %s.", uuid_text(&appointment->key.id), appointment->state);
	if (is_notice_owed(&appointment->key))
		report_conflict("customers are still to be told of the cancellation",
						"A notice of the cancellation of appointment \"%s\" has not been sent yet.",
						uuid_text(&appointment->key.id));
}

static void
set_archived(const AppointmentKey *key)
{
	static Statement archive = {
		"UPDATE appt.appointment SET archived_at = now(), " APPOINTMENT_CHANGED
		" WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&archive, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
}

/*
 * appt.archive_appointment(id uuid) -> appt.appointment_details
 *
 * If it is archived already, returns it unchanged. PT404: it does not exist or the
 * caller may not change it. PT409: it is not over, or a notice of its cancellation
 * is still to be sent to a customer. Source: people.md section 3.
 */
Datum
archive_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, 0, "id"), false);
	if (appointment->archived_at == 0)
	{
		require_archivable(appointment);
		set_archived(&appointment->key);
	}
	return return_details(&call, fcinfo, &appointment->key);
}
