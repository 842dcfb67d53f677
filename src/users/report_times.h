/*
 * report_times.h
 *		When daily reports are due, and which day each is about (pure).
 *
 * A report is due on every date that exists in its timezone, at report_time of the
 * local clock, and is about the last day before that existed. If the clock skips
 * report_time on a date, the report is due when the clock moves; if it shows
 * report_time twice, once.
 */
#ifndef APPT_REPORT_TIMES_H
#define APPT_REPORT_TIMES_H

#include "utils/date.h"

#include "render/timezones.h"

/* Days that a report shows: the one that it is about, and those before. */
#define REPORT_DAYS 8

typedef struct ReportClock
{
	const Timezone *zone;
	TimeADT		report_time;
} ReportClock;

typedef struct ReportOccasion
{
	TimestampTz at;				/* when it is due */
	DateADT		date;			/* the day that it is about */
} ReportOccasion;

/* The last report that is due by now. False, as below: a time is out of range. */
extern bool report_latest(const ReportClock *clock, TimestampTz now, ReportOccasion *latest);

/*
 * The report to send next, where the last one was about last_date: the latest that
 * is due by now if it is about a later day, else the first after now that is.
 * Reports older than the latest are never sent: it shows their days, too.
 */
extern bool report_next(const ReportClock *clock, DateADT last_date, TimestampTz now, ReportOccasion *next);

#endif							/* APPT_REPORT_TIMES_H */
