/*
 * told_state.c
 *		What the customers of an appointment with a meeting template were told.
 *
 * Only values of fields that are significant when the message goes are kept, and
 * only fields that are significant when something changes are compared. Times are
 * kept in a form that does not depend on a session's settings. A title that is made
 * from the meeting template is kept as customers see it, without the status.
 */
#include "postgres.h"

#include "core/statement.h"
#include "notify/asked_insert.h"
#include "schedule/appointment.h"
#include "schedule/booking_state.h"
#include "schedule/sending.h"
#include "schedule/told_state.h"

/* Is an update due now? */
static bool
compare(const AppointmentKey *key)
{
	static Statement update = {
		"WITH compared AS MATERIALIZED ("
		" SELECT a.changed_fields AS known, (SELECT array_agg(f.field ORDER BY f.place)"
		"   FROM unnest(m.significant_fields) WITH ORDINALITY AS f (field, place),"
		"    " FIELDS_OF_APPOINTMENT("a.title_for_customers") " AS present (value)"
		"   WHERE a.told ? f.field AND a.told->f.field IS DISTINCT FROM present.value->f.field) AS changed"
		" FROM appt.appointment a CROSS JOIN LATERAL ("
		"  SELECT m.significant_fields FROM appt.meeting_template m"
		"  WHERE m.application_id = a.application_id AND m.id = a.meeting_template_id OFFSET 0) m"
		" WHERE a.application_id = $1 AND a.id = $2 AND a.told IS NOT NULL"
		"), updated AS ("
		" UPDATE appt.appointment a SET changed_fields = c.changed,"
		"  notification_state = CASE WHEN c.changed IS NULL THEN 'CONFIRMED' ELSE 'UPDATE_DUE' END"
		" FROM compared c WHERE a.application_id = $1 AND a.id = $2 AND c.changed IS DISTINCT FROM c.known"
		") SELECT FROM compared WHERE changed IS NOT NULL",
		2, {UUIDOID, UUIDOID}
	};

	return statement_run(&update, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) > 0;
}

/* The type that tells customers of a change. */
static NotificationType
telling_type(void)
{
	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].tells_changes && is_asked_for((NotificationType) type))
			return (NotificationType) type;
	pg_unreachable();
}

void
told_compare(const AppointmentKey *key, TimestampTz now)
{
	AskedMessages update = {
		.type = telling_type(), .participant_ids = SQL_NULL, .is_automatic = true, .now = now
	};
	List	   *messages;

	if (!key->has_meeting_template || !compare(key))
		return;
	messages = find_asked(key, &update, false);
	if (messages == NIL)
		return;
	plan_asked(appointment_facts(booking_find(key)), &update, messages, NULL);
	told_remember(key);
}

void
told_compare_moved(const AppointmentKey *key)
{
	if (key->has_meeting_template)
		(void) compare(key);
}

#define REMEMBER(title) \
	" notification_state = 'CONFIRMED', changed_fields = NULL, told = " WHAT_IS_SO(title) ", " APPOINTMENT_CHANGED \
	" WHERE a.application_id = $1 AND a.id = $2"

void
told_remember(const AppointmentKey *key)
{
	static Statement update = {
		"UPDATE appt.appointment a SET" REMEMBER("a.title_for_customers"), 2, {UUIDOID, UUIDOID}
	};

	if (key->has_meeting_template)
		(void) statement_run(&update, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
}

/* The same with its booking state and titles. */
static void
remember_with_state(const Appointment *appointment)
{
	static Statement update = {
		"UPDATE appt.appointment a SET booking_state = $3, title = $4, title_for_customers = $5," REMEMBER("$5"),
		BOOKING_STATE_PARAMETERS
	};

	booking_state_run(&update, appointment);
}

void
told_by_message(Appointment *appointment, BookingState state, bool tells_all)
{
	bool		is_changed = state != BOOKING_NONE && booking_state_take(appointment, state);

	if (tells_all)
		remember_with_state(appointment);
	else if (is_changed)
		booking_state_write(appointment);
}

void
told_of_booking(const AppointmentKey *key)
{
	Appointment *appointment = key->has_meeting_template ? booking_find(key) : NULL;

	if (appointment != NULL)
		told_by_message(appointment, notification_types[TYPE_CREATE].sets_booking_state, true);
}

void
told_nothing(const AppointmentKey *key)
{
	static Statement update = {
		"UPDATE appt.appointment SET booking_state = $3, title = $4, title_for_customers = $5,"
		" notification_state = 'NONE', told = NULL, " APPOINTMENT_CHANGED
		" WHERE application_id = $1 AND id = $2",
		BOOKING_STATE_PARAMETERS
	};
	Appointment *appointment = booking_find(key);

	if (appointment == NULL)
		return;
	(void) booking_state_take(appointment, BOOKING_NEW);
	booking_state_run(&update, appointment);
}
