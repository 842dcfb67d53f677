/*
 * reopen.c
 *		Bringing a cancelled appointment back, at a new time.
 *
 * It takes capacity as a new one does. As with every appointment that exists, the
 * locks of the capacity come before the lock of its row (capacity.h).
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/meeting_codes.h"
#include "core/node.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "core/wake.h"
#include "schedule/capacity.h"
#include "schedule/meeting_title.h"
#include "schedule/room.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(reopen_appointment);

enum
{
	ARGUMENT_ID, ARGUMENT_START_AT, ARGUMENT_DURATION, ARGUMENT_TIMEZONE
};

/* The arguments; malformed ones are refused before anything is looked up. */
typedef struct NewTimes
{
	TimestampTz start_at;
	Interval   *duration;		/* NULL: as before, like the timezone */
	char	   *timezone;
} NewTimes;

static void
read_times(FunctionCallInfo fcinfo, NewTimes *times, TimestampTz now)
{
	memset(times, 0, sizeof(NewTimes));
	times->start_at = required_time(fcinfo, ARGUMENT_START_AT, "start_at");
	check_start(times->start_at, now);
	if (!PG_ARGISNULL(ARGUMENT_DURATION))
	{
		times->duration = PG_GETARG_INTERVAL_P(ARGUMENT_DURATION);
		(void) check_duration(times->duration);
	}
	times->timezone = text_argument(fcinfo, ARGUMENT_TIMEZONE);
	if (times->timezone != NULL)
		times->timezone = timezone_name(times->timezone);
}

typedef struct ReopenSettings
{
	bool		auto_activate;
	RoomSettings room;
	TimeOffset	max_duration;
	TimeOffset	end_grace;
	Capacity	capacity;
} ReopenSettings;

static ReopenSettings
find_settings(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT auto_activate, room_url, room_code_length, max_duration, end_grace, max_overlap, organizer_exclusive"
		" FROM appt.application WHERE id = $1",
		1, {UUIDOID}
	};
	ReopenSettings settings;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	settings.auto_activate = next_bool(row);
	settings.room.url = next_text(row);
	settings.room.code_length = next_int32(row);
	settings.max_duration = next_elapsed(row);
	settings.end_grace = next_elapsed(row);
	settings.capacity.max_overlap = next_int32(row);
	settings.capacity.organizer_exclusive = next_bool(row);
	return settings;
}

static void
require_cancelled(const Appointment *a)
{
	if (strcmp(a->state, APPOINTMENT_CANCELLED) != 0)
		report_conflict("only a cancelled appointment can be reopened",
						"Appointment \"%s\" is %s.", uuid_text(&a->key.id), a->state);
}

/* As it will be, in the struct. */
static void
apply_times(Appointment *a, const NewTimes *times, const ReopenSettings *settings)
{
	Interval   *duration = times->duration != NULL ? times->duration : elapsed_interval(a->end_at - a->start_at);

	check_max_duration(duration, settings->max_duration);
	a->start_at = times->start_at;
	a->end_at = end_of(a->start_at, elapsed_microseconds(duration));
	if (times->timezone != NULL)
		a->timezone = times->timezone;
	a->state = settings->auto_activate ? APPOINTMENT_ACTIVATED : APPOINTMENT_SCHEDULED;
	if (a->key.has_meeting_template)
		a->booking_state = unconstify(char *, booking_state_code(BOOKING_NEW));
	meeting_title_renew(a);
}

/* The locks of its new days, before its row; a second reopening waits here for the first. */
static void
lock_capacity(const Caller *caller, const pg_uuid_t *id, const NewTimes *times, const ReopenSettings *settings)
{
	Appointment *planned = appointment_to_change(caller, id);

	require_cancelled(planned);
	apply_times(planned, times, settings);
	capacity_lock(&settings->capacity, planned, NULL);
}

static Appointment *
lock_appointment(const Caller *caller, const pg_uuid_t *id, const NewTimes *times, ReopenSettings *settings)
{
	Appointment *present = appointment_to_change(caller, id);

	*settings = find_settings(&present->key.application_id);
	if (capacity_is_limited(&settings->capacity))
	{
		capacity_lock_move(present);
		lock_capacity(caller, id, times, settings);
	}
	return appointment_lock(caller, id, false);
}

static void
write_appointment(const Appointment *a)
{
	static Statement update = {
		"UPDATE appt.appointment SET state = $3, start_at = $4, end_at = $5, timezone = $6, title = $7, title_for_customers = $8,"
		" booking_state = $9, notification_state = CASE WHEN $9 IS NOT NULL THEN 'NONE' END, changed_fields = NULL, told = NULL,"
		" cancel_reason = NULL, archived_at = NULL, ended_at = NULL, reopened_at = now(),"
		" reopened_after = (SELECT coalesce(max(n.id) FILTER (WHERE n.id <= " LAST_OWN("notification") "), max(n.id), 0)"
		"  FROM appt.notification n WHERE n.appointment_id = $2 AND n.application_id = $1),"
		" activated_at = CASE $3 WHEN 'ACTIVATED' THEN now() END,"
		" interaction = interaction || '{\"state\": \"PENDING\"}', sequence = sequence + 1, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		9, {UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_text(a->state),
		SQL_VALUE(TimestampTzGetDatum(a->start_at)),
		SQL_VALUE(TimestampTzGetDatum(a->end_at)),
		sql_text(a->timezone),
		sql_text(a->title),
		sql_text(a->title_for_customers),
		sql_text(a->booking_state)
	};

	(void) statement_run_nullable(&update, arguments);
}

/* Nobody has answered or joined, and the links of before lead nowhere. */
static void
forget_past(const AppointmentKey *key)
{
	static Statement forget = {
		"WITH closed AS (DELETE FROM appt.room_access WHERE application_id = $1 AND appointment_id = $2)"
		" UPDATE appt.participant SET response = NULL, responded_at = NULL, joined_at = NULL, left_at = NULL"
		" WHERE application_id = $1 AND appointment_id = $2 AND num_nonnulls(response, responded_at, joined_at, left_at) > 0",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&forget, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
}

static void
store(Appointment *a, const ReopenSettings *settings, const char *actor, TimestampTz now)
{
	write_appointment(a);
	forget_past(&a->key);
	if (settings->auto_activate)
	{
		(void) room_open(&a->key, &settings->room, a->end_at);
		wake_on_commit(LANE_CHORES, a->end_at + settings->end_grace);
	}
	if (plan_reopened(&a->key, actor, now))
		told_of_booking(&a->key);
}

/*
 * appt.reopen_appointment(id uuid, start_at timestamptz, duration interval = null,
 *		timezone text = null) -> appt.appointment_details
 *
 * null keeps a value. Subscribers get CREATE: it is an appointment that takes place.
 * 22023: an invalid argument. PT404: it does not exist or the caller may not change
 * it. PT409: it is not CANCELLED, no capacity is left, or the organizer is not free.
 * Source: people.md section 3.
 */
Datum
reopen_appointment(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	ReopenSettings settings;
	Appointment *appointment;
	NewTimes	times;
	pg_uuid_t  *id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	read_times(fcinfo, &times, now);
	appointment = lock_appointment(&call.caller, id, &times, &settings);
	require_cancelled(appointment);
	apply_times(appointment, &times, &settings);
	capacity_require(&settings.capacity, appointment, NULL);
	store(appointment, &settings, call.caller.user_id, now);
	return return_details(&call, fcinfo, &appointment->key);
}
