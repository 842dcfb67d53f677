/*
 * transfer.c
 *		The transfer engine, driven from a backend as the worker drives it.
 *
 * The engine lives as long as the backend, so a second call finds the
 * connections of the first.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "channel/channel.h"
#include "core/compat.h"
#include "core/settings.h"
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

static void
compose(Exchange *exchange, Jsonb *message)
{
	Reason		reason;
	char	   *error;

	message_from_json(message, &exchange->message, &exchange->route);
	exchange->request = channel_compose(&exchange->message, &exchange->route, &reason, &error);
	if (exchange->request == NULL)
		elog(ERROR, "could not compose: %s: %s", reason_code(reason), error);
}

static Exchange *
compose_all(ArrayType *messages, int *count)
{
	Datum	   *elements;
	Exchange   *exchanges;

	deconstruct_array(messages, ARR_ELEMTYPE(messages), -1, false, TYPALIGN_INT, &elements, NULL, count);
	exchanges = palloc0(sizeof(Exchange) * *count);
	for (int i = 0; i < *count; i++)
		compose(&exchanges[i], DatumGetJsonbP(elements[i]));
	return exchanges;
}

/* What the worker waits for: the engine's socket. */
static WaitEventSet *
engine_events(void)
{
	WaitEventSet *set = create_wait_events(CurrentMemoryContext, 3);

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, transfer_engine_socket(engine()), NULL, NULL);
	return set;
}

static void
await_engine(WaitEventSet *set)
{
	WaitEvent	event;

	WaitEventSetWait(set, transfer_engine_timeout(engine()), &event, 1, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	if (QueryCancelPending || ProcDiePending)
		transfer_engine_abandon(engine());
	CHECK_FOR_INTERRUPTS();
}

static void
put_text(const char *text, Datum *value, bool *is_null)
{
	*is_null = text == NULL;
	*value = text ? CStringGetTextDatum(text) : 0;
}

static void
put_outcome(ReturnSetInfo *result, int number, const Exchange *exchange, const Response *response)
{
	static const char *const kinds[] = {"DELIVERED", "REJECTED", "FAILED"};
	Outcome		outcome = channel_read_outcome(&exchange->message, &exchange->route, response);
	Datum		values[7] = {0};
	bool		nulls[7] = {0};

	values[0] = Int32GetDatum(number);
	values[1] = CStringGetTextDatum(response->is_untried ? "UNTRIED" : kinds[outcome.kind]);
	values[2] = Int32GetDatum(outcome.status_code);
	put_text(outcome.error, &values[3], &nulls[3]);
	put_text(outcome.response, &values[4], &nulls[4]);
	values[5] = Int64GetDatum(outcome.retry_after);
	values[6] = Int64GetDatum((response->finished_at - response->started_at) / 1000);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * exchange(messages jsonb[]) -> rows (number, kind, status_code, error,
 * response, retry_after_us, milliseconds), in the order in which they end. kind
 * is UNTRIED for what was no attempt.
 */
Datum
test_exchange(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WaitEventSet *set = engine_events();
	int			count;
	Exchange   *exchanges = compose_all(PG_GETARG_ARRAYTYPE_P(0), &count);
	int			started = 0;
	int			taken = 0;

	InitMaterializedSRF(fcinfo, 0);
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

			put_outcome(result, exchange - exchanges + 1, exchange, response);
			taken++;
		}
		/* If all ended at once there is nothing to wait for: start others. */
		if (taken < count && transfers_in_flight(engine()) > 0)
			await_engine(set);
	}
	FreeWaitEventSet(set);
	return (Datum) 0;
}

static int64
microseconds(const struct timeval *time)
{
	return time->tv_sec * INT64CONST(1000000) + time->tv_usec;
}

static int64
cpu_between(const struct rusage *before, const struct rusage *after)
{
	return microseconds(&after->ru_utime) - microseconds(&before->ru_utime) +
		microseconds(&after->ru_stime) - microseconds(&before->ru_stime);
}

/* Take all that has finished; how many, and of those the delivered ones. */
static int
take_all(int *delivered)
{
	Response   *response;
	void	   *tag;
	int			taken = 0;

	while ((response = transfer_take(engine(), &tag)) != NULL)
	{
		Exchange   *exchange = tag;

		if (channel_read_outcome(&exchange->message, &exchange->route, response).kind == OUTCOME_DELIVERED)
			(*delivered)++;
		taken++;
	}
	return taken;
}

/*
 * exchange_many(message jsonb, count, in_flight, OUT delivered, OUT others,
 * OUT microseconds, OUT cpu_microseconds, OUT max_rss): the same message, count
 * times.
 */
Datum
test_exchange_many(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(1);
	int			in_flight = PG_GETARG_INT32(2);
	int			started = 0;
	int			taken = 0;
	int			delivered = 0;
	Exchange	exchange;
	TimestampTz start = GetCurrentTimestamp();
	struct rusage before;
	struct rusage after;
	WaitEventSet *set = engine_events();
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "scratch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	TupleDesc	descriptor;
	Datum		values[5];
	bool		nulls[5] = {0};

	get_call_result_type(fcinfo, NULL, &descriptor);
	compose(&exchange, PG_GETARG_JSONB_P(0));
	getrusage(RUSAGE_SELF, &before);
	old = MemoryContextSwitchTo(scratch);
	while (taken < count)
	{
		while (started < count && transfers_in_flight(engine()) < in_flight &&
			   transfer_start(engine(), exchange.request, &exchange))
			started++;
		transfer_engine_run(engine());
		taken += take_all(&delivered);
		MemoryContextReset(scratch);
		if (taken < count && (started == count || transfers_in_flight(engine()) == in_flight))
			await_engine(set);
	}
	MemoryContextSwitchTo(old);
	getrusage(RUSAGE_SELF, &after);
	FreeWaitEventSet(set);
	values[0] = Int32GetDatum(delivered);
	values[1] = Int32GetDatum(taken - delivered);
	values[2] = Int64GetDatum(GetCurrentTimestamp() - start);
	values[3] = Int64GetDatum(cpu_between(&before, &after));
	values[4] = Int64GetDatum(after.ru_maxrss);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* set(name, value): change a setting that otherwise changes only with a reload */
Datum
test_set(PG_FUNCTION_ARGS)
{
	SetConfigOption(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					text_to_cstring(PG_GETARG_TEXT_PP(1)), PGC_SIGHUP, PGC_S_OVERRIDE);
	PG_RETURN_VOID();
}

/* abandon(message jsonb, count) -> milliseconds that it took to drop all in flight */
Datum
test_abandon(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(1);
	Exchange	exchange;
	WaitEventSet *set = engine_events();
	TimestampTz start;

	compose(&exchange, PG_GETARG_JSONB_P(0));
	for (int i = 0; i < count; i++)
	{
		if (!transfer_start(engine(), exchange.request, &exchange))
			elog(ERROR, "could not start");
	}
	start = GetCurrentTimestamp();
	while (GetCurrentTimestamp() < start + 300 * 1000)
	{
		transfer_engine_run(engine());
		await_engine(set);
	}
	FreeWaitEventSet(set);
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

/* withdraw(messages jsonb[]) -> how many of them could be withdrawn after they had begun; the others are abandoned */
Datum
test_withdraw(PG_FUNCTION_ARGS)
{
	int			count;
	Exchange   *exchanges = compose_all(PG_GETARG_ARRAYTYPE_P(0), &count);
	int			withdrawn = 0;
	void	   *tag;

	for (int i = 0; i < count; i++)
	{
		if (!transfer_start(engine(), exchanges[i].request, &exchanges[i]))
			elog(ERROR, "could not start");
	}
	transfer_engine_run(engine());
	transfer_withdraw(engine(), is_any, NULL);
	while (transfer_take(engine(), &tag) != NULL)
		withdrawn++;
	transfer_engine_abandon(engine());
	PG_RETURN_INT32(withdrawn);
}

/* token_answer(answer, OUT token, OUT milliseconds): the token in an endpoint's answer, and how long it is used */
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

/*
 * tokens_kept(clients, OUT kept, OUT first_kept): so many clients get a token for
 * a year; after each of them the first one asks for its token again.
 */
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
