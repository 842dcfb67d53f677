/*-------------------------------------------------------------------------
 *
 * compose.c
 *	  What the worker would send for a notification, and the clearing up after
 *	  a deleted appointment.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "notify/blanking.h"
#include "notify/compose.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/planning.h"
#include "notify/recipient.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(test_composed);
PG_FUNCTION_INFO_V1(test_invite);
PG_FUNCTION_INFO_V1(test_loaded);
PG_FUNCTION_INFO_V1(test_load_often);
PG_FUNCTION_INFO_V1(test_route_secrets);
PG_FUNCTION_INFO_V1(test_blank_deleted);
PG_FUNCTION_INFO_V1(test_plan_to_address);

static const NotificationFacts *
load_one(int64 id)
{
	const NotificationFacts *facts = facts_load_one(id);

	if (facts == NULL)
		elog(ERROR, "no such notification");
	return facts;
}

static Datum
text_array(const char *const *texts, int count)
{
	Datum	   *datums = SPI_palloc(count * sizeof(Datum));
	bool	   *nulls = SPI_palloc(count * sizeof(bool));
	int			dimension = count;
	int			lower = 1;
	ArrayType  *array;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		datums[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	array = construct_md_array(datums, nulls, 1, &dimension, &lower, TEXTOID, -1, false, TYPALIGN_INT);
	return SPI_datumTransfer(PointerGetDatum(array), false, -1);
}

/* composed(id, at): recipient, recipient's name, subject, text_body, html_body, or reason and error */
Datum
test_composed(PG_FUNCTION_ARGS)
{
	Reason		reason;
	char	   *error;
	Message    *message;
	Datum		result;

	SPI_connect();
	message = compose_message(load_one(PG_GETARG_INT64(0)), PG_GETARG_TIMESTAMPTZ(1), &reason, &error);
	if (message == NULL)
		result = text_array((const char *const[]) {reason_code(reason), error}, 2);
	else
		result = text_array((const char *const[]) {message->recipient, message->recipient_name, message->subject,
												   message->text_body, message->html_body}, 5);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* invite(id, at): the calendar file that goes with it, and the method that its type names */
Datum
test_invite(PG_FUNCTION_ARGS)
{
	Reason		reason;
	char	   *error;
	Message    *message;
	TupleDesc	descriptor;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};
	Datum		result;

	get_call_result_type(fcinfo, NULL, &descriptor);
	SPI_connect();
	message = compose_message(load_one(PG_GETARG_INT64(0)), PG_GETARG_TIMESTAMPTZ(1), &reason, &error);
	if (message == NULL)
		elog(ERROR, "not composed: %s", error);
	if (message->calendar != NULL)
	{
		values[0] = PointerGetDatum(cstring_to_text(message->calendar));
		values[1] = CStringGetTextDatum(message->calendar_method);
		nulls[0] = nulls[1] = false;
	}
	result = SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)),
							   false, -1);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

static int64 *
ids_arg(FunctionCallInfo fcinfo, int i, int *count)
{
	Datum	   *values;
	int64	   *ids;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), INT8OID, 8, true, TYPALIGN_DOUBLE, &values, NULL, count);
	ids = palloc(Max(*count, 1) * sizeof(int64));
	for (int n = 0; n < *count; n++)
		ids[n] = DatumGetInt64(values[n]);
	return ids;
}

/* loaded(ids): those whose facts are loaded, in their order, "id/recipient" */
Datum
test_loaded(PG_FUNCTION_ARGS)
{
	int			count;
	int64	   *ids = ids_arg(fcinfo, 0, &count);
	List	   *loaded;
	const char **texts;
	Datum		result;

	SPI_connect();
	loaded = facts_load(ids, &count);
	texts = palloc(Max(list_length(loaded), 1) * sizeof(char *));
	for (int i = 0; i < list_length(loaded); i++)
	{
		const NotificationFacts *facts = (const NotificationFacts *) list_nth(loaded, i);

		texts[i] = psprintf(INT64_FORMAT "/%s", facts->id, recipient_address(facts));
	}
	result = text_array(texts, list_length(loaded));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* load_often(ids, times): microseconds of CPU time for loading, judging and composing one notification */
Datum
test_load_often(PG_FUNCTION_ARGS)
{
	int			count;
	int64	   *ids = ids_arg(fcinfo, 0, &count);
	int			times = PG_GETARG_INT32(1);
	TimestampTz started = GetCurrentTimestamp();
	clock_t		clock_before = clock();

	for (int i = 0; i < times; i++)
	{
		List	   *loaded;
		ListCell   *cell;

		SPI_connect();
		loaded = facts_load(ids, &count);
		foreach(cell, loaded)
		{
			Reason		reason;
			char	   *error;
			EligibilityInput input = eligibility_input((const NotificationFacts *) lfirst(cell));

			(void) eligibility_decide(&input, started);
			(void) compose_message((const NotificationFacts *) lfirst(cell), started, &reason, &error);
		}
		SPI_finish();
	}
	PG_RETURN_FLOAT8((double) (clock() - clock_before) * USECS_PER_SEC / CLOCKS_PER_SEC / times / Max(count, 1));
}

/* route_secrets(id): password, keys and headers as the channel gets them */
Datum
test_route_secrets(PG_FUNCTION_ARGS)
{
	const RouteFacts *route;
	const char *texts[32];
	int			count = 0;
	ListCell   *cell;
	Datum		result;

	SPI_connect();
	route = load_one(PG_GETARG_INT64(0))->route;
	if (route == NULL)
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	texts[count++] = route->route.password;
	foreach(cell, route->route.hmac_keys)
		texts[count++] = (const char *) lfirst(cell);
	foreach(cell, route->route.headers)
	{
		Header	   *header = (Header *) lfirst(cell);

		texts[count++] = psprintf("%s: %s", header->name, header->value);
	}
	result = text_array(texts, count);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* A pass of blanking over kept appointments; did it skip locked rows? */
Datum
test_blank_deleted(PG_FUNCTION_ARGS)
{
	BlankingPass pass = {0};

	SPI_connect();
	while (!pass.is_over)
		blanking_continue(&pass);
	SPI_finish();
	PG_RETURN_BOOL(pass.has_skipped);
}

/* plan_to_address(application, type, channel, address, context), due now */
Datum
test_plan_to_address(PG_FUNCTION_ARGS)
{
	NotificationType type;
	ChannelCode channel;
	int64		id;

	if (!notification_type_from_code(text_to_cstring(PG_GETARG_TEXT_PP(1)), &type) ||
		!channel_from_code(text_to_cstring(PG_GETARG_TEXT_PP(2)), &channel))
		elog(ERROR, "no such type or channel");
	SPI_connect();
	id = plan_to_address(PG_GETARG_UUID_P(0), type, channel, text_to_cstring(PG_GETARG_TEXT_PP(3)),
						 PG_GETARG_JSONB_P(4), GetCurrentTransactionStartTimestamp());
	SPI_finish();
	PG_RETURN_INT64(id);
}
