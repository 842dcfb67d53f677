/*
 * verification.c
 *		Verifying that a sender address is the application's own, by a
 *		one-time code that is sent from it to itself.
 *
 * A wrong code is an error; the guess stays counted, see core/code_counts.c.
 *
 * The log keeps the codes of a provider of kind LOG, so they prove nothing: they
 * have a purpose of their own and verify no other provider.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "channel/mail_address.h"
#include "config/application.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/rest_response.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/codes.h"

PG_FUNCTION_INFO_V1(initiate_email_verification);
PG_FUNCTION_INFO_V1(confirm_email_verification);

typedef struct Sender
{
	pg_uuid_t	provider_id;
	Contact		contact;
	const char *purpose;		/* of its codes */
} Sender;

/* Lock the enabled provider and read its sender; false if there is none. */
static bool
lock_sender(const pg_uuid_t *application_id, Sender *sender)
{
	static Statement lock = {
		"SELECT id, sender, kind FROM appt.provider WHERE application_id = $1 AND channel = 'EMAIL' AND enabled"
		" FOR NO KEY UPDATE",
		1, {UUIDOID}
	};
	Row		   *row;

	if (statement_run(&lock, UUIDPGetDatum(application_id)) == 0)
		return false;
	row = ROW(0);
	sender->provider_id = next_uuid(row);
	sender->contact = (Contact) {CHANNEL_EMAIL, sender_address(next_text(row))};
	sender->purpose = channel_is_local(CHANNEL_EMAIL, next_text(row)) ? CODE_FOR_LOGGED_SENDER : CODE_FOR_SENDER;
	return sender->contact.address != NULL;
}

static bool
is_address(const Contact *contact, const char *address)
{
	return strcmp(channel_address_key(contact->channel, contact->address),
				  channel_address_key(contact->channel, address)) == 0;
}

/*
 * appt.initiate_email_verification(application_id uuid, email text) -> void
 *
 * 22023: not an email address. PT404: not the sender address of the enabled
 * EMAIL provider of an application of the caller's. PT429: the limits of
 * notify/codes.c are reached. Source: auvious-appointments-api.txt, "Confirm
 * Email Service Verification", which names it; api.md.
 */
Datum
initiate_email_verification(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Sender		sender;
	char	   *email;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	application_id = PG_GETARG_UUID_P(0);
	email = required_text(fcinfo, 1, "email");
	if (!channel_address_is_valid(CHANNEL_EMAIL, email))
		report_invalid("invalid email address", "\"%s\" is not an email address.", email);
	lock_application(&call.caller, application_id);
	if (!lock_sender(application_id, &sender) || !is_address(&sender.contact, email))
		report_text_not_found("sender address", email);
	code_request(application_id, sender.purpose, &sender.contact);
	call_end(&call);
	PG_RETURN_VOID();
}

static void
mark_verified(const pg_uuid_t *application_id, const pg_uuid_t *provider_id)
{
	static Statement update = {
		"UPDATE appt.provider SET verified_at = now() WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&update, UUIDPGetDatum(application_id), UUIDPGetDatum(provider_id));
}

/*
 * appt.confirm_email_verification(application_id uuid, code text) -> boolean
 *
 * Marks the provider as verified; returns true, and response.status 204
 * without a body.
 * PT400: a wrong code. PT404: no code was requested, or it has expired, was
 * used or guessed at too often; or the application does not exist or is not
 * the caller's. Source: auvious-appointments-api.txt, "Confirm Email Service
 * Verification".
 */
Datum
confirm_email_verification(PG_FUNCTION_ARGS)
{
	static const ResponseHeader no_body = {"Content-Length", "0"};
	CodeAnswer	answer = CODE_ABSENT;
	pg_uuid_t  *application_id;
	Sender		sender;
	char	   *code;
	int64		code_id = 0;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	application_id = PG_GETARG_UUID_P(0);
	code = required_text(fcinfo, 1, "code");
	lock_application(&call.caller, application_id);
	if (lock_sender(application_id, &sender))
		answer = code_redeem(application_id, sender.purpose, &sender.contact, code, &code_id);
	code_require_accepted(answer, "initiate_email_verification");
	code_use(application_id, code_id, NULL);
	mark_verified(application_id, &sender.provider_id);
	call_end(&call);
	/* PostgREST would announce the length of "true", and send nothing. */
	response_set_status(204);
	response_set_headers(&no_body, 1);
	PG_RETURN_BOOL(true);
}
