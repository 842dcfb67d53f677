/*-------------------------------------------------------------------------
 *
 * transfer.c
 *	  The transfer engine, driven from a backend: as the worker does it, but for
 *	  one call's requests.
 *
 * The engine lives as long as the backend, so a second call meets the
 * connections of the first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>
#include <sys/resource.h>

#include "fmgr.h"
#include "funcapi.h"
#include "channel/channel.h"
#include "core/settings.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "transfer/engine.h"
#include "transfer/token.h"
#include "transfer/withdraw.h"

#include "test_channels.h"

PG_FUNCTION_INFO_V1(test_exchange);
PG_FUNCTION_INFO_V1(test_exchange_many);
PG_FUNCTION_INFO_V1(test_set);
PG_FUNCTION_INFO_V1(test_abandon);
PG_FUNCTION_INFO_V1(test_withdraw);
PG_FUNCTION_INFO_V1(test_token_answer);
PG_FUNCTION_INFO_V1(test_tokens_kept);

/* One message of a call. */
typedef struct Exchange
{
	Message		message;
	Route		route;
	Request    *request;
} Exchange;

static TransferEngine *
engine(void)
{
	static TransferEngine *created = NULL;

	if (created == NULL)
		created = transfer_engine_create();
	return created;
}

/* Wait as the worker does: for the engine's socket or its next deadline. */
static void
await_engine(void)
{
	WaitEventSet *set = CreateWaitEventSet(CurrentMemoryContext, 3);
	WaitEvent	event;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, transfer_engine_socket(engine()), NULL, NULL);
	WaitEventSetWait(set, transfer_engine_timeout(engine()), &event, 1, PG_WAIT_EXTENSION);
	FreeWaitEventSet(set);
	ResetLatch(MyLatch);
	if (QueryCancelPending || ProcDiePending)
		transfer_engine_abandon(engine());
	CHECK_FOR_INTERRUPTS();
}

/*
 * exchange(messages jsonb[]) -> rows (number, kind, status_code, error,
 * response, retry_after_us, milliseconds), in the order of their ends. The kind
 * of what was no attempt is UNTRIED.
 */
Datum
test_exchange(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"DELIVERED", "REJECTED", "FAILED"};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *messages;
	bool	   *message_nulls;
	int			count;
	int			started = 0;
	int			taken = 0;
	Exchange   *exchanges;

	InitMaterializedSRF(fcinfo, 0);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &messages,
					  &message_nulls, &count);
	exchanges = palloc0(sizeof(Exchange) * count);
	for (int i = 0; i < count; i++)
	{
		Reason		reason;
		char	   *error;

		message_from_json(DatumGetJsonbP(messages[i]), &exchanges[i].message,
						  &exchanges[i].route);
		exchanges[i].request = channel_compose(&exchanges[i].message, &exchanges[i].route,
											   &reason, &error);
		if (exchanges[i].request == NULL)
			elog(ERROR, "could not compose: %s: %s", reason_code(reason), error);
	}

	while (taken < count)
	{
		Response   *response;
		void	   *tag;

		while (started < count && transfer_room(engine()) > 0 &&
			   transfer_start(engine(), exchanges[started].request, &exchanges[started]))
			started++;
		transfer_engine_run(engine());
		while ((response = transfer_take(engine(), &tag)) != NULL)
		{
			Exchange   *exchange = tag;
			Outcome		outcome = channel_read_outcome(&exchange->message, &exchange->route, response);
			Datum		values[8] = {0};
			bool		nulls[8] = {0};

			values[0] = Int32GetDatum(exchange - exchanges + 1);
			values[1] = CStringGetTextDatum(response->is_untried ? "UNTRIED" : kinds[outcome.kind]);
			values[2] = Int32GetDatum(outcome.status_code);
			nulls[3] = outcome.error == NULL;
			values[3] = nulls[3] ? 0 : CStringGetTextDatum(outcome.error);
			nulls[4] = outcome.response == NULL;
			values[4] = nulls[4] ? 0 : CStringGetTextDatum(outcome.response);
			values[5] = Int64GetDatum(outcome.retry_after);
			values[6] = Int64GetDatum((response->finished_at - response->started_at) / 1000);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			taken++;
		}
		/* If all ended at once, there is nothing to wait for: on with the others. */
		if (taken < count && transfers_in_flight(engine()) > 0)
			await_engine();
	}
	return (Datum) 0;
}

/*
 * exchange_many(message jsonb, count, in_flight, OUT delivered, OUT others,
 * OUT microseconds, OUT cpu_microseconds): the same one over and over.
 */
Datum
test_exchange_many(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(1);
	int			in_flight = PG_GETARG_INT32(2);
	int			started = 0;
	int			delivered = 0;
	int			others = 0;
	Exchange	exchange;
	Reason		reason;
	char	   *error;
	TimestampTz start = GetCurrentTimestamp();
	struct rusage before;
	struct rusage after;
	WaitEventSet *set = CreateWaitEventSet(CurrentMemoryContext, 3);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "scratch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	TupleDesc	descriptor;
	Datum		values[5];
	bool		nulls[5] = {0};

	get_call_result_type(fcinfo, NULL, &descriptor);
	message_from_json(PG_GETARG_JSONB_P(0), &exchange.message, &exchange.route);
	exchange.request = channel_compose(&exchange.message, &exchange.route, &reason, &error);
	if (exchange.request == NULL)
		elog(ERROR, "could not compose: %s: %s", reason_code(reason), error);

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, transfer_engine_socket(engine()), NULL, NULL);
	getrusage(RUSAGE_SELF, &before);
	old = MemoryContextSwitchTo(scratch);
	while (delivered + others < count)
	{
		Response   *response;
		void	   *tag;
		WaitEvent	event;

		while (started < count && transfers_in_flight(engine()) < in_flight &&
			   transfer_start(engine(), exchange.request, &exchange))
			started++;
		transfer_engine_run(engine());
		while ((response = transfer_take(engine(), &tag)) != NULL)
		{
			Outcome		outcome = channel_read_outcome(&exchange.message, &exchange.route, response);

			if (outcome.kind == OUTCOME_DELIVERED)
				delivered++;
			else
				others++;
		}
		MemoryContextReset(scratch);
		if (delivered + others < count && (started == count || transfers_in_flight(engine()) == in_flight))
		{
			WaitEventSetWait(set, transfer_engine_timeout(engine()), &event, 1, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			if (QueryCancelPending || ProcDiePending)
				transfer_engine_abandon(engine());
			CHECK_FOR_INTERRUPTS();
		}
	}
	MemoryContextSwitchTo(old);
	getrusage(RUSAGE_SELF, &after);
	FreeWaitEventSet(set);
	values[0] = Int32GetDatum(delivered);
	values[1] = Int32GetDatum(others);
	values[2] = Int64GetDatum(GetCurrentTimestamp() - start);
	values[3] = Int64GetDatum((after.ru_utime.tv_sec - before.ru_utime.tv_sec +
							   after.ru_stime.tv_sec - before.ru_stime.tv_sec) * INT64CONST(1000000) +
							  after.ru_utime.tv_usec - before.ru_utime.tv_usec +
							  after.ru_stime.tv_usec - before.ru_stime.tv_usec);
	values[4] = Int64GetDatum(after.ru_maxrss);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* set(name, value): a setting that otherwise changes with a reload only */
Datum
test_set(PG_FUNCTION_ARGS)
{
	SetConfigOption(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					text_to_cstring(PG_GETARG_TEXT_PP(1)), PGC_SIGHUP, PGC_S_OVERRIDE);
	PG_RETURN_VOID();
}

/* abandon(message jsonb, count) -> milliseconds it took to drop them all in flight */
Datum
test_abandon(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(1);
	Exchange	exchange;
	Reason		reason;
	char	   *error;
	TimestampTz start;

	message_from_json(PG_GETARG_JSONB_P(0), &exchange.message, &exchange.route);
	exchange.request = channel_compose(&exchange.message, &exchange.route, &reason, &error);
	for (int i = 0; i < count; i++)
	{
		if (!transfer_start(engine(), exchange.request, &exchange))
			elog(ERROR, "could not start");
	}
	start = GetCurrentTimestamp();
	while (GetCurrentTimestamp() < start + 300 * 1000)
	{
		transfer_engine_run(engine());
		await_engine();
	}
	start = GetCurrentTimestamp();
	transfer_engine_abandon(engine());
	if (transfers_in_flight(engine()) != 0)
		elog(ERROR, "still in flight");
	PG_RETURN_INT32((GetCurrentTimestamp() - start) / 1000);
}

static bool
is_any(void *tag, void *argument)
{
	return true;
}

/* withdraw(messages jsonb[]) -> how many could be withdrawn that had begun; the others are abandoned */
Datum
test_withdraw(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *messages;
	int			count;
	int			withdrawn = 0;
	void	   *tag;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &messages, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Exchange   *exchange = palloc0(sizeof(Exchange));
		Reason		reason;
		char	   *error;

		message_from_json(DatumGetJsonbP(messages[i]), &exchange->message, &exchange->route);
		exchange->request = channel_compose(&exchange->message, &exchange->route, &reason, &error);
		if (!transfer_start(engine(), exchange->request, exchange))
			elog(ERROR, "could not start");
	}
	transfer_engine_run(engine());
	transfer_withdraw(engine(), is_any, NULL);
	while (transfer_take(engine(), &tag) != NULL)
		withdrawn++;
	transfer_engine_abandon(engine());
	PG_RETURN_INT32(withdrawn);
}

/* token_answer(answer, OUT token, OUT milliseconds): what is taken out of an endpoint's answer, and for how long it is good */
Datum
test_token_answer(PG_FUNCTION_ARGS)
{
	Token		token = {0};
	TupleDesc	descriptor;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	get_call_result_type(fcinfo, NULL, &descriptor);
	if (token_read_answer(&token, text_to_cstring((text *) PG_GETARG_BYTEA_PP(0)), 0))
	{
		values[0] = CStringGetTextDatum(token.value);
		values[1] = Int64GetDatum(token.valid_until);
		nulls[0] = nulls[1] = false;
		free(token.value);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* tokens_kept(clients, OUT kept, OUT first_kept): so many clients get a token for a year, the first one asks again each time. */
Datum
test_tokens_kept(PG_FUNCTION_ARGS)
{
	static const char answer[] = "{\"access_token\": \"t\", \"expires_in\": 31536000}";
	dlist_head	tokens;
	dlist_iter	iter;
	Token	   *first = NULL;
	int			kept = 0;
	TupleDesc	descriptor;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	dlist_init(&tokens);
	for (int i = 1; i <= PG_GETARG_INT32(0); i++)
	{
		Request		request = {.token_url = "https://issuer.example/", .password = "secret"};
		Token	   *token;

		request.username = psprintf("client %d", i);
		token = token_find(&tokens, &request, NIL, 0);
		if (token->value != NULL || !token_read_answer(token, answer, 0))
			elog(ERROR, "the token is not a new one");
		if (first == NULL)
			first = token;
		request.username = "client 1";
		if (token_find(&tokens, &request, NIL, 0) != first)
			elog(ERROR, "the token in use was forgotten");
	}
	dlist_foreach(iter, &tokens)
		kept++;
	values[0] = Int32GetDatum(kept);
	values[1] = BoolGetDatum(first != NULL && token_value(first, 0) != NULL);
	get_call_result_type(fcinfo, NULL, &descriptor);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
