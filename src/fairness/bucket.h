/*
 * bucket.h
 *		Token buckets: they limit how many messages start per second.
 *
 * Pure: the clock is an argument. A bucket holds one token and the tokens of a
 * tenth of a second. So messages that are due at the same instant start evenly,
 * and a late wake loses no token. In any t seconds no more than
 * rate * (t + 0.1) + 1 messages start.
 */
#ifndef APPT_BUCKET_H
#define APPT_BUCKET_H

#include "datatype/timestamp.h"

/* Zeroes are a bucket without a limit. */
typedef struct Bucket
{
	double		per_second;		/* 0: no limit */
	double		tokens;			/* at filled_at; negative after taking too
								 * many */
	TimestampTz filled_at;
} Bucket;

/* Keeps the tokens, as far as they fit. A bucket that had no limit starts full. */
extern void bucket_set_rate(Bucket *bucket, double per_second, TimestampTz now);

/* How many whole tokens there are; INT_MAX without a limit. */
extern int	bucket_tokens(const Bucket *bucket, TimestampTz now);

extern void bucket_take(Bucket *bucket, int count, TimestampTz now);

/* When there is a whole token; `now` if there is one. At most a day ahead, where a very low rate needs longer. */
extern TimestampTz bucket_next(const Bucket *bucket, TimestampTz now);

/* A full bucket can be forgotten without loss. */
extern bool bucket_is_full(const Bucket *bucket, TimestampTz now);

#endif							/* APPT_BUCKET_H */
