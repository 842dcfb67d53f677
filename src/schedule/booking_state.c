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

static Appointment *
find_appointment(const AppointmentKey *key)
{
	static Statement find = {
		"SELECT " APPOINTMENT_COLUMNS " FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2",
		2, {UUIDOID, UUIDOID}
	};

	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) == 0)
		return NULL;
	return appointment_read_columns(ROW(0));
}

static void
write_state(const Appointment *a)
{
	static Statement update = {
		"UPDATE appt.appointment SET booking_state = $3, title = $4, title_for_customers = $5, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		5, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_text(a->booking_state),
		sql_text(a->title),
		sql_text(a->title_for_customers)
	};

	(void) statement_run_nullable(&update, arguments);
}

/* The state is NULL where it stays. */
static void
set_state_and_title(const AppointmentKey *key, const char *state)
{
	Appointment *appointment = find_appointment(key);
	Appointment present;

	if (appointment == NULL || !appointment->key.has_meeting_template)
		return;
	present = *appointment;
	if (state != NULL)
		appointment->booking_state = unconstify(char *, state);
	meeting_title_renew(appointment);
	if (!is_same_text(present.booking_state, appointment->booking_state) ||
		!is_same_text(present.title, appointment->title) ||
		!is_same_text(present.title_for_customers, appointment->title_for_customers))
		write_state(appointment);
}

void
booking_state_set(const AppointmentKey *key, BookingState state)
{
	Assert(state != BOOKING_NONE);
	if (key->has_meeting_template)
		set_state_and_title(key, booking_state_code(state));
}

void
booking_title_refresh(const AppointmentKey *key)
{
	if (key->has_meeting_template)
		set_state_and_title(key, NULL);
}
