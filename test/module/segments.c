/*-------------------------------------------------------------------------
 *
 * segments.c
 *	  Segments of text messages, and what a provider charges for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "channel/price.h"
#include "channel/segments.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(test_count_segments);
PG_FUNCTION_INFO_V1(test_charge);

Datum
test_count_segments(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(count_segments(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* "0.15 EUR", or NULL */
Datum
test_charge(PG_FUNCTION_ARGS)
{
	Charge		charge = charge_for(PG_GETARG_JSONB_P(0), PG_GETARG_INT32(1));

	if (charge.cost == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s %s",
											  DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(charge.cost))),
											  charge.currency)));
}
