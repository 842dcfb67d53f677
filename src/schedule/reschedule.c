/*
 * reschedule.c
 *		Moving an appointment in time.
 *
 * Only values that differ are changes. The start is checked against the clock
 * only if it moves, so that the timezone of an appointment that has started
 * can still be changed.
 *
 * If the application has a capacity, the move is computed twice: from the row
 * as it is read, to find the days to lock before it, and from the row as it is
 * locked.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "core/wake.h"
#include "schedule/booking_state.h"
#include "schedule/capacity.h"
#include "schedule/room.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(reschedule_appointment);

enum
{
	ARGUMENT_ID, ARGUMENT_START_AT, ARGUMENT_DURATION, ARGUMENT_TIMEZONE, ARGUMENT_LOCALE
};

/* The arguments; malformed ones are refused before anything is looked up. */
typedef struct Move
{
	TimestampTz *start_at;		/* NULL: unchanged, as the others */
	Interval   *duration;
	char	   *timezone;
	char	   *locale;
} Move;

static void
read_move(FunctionCallInfo fcinfo, Move *move)
{
	memset(move, 0, sizeof(Move));
	if (!PG_ARGISNULL(ARGUMENT_START_AT))
	{
		move->start_at = (TimestampTz *) palloc(sizeof(TimestampTz));
		*move->start_at = PG_GETARG_TIMESTAMPTZ(ARGUMENT_START_AT);
		check_finite(*move->start_at);
	}
	if (!PG_ARGISNULL(ARGUMENT_DURATION))
	{
		move->duration = PG_GETARG_INTERVAL_P(ARGUMENT_DURATION);
		(void) check_duration(move->duration);
	}
	move->timezone = text_argument(fcinfo, ARGUMENT_TIMEZONE);
	if (move->timezone != NULL)
		move->timezone = timezone_name(move->timezone);
	move->locale = text_argument(fcinfo, ARGUMENT_LOCALE);
	if (move->locale != NULL)
		check_locale_name(move->locale);
}

typedef struct Limits
{
	TimeOffset	max_duration;
	TimeOffset	end_grace;
	Capacity	capacity;
} Limits;

static Limits
find_limits(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT max_duration, end_grace, max_overlap, organizer_exclusive FROM appt.application WHERE id = $1",
		1, {UUIDOID}
	};
	Limits		limits;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	limits.max_duration = next_elapsed(row);
	limits.end_grace = next_elapsed(row);
	limits.capacity.max_overlap = next_int32(row);
	limits.capacity.organizer_exclusive = next_bool(row);
	return limits;
}

static void
write_times(const Appointment *a, bool is_moved)
{
	static Statement update = {
		"UPDATE appt.appointment SET start_at = $3, end_at = $4, timezone = $5, locale = $6,"
		" sequence = sequence + CASE WHEN $7 THEN 1 ELSE 0 END, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		7, {UUIDOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, BOOLOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(&a->key.application_id), UUIDPGetDatum(&a->key.id),
						 TimestampTzGetDatum(a->start_at), TimestampTzGetDatum(a->end_at),
						 text_datum(a->timezone), text_datum(a->locale), BoolGetDatum(is_moved));
}

static void
require_movable(const Appointment *a)
{
	require_open(a);
	if (strcmp(interaction_state(a), INTERACTION_ACTIVE) == 0)
		report_conflict("the call is going on", "Appointment \"%s\" cannot move before it ends.",
						uuid_text(&a->key.id));
}

/* Apply the move to the struct; did anything change? Checks what changes. */
static bool
apply_move(Appointment *a, const Move *move, const Limits *limits, TimestampTz now)
{
	TimeOffset	old_duration = a->end_at - a->start_at;
	TimeOffset	duration = move->duration == NULL ? old_duration : elapsed_microseconds(move->duration);
	bool		is_moved = false;

	if (move->start_at != NULL && *move->start_at != a->start_at)
	{
		check_start(*move->start_at, now);
		a->start_at = *move->start_at;
		is_moved = true;
	}
	if (duration != old_duration)
	{
		check_max_duration(move->duration, limits->max_duration);
		is_moved = true;
	}
	a->end_at = end_of(a->start_at, duration);
	if (move->timezone != NULL && strcmp(move->timezone, a->timezone) != 0)
	{
		a->timezone = move->timezone;
		is_moved = true;
	}
	return is_moved;
}

/* Take the locks that the move needs, which must happen before the row is locked. */
static void
lock_capacity(const Caller *caller, const pg_uuid_t *id, const Move *move, const Limits *limits,
			  TimestampTz now)
{
	Appointment *planned = appointment_to_change(caller, id);
	Appointment present = *planned;

	require_movable(planned);
	if (apply_move(planned, move, limits, now))
		capacity_lock(&limits->capacity, planned, &present);
}

/* The locked row, and the limits of its application. */
static Appointment *
lock_appointment(const Caller *caller, const pg_uuid_t *id, const Move *move, Limits *limits,
				 TimestampTz now)
{
	Appointment *present = appointment_to_change(caller, id);

	*limits = find_limits(&present->key.application_id);
	if (capacity_is_limited(&limits->capacity))
	{
		capacity_lock_move(present);
		lock_capacity(caller, id, move, limits, now);
	}
	return appointment_lock(caller, id, false);
}

static void
plan_moved(const Appointment *present, TimestampTz now)
{
	const PreviousTimes previous = {present->start_at, present->end_at, present->timezone};

	told_compare_moved(&present->key);
	if (plan_rescheduled(&present->key, &previous, now))
		told_remember(&present->key);
}

/*
 * appt.reschedule_appointment(id uuid, start_at timestamptz, duration interval,
 *		timezone text = null, locale text = null) -> appt.appointment_details
 *
 * null keeps a value. 22023: an invalid argument. PT404: it does not exist or
 * the caller may not change it. PT409: the call is going on, the appointment
 * is over, no capacity is left, or the organizer is not free. Source:
 * auvious-appointments-api.txt, "Reschedule an Existing Appointment".
 */
Datum
reschedule_appointment(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	pg_uuid_t  *id;
	Appointment *appointment;
	Appointment present;
	Limits		limits;
	Move		move;
	bool		is_moved;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	read_move(fcinfo, &move);
	appointment = lock_appointment(&call.caller, id, &move, &limits, now);
	require_movable(appointment);

	present = *appointment;
	is_moved = apply_move(appointment, &move, &limits, now);
	if (is_moved || (move.locale != NULL && strcmp(move.locale, appointment->locale) != 0))
	{
		if (move.locale != NULL)
			appointment->locale = move.locale;
		capacity_require(&limits.capacity, appointment, &present);
		write_times(appointment, is_moved);
		booking_title_refresh(&appointment->key);
		if (appointment->end_at != present.end_at && strcmp(appointment->state, APPOINTMENT_ACTIVATED) == 0)
		{
			room_move(&appointment->key, appointment->end_at);
			wake_on_commit(LANE_CHORES, appointment->end_at + limits.end_grace);
		}
		if (is_moved)
			plan_moved(&present, now);
		else
			plan_updated(&appointment->key, list_make1(FIELD_LOCALE), now);
	}
	return return_details(&call, fcinfo, &appointment->key);
}
