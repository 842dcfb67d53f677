/*
 * reassign.c
 *		Handing an appointment over to another agent.
 *
 * The new organizer replaces the old one and all other agents; customers stay.
 * If it attended already, its row is kept, with joined_at. The log becomes
 * visible to it, too (notify/planning.c).
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/booking_state.h"
#include "schedule/capacity.h"
#include "schedule/participant.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(reassign_appointment);

static bool
is_organized_by(const Appointment *appointment, const char *user_id)
{
	return strcmp(appointment->organizer_type, PARTICIPANT_AGENT) == 0 &&
		strcmp(appointment->organizer_id, user_id) == 0;
}

static void
organize_by(Appointment *appointment, const char *user_id)
{
	appointment->organizer_id = pstrdup(user_id);
	appointment->organizer_type = pstrdup(PARTICIPANT_AGENT);
}

static void
set_organizer(const AppointmentKey *key, const char *user_id)
{
	static Statement update = {
		"UPDATE appt.appointment SET organizer_id = $3, organizer_type = 'AGENT', " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 text_datum(user_id));
}

/* Make it the only agent; did the participants change? */
static bool
replace_agents(const AppointmentKey *key, const char *user_id)
{
	static Statement delete = {
		"DELETE FROM appt.participant "
		"WHERE application_id = $1 AND appointment_id = $2 AND type = 'AGENT' AND id <> $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	char	   *type = participant_type(key, user_id);
	uint64		removed;

	if (type != NULL && strcmp(type, PARTICIPANT_AGENT) != 0)
		report_conflict("a customer cannot organize as an agent",
						"\"%s\" is a customer of appointment \"%s\".", user_id, uuid_text(&key->id));
	removed = statement_run(&delete, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
							text_datum(user_id));
	if (type != NULL)
		return removed > 0;
	require_not_full(key);
	agent_insert(key, user_id, GetCurrentTimestamp());
	return true;
}

/* Lock the days of the new organizer, which must happen before the row is locked. */
static void
lock_capacity(const Caller *caller, const pg_uuid_t *id, const char *user_id, const Capacity *capacity)
{
	Appointment *present = appointment_to_change(caller, id);
	Appointment planned = *present;

	require_open(present);
	organize_by(&planned, user_id);
	capacity_lock(capacity, &planned, present);
}

/* The locked row, and the capacity of its application. */
static Appointment *
lock_appointment(const Caller *caller, const pg_uuid_t *id, const char *user_id, Capacity *capacity)
{
	Appointment *present = appointment_to_change(caller, id);

	*capacity = capacity_of(&present->key.application_id);
	if (capacity->organizer_exclusive)
	{
		capacity_lock_move(present);
		lock_capacity(caller, id, user_id, capacity);
	}
	return appointment_lock(caller, id, false);
}

/*
 * appt.reassign_appointment(id uuid, user_id text) -> appt.appointment_details
 *
 * If that agent organizes it already, nothing changes. PT404: it does not
 * exist or the caller may not change it. PT409: the user is one of its
 * customers or is not free, or the appointment is full of customers or over.
 * Source: auvious-appointments-api.txt, "Reassign an Existing Appointment to a
 * New Agent".
 */
Datum
reassign_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Appointment planned;
	Capacity	capacity;
	pg_uuid_t  *id;
	char	   *user_id;
	List	   *changed = list_make1(FIELD_ORGANIZER);
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	user_id = required_id(fcinfo, 1, "user_id");
	appointment = lock_appointment(&call.caller, id, user_id, &capacity);
	require_open(appointment);
	if (!is_organized_by(appointment, user_id))
	{
		planned = *appointment;
		organize_by(&planned, user_id);
		capacity_require(&capacity, &planned, appointment);
		if (replace_agents(&appointment->key, user_id))
			changed = lappend(changed, FIELD_PARTICIPANTS);
		set_organizer(&appointment->key, user_id);
		booking_title_refresh(&appointment->key);
		told_compare(&appointment->key, GetCurrentTransactionStartTimestamp());
		plan_reassigned(&appointment->key, user_id, call.caller.user_id, changed,
						GetCurrentTransactionStartTimestamp());
	}
	return return_details(&call, fcinfo, &appointment->key);
}
