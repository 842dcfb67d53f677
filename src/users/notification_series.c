/*
 * notification_series.c
 *		How many messages were sent and failed, by step of time: for charts.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "users/acting_user.h"

PG_FUNCTION_INFO_V1(notification_series);

#define MOST_STEPS 1000

/* Of times, which are microseconds since 2000. */
#define EARLIEST (-100 * INT64CONST(366) * USECS_PER_DAY)
#define LATEST (100 * INT64CONST(366) * USECS_PER_DAY)

/* Arguments of notification_series. */
enum
{
	ARGUMENT_SINCE, ARGUMENT_UNTIL, ARGUMENT_STEP, ARGUMENT_APPLICATION_ID
};

/* In microseconds, all of them multiples of an hour. */
typedef struct Steps
{
	TimestampTz since;
	TimestampTz until;
	TimeOffset	step;
} Steps;

/* The epoch of timestamps is a full hour of UTC. */
static TimestampTz
hour_before(TimestampTz at)
{
	TimestampTz rest = at % USECS_PER_HOUR;

	return at - (rest < 0 ? rest + USECS_PER_HOUR : rest);
}

static TimestampTz
time_argument(FunctionCallInfo fcinfo, int index, const char *name, TimestampTz otherwise)
{
	TimestampTz at = PG_ARGISNULL(index) ? otherwise : PG_GETARG_TIMESTAMPTZ(index);

	if (at < EARLIEST || at > LATEST)
		report_invalid("a time is out of range", "Argument %s is not within a hundred years of 2000.", name);
	return at;
}

static TimeOffset
step_argument(FunctionCallInfo fcinfo)
{
	TimeOffset	step = USECS_PER_HOUR;

	if (PG_ARGISNULL(ARGUMENT_STEP))
		return step;
	check_elapsed(fcinfo, ARGUMENT_STEP, "step", false);
	step = elapsed_microseconds(PG_GETARG_INTERVAL_P(ARGUMENT_STEP));
	if (step % USECS_PER_HOUR != 0)
		report_invalid("step is not a whole number of hours", "It is %s.",
					   DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(ARGUMENT_STEP))));
	return step;
}

static Steps
steps_argument(FunctionCallInfo fcinfo)
{
	Steps		steps;

	steps.step = step_argument(fcinfo);
	steps.until = time_argument(fcinfo, ARGUMENT_UNTIL, "until", GetCurrentTimestamp());
	steps.until = hour_before(steps.until - 1) + USECS_PER_HOUR;
	steps.since = hour_before(time_argument(fcinfo, ARGUMENT_SINCE, "since", steps.until - USECS_PER_DAY));
	if (steps.since >= steps.until)
		report_invalid("since is not before until", "They are %s and %s.", timestamp_text(steps.since),
					   timestamp_text(steps.until));
	if ((steps.until - steps.since - 1) / steps.step >= MOST_STEPS)
		report_invalid("there are too many steps", "From %s until %s there are more than %d.", timestamp_text(steps.since),
					   timestamp_text(steps.until), MOST_STEPS);
	return steps;
}

/* Of one application $1, or of those of the organization $2. */
#define SERIES_OF(application) \
	{ \
		"SELECT date_bin($5, f.hour, $3), f.type::text, f.channel::text, sum(f.sent)::bigint, sum(f.failed)::bigint," \
		" sum(f.lateness_sum) / nullif(sum(f.attempted), 0)::float8, max(f.lateness_max)" \
		" FROM appt.hourly_figure f WHERE f.application_id = " application " AND f.hour >= $3 AND f.hour < $4" \
		" GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", \
		5, {UUIDOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INTERVALOID}, true \
	}

#define ANY_OF_ORGANIZATION "ANY (ARRAY(SELECT id FROM appt.application WHERE organization_id = $2))"

static void
store_series(const pg_uuid_t *application_id, const pg_uuid_t *organization_id, const Steps *steps, Tuplestorestate *rows)
{
	static Statement of_application = SERIES_OF("$1");
	static Statement of_organization = SERIES_OF(ANY_OF_ORGANIZATION);
	NullableDatum arguments[] = {
		sql_uuid(application_id),
		sql_uuid(organization_id),
		SQL_VALUE(TimestampTzGetDatum(steps->since)),
		SQL_VALUE(TimestampTzGetDatum(steps->until)),
		SQL_VALUE(IntervalPGetDatum(elapsed_interval(steps->step)))
	};

	statement_store(organization_id ? &of_organization : &of_application, arguments, rows);
}

/*
 * appt.notification_series(since timestamptz = null, until timestamptz = null, step interval = null,
 *		application_id uuid = null)
 *		-> setof (at timestamptz, type text, channel text, sent bigint, failed bigint,
 *				  lateness_avg interval, lateness_max interval)
 *
 * 22023: no such steps, or more than 1,000. PT404: no such application. Source:
 * people.md section 3, "Console".
 */
Datum
notification_series(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_uuid_t	application_id;
	Steps		steps;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_SUPERVISOR | CALLER_ADMIN);
	steps = steps_argument(fcinfo);
	if (call.caller.role == CALLER_ADMIN && PG_ARGISNULL(ARGUMENT_APPLICATION_ID))
		store_series(NULL, &call.caller.organization_id, &steps, result->setResult);
	else
	{
		application_id = acting_application(&call.caller, fcinfo, ARGUMENT_APPLICATION_ID);
		store_series(&application_id, NULL, &steps, result->setResult);
	}
	call_end(&call);
	return (Datum) 0;
}
