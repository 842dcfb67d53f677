/*
 * profile.c
 *		The profile of a user, and its switches of channels.
 */
#include "postgres.h"

#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/column.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "users/profile.h"

PG_FUNCTION_INFO_V1(set_channel);

void
profile_lock(const ActingUser *user)
{
	static Statement lock = {
		"SELECT FROM appt.user_profile WHERE application_id = $1 AND id = $2 FOR NO KEY UPDATE", 2, {UUIDOID, TEXTOID}
	};

	if (statement_run(&lock, UUIDPGetDatum(&user->application_id), text_datum(user->user_id)) == 0)
		report_text_not_found("user", user->user_id);
}

Datum
profile_details(Call *call, const ActingUser *user)
{
	static Statement find = {
		"SELECT ROW(u.application_id, u.id, u.name, u.email, u.backup_phone, u.custom_phone, u.custom_phone_verified_at,"
		" u.channels, u.locale, u.timezone, u.is_admin, u.is_billing_admin, u.enabled)::appt.profile_details"
		" FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = $2",
		2, {UUIDOID, TEXTOID}
	};

	(void) statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id));
	return call_copy(call, next_value(ROW(0)).value, false, -1);
}

/* ---- set_channel ---- */

/* As text[]. */
static Datum
user_channels(void)
{
	const char *const *codes = user_channel_codes();
	Column	   *column = column_create(TEXTOID, CHANNELS);

	for (; *codes != NULL; codes++)
		column_add_text(column, *codes);
	return column_array(column);
}

static void
switch_channel(const ActingUser *user, ChannelCode channel, bool enabled)
{
	static Statement update = {
		"UPDATE appt.user_profile u SET channels = ARRAY(SELECT c.code FROM unnest($5) WITH ORDINALITY AS c (code, place)"
		"  WHERE CASE WHEN c.code = $3 THEN $4 ELSE c.code = ANY (u.channels) END ORDER BY c.place)"
		" WHERE u.application_id = $1 AND u.id = $2 AND ($3 = ANY (u.channels)) <> $4",
		5, {UUIDOID, TEXTOID, TEXTOID, BOOLOID, TEXTARRAYOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(&user->application_id), text_datum(user->user_id),
						 text_datum(channel_code(channel)), BoolGetDatum(enabled), user_channels());
}

/*
 * appt.set_channel(channel text, enabled boolean, user_id text = null, application_id uuid = null)
 *		-> appt.profile_details
 *
 * 22023: not a channel to users, or an argument is missing; PT404: as
 * acting_user.h, or no profile. Source: people.md section 2, Tables.
 */
Datum
set_channel(PG_FUNCTION_ARGS)
{
	ActingUser	user;
	ChannelCode channel;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	channel = check_user_channel(text_argument(fcinfo, 0));
	user = acting_user(&call.caller, fcinfo, 3, 2);
	profile_lock(&user);
	switch_channel(&user, channel, PG_GETARG_BOOL(1));
	result = profile_details(&call, &user);
	call_end(&call);
	return result;
}
