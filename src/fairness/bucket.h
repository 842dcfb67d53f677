/*
 * bucket.h
 *		Token buckets: so many messages may start per second.
 *
 * Pure: the clock is an argument. A bucket holds one token and what a tenth of
 * a second brings: what is due at the same instant goes out evenly, and a late
 * wake loses nothing. So in any t seconds no more than rate * (t + 0.1) + 1
 * messages start.
 */
#ifndef APPT_BUCKET_H
#define APPT_BUCKET_H

#include "datatype/timestamp.h"

typedef struct Bucket
{
	double		per_second;		/* 0: no limit */
	double		tokens;
	TimestampTz filled_at;		/* `tokens` are as of then */
} Bucket;

/* Zeroes are a bucket without a limit. What is in it stays; one that had no limit starts full. */
extern void bucket_set_rate(Bucket *bucket, double per_second, TimestampTz now);

/* Whole tokens that may be taken now; INT_MAX without a limit. */
extern int	bucket_tokens(const Bucket *bucket, TimestampTz now);

extern void bucket_take(Bucket *bucket, int count, TimestampTz now);

/* When there is a whole token: `now` if there is one. Of a very low rate no more than a day ahead: look again. */
extern TimestampTz bucket_next(const Bucket *bucket, TimestampTz now);

/* Then nothing is lost by forgetting it. */
extern bool bucket_is_full(const Bucket *bucket, TimestampTz now);

#endif							/* APPT_BUCKET_H */
