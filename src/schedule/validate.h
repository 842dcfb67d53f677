/*
 * validate.h
 *		Checks of arguments about appointments.
 *
 * Each raises 22023 with a constant message and the value in DETAIL. Durations
 * are microseconds of elapsed time; results live in CurrentMemoryContext.
 */
#ifndef APPT_VALIDATE_H
#define APPT_VALIDATE_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Rooms expire so long after the appointment's end. */
#define ROOM_ACCESS_AFTER_END USECS_PER_HOUR

/* Arguments that must not be NULL; `name` is the argument's name. */
extern TimestampTz required_time(FunctionCallInfo fcinfo, int index, const char *name);
extern Interval *required_interval(FunctionCallInfo fcinfo, int index, const char *name);

/* A duration over 0 without months, a day being 24 hours; and one of up to max_duration. */
extern TimeOffset check_duration(const Interval *duration);
extern void check_max_duration(const Interval *duration, TimeOffset max_duration);

/* New appointments must not start before this instant: a minute before `now`. */
extern TimestampTz earliest_bookable(TimestampTz now);

/* start_at is finite; start_at is not before that instant. */
extern void check_finite(TimestampTz start_at);
extern void check_start(TimestampTz start_at, TimestampTz now);

/* start_at plus duration, if that is a valid timestamp. */
extern TimestampTz end_of(TimestampTz start_at, TimeOffset duration);

/*
 * The canonical spelling of a timezone's name, given in any case: some
 * recipients need it. 22023: unknown.
 */
extern char *timezone_name(const char *timezone);

extern void check_locale_name(const char *locale);

/*
 * Check headers for the webhooks of an appointment. They are stored in the
 * appointment's row, so none may be SECRET.
 */
extern void check_notification_headers(Jsonb *headers);

#endif							/* APPT_VALIDATE_H */
