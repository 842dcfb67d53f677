/*
 * basic.c
 *		Scheduling as a customer whose one-time code comes by HTTP Basic.
 *
 * The user name is the contact that the code was sent to, the password is the
 * code. PostgREST takes every other Authorization than a bearer's for a bad
 * token, so the front hands it on as X-Gateway-Authorization.
 *
 * Clients expect a challenge of the same scheme in a 401. PostgREST answers
 * PT401 with one for bearers, so the error is raised as SQLSTATE PGRST, whose
 * message and detail are JSON: the body, and the status with the headers.
 */
#include "postgres.h"

#include "common/base64.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "core/compat.h"
#include "core/errors.h"
#include "core/rest_request.h"
#include "rest/basic.h"
#include "schedule/customer_booking.h"

PG_FUNCTION_INFO_V1(rest_schedule_by_basic);

#define ERRCODE_POSTGREST MAKE_SQLSTATE('P', 'G', 'R', 'S', 'T')

/* Longest credentials that are decoded. */
#define MAX_CREDENTIALS 4096

/* Arguments of schedule_by_basic, which are those of schedule_appointment_as_customer. */
enum
{
	ARGUMENT_CONTACT = 1, ARGUMENT_CODE = 2
};

static void
add_member(StringInfo json, const char *name, const char *text)
{
	appendStringInfo(json, "%s\"%s\": ", json->len == 0 ? "{" : ", ", name);
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, text);
}

/* 401 with a challenge. The statement, which the log must not have, may contain a guess. */
static void
challenge(const char *message, const char *detail, const char *hint)
{
	StringInfoData body;

	initStringInfo(&body);
	add_member(&body, "code", "PT401");
	add_member(&body, "message", message);
	add_member(&body, "details", detail);
	add_member(&body, "hint", hint);
	ereport(ERROR,
			(errcode(ERRCODE_POSTGREST),
			 errmsg_internal("%s}", body.data),
			 errdetail_internal("%s", "{\"status\": 401, \"headers\": "
								"{\"WWW-Authenticate\": \"Basic realm=\\\"appt\\\", charset=\\\"UTF-8\\\"\"}}"),
			 errhidestmt(true)));
}

char *
basic_credentials(const char *authorization)
{
	const char *encoded;
	char	   *decoded;
	int			length;

	if (authorization == NULL || pg_strncasecmp(authorization, "Basic ", 6) != 0)
		return NULL;
	encoded = authorization + 6 + strspn(authorization + 6, " ");
	length = strlen(encoded);
	if (length > MAX_CREDENTIALS)
		return NULL;
	decoded = (char *) palloc0(pg_b64_dec_len(length) + 1);
	length = decode_base64(encoded, length, decoded, pg_b64_dec_len(length));
	if (length < 0 || strlen(decoded) != length || !pg_verify_mbstr(PG_UTF8, decoded, length, true))
		return NULL;
	return pg_any_to_server(decoded, length, PG_UTF8);
}

static void
use_credentials(FunctionCallInfo fcinfo)
{
	char	   *credentials = basic_credentials(request_header("x-gateway-authorization"));
	char	   *colon = credentials == NULL ? NULL : strchr(credentials, ':');

	if (colon == NULL)
	{
		challenge("no one-time code", "The request has no HTTP Basic authentication by a contact and its one-time code.",
				  "Request one with request_customer_code.");
		return;
	}
	fcinfo->args[ARGUMENT_CONTACT].value = PointerGetDatum(cstring_to_text_with_len(credentials, colon - credentials));
	fcinfo->args[ARGUMENT_CODE].value = CStringGetTextDatum(colon + 1);
	fcinfo->args[ARGUMENT_CONTACT].isnull = fcinfo->args[ARGUMENT_CODE].isnull = false;
}

/*
 * appt_rest.schedule_by_basic: arguments, result and errors of
 * appt.schedule_appointment_as_customer. contact and code are ignored: they come
 * from the request. PGRST: 401, instead of PT401, or there are none. Source:
 * auvious-appointments-api.txt, "Schedule New Appointment as Customer".
 */
Datum
rest_schedule_by_basic(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Datum details = (Datum) 0;

	use_credentials(fcinfo);
	PG_TRY();
	{
		details = schedule_appointment_as_customer(fcinfo);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (geterrcode() != ERRCODE_APPT_UNAUTHORIZED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		challenge(error->message, error->detail, error->hint);
	}
	PG_END_TRY();
	return details;
}
