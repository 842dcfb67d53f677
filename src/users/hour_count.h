/*
 * hour_count.h
 *		Counting the messages of each hour into appt.hourly_figure, in small
 *		transactions.
 */
#ifndef APPT_HOUR_COUNT_H
#define APPT_HOUR_COUNT_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* The hour that a transaction has counted. */
typedef struct CountedHour
{
	bool		found;
	pg_uuid_t	application_id;
	TimestampTz hour;
} CountedHour;

/*
 * Look at the next applications after *after for an hour that is to be counted.
 * False if these were the last.
 */
extern bool hour_count_review_some(TimestampTz now, pg_uuid_t *after);

/*
 * Count a portion of the hour that has waited longest and that no other worker
 * counts. False if there is none. *hour is set before anything can fail.
 */
extern bool hour_count_some(TimestampTz now, CountedHour *hour);

/* Put off an hour that could not be counted. */
extern void hour_count_postpone(const CountedHour *hour, TimestampTz until);

/* When the next hour is to be counted; DT_NOEND: none is. */
extern TimestampTz hour_count_next(void);

#endif							/* APPT_HOUR_COUNT_H */
