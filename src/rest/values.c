/*
 * values.c
 *		Times and durations as the compatible API writes them, and arguments
 *		as its clients send them.
 *
 * The samples of that API send texts as JSON within JSON ("\"PT5M\""), so
 * clients do. Nothing here depends on the settings of a login: not the timezone,
 * not IntervalStyle.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/text.h"
#include "render/iso8601.h"
#include "rest/values.h"

PG_FUNCTION_INFO_V1(rest_plain);
PG_FUNCTION_INFO_V1(rest_instant);
PG_FUNCTION_INFO_V1(rest_time_text);
PG_FUNCTION_INFO_V1(rest_duration_text);

static JsonCallbackResult
take_scalar(void *state, char *token, JsonTokenType kind)
{
	*(char **) state = token;
	return JSON_CONTINUE;
}

char *
plain_text(char *text)
{
	size_t		length = strlen(text);
	char	   *string = NULL;
	JsonSemAction actions = {.semstate = &string, .scalar = take_scalar};

	if (length < 2 || text[0] != '"' || text[length - 1] != '"')
		return text;
	if (pg_parse_json(create_json_lexer(text, length, GetDatabaseEncoding()), &actions) != JSON_SUCCESS)
		return text;
	return string;
}

/*
 * appt_rest.plain(text) -> text
 *
 * Source: auvious-appointments-api.txt, the samples of requests.
 */
Datum
rest_plain(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(plain_text(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/*
 * appt_rest.instant(text, timezone text) -> timestamptz
 *
 * NULL of NULL and of an empty text. The timezone, or UTC, is for a time without
 * an offset. 22023: not a time in ISO 8601, or an unknown timezone. Source:
 * auvious-appointments-api.txt, start and timezone of requests.
 */
Datum
rest_instant(PG_FUNCTION_ARGS)
{
	char	   *said = PG_ARGISNULL(0) ? "" : plain_text(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *timezone = PG_ARGISNULL(1) ? "" : plain_text(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	TimestampTz at;
	char	   *error;

	if (said[0] == '\0')
		PG_RETURN_NULL();
	if (!iso8601_parse(said, timezone[0] == '\0' ? "UTC" : timezone, &at, &error))
		report_invalid("not a time in ISO 8601", "%s", error);
	PG_RETURN_TIMESTAMPTZ(at);
}

/* appt_rest.time_text(timestamptz) -> appt_rest.date_time */
Datum
rest_time_text(PG_FUNCTION_ARGS)
{
	StringInfoData text;

	initStringInfo(&text);
	append_timestamp(&text, PG_GETARG_TIMESTAMPTZ(0), ALL_DIGITS);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

/* appt_rest.duration_text(interval) -> appt_rest.duration */
Datum
rest_duration_text(PG_FUNCTION_ARGS)
{
	StringInfoData text;

	initStringInfo(&text);
	append_duration(&text, elapsed_microseconds(PG_GETARG_INTERVAL_P(0)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}
