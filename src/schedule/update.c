/*
 * update.c
 *		Changing title, notes, location and metadata of an appointment.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/arguments.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/meeting_title.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(update_appointment);

enum
{
	ARGUMENT_ID, ARGUMENT_TITLE, ARGUMENT_NOTES, ARGUMENT_LOCATION, ARGUMENT_METADATA
};

/* Apply a text argument: null keeps the value, '' clears it. A change adds the field's name to `changed`. */
static void
change_text(FunctionCallInfo fcinfo, int index, char *field, char **text, List **changed)
{
	char	   *old = *text;

	if (PG_ARGISNULL(index))
		return;
	*text = optional_words(fcinfo, index, field);
	if (!is_same_text(old, *text))
		*changed = lappend(*changed, field);
}

/*
 * With a meeting template '' returns to the title that is made from it. That title
 * follows the location. What customers see of it is what changes for subscribers
 * and calendars, too.
 */
static void
change_title(FunctionCallInfo fcinfo, Appointment *appointment, const Appointment *present, List **changed)
{
	bool		is_given = !PG_ARGISNULL(ARGUMENT_TITLE);

	if (is_given)
	{
		appointment->title = optional_words(fcinfo, ARGUMENT_TITLE, FIELD_TITLE);
		appointment->has_own_title = appointment->title != NULL || !appointment->key.has_meeting_template;
		appointment->title_for_customers = NULL;
	}
	if (is_given || *changed != NIL)
		meeting_title_renew(appointment);
	if (!is_same_text(title_for_customers(appointment), title_for_customers(present)))
		*changed = lappend(*changed, FIELD_TITLE);
}

static void
change_metadata(Jsonb *metadata, Jsonb **current, List **changed)
{
	Jsonb	   *old = *current;

	if (metadata == NULL)
		return;
	*current = metadata;
	if (compareJsonbContainers(&old->root, &metadata->root) != 0)
		*changed = lappend(*changed, FIELD_METADATA);
}

static void
write_content(const Appointment *a, bool calendars_change)
{
	static Statement update = {
		"UPDATE appt.appointment SET title = $3, notes = $4, location = $5, metadata = $6,"
		" has_own_title = $8, title_for_customers = $9, sequence = sequence + CASE WHEN $7 THEN 1 ELSE 0 END, " APPOINTMENT_CHANGED " "
		"WHERE application_id = $1 AND id = $2",
		9, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID, BOOLOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_text(a->title),
		sql_text(a->notes),
		sql_text(a->location),
		sql_jsonb(a->metadata),
		SQL_VALUE(BoolGetDatum(calendars_change)),
		SQL_VALUE(BoolGetDatum(a->has_own_title)),
		sql_text(a->title_for_customers)
	};

	(void) statement_run_nullable(&update, arguments);
}

/*
 * appt.update_appointment(id uuid, title text = null, notes text = null, location text = null,
 *		metadata jsonb = null) -> appt.appointment_details
 *
 * null keeps a field, '' or '{}' clears it; a title that is cleared is again the
 * meeting template's. 22023: metadata is not an object.
 * PT404: it does not exist or the caller may not change it. PT409: it is over.
 * Source: auvious-appointments-api.txt, "Update an Existing Appointment".
 */
Datum
update_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Appointment present;
	Jsonb	   *metadata;
	pg_uuid_t  *id;
	List	   *changed = NIL;
	bool		calendars_change;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	metadata = optional_object(fcinfo, ARGUMENT_METADATA, "metadata");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);

	present = *appointment;
	change_text(fcinfo, ARGUMENT_LOCATION, FIELD_LOCATION, &appointment->location, &changed);
	change_title(fcinfo, appointment, &present, &changed);
	calendars_change = changed != NIL;
	change_text(fcinfo, ARGUMENT_NOTES, FIELD_NOTES, &appointment->notes, &changed);
	change_metadata(metadata, &appointment->metadata, &changed);
	if (changed != NIL)
	{
		write_content(appointment, calendars_change);
		told_compare(&appointment->key, GetCurrentTransactionStartTimestamp());
		plan_updated(&appointment->key, changed, GetCurrentTransactionStartTimestamp());
	}
	else if (appointment->has_own_title != present.has_own_title)
		write_content(appointment, false);
	return return_details(&call, fcinfo, &appointment->key);
}
