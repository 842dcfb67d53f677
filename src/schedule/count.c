/*
 * count.c
 *		Counting appointments by their start.
 *
 * Reads the entries of one index between two times, so the cost depends on the
 * appointments in the time frame, not on the application's others. The states
 * are a parameter so that the planner does not choose the index of overlaps,
 * which has only these states but is not ordered by time alone.
 */
#include "postgres.h"

#include "funcapi.h"

#include "core/arguments.h"
#include "core/column.h"
#include "core/plans.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(count_appointments);

static Datum
open_states(void)
{
	Column	   *states = column_create(TEXTOID, 2);

	column_add_text(states, APPOINTMENT_SCHEDULED);
	column_add_text(states, APPOINTMENT_ACTIVATED);
	return column_array(states);
}

/*
 * appt.count_appointments(application_id uuid, start_at timestamptz, time_frame interval)
 *		-> setof appt.appointment_count
 *
 * SCHEDULED and ACTIVATED appointments that start in [start_at, start_at +
 * time_frame), a day being 24 hours; none for an unknown application. 22023:
 * an invalid argument. Source: auvious-appointments-api.txt, "Retrieve the
 * Number of Scheduled Appointments within a Specified Time Frame".
 */
Datum
count_appointments(PG_FUNCTION_ARGS)
{
	static Statement count = {
		"SELECT a.start_at, a.end_at, make_interval(secs => extract(epoch FROM a.end_at - a.start_at)::float8),"
		" a.timezone, count(*) FROM appt.appointment a "
		"WHERE a.application_id = $1 AND a.start_at >= $2 AND a.start_at < $3 AND a.state = ANY ($4) "
		"GROUP BY a.start_at, a.end_at, a.timezone "
		"ORDER BY a.start_at, a.end_at, a.timezone COLLATE \"C\"",
		4, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID}, true
	};
	NullableDatum arguments[4];
	TimestampTz start_at;
	TimestampTz end_at;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 3);
	pin_order();
	arguments[0] = SQL_VALUE(UUIDPGetDatum(required_uuid(fcinfo, 0, "application_id")));
	start_at = required_time(fcinfo, 1, "start_at");
	check_finite(start_at);
	end_at = end_of(start_at, check_duration(required_interval(fcinfo, 2, "time_frame")));
	arguments[1] = SQL_VALUE(TimestampTzGetDatum(start_at));
	arguments[2] = SQL_VALUE(TimestampTzGetDatum(end_at));
	arguments[3] = SQL_VALUE(open_states());
	statement_store(&count, arguments, ((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	call_end(&call);
	return (Datum) 0;
}
