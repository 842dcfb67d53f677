/*
 * lane.c
 *		The queue that a notification waits in.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/uuid.h"

#include "core/compat.h"
#include "core/wake.h"
#include "notify/lane.h"

PG_FUNCTION_INFO_V1(lane);

static int64
lane_of_hash(uint64 hash)
{
	return (int64) Max(hash, FIRST_LANE);
}

static int64
lane_of_code(const pg_uuid_t *application_id, const char *channel, int length)
{
	uint64		seed = hash_bytes_extended((const unsigned char *) channel, length, 0);

	return lane_of_hash(hash_bytes_extended(application_id->data, UUID_LEN, seed));
}

int64
lane_of_channel(const pg_uuid_t *application_id, ChannelCode channel)
{
	const char *code = channel_code(channel);

	return lane_of_code(application_id, code, strlen(code));
}

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
	text	   *channel;

	if (!PG_ARGISNULL(2))
		PG_RETURN_INT64(lane_of_hash(hash_bytes_extended(PG_GETARG_UUID_P(2)->data, UUID_LEN, 0)));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	channel = PG_GETARG_TEXT_PP(1);
	PG_RETURN_INT64(lane_of_code(PG_GETARG_UUID_P(0), VARDATA_ANY(channel), VARSIZE_ANY_EXHDR(channel)));
}
