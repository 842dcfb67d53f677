/*
 * schedule.c
 *		Scheduling an appointment for an agent.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/idempotency.h"
#include "schedule/booking.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(schedule_appointment);

/* Arguments of schedule_appointment. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_START_AT, ARGUMENT_DURATION, ARGUMENT_CUSTOMER,
	ARGUMENT_ORGANIZER_ID, ARGUMENT_TITLE, ARGUMENT_NOTES, ARGUMENT_LOCATION,
	ARGUMENT_TIMEZONE, ARGUMENT_LOCALE, ARGUMENT_METADATA, ARGUMENT_INTERACTION,
	ARGUMENT_NOTIFICATION_HEADERS, ARGUMENT_IDEMPOTENCY_KEY, ARGUMENT_MEETING_TEMPLATE_ID
};

static const BookingArguments where = {
	.application_id = ARGUMENT_APPLICATION_ID,
	.start_at = ARGUMENT_START_AT,
	.duration = ARGUMENT_DURATION,
	.customer = ARGUMENT_CUSTOMER,
	.title = ARGUMENT_TITLE,
	.notes = ARGUMENT_NOTES,
	.location = ARGUMENT_LOCATION,
	.timezone = ARGUMENT_TIMEZONE,
	.locale = ARGUMENT_LOCALE,
	.metadata = ARGUMENT_METADATA,
	.interaction = ARGUMENT_INTERACTION,
	.notification_headers = ARGUMENT_NOTIFICATION_HEADERS,
	.meeting_template_id = ARGUMENT_MEETING_TEMPLATE_ID
};

/* The organizer: the caller, or the agent that a client service or SQL application names. */
static char *
choose_organizer(FunctionCallInfo fcinfo, const Caller *caller)
{
	char	   *named = PG_ARGISNULL(ARGUMENT_ORGANIZER_ID) ? NULL :
	required_id(fcinfo, ARGUMENT_ORGANIZER_ID, "organizer_id");

	if (caller->role == CALLER_UNRESTRICTED && named == NULL)
		report_invalid_hint("Add organizer_id => the id of the user who holds the appointment, any text of your own.",
							"an organizer is required",
							"\"organizer_id\" is null, and the caller is no user of the application.");
	if (caller->role == CALLER_AGENT && named != NULL && strcmp(named, caller->user_id) != 0)
		report_invalid("an agent cannot schedule for another organizer",
					   "\"organizer_id\" is \"%s\", not the caller's.", named);
	return named != NULL ? named : caller->user_id;
}

static Appointment *
book(FunctionCallInfo fcinfo, const Caller *caller)
{
	Booking    *booking = booking_read(fcinfo, &where, GetCurrentTransactionStartTimestamp());

	booking->actor = caller->user_id;
	booking->appointment->organizer_id = choose_organizer(fcinfo, caller);
	booking->appointment->organizer_type = PARTICIPANT_AGENT;
	booking_store(booking);
	return booking->appointment;
}

/*
 * A call that is repeated with its key is answered before anything is checked:
 * it must not be refused for what has changed since.
 */
static Appointment *
book_once(FunctionCallInfo fcinfo, const Caller *caller, const pg_uuid_t *application_id)
{
	KeyedCall  *keyed = keyed_call(fcinfo, application_id, ARGUMENT_IDEMPOTENCY_KEY);
	CallResult *first = keyed_call_claim(keyed);
	Appointment *appointment;

	if (first != NULL)
		return appointment_find_now(caller, first->appointment_id);
	appointment = book(fcinfo, caller);
	keyed_call_keep(keyed, &(CallResult) {.appointment_id = &appointment->key.id});
	return appointment;
}

/*
 * appt.schedule_appointment(application_id uuid, start_at timestamptz, duration interval,
 *		customer jsonb = null, organizer_id text = null, title, notes, location, timezone, locale,
 *		metadata jsonb = null, interaction jsonb = null, notification_headers jsonb = null,
 *		idempotency_key text = null, meeting_template_id uuid = null) -> appt.appointment_details
 *
 * duration is elapsed time, a day being 24 hours; like location and title it comes
 * from the meeting template if it is left out. 22023: an invalid argument, or the
 * template is not active. PT404: no such application or meeting template, or it is
 * not the caller's. PT409: no capacity is
 * left, the organizer is not free, or the idempotency_key belongs to a call
 * with other arguments. A repeated call returns the appointment of the first
 * as it is now; PT404 if it is no longer the caller's. Source:
 * auvious-appointments-api.txt, "Schedule a New Appointment".
 */
Datum
schedule_appointment(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, PG_ARGISNULL(ARGUMENT_MEETING_TEMPLATE_ID) ? 3 : 2);
	application_id = required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	if (!caller_may_use_application(&call.caller, application_id))
		report_not_found("application", application_id);
	details = appointment_details(&call, fcinfo, book_once(fcinfo, &call.caller, application_id));
	call_end(&call);
	return details;
}
