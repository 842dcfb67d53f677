/*
 * reports.c
 *		Days of timezones and times of daily reports, with the clock as an argument.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "executor/spi.h"

#include "render/local_days.h"
#include "users/report_count.h"
#include "users/report_schedule.h"
#include "users/report_times.h"

PG_FUNCTION_INFO_V1(test_local_day);
PG_FUNCTION_INFO_V1(test_report_next);
PG_FUNCTION_INFO_V1(test_review_reports);
PG_FUNCTION_INFO_V1(test_count_days);
PG_FUNCTION_INFO_V1(test_plan_reports);

static const Timezone *
zone_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *error;
	const Timezone *zone = timezone_find(text_to_cstring(PG_GETARG_TEXT_PP(number)), &error);

	if (zone == NULL)
		elog(ERROR, "%s", error);
	return zone;
}

static Datum
two_values(FunctionCallInfo fcinfo, Datum first, Datum second)
{
	TupleDesc	descriptor;
	Datum		values[2] = {first, second};
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "unexpected result type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* (timezone text, date date, OUT start_at timestamptz, OUT end_at timestamptz) */
Datum
test_local_day(PG_FUNCTION_ARGS)
{
	TimestampTz start_at;
	TimestampTz end_at;

	if (!local_day(zone_argument(fcinfo, 0), PG_GETARG_DATEADT(1), &start_at, &end_at))
		PG_RETURN_NULL();
	return two_values(fcinfo, TimestampTzGetDatum(start_at), TimestampTzGetDatum(end_at));
}

/* (timezone text, report_time time, last_date date, now timestamptz, OUT at timestamptz, OUT date date) */
Datum
test_report_next(PG_FUNCTION_ARGS)
{
	ReportClock clock = {zone_argument(fcinfo, 0), PG_GETARG_TIMEADT(1)};
	ReportOccasion next;

	if (!report_next(&clock, PG_GETARG_DATEADT(2), PG_GETARG_TIMESTAMPTZ(3), &next))
		PG_RETURN_NULL();
	return two_values(fcinfo, TimestampTzGetDatum(next.at), DateADTGetDatum(next.date));
}

/* (now timestamptz) -> integer: the number of portions */
Datum
test_review_reports(PG_FUNCTION_ARGS)
{
	ReportReview review = {0};
	int			portions = 0;

	SPI_connect();
	for (; !review.is_over; portions++)
		report_review_some(PG_GETARG_TIMESTAMPTZ(0), &review);
	SPI_finish();
	PG_RETURN_INT32(portions);
}

/* (now timestamptz, most integer) -> integer: count at most so many portions; how many there were */
Datum
test_count_days(PG_FUNCTION_ARGS)
{
	CountedDay	day = {0};
	int			portions = 0;

	SPI_connect();
	while (portions < PG_GETARG_INT32(1) && report_count_some(PG_GETARG_TIMESTAMPTZ(0), &day))
		portions++;
	SPI_finish();
	PG_RETURN_INT32(portions);
}

/* (now timestamptz, most integer) -> integer: the number of rows that were advanced */
Datum
test_plan_reports(PG_FUNCTION_ARGS)
{
	TriedReport tried = {0};
	int			planned;

	SPI_connect();
	planned = report_plan_due(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_INT32(1), &tried);
	SPI_finish();
	PG_RETURN_INT32(planned);
}
