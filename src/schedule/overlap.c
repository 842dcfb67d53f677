/*
 * overlap.c
 *		How many appointments overlap a window of time?
 *
 * A btree over (start_at, end_at) alone would have to look back from the
 * window as far as the longest appointment reaches, however few are that long.
 * So the index leads with the appointment's duration class, the least c with
 * 4^c seconds >= its duration: within a class nothing starts more than 4^c
 * seconds before the window and still reaches into it. A search goes from
 * class to class, passing over those that the application has none of, and one
 * very long appointment costs one more range of the index, not a longer one.
 */
#include "postgres.h"

#include "core/call.h"
#include "core/statement.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(count_overlapping);

/*
 * appt.count_overlapping(application_id uuid, start_at timestamptz, duration interval) -> bigint
 *
 * SCHEDULED and ACTIVATED ones whose [start_at, end_at) intersects the window;
 * 0 for an unknown application. 22023 for malformed arguments. Source:
 * auvious-appointments-api.txt, "Get Count of Overlapping Appointments".
 */
Datum
count_overlapping(PG_FUNCTION_ARGS)
{
	static Statement count = {
		"SELECT count(*) FROM generate_series(0, 20) AS class (c), LATERAL ("
		" SELECT FROM appt.appointment a WHERE a.application_id = $1"
		" AND a.state IN ('SCHEDULED', 'ACTIVATED') AND a.duration_class = class.c::smallint"
		" AND a.start_at > $2 - make_interval(secs => power(4, class.c)) AND a.start_at < $3"
		" AND a.end_at > $2) overlapping",
		3, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, true
	};
	pg_uuid_t  *application_id;
	TimestampTz start_at;
	TimestampTz end_at;
	int64		overlapping;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	application_id = required_uuid(fcinfo, 0, "application_id");
	start_at = required_time(fcinfo, 1, "start_at");
	check_finite(start_at);
	end_at = end_of(start_at, check_duration(required_interval(fcinfo, 2, "duration")));
	(void) statement_run(&count, UUIDPGetDatum(application_id), TimestampTzGetDatum(start_at),
						 TimestampTzGetDatum(end_at));
	overlapping = row_int64(0, 1);
	call_end(&call);
	PG_RETURN_INT64(overlapping);
}
