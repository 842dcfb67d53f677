/*
 * end.c
 *		Ending appointments, by an agent or by the clock.
 *
 * An appointment ends once: both ways lock its row first and look at its
 * state after. The worker's way skips rows that are locked, so a caller never
 * waits for a batch, nor a batch for a caller.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/column.h"
#include "core/errors.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/end.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(end_appointment);

/* When to look again at what is overdue but locked. */
#define LOCKED_PAUSE USECS_PER_SEC

/* A grace of a day is 24 hours, whatever the clocks of the session's timezone do. */
#define END_GRACE "make_interval(secs => extract(epoch FROM p.end_grace)::float8)"

/* Each at the instant when it ended. */
static void
set_ended(Column *application_ids, Column *ids, Column *ended_at)
{
	static Statement end = {
		"UPDATE appt.appointment a SET state = 'ENDED', ended_at = e.ended_at, " APPOINTMENT_CHANGED ","
		" interaction = a.interaction || '{\"state\": \"ENDED\"}' "
		"FROM unnest($1, $2, $3) AS e (application_id, id, ended_at) "
		"WHERE a.application_id = e.application_id AND a.id = e.id",
		3, {UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID}
	};

	(void) statement_run(&end, column_array(application_ids), column_array(ids), column_array(ended_at));
}

static void
end_now(const AppointmentKey *key, TimestampTz now)
{
	static Statement end = {
		"UPDATE appt.appointment SET state = 'ENDED', ended_at = $3, updated_at = $3,"
		" updated_by = appt.caller_name(),"
		" interaction = interaction || '{\"state\": \"ENDED\"}' WHERE application_id = $1 AND id = $2",
		3, {UUIDOID, UUIDOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&end, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 TimestampTzGetDatum(now));
}

/*
 * appt.end_appointment(id uuid) -> appt.appointment_details
 *
 * Ended already: the same again. PT404 if it is not there or not the caller's
 * to change, PT409 if it was never activated or is CANCELLED. Source:
 * auvious-appointments-api.txt, "End Appointment Interaction".
 */
Datum
end_appointment(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Appointment *appointment;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, 0, "id"), false);
	if (strcmp(appointment->state, APPOINTMENT_ENDED) != 0)
	{
		require_open(appointment);
		if (strcmp(appointment->state, APPOINTMENT_ACTIVATED) != 0)
			report_conflict("the appointment was never activated",
							"Appointment \"%s\" is %s.", uuid_text(&appointment->key.id), appointment->state);
		end_now(&appointment->key, now);
		plan_ended(&appointment->key, now);
	}
	return return_details(&call, fcinfo, &appointment->key);
}

/* Lock what is overdue, by an index probe per application. */
static uint64
lock_overdue(TimestampTz now, int limit)
{
	static Statement lock = {
		"SELECT overdue.application_id, overdue.id, overdue.end_at FROM appt.application p, LATERAL ("
		" SELECT a.application_id, a.id, a.end_at FROM appt.appointment a"
		" WHERE a.application_id = p.id AND a.state = 'ACTIVATED' AND a.end_at <= $1 - " END_GRACE
		" ORDER BY a.end_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) overdue LIMIT $2",
		2, {TIMESTAMPTZOID, INT8OID}
	};

	return statement_run(&lock, TimestampTzGetDatum(now), Int64GetDatum(limit));
}

/* When the first will be overdue. One that already is must be locked. */
static TimestampTz
next_overdue(TimestampTz now)
{
	static Statement find = {
		"SELECT min(next.end_at + " END_GRACE ") FROM appt.application p, LATERAL ("
		" SELECT a.end_at FROM appt.appointment a WHERE a.application_id = p.id AND a.state = 'ACTIVATED'"
		" ORDER BY a.end_at LIMIT 1) next",
		0
	};
	TimestampTz next;

	if (statement_run(&find) == 0 || row_is_null(0, 1))
		return DT_NOEND;
	next = row_timestamp(0, 1);
	return next > now ? next : now + LOCKED_PAUSE;
}

int
end_overdue_appointments(TimestampTz now, int limit, TimestampTz *next)
{
	int			count = (int) lock_overdue(now, limit);
	Column	   *application_ids = column_create(UUIDOID, count);
	Column	   *ids = column_create(UUIDOID, count);
	Column	   *ended_at = column_create(TIMESTAMPTZOID, count);
	AppointmentKey *keys = (AppointmentKey *) palloc(Max(count, 1) * sizeof(AppointmentKey));

	for (int i = 0; i < count; i++)
	{
		keys[i].application_id = row_uuid(i, 1);
		keys[i].id = row_uuid(i, 2);
		column_add_uuid(application_ids, &keys[i].application_id);
		column_add_uuid(ids, &keys[i].id);
		column_add(ended_at, TimestampTzGetDatum(row_timestamp(i, 3)));
	}
	if (count > 0)
		set_ended(application_ids, ids, ended_at);
	for (int i = 0; i < count; i++)
		plan_ended(&keys[i], now);
	*next = (count == limit) ? now : next_overdue(now);
	return count;
}
