/*
 * preferences.c
 *		The matrix of a user's switches: which notifications it gets over which
 *		channel.
 *
 * A cell of the matrix is a type at an offset over a channel. What is shown is
 * decided by the expression that planning uses (notify/preference.h). Rows of
 * appt.user_preference are for single cells or for all of a type, an offset or a
 * channel; the most specific one decides. set_preference promises more: each cell
 * that it names is as it says afterwards, and no other cell changes. So it removes
 * the rows that would decide otherwise.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"

#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/column.h"
#include "core/elapsed.h"
#include "core/statement.h"
#include "notify/preference.h"
#include "users/profile.h"

PG_FUNCTION_INFO_V1(notification_preferences);
PG_FUNCTION_INFO_V1(set_preference);

#define CALLERS (CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN)

/* Arguments of set_preference. */
enum
{
	ARGUMENT_TYPE, ARGUMENT_ENABLED, ARGUMENT_CHANNEL, ARGUMENT_TIME_OFFSET, ARGUMENT_USER_ID, ARGUMENT_APPLICATION_ID
};

/* ---- the matrix ---- */

/* Its cells, in the order of the vocabulary, as arrays of the same length. */
typedef struct Cells
{
	Column	   *types;
	Column	   *descriptions;
	Column	   *offsets;
	Column	   *channels;
	Column	   *are_on;			/* by default */
	Column	   *are_for_admins;
	Column	   *are_for_billing_admins;
} Cells;

#define CELLS_EXPECTED 64

static void
add_cell(Cells *cells, const NotificationTypeInfo *type, const DefaultOffset *offset, const ChannelInfo *channel)
{
	column_add_text(cells->types, type->code);
	column_add_text(cells->descriptions, type->description);
	column_add(cells->offsets, IntervalPGetDatum(elapsed_interval(offset->time_offset)));
	column_add_text(cells->channels, channel->code);
	column_add(cells->are_on, BoolGetDatum(offset->is_on));
	column_add(cells->are_for_admins, BoolGetDatum(type->is_account_level));
	column_add(cells->are_for_billing_admins, BoolGetDatum(type_is_for_billing_admins(type)));
}

static void
add_cells_of(Cells *cells, const NotificationTypeInfo *type)
{
	for (int i = 0; i < type->offset_count; i++)
		for (int channel = 0; channel < CHANNELS; channel++)
			if ((type->channels & CHANNEL_BIT(channel)) && channel_infos[channel].has_template)
				add_cell(cells, type, &type->offsets[i], &channel_infos[channel]);
}

static Cells
all_cells(void)
{
	Cells		cells = {
		column_create(TEXTOID, CELLS_EXPECTED), column_create(TEXTOID, CELLS_EXPECTED),
		column_create(INTERVALOID, CELLS_EXPECTED), column_create(TEXTOID, CELLS_EXPECTED),
		column_create(BOOLOID, CELLS_EXPECTED), column_create(BOOLOID, CELLS_EXPECTED),
		column_create(BOOLOID, CELLS_EXPECTED)
	};

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].audience == AUDIENCE_USERS)
			add_cells_of(&cells, &notification_types[type]);
	return cells;
}

#define CELLS \
	"SELECT unnest($3) AS type, unnest($4) AS description, unnest($5) AS time_offset, unnest($6) AS channel," \
	" unnest($7) AS is_on, unnest($8) AS for_admins, unnest($9) AS for_billing_admins"

/* What decides, of the row that does. */
#define SOURCE "CASE WHEN f.time_offset IS NOT NULL THEN 'OFFSET' WHEN f.channel IS NOT NULL THEN 'CHANNEL' ELSE 'TYPE' END"

/* As planning does: to admins alone, over the channels of the profile, by preference. Of one type ($10), or all. */
#define MATRIX \
	"SELECT m.type, m.description, nullif(m.time_offset, '0'), m.channel," \
	" m.may_know AND m.has_channel" \
	"  AND " PREFERENCE("appt.user_preference", "$1", "$2", "m.type", "m.time_offset", "m.channel", "m.is_on") "," \
	" CASE WHEN NOT m.may_know THEN 'ADMINS_ONLY' WHEN NOT m.has_channel THEN 'CHANNEL_OFF'" \
	"  ELSE coalesce(" DECIDING_PREFERENCE(SOURCE, "appt.user_preference", "$1", "$2", "m.type", "m.time_offset", "m.channel") \
	"  , 'DEFAULT') END" \
	" FROM (SELECT c.*, (u.is_admin OR NOT c.for_admins) AND (u.is_billing_admin OR NOT c.for_billing_admins) AS may_know," \
	"  c.channel = ANY (u.channels) AS has_channel" \
	"  FROM appt.user_profile u CROSS JOIN (" CELLS ") c" \
	"  WHERE u.application_id = $1 AND u.id = $2 AND ($10::text IS NULL OR c.type = $10)) m"
#define MATRIX_TYPES \
	{ \
		UUIDOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INTERVALARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID, \
		BOOLARRAYOID, TEXTOID \
	}

/* `type` NULL: all. */
static void
store_matrix(Statement *matrix, const ActingUser *user, const char *type, ReturnSetInfo *result)
{
	Cells		cells = all_cells();
	NullableDatum arguments[] = {
		sql_uuid(&user->application_id),
		sql_text(user->user_id),
		SQL_VALUE(column_array(cells.types)),
		SQL_VALUE(column_array(cells.descriptions)),
		SQL_VALUE(column_array(cells.offsets)),
		SQL_VALUE(column_array(cells.channels)),
		SQL_VALUE(column_array(cells.are_on)),
		SQL_VALUE(column_array(cells.are_for_admins)),
		SQL_VALUE(column_array(cells.are_for_billing_admins)),
		sql_text(type)
	};

	statement_store(matrix, arguments, result->setResult);
}

/*
 * appt.notification_preferences(user_id text = null, application_id uuid = null) -> setof appt.preference_details
 *
 * The matrix, in the order of the view notification_type. 22023, PT404: as
 * acting_user.h; PT404: no profile. Source: people.md section 2, Functions.
 */
Datum
notification_preferences(PG_FUNCTION_ARGS)
{
	static Statement matrix = {MATRIX, 10, MATRIX_TYPES, true};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ActingUser	user;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLERS);
	user = acting_user(&call.caller, fcinfo, 1, 0);
	require_profile(&user);
	store_matrix(&matrix, &user, NULL, result);
	call_end(&call);
	return (Datum) 0;
}

/* ---- set_preference ---- */

/* Rows for the named cells that are more specific than the one to be set. */
static void
remove_specific(const NullableDatum *arguments)
{
	static Statement remove = {
		"DELETE FROM appt.user_preference WHERE application_id = $1 AND user_id = $2 AND type = $3"
		" AND ($4::text IS NULL OR channel = $4) AND ($5::interval IS NULL OR time_offset = $5)"
		" AND (channel, time_offset) IS DISTINCT FROM ($4::text, $5::interval)",
		5, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID}
	};

	(void) statement_run_nullable(&remove, arguments);
}

/*
 * The row. If it is for a channel at every offset, rows for an offset over every
 * channel would still decide, so they get exceptions.
 */
static void
put_rows(const NullableDatum *arguments)
{
	static Statement put = {
		"INSERT INTO appt.user_preference (application_id, user_id, type, channel, time_offset, enabled)"
		" SELECT $1, $2, $3, $4, o.time_offset, $6 FROM ("
		"  SELECT $5::interval AS time_offset"
		"  UNION ALL"
		"  SELECT f.time_offset FROM appt.user_preference f"
		"  WHERE f.application_id = $1 AND f.user_id = $2 AND f.type = $3"
		"   AND f.channel IS NULL AND f.time_offset IS NOT NULL AND $4 IS NOT NULL AND $5 IS NULL) o"
		" ON CONFLICT (application_id, user_id, type, channel, time_offset)"
		" DO UPDATE SET enabled = excluded.enabled WHERE user_preference.enabled <> excluded.enabled",
		6, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, BOOLOID}
	};

	(void) statement_run_nullable(&put, arguments);
}

/*
 * appt.set_preference(type text, enabled boolean, channel text = null, time_offset interval = null,
 *		user_id text = null, application_id uuid = null) -> setof appt.preference_details
 *
 * Returns the cells of the type. 22023: users get no such type, or not over this
 * channel or at this offset, or an argument is missing; PT404: as acting_user.h,
 * or no profile. Source: people.md section 2, Functions.
 */
Datum
set_preference(PG_FUNCTION_ARGS)
{
	static Statement matrix = {MATRIX, 10, MATRIX_TYPES};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *type;
	char	   *channel;
	NullableDatum arguments[6];
	ActingUser	user;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLERS);
	require_arguments(fcinfo, 2);
	type = text_argument(fcinfo, ARGUMENT_TYPE);
	channel = text_argument(fcinfo, ARGUMENT_CHANNEL);
	check_preference(type, channel, PG_ARGISNULL(ARGUMENT_TIME_OFFSET) ? NULL : PG_GETARG_INTERVAL_P(ARGUMENT_TIME_OFFSET));
	user = acting_user(&call.caller, fcinfo, ARGUMENT_APPLICATION_ID, ARGUMENT_USER_ID);
	profile_lock(&user);
	arguments[0] = sql_uuid(&user.application_id);
	arguments[1] = sql_text(user.user_id);
	arguments[2] = sql_text(type);
	arguments[3] = sql_text(channel);
	arguments[4] = fcinfo->args[ARGUMENT_TIME_OFFSET];
	arguments[5] = fcinfo->args[ARGUMENT_ENABLED];
	remove_specific(arguments);
	put_rows(arguments);
	store_matrix(&matrix, &user, type, result);
	call_end(&call);
	return (Datum) 0;
}
