/*
 * apply_template.c
 *		Giving an appointment that exists a meeting template, another one, or none.
 *
 * What customers were told and said stays true where the appointment had a
 * template before, so its states stay.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/event.h"
#include "schedule/meeting_template.h"
#include "schedule/meeting_title.h"
#include "schedule/told_state.h"

PG_FUNCTION_INFO_V1(apply_meeting_template);

enum
{
	ARGUMENT_ID, ARGUMENT_MEETING_TEMPLATE_ID
};

/* The states of before stay, as does a title that a caller gave. */
static void
give_template(Appointment *a, const MeetingTemplate *meeting)
{
	const Appointment present = *a;

	meeting_template_apply(meeting, a);
	if (present.key.has_meeting_template)
	{
		a->booking_state = present.booking_state;
		a->notification_state = present.notification_state;
		a->has_own_title = present.has_own_title;
	}
	meeting_title_renew(a);
}

/* It keeps the title that its customers see. */
static void
take_template(Appointment *a)
{
	a->title = copy_text(title_for_customers(a));
	a->title_for_customers = NULL;
	a->has_own_title = true;
	a->key.has_meeting_template = false;
	a->booking_state = a->notification_state = NULL;
	a->changed_fields = SQL_NULL;
}

static void
write_template(const Appointment *a, bool calendars_change)
{
	static Statement update = {
		"UPDATE appt.appointment SET meeting_template_id = $3, booking_state = $4, notification_state = $5,"
		" changed_fields = $6, told = CASE WHEN $3 IS NOT NULL THEN told END,"
		" has_own_title = $7, title = $8, title_for_customers = $9, location = $10,"
		" sequence = sequence + CASE WHEN $11 THEN 1 ELSE 0 END, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		11, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTARRAYOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		a->key.has_meeting_template ? sql_uuid(&a->meeting_template_id) : SQL_NULL,
		sql_text(a->booking_state),
		sql_text(a->notification_state),
		a->changed_fields,
		SQL_VALUE(BoolGetDatum(a->has_own_title)),
		sql_text(a->title),
		sql_text(a->title_for_customers),
		sql_text(a->location),
		SQL_VALUE(BoolGetDatum(calendars_change))
	};

	(void) statement_run_nullable(&update, arguments);
}

/* What subscribers are told of. */
static List *
find_changes(const Appointment *a, const Appointment *present)
{
	List	   *changed = NIL;

	if (!is_same_text(a->location, present->location))
		changed = lappend(changed, FIELD_LOCATION);
	if (!is_same_text(title_for_customers(a), title_for_customers(present)))
		changed = lappend(changed, FIELD_TITLE);
	return changed;
}

static bool
has_template(const Appointment *a, const pg_uuid_t *id)
{
	return a->key.has_meeting_template ? id != NULL && memcmp(&a->meeting_template_id, id, UUID_LEN) == 0 : id == NULL;
}

static void
change_template(Appointment *a, const pg_uuid_t *template_id, TimestampTz now)
{
	const Appointment present = *a;
	List	   *changed;

	if (template_id != NULL)
		give_template(a, meeting_template_find(&a->key.application_id, template_id));
	else
		take_template(a);
	changed = find_changes(a, &present);
	write_template(a, changed != NIL);
	told_compare(&a->key, now);
	plan_template_changed(&a->key, lappend(changed, FIELD_MEETING_TEMPLATE), now);
}

/*
 * appt.apply_meeting_template(id uuid, meeting_template_id uuid) -> appt.appointment_details
 *
 * null takes its template from it. One that it has already changes nothing. 22023:
 * the template is not active, or requires a location. PT404: appointment or template
 * do not exist or are not the caller's. PT409: the appointment is over. Source:
 * people.md section 3.
 */
Datum
apply_meeting_template(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	const pg_uuid_t *template_id = NULL;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	if (!PG_ARGISNULL(ARGUMENT_MEETING_TEMPLATE_ID))
		template_id = PG_GETARG_UUID_P(ARGUMENT_MEETING_TEMPLATE_ID);
	appointment = appointment_lock(&call.caller, required_uuid(fcinfo, ARGUMENT_ID, "id"), false);
	require_open(appointment);
	if (!has_template(appointment, template_id))
		change_template(appointment, template_id, GetCurrentTransactionStartTimestamp());
	return return_details(&call, fcinfo, &appointment->key);
}
