/*
 * update.c
 *		Changing what an appointment is about.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(update_appointment);

enum
{
	ARGUMENT_ID, ARGUMENT_TITLE, ARGUMENT_NOTES, ARGUMENT_LOCATION, ARGUMENT_METADATA
};

/* Take over a text argument: null leaves, '' clears. Is it a change? */
static bool
change_text(FunctionCallInfo fcinfo, int index, const char *name, char **text)
{
	char	   *old = *text;

	if (PG_ARGISNULL(index))
		return false;
	*text = optional_words(fcinfo, index, name);
	if (old == NULL || *text == NULL)
		return old != *text;
	return strcmp(old, *text) != 0;
}

static bool
change_metadata(Jsonb *metadata, Jsonb **current)
{
	Jsonb	   *old = *current;

	if (metadata == NULL)
		return false;
	*current = metadata;
	return compareJsonbContainers(&old->root, &metadata->root) != 0;
}

static void
write_content(const Appointment *a, bool calendars_change)
{
	static Statement update = {
		"UPDATE appt.appointment SET title = $3, notes = $4, location = $5, metadata = $6,"
		" sequence = sequence + CASE WHEN $7 THEN 1 ELSE 0 END, updated_at = now() "
		"WHERE application_id = $1 AND id = $2",
		7, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_text(a->title),
		sql_text(a->notes),
		sql_text(a->location),
		sql_jsonb(a->metadata),
		SQL_VALUE(BoolGetDatum(calendars_change))
	};

	(void) statement_run_nullable(&update, arguments);
}

/*
 * appt.update_appointment(id uuid, title text = null, notes text = null, location text = null,
 *		metadata jsonb = null) -> appt.appointment_details
 *
 * null leaves a field as it is, '' or '{}' clears it. 22023 for metadata that
 * are no object, PT404 if it is not there or not the caller's to change, PT409
 * once it is over. Source: auvious-appointments-api.txt, "Update an Existing Appointment".
 */
Datum
update_appointment(PG_FUNCTION_ARGS)
{
	Appointment *appointment;
	Jsonb	   *metadata;
	pg_uuid_t  *id;
	bool		calendars_change;
	bool		notes_change;
	bool		metadata_change;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	id = required_uuid(fcinfo, ARGUMENT_ID, "id");
	metadata = optional_object(fcinfo, ARGUMENT_METADATA, "metadata");
	appointment = appointment_lock(&call.caller, id, false);
	require_open(appointment);

	calendars_change = change_text(fcinfo, ARGUMENT_TITLE, "title", &appointment->title);
	calendars_change |= change_text(fcinfo, ARGUMENT_LOCATION, "location", &appointment->location);
	notes_change = change_text(fcinfo, ARGUMENT_NOTES, "notes", &appointment->notes);
	metadata_change = change_metadata(metadata, &appointment->metadata);
	if (calendars_change || notes_change || metadata_change)
	{
		write_content(appointment, calendars_change);
		plan_updated(&appointment->key, GetCurrentTransactionStartTimestamp());
	}
	return return_details(&call, fcinfo, &appointment->key);
}
