/*
 * codes.c
 *		One-time codes: their derivation, and guesses without a table.
 */
#include "postgres.h"

#include "core/code_counts.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(test_one_time_code);
PG_FUNCTION_INFO_V1(test_guess);
PG_FUNCTION_INFO_V1(test_guess_used);
PG_FUNCTION_INFO_V1(test_code_limit);
PG_FUNCTION_INFO_V1(test_count_request);

static void
read_code(FunctionCallInfo fcinfo, OneTimeCode *code)
{
	code->application_id = *PG_GETARG_UUID_P(0);
	code->purpose = text_to_cstring(PG_GETARG_TEXT_PP(1));
	code->contact = text_to_cstring(PG_GETARG_TEXT_PP(2));
	code->nonce = *PG_GETARG_UUID_P(3);
}

/* one_time_code(application_id, purpose, contact, nonce): the digits */
Datum
test_one_time_code(PG_FUNCTION_ARGS)
{
	OneTimeCode code;
	char		digits[ONE_TIME_CODE_DIGITS + 1];

	read_code(fcinfo, &code);
	if (!one_time_code_derive(&code, digits))
		elog(ERROR, "could not derive a one-time code");
	PG_RETURN_TEXT_P(cstring_to_text(digits));
}

static const char *const answers[] = {
	[GUESS_RIGHT] = "RIGHT", [GUESS_WRONG] = "WRONG", [GUESS_REFUSED] = "REFUSED"
};

/* guess(nonce, is_right, now) */
Datum
test_guess(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(answers[code_counts_guess(PG_GETARG_UUID_P(0), PG_GETARG_BOOL(1),
															   PG_GETARG_TIMESTAMPTZ(2))]));
}

/* guess_used(nonce, is_right) */
Datum
test_guess_used(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(answers[code_counts_guess_used(PG_GETARG_UUID_P(0), PG_GETARG_BOOL(1))]));
}

static const char *const limits[] = {
	[CODE_LIMIT_NONE] = "NONE", [CODE_LIMIT_CONTACT] = "CONTACT",
	[CODE_LIMIT_CLIENT] = "CLIENT", [CODE_LIMIT_APPLICATION] = "APPLICATION"
};

/* code_limit(by_contact, by_client, by_application) */
Datum
test_code_limit(PG_FUNCTION_ARGS)
{
	CodeRequests earlier = {PG_GETARG_INT64(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2)};

	PG_RETURN_TEXT_P(cstring_to_text(limits[code_limit(&earlier)]));
}

/* count_request(organization_id, application_id, purpose, contact, client_address, nonce, now): the limit that refuses it */
Datum
test_count_request(PG_FUNCTION_ARGS)
{
	CodeRequest request = {
		.organization_id = *PG_GETARG_UUID_P(0),
		.code = {
			.application_id = *PG_GETARG_UUID_P(1),
			.purpose = text_to_cstring(PG_GETARG_TEXT_PP(2)),
			.contact = text_to_cstring(PG_GETARG_TEXT_PP(3)),
			.nonce = *PG_GETARG_UUID_P(5)
		},
		.client_address = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4))
	};

	PG_RETURN_TEXT_P(cstring_to_text(limits[code_counts_request(&request, PG_GETARG_TIMESTAMPTZ(6))]));
}
