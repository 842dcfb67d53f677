/*
 * participant_functions.c
 *		Adding participants to an appointment, and removing them.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/booking_state.h"
#include "schedule/participant.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(add_agent);
PG_FUNCTION_INFO_V1(add_customer);
PG_FUNCTION_INFO_V1(remove_participant);

static void
touch(const AppointmentKey *key, bool calendars_change)
{
	static Statement update = {
		"UPDATE appt.appointment SET sequence = sequence + CASE WHEN $3 THEN 1 ELSE 0 END, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		3, {UUIDOID, UUIDOID, BOOLOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 BoolGetDatum(calendars_change));
}

/* The others of several customers may not have been told. */
static bool
is_only_customer(const AppointmentKey *key, const char *participant_id)
{
	static Statement find_another = {
		"SELECT FROM appt.participant WHERE application_id = $1 AND appointment_id = $2 AND type = 'CUSTOMER' AND id <> $3 LIMIT 1",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	return statement_run(&find_another, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 text_datum(participant_id)) == 0;
}

/*
 * appt.add_customer(id uuid, customer jsonb) -> appt.appointment_details
 *
 * 22023: an invalid customer. PT404: the appointment does not exist or the
 * caller may not change it. PT409: it is full or over. Source:
 * auvious-appointments-api.txt, "Add a Customer as a Participant".
 */
Datum
add_customer(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Jsonb	   *object;
	pg_uuid_t  *id;
	Customer   *customer;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	object = required_object(fcinfo, 1, "customer");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);
	require_not_full(&appointment->key);
	customer = customer_parse(object, find_calling_code(&appointment->key.application_id));
	customer_insert(&appointment->key, customer, GetCurrentTimestamp());
	touch(&appointment->key, false);
	booking_title_refresh(&appointment->key);
	if (plan_customer_added(&appointment->key, customer->id, GetCurrentTransactionStartTimestamp()) &&
		is_only_customer(&appointment->key, customer->id))
		told_of_booking(&appointment->key);
	return return_details(&call, fcinfo, &appointment->key);
}

/*
 * appt.add_agent(id uuid, user_id text) -> appt.appointment_details
 *
 * User ids are not checked. PT404: the appointment does not exist or the
 * caller may not change it. PT409: it has a participant with that id, is full
 * or over. Source: auvious-appointments-api.txt, "Add an Agent as a
 * Participant".
 */
Datum
add_agent(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *user_id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	user_id = required_id(fcinfo, 1, "user_id");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);
	if (participant_type(&appointment->key, user_id) != NULL)
		report_conflict("already a participant of the appointment",
						"\"%s\" takes part in appointment \"%s\".", user_id, uuid_text(id));
	require_not_full(&appointment->key);
	agent_insert(&appointment->key, user_id, GetCurrentTimestamp());
	touch(&appointment->key, false);
	plan_agent_added(&appointment->key, user_id, call.caller.user_id, GetCurrentTransactionStartTimestamp());
	return return_details(&call, fcinfo, &appointment->key);
}

static void
delete_participant(const AppointmentKey *key, const char *participant_id)
{
	static Statement delete = {
		"DELETE FROM appt.participant WHERE application_id = $1 AND appointment_id = $2 AND id = $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	(void) statement_run(&delete, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 text_datum(participant_id));
}

/*
 * appt.remove_participant(id uuid, participant_id text) -> appt.appointment_details
 *
 * PT404: the appointment or participant does not exist or the caller may not
 * change it. PT409: the participant is the organizer, or the appointment is
 * over. Source: auvious-appointments-api.txt, "Delete a Participant from an
 * Appointment".
 */
Datum
remove_participant(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	pg_uuid_t  *id;
	char	   *participant_id;
	char	   *type;
	bool		is_customer;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR);
	require_arguments(fcinfo, 2);
	id = required_uuid(fcinfo, 0, "id");
	participant_id = required_id(fcinfo, 1, "participant_id");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);
	type = participant_type(&appointment->key, participant_id);
	if (type == NULL)
		report_text_not_found("participant", participant_id);
	if (strcmp(participant_id, appointment->organizer_id) == 0)
		report_conflict("the organizer cannot be removed",
						"\"%s\" organizes appointment \"%s\".", participant_id, uuid_text(id));
	is_customer = strcmp(type, PARTICIPANT_CUSTOMER) == 0;

	/*
	 * Copy the data of the message that the customer still gets from the row
	 * to be deleted.
	 */
	plan_participant_removed(&appointment->key, participant_id, is_customer,
							 GetCurrentTransactionStartTimestamp());
	delete_participant(&appointment->key, participant_id);

	/*
	 * Every cancellation increases the sequence (RFC 5546, 2.1.4), also that
	 * of one participant.
	 */
	touch(&appointment->key, is_customer);
	if (is_customer)
		booking_title_refresh(&appointment->key);
	return return_details(&call, fcinfo, &appointment->key);
}
