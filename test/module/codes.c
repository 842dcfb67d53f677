/*
 * codes.c
 *		One-time codes: what one is, and guessing without a table.
 */
#include "postgres.h"

#include "core/one_time_code.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(test_one_time_code);
PG_FUNCTION_INFO_V1(test_guess);
PG_FUNCTION_INFO_V1(test_guess_others);

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

/* guess(application_id, purpose, contact, nonce, guess, expires_at, now) */
Datum
test_guess(PG_FUNCTION_ARGS)
{
	OneTimeCode code;

	read_code(fcinfo, &code);
	PG_RETURN_TEXT_P(cstring_to_text(answers[one_time_code_guess(&code, text_to_cstring(PG_GETARG_TEXT_PP(4)),
																 PG_GETARG_TIMESTAMPTZ(5),
																 PG_GETARG_TIMESTAMPTZ(6))]));
}

/* guess_others(count, expires_at, now): one wrong guess at each of as many codes; how many were compared? */
Datum
test_guess_others(PG_FUNCTION_ARGS)
{
	OneTimeCode code = {.purpose = CODE_FOR_CUSTOMER, .contact = "x"};
	int			compared = 0;

	for (int32 i = 0; i < PG_GETARG_INT32(0); i++)
	{
		memcpy(code.nonce.data, &i, sizeof(i));
		code.nonce.data[15] = 0xff;
		if (one_time_code_guess(&code, "", PG_GETARG_TIMESTAMPTZ(1),
								PG_GETARG_TIMESTAMPTZ(2)) == GUESS_WRONG)
			compared++;
	}
	PG_RETURN_INT32(compared);
}
