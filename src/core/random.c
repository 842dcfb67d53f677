/*
 * random.c
 *		Random ids and codes that nobody can guess.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "core/random.h"

PG_FUNCTION_INFO_V1(time_ordered_uuid_made);

#define USECS_PER_MSEC 1000
#define USECS_FROM_UNIX_EPOCH ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

#define TIME_BYTES 6			/* of the 16 */

void
random_bytes(void *bytes, size_t length)
{
	if (!pg_strong_random(bytes, length))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
}

pg_uuid_t
random_uuid(void)
{
	return *DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0));
}

pg_uuid_t
time_ordered_uuid(void)
{
	uint64		milliseconds = (GetCurrentTimestamp() + USECS_FROM_UNIX_EPOCH) / USECS_PER_MSEC;
	pg_uuid_t	uuid;

	random_bytes(uuid.data, UUID_LEN);
	for (int i = 0; i < TIME_BYTES; i++)
		uuid.data[i] = (uint8) (milliseconds >> (8 * (TIME_BYTES - 1 - i)));
	uuid.data[6] = (uuid.data[6] & 0x0f) | 0x70;	/* version 7 */
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80;	/* variant of the RFC */
	return uuid;
}

/* appt.time_ordered_uuid() -> uuid */
Datum
time_ordered_uuid_made(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *uuid = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

	*uuid = time_ordered_uuid();
	PG_RETURN_UUID_P(uuid);
}
