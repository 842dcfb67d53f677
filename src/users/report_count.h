/*
 * report_count.h
 *		Counting closed days into appt.daily_figure, in small transactions.
 */
#ifndef APPT_REPORT_COUNT_H
#define APPT_REPORT_COUNT_H

#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* The day that a transaction has counted. */
typedef struct CountedDay
{
	bool		found;
	pg_uuid_t	application_id;
	DateADT		date;
} CountedDay;

/*
 * Count a portion of the day that has waited longest and that no other worker
 * counts. False if there is none. *day is set before anything can fail.
 */
extern bool report_count_some(TimestampTz now, CountedDay *day);

/* Put off a day that could not be counted, so that it holds up no other. */
extern void report_count_postpone(const CountedDay *day, TimestampTz until);

/* When the next day is to be counted; DT_NOEND: none is. */
extern TimestampTz report_count_next(void);

#endif							/* APPT_REPORT_COUNT_H */
