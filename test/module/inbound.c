/*-------------------------------------------------------------------------
 *
 * inbound.c
 *	  Words of text messages, and what providers send.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "channel/channel.h"
#include "render/single_word.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(test_single_word);
PG_FUNCTION_INFO_V1(test_proves);

Datum
test_single_word(PG_FUNCTION_ARGS)
{
	char	   *word = single_word(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (word == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(word));
}

static char *
given(FunctionCallInfo fcinfo, int index)
{
	return PG_ARGISNULL(index) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(index));
}

Datum
test_proves(PG_FUNCTION_ARGS)
{
	Route		route = {.kind = given(fcinfo, 0), .settings = PG_GETARG_JSONB_P(1)};
	InboundRequest request = {
		.body = given(fcinfo, 3),
		.content_type = given(fcinfo, 4),
		.signature = given(fcinfo, 5),
		.authorization = given(fcinfo, 6)
	};

	PG_RETURN_BOOL(channel_proves(CHANNEL_SMS, &route, given(fcinfo, 2), &request));
}
