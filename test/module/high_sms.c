/*-------------------------------------------------------------------------
 *
 * high_sms.c
 *	  Whether a message raises an alarm, by the times of the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "catalog/pg_type.h"
#include "inbound/high_sms.h"
#include "utils/array.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(test_high_sms_begins);

Datum
test_high_sms_begins(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	TimestampTz *times;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &count);
	times = (TimestampTz *) palloc((count + 1) * sizeof(TimestampTz));
	for (int i = 0; i < count; i++)
		times[i] = DatumGetTimestampTz(values[i]);
	PG_RETURN_BOOL(high_sms_begins(times, count, PG_GETARG_TIMESTAMPTZ(1)));
}
