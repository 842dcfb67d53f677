/*
 * timezones.h
 *		Timezones that PostgreSQL and ICU both know by name.
 *
 * A timezone that is found stays valid until TIMEZONES_REMEMBERED others have
 * been asked for.
 */
#ifndef APPT_TIMEZONES_H
#define APPT_TIMEZONES_H

#include <unicode/ucal.h>

#include "datatype/timestamp.h"
#include "pgtime.h"

#define TIMEZONES_REMEMBERED	64
#define TIMEZONE_NAME_SIZE		64	/* bytes, with NUL; the longest name has
									 * 32 */

typedef struct Timezone
{
	char		name[TIMEZONE_NAME_SIZE];	/* as ICU writes it */
	pg_tz	   *rules;			/* PostgreSQL's; valid for the lifetime of the
								 * process */
	UCalendar  *icu;			/* for timezone_agrees_with_icu() */
} Timezone;

/*
 * Does the timezone exist, under this name, for PostgreSQL and for ICU?  Case
 * doesn't matter; POSIX rules ("foo3") and offsets ("GMT+3") are no names.
 */
extern bool timezone_is_known(const char *name);

/* PostgreSQL's rules, valid for the lifetime of the process; NULL if the timezone is not known. */
extern pg_tz *timezone_rules(const char *name);

/* The timezone; if it is not known NULL, and *error is set to a palloc'd sentence. */
extern const Timezone *timezone_find(const char *name, char **error);

/* Seconds east of UTC by PostgreSQL's data; false for an instant out of range. */
extern bool timezone_offset(const Timezone *zone, TimestampTz at, int *offset);

/* Does ICU's data have the same offset at that instant? */
extern bool timezone_agrees_with_icu(const Timezone *zone, TimestampTz at, int offset);

/* Milliseconds since 1970, as ICU counts. */
extern UDate icu_time(TimestampTz at);

#endif							/* APPT_TIMEZONES_H */
