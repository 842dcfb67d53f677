/*
 * schedule.c
 *		The worker's functions on appointments, with the clock as an argument.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "schedule/activate.h"
#include "schedule/end.h"

PG_FUNCTION_INFO_V1(test_end_overdue);
PG_FUNCTION_INFO_V1(test_activate_for_room);

/* (now timestamptz, most integer, OUT ended integer, OUT next timestamptz) */
Datum
test_end_overdue(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	TimestampTz now = PG_GETARG_TIMESTAMPTZ(0);
	Overdue		start = {0};
	Overdue    *found = (Overdue *) palloc(sizeof(Overdue) * PG_GETARG_INT32(1));
	TimestampTz next;
	int			ended;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "unexpected result type");
	SPI_connect();
	ended = overdue_end(found, overdue_find(now, &start, found, PG_GETARG_INT32(1)), now);
	next = overdue_next(now);
	SPI_finish();
	values[0] = Int32GetDatum(ended);
	values[1] = TimestampTzGetDatum(next);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* (application_id uuid, id uuid) -> boolean */
Datum
test_activate_for_room(PG_FUNCTION_ARGS)
{
	AppointmentKey key;
	bool		had_lock;

	key.application_id = *PG_GETARG_UUID_P(0);
	key.id = *PG_GETARG_UUID_P(1);
	SPI_connect();
	had_lock = activate_for_room(&key, GetCurrentTimestamp());
	SPI_finish();
	PG_RETURN_BOOL(had_lock);
}
