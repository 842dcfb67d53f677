/*
 * slots.c
 *		Free slots of time.
 *
 * The appointments of the whole range are read once, and a window of a slot's
 * length moves over the number of them that run at once: the cost is the sum
 * of appointments and slots, not their product. Steps are elapsed time,
 * regardless of clock changes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "schedule/overlap.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(available_slots);

/* More slots in one call are a mistake or an attack: anybody may call. */
#define MAX_SLOTS 100000

/* Arguments of available_slots. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_RANGE, ARGUMENT_DURATION, ARGUMENT_STEP, ARGUMENT_ORGANIZER_ID
};

/* The arguments. Slot k starts k steps after `first`. */
typedef struct Request
{
	pg_uuid_t  *application_id;
	char	   *organizer_id;	/* NULL: any organizer */
	TimestampTz first;
	int64		from;			/* the first k */
	int64		until;			/* the last k plus 1 */
	TimeOffset	duration;
	TimeOffset	step;
} Request;

/* The application's limits. */
typedef struct Limits
{
	TimeOffset	max_duration;
	int			max_overlap;	/* 0: no limit */
} Limits;

static Limits
find_limits(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT max_duration, max_overlap FROM appt.application WHERE id = $1", 1, {UUIDOID}, true
	};
	Limits		limits;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	limits.max_duration = next_elapsed(row);
	limits.max_overlap = next_int32(row);
	return limits;
}

/* ---- arguments ---- */

static void
read_bounds(FunctionCallInfo fcinfo, RangeBound *lower, RangeBound *upper)
{
	RangeType  *range;
	bool		is_empty;

	range = PG_GETARG_RANGE_P(ARGUMENT_RANGE);
	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range,
					  lower, upper, &is_empty);
	if (is_empty)
		report_invalid("a range must not be empty", "\"%s\" is empty.", "range");
	if (lower->infinite || upper->infinite ||
		TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(lower->val)) ||
		TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(upper->val)))
		report_invalid("a range must be finite", "\"%s\" must start and end at finite times.", "range");
}

/* The slots that lie within a range; an excluded lower bound excludes a slot that starts at it. */
static void
read_slots(FunctionCallInfo fcinfo, Request *request)
{
	RangeBound	lower;
	RangeBound	upper;
	TimeOffset	room;
	int64		slots;

	read_bounds(fcinfo, &lower, &upper);
	if (pg_sub_s64_overflow(DatumGetTimestampTz(upper.val), DatumGetTimestampTz(lower.val), &room))
		report_invalid("a range must not be this long", "\"%s\" is longer than any elapsed time.", "range");
	request->duration = check_duration(required_interval(fcinfo, ARGUMENT_DURATION, "duration"));
	request->step = check_duration(required_interval(fcinfo, ARGUMENT_STEP, "step"));
	request->first = DatumGetTimestampTz(lower.val);
	slots = room < request->duration ? 0 : (room - request->duration) / request->step + 1;
	if (slots > MAX_SLOTS)
		report_invalid("too many slots", INT64_FORMAT " of this step are in the range, more than %d.",
					   slots, MAX_SLOTS);
	request->from = lower.inclusive ? 0 : 1;
	request->until = slots;
}

/* Leave out slots in the past, which nobody can book. */
static void
leave_out_past(Request *request, TimestampTz now)
{
	TimeOffset	past = earliest_bookable(now) - request->first;

	if (past > 0)
		request->from = Max(request->from, (past - 1) / request->step + 1);
}

static void
read_request(FunctionCallInfo fcinfo, Request *request)
{
	request->application_id = required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	request->organizer_id = PG_ARGISNULL(ARGUMENT_ORGANIZER_ID) ? NULL :
		required_id(fcinfo, ARGUMENT_ORGANIZER_ID, "organizer_id");
	read_slots(fcinfo, request);
	leave_out_past(request, GetCurrentTransactionStartTimestamp());
}

static Span
slot_at(const Request *request, int64 k)
{
	Span		slot;

	slot.start_at = request->first + k * request->step;
	slot.end_at = slot.start_at + request->duration;
	return slot;
}

/* ---- appointments ---- */

/* Number of appointments that run at once, from the first slot to the last. */
static void
search_peaks(PeakSearch *search, const Request *request, const Span *window, const Limits *limits)
{
	SpanList	found;

	span_list_begin(&found);
	if (limits->max_overlap > 0)
		overlap_find(request->application_id, window, &found);
	peak_search_begin(search, &found, window);
}

/* The same for the organizer's appointments. */
static void
search_organizer(PeakSearch *search, const Request *request, const Span *window)
{
	SpanList	found;

	span_list_begin(&found);
	if (request->organizer_id != NULL)
		overlap_find_organized(request->application_id, request->organizer_id, window, &found);
	peak_search_begin(search, &found, window);
}

static void
put_slot(ReturnSetInfo *result, const Span *slot, const Limits *limits, int64 peak)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, limits->max_overlap == 0};

	values[0] = TimestampTzGetDatum(slot->start_at);
	values[1] = TimestampTzGetDatum(slot->end_at);
	values[2] = Int32GetDatum((int32) (limits->max_overlap - peak));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_free_slots(ReturnSetInfo *result, const Request *request, const Limits *limits)
{
	Span		window = {slot_at(request, request->from).start_at, slot_at(request, request->until - 1).end_at};
	PeakSearch	peaks;
	PeakSearch	organizer;

	search_peaks(&peaks, request, &window, limits);
	search_organizer(&organizer, request, &window);
	for (int64 k = request->from; k < request->until; k++)
	{
		Span		slot = slot_at(request, k);
		int64		peak = peak_search_next(&peaks, &slot);

		CHECK_FOR_INTERRUPTS();
		if (peak_search_next(&organizer, &slot) == 0 &&
			(limits->max_overlap == 0 || peak < limits->max_overlap))
			put_slot(result, &slot, limits, peak);
	}
}

/*
 * appt.available_slots(application_id uuid, range tstzrange, duration interval, step interval,
 *		organizer_id text = null) -> setof (start_at timestamptz, end_at timestamptz, remaining integer)
 *
 * Slots that start whole steps after the range's lower bound, lie within it
 * and could be booked now. remaining: what is left of max_overlap at the
 * slot's peak, NULL without a limit. 22023: an invalid argument, more than
 * 100,000 slots or a duration over max_duration. PT404: no such application.
 * Source: api.md, beyond the seed.
 */
Datum
available_slots(PG_FUNCTION_ARGS)
{
	Request		request;
	Limits		limits;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 4);
	read_request(fcinfo, &request);
	limits = find_limits(request.application_id);
	check_max_duration(PG_GETARG_INTERVAL_P(ARGUMENT_DURATION), limits.max_duration);
	if (request.from < request.until)
		put_free_slots((ReturnSetInfo *) fcinfo->resultinfo, &request, &limits);
	call_end(&call);
	return (Datum) 0;
}
