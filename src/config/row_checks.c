/*
 * row_checks.c
 *		Functions for CHECK constraints over the columns of a row.
 *
 * One for each table that bookings write to. They return false for what only a
 * change by direct SQL can do, and the error names the constraint. Of lengths,
 * headers and locales the error tells more: 22023.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "config/checks.h"
#include "config/header_checks.h"

PG_FUNCTION_INFO_V1(appointment_is_valid);
PG_FUNCTION_INFO_V1(participant_is_valid);
PG_FUNCTION_INFO_V1(room_access_is_valid);
PG_FUNCTION_INFO_V1(notification_is_valid);

/* A column that can be long, by the number of its argument. */
typedef struct Bound
{
	int			argument;
	const char *column;
	Size		most;
} Bound;

static void
check_bounds(FunctionCallInfo fcinfo, const Bound *bounds, int count)
{
	for (int i = 0; i < count; i++)
		if (!PG_ARGISNULL(bounds[i].argument))
			check_length(bounds[i].column, PG_GETARG_DATUM(bounds[i].argument), bounds[i].most);
}

/* Is the text this code? NULL is none. */
static bool
is_code(FunctionCallInfo fcinfo, int argument, const char *code)
{
	text	   *value;
	size_t		length = strlen(code);

	if (PG_ARGISNULL(argument))
		return false;
	value = PG_GETARG_TEXT_PP(argument);
	return VARSIZE_ANY_EXHDR(value) == length && memcmp(VARDATA_ANY(value), code, length) == 0;
}

static bool
is_empty(FunctionCallInfo fcinfo, int argument)
{
	return is_code(fcinfo, argument, "");
}

static bool
is_object(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) || JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(argument));
}

/* Arguments of appointment_is_valid. */
enum
{
	ORGANIZER_ID, TITLE, NOTES, LOCATION, START_AT, END_AT, TIMEZONE, LOCALE, METADATA, INTERACTION,
	NOTIFICATION_HEADERS, CANCEL_REASON, MEETING_TEMPLATE_ID, TITLE_FOR_CUSTOMERS, BOOKING_STATE,
	NOTIFICATION_STATE, CHANGED_FIELDS, TOLD, CREATED_BY, UPDATED_BY
};

/* Callers may give 262144 bytes of interaction, and appt adds the state. */
static const Bound appointment_bounds[] = {
	{ORGANIZER_ID, "organizer_id", 1024},
	{TITLE, "title", 65536},
	{NOTES, "notes", 65536},
	{LOCATION, "location", 65536},
	{TIMEZONE, "timezone", 8192},
	{LOCALE, "locale", 8192},
	{METADATA, "metadata", 262144},
	{INTERACTION, "interaction", 263168},
	{NOTIFICATION_HEADERS, "notification_headers", 262144},
	{CANCEL_REASON, "cancel_reason", 65536},
	{TITLE_FOR_CUSTOMERS, "title_for_customers", 8192},
	{CHANGED_FIELDS, "changed_fields", 8192},
	{TOLD, "told", 262144},
	{CREATED_BY, "created_by", 8192},
	{UPDATED_BY, "updated_by", 8192}
};

static bool
times_are_valid(FunctionCallInfo fcinfo)
{
	TimestampTz start_at = PG_GETARG_TIMESTAMPTZ(START_AT);
	TimestampTz end_at = PG_GETARG_TIMESTAMPTZ(END_AT);

	return !TIMESTAMP_NOT_FINITE(start_at) && !TIMESTAMP_NOT_FINITE(end_at) && end_at > start_at;
}

/* States exactly with a meeting template, and changed fields exactly while UPDATE_DUE. */
static bool
meeting_is_valid(FunctionCallInfo fcinfo)
{
	bool		has_template = !PG_ARGISNULL(MEETING_TEMPLATE_ID);
	bool		has_changes = false;

	if (!PG_ARGISNULL(CHANGED_FIELDS))
	{
		ArrayType  *fields = PG_GETARG_ARRAYTYPE_P(CHANGED_FIELDS);

		has_changes = ArrayGetNItems(ARR_NDIM(fields), ARR_DIMS(fields)) > 0;
	}
	return PG_ARGISNULL(BOOKING_STATE) != has_template && PG_ARGISNULL(NOTIFICATION_STATE) != has_template &&
		has_changes == is_code(fcinfo, NOTIFICATION_STATE, "UPDATE_DUE");
}

/*
 * appt.appointment_is_valid(organizer_id text, title text, notes text, location text,
 *		start_at timestamptz, end_at timestamptz, timezone text, locale text, metadata jsonb,
 *		interaction jsonb, notification_headers jsonb, cancel_reason text,
 *		meeting_template_id uuid, title_for_customers text, booking_state text,
 *		notification_state text, changed_fields text[], told jsonb, created_by text,
 *		updated_by text) -> boolean; 22023
 */
Datum
appointment_is_valid(PG_FUNCTION_ARGS)
{
	check_bounds(fcinfo, appointment_bounds, lengthof(appointment_bounds));
	if (!PG_ARGISNULL(NOTIFICATION_HEADERS))
		(void) parse_headers(PG_GETARG_JSONB_P(NOTIFICATION_HEADERS));
	PG_RETURN_BOOL(!is_empty(fcinfo, ORGANIZER_ID) && times_are_valid(fcinfo) &&
				   is_object(fcinfo, METADATA) && is_object(fcinfo, INTERACTION) && meeting_is_valid(fcinfo));
}

/*
 * appt.participant_is_valid(id text, username text, first_name text, last_name text,
 *		email text, phone text, locale text, metadata jsonb) -> boolean; 22023
 */
Datum
participant_is_valid(PG_FUNCTION_ARGS)
{
	enum
	{
		ID, USERNAME, FIRST_NAME, LAST_NAME, EMAIL, PHONE, ITS_LOCALE, ITS_METADATA
	};
	static const Bound bounds[] = {
		{ID, "id", 1024},
		{USERNAME, "username", 8192},
		{FIRST_NAME, "first_name", 8192},
		{LAST_NAME, "last_name", 8192},
		{EMAIL, "email", 8192},
		{PHONE, "phone", 8192},
		{ITS_LOCALE, "locale", 8192},
		{ITS_METADATA, "metadata", 262144}
	};

	check_bounds(fcinfo, bounds, lengthof(bounds));
	if (!PG_ARGISNULL(ITS_LOCALE))
		require_known_locale(text_to_cstring(PG_GETARG_TEXT_PP(ITS_LOCALE)));
	PG_RETURN_BOOL(!is_empty(fcinfo, ID) && is_object(fcinfo, ITS_METADATA));
}

/* appt.room_access_is_valid(ticket text, type text, url text) -> boolean; 22023 */
Datum
room_access_is_valid(PG_FUNCTION_ARGS)
{
	static const Bound bounds[] = {{0, "ticket", 1024}, {2, "url", 16384}};

	check_bounds(fcinfo, bounds, lengthof(bounds));
	PG_RETURN_BOOL(is_code(fcinfo, 1, "MULTI_USE_TICKET"));
}

/*
 * appt.notification_is_valid(channel text, subscription_id uuid, state text, reason text,
 *		settled_at timestamptz) -> boolean
 */
Datum
notification_is_valid(PG_FUNCTION_ARGS)
{
	enum
	{
		CHANNEL, SUBSCRIPTION_ID, STATE, REASON, SETTLED_AT
	};
	bool		is_open = is_code(fcinfo, STATE, "PENDING") || is_code(fcinfo, STATE, "SENDING");
	bool		needs_reason = !is_open && !is_code(fcinfo, STATE, "SENT");
	bool		is_settled = !is_open && !is_code(fcinfo, STATE, "RETRYING");

	PG_RETURN_BOOL(is_code(fcinfo, CHANNEL, "WEBHOOK") == !PG_ARGISNULL(SUBSCRIPTION_ID) &&
				   (!needs_reason || !PG_ARGISNULL(REASON)) && is_settled == !PG_ARGISNULL(SETTLED_AT));
}
