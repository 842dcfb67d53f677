/*
 * lane.c
 *		The queue that a notification waits in.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/uuid.h"

#include "core/wake.h"

PG_FUNCTION_INFO_V1(lane);

/*
 * appt.lane(application_id uuid, channel text, subscription_id uuid)
 *		RETURNS bigint
 *
 * The queue that a notification waits in: one per subscription, else one per
 * application and channel. Never one of those that core/wake.h reserves. Two
 * that collide share a queue and its limits, no more.
 */
Datum
lane(PG_FUNCTION_ARGS)
{
	uint64		hash;

	if (!PG_ARGISNULL(2))
		hash = hash_bytes_extended(PG_GETARG_UUID_P(2)->data, UUID_LEN, 0);
	else if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
	{
		text	   *channel = PG_GETARG_TEXT_PP(1);
		uint64		seed = hash_bytes_extended((unsigned char *) VARDATA_ANY(channel),
											   VARSIZE_ANY_EXHDR(channel), 0);

		hash = hash_bytes_extended(PG_GETARG_UUID_P(0)->data, UUID_LEN, seed);
	}
	else
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) Max(hash, FIRST_LANE));
}
