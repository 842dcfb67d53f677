/*
 * meeting_template.c
 *		Creating meeting templates with their default rules.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "config/application.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "render/mustache_parser.h"
#include "render/template_names.h"

PG_FUNCTION_INFO_V1(create_meeting_template);

/* Arguments of create_meeting_template. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_NAME, ARGUMENT_SEQUENCE, ARGUMENT_ACTIVE,
	ARGUMENT_DURATION, ARGUMENT_MEETING_TYPE, ARGUMENT_LOCATION, ARGUMENT_VIDEO_PLATFORM,
	ARGUMENT_TITLE, ARGUMENT_SIGNIFICANT_FIELDS, ARGUMENT_REQUIRE_LOCATION,
	ARGUMENT_LEAD_ONLY_REMINDERS, ARGUMENT_REMINDERS_NEED_CONFIRMATION, ARGUMENT_NOTIFY_FOLLOWERS
};

static const char *const meeting_types[] = {"IN_PERSON", "PHONE", "VIDEO", "HYBRID", "TBD", NULL};
static const char *const significant_fields[] = {
	"start_at", "duration", "timezone", "location", "title", "notes", "organizer", NULL
};

static void
check_title(const char *title)
{
	char	   *error = NULL;
	Mustache   *parsed = mustache_parse(title, &error);

	if (parsed == NULL || !template_names_are_known(parsed, &error))
		report_invalid("template is not valid", "%s", error);
}

static void
check_texts(FunctionCallInfo fcinfo)
{
	char	   *title;

	(void) required_text(fcinfo, ARGUMENT_NAME, "name");
	check_code(required_text(fcinfo, ARGUMENT_MEETING_TYPE, "meeting_type"), meeting_types, "meeting_type");
	(void) optional_words(fcinfo, ARGUMENT_LOCATION, "location");
	(void) limited_text(fcinfo, ARGUMENT_VIDEO_PLATFORM, "video_platform");
	title = limited_text(fcinfo, ARGUMENT_TITLE, "title");
	if (title != NULL)
		check_title(title);
}

static void
check_significant_fields(FunctionCallInfo fcinfo)
{
	Datum	   *fields;
	bool	   *nulls;
	int			count;

	require_argument(fcinfo, ARGUMENT_SIGNIFICANT_FIELDS, "significant_fields");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARGUMENT_SIGNIFICANT_FIELDS), TEXTOID, -1, false, TYPALIGN_INT,
					  &fields, &nulls, &count);
	if (count > lengthof(significant_fields) - 1)
		report_invalid("too many significant fields", "There are %d, more than %d.",
					   count, (int) lengthof(significant_fields) - 1);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			report_invalid("a significant field is null", "Element %d of \"significant_fields\" is null.", i + 1);
		check_code(TextDatumGetCString(fields[i]), significant_fields, "significant_fields");
	}
}

static void
check_settings(FunctionCallInfo fcinfo)
{
	static const struct
	{
		int			index;
		const char *name;
	}			required[] = {
		{ARGUMENT_SEQUENCE, "sequence"}, {ARGUMENT_ACTIVE, "active"},
		{ARGUMENT_REQUIRE_LOCATION, "require_location"},
		{ARGUMENT_LEAD_ONLY_REMINDERS, "lead_only_reminders"},
		{ARGUMENT_REMINDERS_NEED_CONFIRMATION, "reminders_need_confirmation"},
		{ARGUMENT_NOTIFY_FOLLOWERS, "notify_followers"}
	};

	for (int i = 0; i < lengthof(required); i++)
		require_argument(fcinfo, required[i].index, required[i].name);
	if (!PG_ARGISNULL(ARGUMENT_DURATION))
		check_elapsed(fcinfo, ARGUMENT_DURATION, "duration", false);
	check_significant_fields(fcinfo);
}

/*
 * appt.create_meeting_template(application_id uuid, name text, sequence integer = 10,
 *		active boolean = true, duration interval = null, meeting_type text = 'TBD', ...) -> uuid
 *
 * Creates default rules, too, which all go over the channel that each customer
 * prefers. 22023: an invalid value. PT404: no such application, or it is not the
 * caller's. Source: progrid-notifications.txt; people.md section 3.
 */
Datum
create_meeting_template(PG_FUNCTION_ARGS)
{
	static Statement insert = {
		"WITH created AS ("
		" INSERT INTO appt.meeting_template (application_id, name, sequence, active, duration, meeting_type,"
		"  location, video_platform, title, significant_fields, require_location, lead_only_reminders,"
		"  reminders_need_confirmation, notify_followers)"
		" VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), nullif($8, ''), nullif($9, ''),"
		"  $10, $11, $12, $13, $14)"
		" RETURNING application_id, id"
		"), default_rules AS ("
		" INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, sending, buttons)"
		" SELECT c.application_id, c.id, r.type, 'PREFERRED', r.time_offset, r.sending, r.buttons::text[]"
		" FROM created c, (VALUES"
		"  ('CREATE', interval '0', 'MANUAL', '{VIEW_DETAILS}'),"
		"  ('CONFIRMATION_REQUEST', '0', 'MANUAL', '{ACCEPT,DECLINE,RESCHEDULE}'),"
		"  ('REMINDER', '24 hours', 'AUTOMATIC', '{VIEW_DETAILS}'),"
		"  ('REMINDER', '1 hour', 'AUTOMATIC', '{VIEW_DETAILS}'),"
		"  ('RESCHEDULE', '0', 'MANUAL', '{VIEW_DETAILS,ADD_TO_CALENDAR}'),"
		"  ('CANCELLED', '0', 'MANUAL', '{}')) AS r (type, time_offset, sending, buttons)"
		") SELECT id FROM created",
		14, {UUIDOID, TEXTOID, INT4OID, BOOLOID, INTERVALOID, TEXTOID,
			TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, BOOLOID, BOOLOID,
		BOOLOID, BOOLOID}
	};
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	require_arguments(fcinfo, 2);
	check_texts(fcinfo);
	check_settings(fcinfo);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID));
	(void) statement_run_nullable(&insert, fcinfo->args);
	*id = next_uuid(ROW(0));
	call_end(&call);
	PG_RETURN_UUID_P(id);
}
