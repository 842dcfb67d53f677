/*
 * bucket.c
 *		Token buckets, filled by the clock that callers pass.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "utils/timestamp.h"

#include "fairness/bucket.h"

/* A bucket holds one token and the tokens of this many seconds. */
#define BURST_SECONDS 0.1

/* A sum of fractions may miss a whole token by this much. */
#define ROUNDING 1e-9

static double
capacity(const Bucket *bucket)
{
	return 1 + bucket->per_second * BURST_SECONDS;
}

/* A clock that was set back adds no tokens. */
static double
level(const Bucket *bucket, TimestampTz now)
{
	double		seconds = Max(now - bucket->filled_at, 0) / (double) USECS_PER_SEC;

	return Min(bucket->tokens + seconds * bucket->per_second, capacity(bucket));
}

static void
fill(Bucket *bucket, TimestampTz now)
{
	bucket->tokens = level(bucket, now);
	bucket->filled_at = now;
}

void
bucket_set_rate(Bucket *bucket, double per_second, TimestampTz now)
{
	bool		was_limited = bucket->per_second > 0;

	fill(bucket, now);
	bucket->per_second = per_second;
	bucket->tokens = was_limited ? Min(bucket->tokens, capacity(bucket)) : capacity(bucket);
}

int
bucket_tokens(const Bucket *bucket, TimestampTz now)
{
	if (bucket->per_second <= 0)
		return INT_MAX;
	return (int) Max(floor(level(bucket, now) + ROUNDING), 0);
}

void
bucket_take(Bucket *bucket, int count, TimestampTz now)
{
	if (bucket->per_second <= 0)
		return;
	fill(bucket, now);
	bucket->tokens -= count;
}

TimestampTz
bucket_next(const Bucket *bucket, TimestampTz now)
{
	double		wait;

	if (bucket_tokens(bucket, now) > 0)
		return now;
	wait = ceil((1 - ROUNDING - level(bucket, now)) / bucket->per_second * USECS_PER_SEC);
	return now + (TimestampTz) Min(wait, (double) USECS_PER_DAY);
}

bool
bucket_is_full(const Bucket *bucket, TimestampTz now)
{
	return bucket->per_second <= 0 || level(bucket, now) >= capacity(bucket) - ROUNDING;
}
