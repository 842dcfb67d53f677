/*
 * update_profile.c
 *		What users change of their profiles: addresses, locale and timezone.
 *
 * The checks of values are those of the table. A phone number without a country
 * code gets the application's.
 */
#include "postgres.h"

#include "channel/phone.h"
#include "core/arguments.h"
#include "core/row.h"
#include "core/statement.h"
#include "users/custom_phone.h"
#include "users/profile.h"

PG_FUNCTION_INFO_V1(update_profile);

enum
{
	ARGUMENT_EMAIL, ARGUMENT_BACKUP_PHONE, ARGUMENT_CUSTOM_PHONE, ARGUMENT_LOCALE, ARGUMENT_TIMEZONE,
	ARGUMENT_USER_ID, ARGUMENT_APPLICATION_ID
};

/* Of a phone number as it is to be stored; NULL of NULL, '' of ''. */
static char *
phone_argument(FunctionCallInfo fcinfo, int argument, const char *name, const char *calling_code)
{
	char	   *phone = optional_text(fcinfo, argument, name);

	return phone == NULL || phone[0] == '\0' ? phone : phone_normalize(phone, calling_code);
}

static char *
calling_code_of(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT calling_code FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};

	(void) statement_run(&find, UUIDPGetDatum(application_id));
	return next_text(ROW(0));
}

#define NEW_VALUE(column, parameter) \
	column " = CASE WHEN " parameter "::text IS NULL THEN " column " ELSE nullif(" parameter ", '') END"

static void
change_profile(const ActingUser *user, FunctionCallInfo fcinfo)
{
	static Statement update = {
		"UPDATE appt.user_profile SET " NEW_VALUE("email", "$3") ", " NEW_VALUE("backup_phone", "$4")
		", " NEW_VALUE("custom_phone", "$5") ", " NEW_VALUE("locale", "$6") ", " NEW_VALUE("timezone", "$7")
		" WHERE application_id = $1 AND id = $2",
		7, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
	};
	char	   *calling_code = calling_code_of(&user->application_id);
	NullableDatum arguments[] = {
		sql_uuid(&user->application_id),
		sql_text(user->user_id),
		sql_text(optional_text(fcinfo, ARGUMENT_EMAIL, "email")),
		sql_text(phone_argument(fcinfo, ARGUMENT_BACKUP_PHONE, "backup_phone", calling_code)),
		sql_text(phone_argument(fcinfo, ARGUMENT_CUSTOM_PHONE, "custom_phone", calling_code)),
		sql_text(optional_text(fcinfo, ARGUMENT_LOCALE, "locale")),
		sql_text(optional_text(fcinfo, ARGUMENT_TIMEZONE, "timezone"))
	};

	(void) statement_run_nullable(&update, arguments);
}

/*
 * appt.update_profile(email text = null, backup_phone text = null, custom_phone text = null, locale text = null,
 *		timezone text = null, user_id text = null, application_id uuid = null) -> appt.profile_details
 *
 * NULL leaves a value, '' clears it. A custom_phone that is not confirmed is sent
 * a one-time code, also if it is given again. 22023: no address, locale or
 * timezone, or a number of a line; PT404: as acting_user.h, or no profile; PT429:
 * the limits of notify/codes.h. Source: people.md section 2, Functions.
 */
Datum
update_profile(PG_FUNCTION_ARGS)
{
	ActingUser	user;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	user = acting_user(&call.caller, fcinfo, ARGUMENT_APPLICATION_ID, ARGUMENT_USER_ID);
	profile_lock(&user);
	change_profile(&user, fcinfo);
	if (!PG_ARGISNULL(ARGUMENT_CUSTOM_PHONE))
		custom_phone_request(&user);
	result = profile_details(&call, &user);
	call_end(&call);
	return result;
}
