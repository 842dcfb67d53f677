/*
 * follow.c
 *		Users who are told of the responses to an appointment.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/appointment.h"

PG_FUNCTION_INFO_V1(follow_appointment);

enum
{
	ARGUMENT_ID, ARGUMENT_USER_ID, ARGUMENT_FOLLOWING
};

#define MAX_FOLLOWERS 100

static bool
is_caller(const Caller *caller, const char *user_id)
{
	return caller->user_id != NULL && strcmp(caller->user_id, user_id) == 0;
}

/* The user that is named, or the caller. */
static char *
choose_follower(FunctionCallInfo fcinfo, const Caller *caller)
{
	if (!PG_ARGISNULL(ARGUMENT_USER_ID))
		return required_id(fcinfo, ARGUMENT_USER_ID, "user_id");
	if (caller->user_id == NULL || caller->role == CALLER_UNRESTRICTED)
		report_invalid("a user is required",
					   "\"user_id\" is null, and the caller is no user of the application.");
	return caller->user_id;
}

/* An agent decides for itself, and for others where it organizes the appointment. */
static void
require_decision(const Caller *caller, const Appointment *appointment, const char *user_id)
{
	if (caller->role != CALLER_AGENT || is_caller(caller, user_id) ||
		(strcmp(appointment->organizer_type, PARTICIPANT_AGENT) == 0 &&
		 strcmp(appointment->organizer_id, caller->user_id) == 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("an agent decides only for itself who follows an appointment of others"),
			 errdetail("The caller is not the organizer of appointment \"%s\".", uuid_text(&appointment->key.id))));
}

/* Followers are counted and changed by one caller at a time. */
static void
lock_row(const AppointmentKey *key)
{
	static Statement lock = {
		"SELECT FROM appt.appointment WHERE application_id = $1 AND id = $2 FOR NO KEY UPDATE", 2, {UUIDOID, UUIDOID}
	};

	if (statement_run(&lock, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) == 0)
		report_not_found("appointment", &key->id);
}

/* Also those that were committed after the transaction's snapshot was taken. */
static int64
count_others(const AppointmentKey *key, const char *user_id)
{
	static Statement count = {
		"SELECT count(*) FROM appt.follower WHERE application_id = $1 AND appointment_id = $2 AND user_id <> $3",
		3, {UUIDOID, UUIDOID, TEXTOID}, true
	};

	PushActiveSnapshot(GetLatestSnapshot());
	(void) statement_run(&count, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id), text_datum(user_id));
	PopActiveSnapshot();
	return next_int64(ROW(0));
}

static void
require_few(const AppointmentKey *key, const char *user_id)
{
	if (count_others(key, user_id) >= MAX_FOLLOWERS)
		report_conflict("the appointment has too many followers",
						"Appointment \"%s\" has %d followers, and no more may follow it.",
						uuid_text(&key->id), MAX_FOLLOWERS);
}

static void
set_following(const AppointmentKey *key, const char *user_id, bool following)
{
	static Statement insert = {
		"INSERT INTO appt.follower (application_id, appointment_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	static Statement delete = {
		"DELETE FROM appt.follower WHERE application_id = $1 AND appointment_id = $2 AND user_id = $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	if (following)
		require_few(key, user_id);
	(void) statement_run(following ? &insert : &delete, UUIDPGetDatum(&key->application_id),
						 UUIDPGetDatum(&key->id), text_datum(user_id));
}

/*
 * appt.follow_appointment(id uuid, user_id text = null, following boolean = true)
 *		-> appt.appointment_details
 *
 * User ids are not checked, as in add_agent: one without a profile is told nothing
 * until it has one. 22023: no user, or following is null. PT404: the appointment
 * does not exist or the caller may not read it. 42501: an agent names another user
 * and is not the organizer. PT409: it has 100 followers. Source: people.md section
 * 3.
 */
Datum
follow_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *user_id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	require_argument(fcinfo, ARGUMENT_FOLLOWING, "following");
	user_id = choose_follower(fcinfo, &call.caller);
	appointment = appointment_find_now(&call.caller, id);
	require_decision(&call.caller, appointment, user_id);
	lock_row(&appointment->key);
	set_following(&appointment->key, user_id, PG_GETARG_BOOL(ARGUMENT_FOLLOWING));
	return return_details(&call, fcinfo, &appointment->key);
}
