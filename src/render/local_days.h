/*
 * local_days.h
 *		Days of a timezone, and times of day on them.
 *
 * A day is what the local clock of a timezone shows with its date: 23 or 25 hours
 * where the clock is moved, or none at all where a timezone has skipped a date.
 * False everywhere: the result is out of range.
 */
#ifndef APPT_LOCAL_DAYS_H
#define APPT_LOCAL_DAYS_H

#include "utils/date.h"

#include "render/timezones.h"

/* The date that the local clock shows. */
extern bool local_date(const Timezone *zone, TimestampTz at, DateADT *date);

/*
 * The instant from which on the local clock never shows less than this date and
 * time. A time that is skipped gives the instant at which the clock moves; of a
 * time that exists twice it is the first, unless the clock shows less in between.
 */
extern bool local_instant(const Timezone *zone, DateADT date, TimeADT time, TimestampTz *at);

/* A day: [*start_at, *end_at). They are equal if the timezone skips the date. */
extern bool local_day(const Timezone *zone, DateADT date, TimestampTz *start_at, TimestampTz *end_at);

#endif							/* APPT_LOCAL_DAYS_H */
