/*
 * end.c
 *		Ending appointments, by an agent or by the worker when their time is
 *		over.
 *
 * An appointment ends once: both ways lock its row first and look at its state
 * after. The worker skips what is locked, be it the appointment or one of its
 * messages, so a batch waits for no caller. One transaction finds overdue
 * appointments and another ends them: if that fails, they can be ended one by
 * one.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/column.h"
#include "core/errors.h"
#include "core/held.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/supersede.h"
#include "schedule/appointment.h"
#include "schedule/end.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(end_appointment);

/* How long to wait before looking again at overdue appointments that are locked. */
#define LOCKED_PAUSE USECS_PER_SEC

/* A grace of a day is 24 hours, whatever the session's timezone. */
#define END_GRACE "make_interval(secs => extract(epoch FROM p.end_grace)::float8)"

/* Each with its own ended_at. Returns their keys, a List of AppointmentKey *. */
static List *
set_ended(const Column *application_ids, const Column *ids)
{
	static Statement end = {
		"UPDATE appt.appointment a SET state = 'ENDED', ended_at = a.end_at, " APPOINTMENT_CHANGED ","
		" interaction = a.interaction || '{\"state\": \"ENDED\"}' "
		"FROM (SELECT unnest($1) AS application_id, unnest($2) AS id) e "
		"WHERE a.application_id = e.application_id AND a.id = e.id"
		" RETURNING a.application_id, a.id, a.meeting_template_id IS NOT NULL",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	uint64		count = statement_run(&end, column_array(application_ids), column_array(ids));
	List	   *keys = NIL;

	for (uint64 n = 0; n < count; n++)
	{
		Row		   *row = ROW(n);
		AppointmentKey *key = (AppointmentKey *) palloc(sizeof(AppointmentKey));

		key->application_id = next_uuid(row);
		key->id = next_uuid(row);
		key->has_meeting_template = next_bool(row);
		keys = lappend(keys, key);
	}
	return keys;
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
 * If it has already ENDED, returns it unchanged. PT404: it does not exist or
 * the caller may not change it. PT409: it was never activated or is CANCELLED.
 * Source: auvious-appointments-api.txt, "End Appointment Interaction".
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

/*
 * One index probe per application. Locked appointments are skipped here, so
 * that they do not use up the limit.
 */
int
overdue_find(TimestampTz now, const Overdue *after, Overdue *found, int limit)
{
	static Statement find = {
		"SELECT overdue.application_id, overdue.id, overdue.end_at"
		" FROM (SELECT id, end_grace FROM appt.application WHERE id >= $3 AND NOT is_held ORDER BY id OFFSET 0) p, LATERAL ("
		" SELECT a.application_id, a.id, a.end_at FROM appt.appointment a"
		" WHERE a.application_id = p.id AND a.state = 'ACTIVATED' AND a.end_at <= $1 - " END_GRACE
		"  AND a.end_at >= CASE WHEN p.id > $3 THEN '-infinity' ELSE $5 END"
		"  AND (p.id > $3 OR (a.end_at, a.id) > ($5, $4))"
		" ORDER BY a.end_at, a.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) overdue LIMIT $2",
		5, {TIMESTAMPTZOID, INT8OID, UUIDOID, UUIDOID, TIMESTAMPTZOID}
	};
	uint64		rows = statement_run(&find, TimestampTzGetDatum(now), Int64GetDatum(limit),
									 UUIDPGetDatum(&after->key.application_id),
									 UUIDPGetDatum(&after->key.id), TimestampTzGetDatum(after->end_at));

	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		found[n].key.application_id = next_uuid(row);
		found[n].key.id = next_uuid(row);
		found[n].end_at = next_timestamp(row);
	}
	return (int) rows;
}

/* When the next appointment will be overdue. One that already is must be locked. */
TimestampTz
overdue_next(TimestampTz now)
{
	static Statement find = {
		"SELECT min(next.end_at + " END_GRACE ") FROM appt.application p, LATERAL ("
		" SELECT a.end_at FROM appt.appointment a WHERE a.application_id = p.id AND a.state = 'ACTIVATED'"
		" ORDER BY a.end_at LIMIT 1) next WHERE NOT p.is_held",
		0
	};
	NullableDatum first;
	TimestampTz next;

	(void) statement_run(&find);
	first = next_value(ROW(0));
	if (first.isnull)
		return DT_NOEND;
	next = DatumGetTimestampTz(first.value);
	return next > now ? next : now + LOCKED_PAUSE;
}

/* Lock the appointments that are unchanged and not locked by others. */
static uint64
lock_overdue(const Overdue *overdue, int count)
{
	static Statement lock = {
		"SELECT a.application_id, a.id FROM (SELECT unnest($1) AS application_id, unnest($2) AS id,"
		"  unnest($3) AS end_at) k"
		" JOIN appt.appointment a ON a.application_id = k.application_id AND a.id = k.id"
		" WHERE a.state = 'ACTIVATED' AND a.end_at = k.end_at AND " IS_NOT_HELD("k.application_id")
		" ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED",
		3, {UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID}
	};
	Column	   *application_ids = column_create(UUIDOID, count);
	Column	   *ids = column_create(UUIDOID, count);
	Column	   *end_at = column_create(TIMESTAMPTZOID, count);

	for (int i = 0; i < count; i++)
	{
		column_add_uuid(application_ids, &overdue[i].key.application_id);
		column_add_uuid(ids, &overdue[i].key.id);
		column_add(end_at, TimestampTzGetDatum(overdue[i].end_at));
	}
	return statement_run(&lock, column_array(application_ids), column_array(ids), column_array(end_at));
}

/* Read keys of appointments from the rows of the last statement. */
static void
read_keys(uint64 rows, Column *application_ids, Column *ids)
{
	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		column_add_uuid(application_ids, next_uuid_or_null(row));
		column_add_uuid(ids, next_uuid_or_null(row));
	}
}

int
overdue_end(const Overdue *overdue, int count, TimestampTz now)
{
	Column	   *locked_applications = column_create(UUIDOID, count);
	Column	   *locked = column_create(UUIDOID, count);
	Column	   *application_ids = column_create(UUIDOID, count);
	Column	   *ids = column_create(UUIDOID, count);
	ListCell   *cell;

	read_keys(lock_overdue(overdue, count), locked_applications, locked);
	if (locked->count == 0)
		return 0;
	read_keys(lock_endable(column_array(locked_applications), column_array(locked)),
			  application_ids, ids);
	if (ids->count == 0)
		return 0;
	foreach(cell, set_ended(application_ids, ids))
		plan_ended((const AppointmentKey *) lfirst(cell), now);
	return ids->count;
}
