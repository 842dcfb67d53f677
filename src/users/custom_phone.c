/*
 * custom_phone.c
 *		Confirming the phone number that a user chose, by a one-time code that is
 *		sent to it.
 *
 * Until then text messages go to the backup number: nobody is sent messages
 * because somebody else typed a wrong number. The codes have the limits of
 * notify/codes.c. A code proves the number, so it confirms it for the user who has
 * it now; a number that changes meanwhile is not confirmed by it.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/codes.h"
#include "users/custom_phone.h"
#include "users/profile.h"
#include "users/recent_messages.h"

PG_FUNCTION_INFO_V1(confirm_custom_phone);

/* Codes that a user may ask for within 10 minutes, whatever the numbers. */
#define MAX_CODES 5

/* The number that waits to be confirmed; false if there is none. */
static bool
find_unconfirmed(const ActingUser *user, Contact *phone)
{
	static Statement find = {
		"SELECT custom_phone FROM appt.user_profile"
		" WHERE application_id = $1 AND id = $2 AND custom_phone IS NOT NULL AND custom_phone_verified_at IS NULL",
		2, {UUIDOID, TEXTOID}
	};

	if (statement_run(&find, UUIDPGetDatum(&user->application_id), text_datum(user->user_id)) == 0)
		return false;
	*phone = (Contact) {CHANNEL_SMS, next_text(ROW(0)), user->user_id};
	return true;
}

void
custom_phone_request(const ActingUser *user)
{
	Contact		phone;

	if (!find_unconfirmed(user, &phone))
		return;
	/* Else one user could have codes sent to any number of numbers. */
	limit_recent_messages(user, TYPE_CODE, MAX_CODES, "too many codes asked for");
	code_request(&user->application_id, CODE_FOR_PHONE, &phone);
}

static void
mark_confirmed(const ActingUser *user)
{
	static Statement update = {
		"UPDATE appt.user_profile SET custom_phone_verified_at = now() WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, TEXTOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(&user->application_id), text_datum(user->user_id));
}

/*
 * appt.confirm_custom_phone(code text, user_id text = null, application_id uuid = null) -> appt.profile_details
 *
 * PT400: a wrong code. PT404: no code was requested for the number, or it has
 * expired, was used or guessed at too often; the number is confirmed, or there is
 * none; no profile; as acting_user.h. Source: people.md section 2, Functions.
 */
Datum
confirm_custom_phone(PG_FUNCTION_ARGS)
{
	CodeAnswer	answer = CODE_ABSENT;
	ActingUser	user;
	Contact		phone;
	char	   *code;
	int64		code_id = 0;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 1);
	code = required_text(fcinfo, 0, "code");
	user = acting_user(&call.caller, fcinfo, 2, 1);
	profile_lock(&user);
	if (find_unconfirmed(&user, &phone))
		answer = code_redeem(&user.application_id, CODE_FOR_PHONE, &phone, code, &code_id);
	code_require_accepted(answer, "update_profile");
	code_use(&user.application_id, code_id, NULL);
	mark_confirmed(&user);
	result = profile_details(&call, &user);
	call_end(&call);
	return result;
}
