/*
 * booking_state.c
 *		The booking state of an appointment, and the title that shows it.
 */
#include "postgres.h"

#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/booking_state.h"
#include "schedule/meeting_title.h"

Appointment *
booking_find(const AppointmentKey *key)
{
	static Statement find = {
		"SELECT " APPOINTMENT_COLUMNS " FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2",
		2, {UUIDOID, UUIDOID}
	};

	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) == 0)
		return NULL;
	return appointment_read_columns(ROW(0));
}

void
booking_state_run(Statement *statement, const Appointment *a)
{
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_text(a->booking_state),
		sql_text(a->title),
		sql_text(a->title_for_customers)
	};

	(void) statement_run_nullable(statement, arguments);
}

void
booking_state_write(const Appointment *appointment)
{
	static Statement update = {
		"UPDATE appt.appointment SET booking_state = $3, title = $4, title_for_customers = $5, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		BOOKING_STATE_PARAMETERS
	};

	booking_state_run(&update, appointment);
}

bool
booking_state_take(Appointment *appointment, BookingState state)
{
	const Appointment present = *appointment;

	if (state != BOOKING_NONE)
		appointment->booking_state = unconstify(char *, booking_state_code(state));
	meeting_title_renew(appointment);
	return !is_same_text(present.booking_state, appointment->booking_state) ||
		!is_same_text(present.title, appointment->title) ||
		!is_same_text(present.title_for_customers, appointment->title_for_customers);
}

static void
set_state_and_title(const AppointmentKey *key, BookingState state)
{
	Appointment *appointment = booking_find(key);

	if (appointment != NULL && booking_state_take(appointment, state))
		booking_state_write(appointment);
}

void
booking_state_set(const AppointmentKey *key, BookingState state)
{
	Assert(state != BOOKING_NONE);
	if (key->has_meeting_template)
		set_state_and_title(key, state);
}

void
booking_title_refresh(const AppointmentKey *key)
{
	if (key->has_meeting_template)
		set_state_and_title(key, BOOKING_NONE);
}
