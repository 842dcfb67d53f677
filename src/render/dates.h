/*
 * dates.h
 *		Instants as people read them, in a timezone and a locale.
 *
 * PostgreSQL computes the offset of a timezone at an instant, ICU turns the
 * fields into words of a locale: what a message says and what a query of the
 * database says never differ by an hour, however old the timezone data is that
 * ICU was built with.
 *
 * Nothing here raises an error for a bad value: on failure the result is NULL
 * and *error, which is never a null pointer, is set to a palloc'd sentence.
 * Results are palloc'd in CurrentMemoryContext, in the database's encoding.
 */
#ifndef APPT_DATES_H
#define APPT_DATES_H

#include "datatype/timestamp.h"

/* What the date patterns of a template write, and how: timezone and locale must be known (timezones.h, locales.h). */
typedef struct DateFormat
{
	TimestampTz start_at;
	const char *timezone;		/* an IANA name, like Europe/Berlin */
	const char *locale;			/* en, en-GB or en_GB */
} DateFormat;

/* An instant by an ICU date pattern: "dd-MM-yyyy" gives 29-03-2026. */
extern char *dates_format(TimestampTz at, const char *pattern,
						  const char *timezone, const char *locale,
						  char **error);

/*
 * An instant in one of the forms that templates name: the locale's 24-hour time
 * ("15:30"), its 12-hour time ("3:30 PM"), time as it is usual there, long date
 * ("March 29, 2026"), day ("Sun, Mar 29"), date with weekday, short ("Sun, Mar 29, 2026") and
 * in full ("Sunday, March 29, 2026"), name of the timezone at the instant, short ("CEST") and in full ("Central
 * European Summer Time").
 */
typedef char *(*DateWriter) (TimestampTz at, const char *timezone, const char *locale, char **error);
extern char *dates_time24(TimestampTz at, const char *timezone,
						  const char *locale, char **error);
extern char *dates_time12(TimestampTz at, const char *timezone,
						  const char *locale, char **error);
extern char *dates_time(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_date(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_day(TimestampTz at, const char *timezone,
					   const char *locale, char **error);
extern char *dates_short(TimestampTz at, const char *timezone,
						 const char *locale, char **error);
extern char *dates_full(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_zone(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_zone_name(TimestampTz at, const char *timezone,
							 const char *locale, char **error);

/* Names of templates for an appointment's start. */
typedef struct NamedDate
{
	const char *name;
	DateWriter	write;
} NamedDate;
#define NAMED_DATES 8
extern const NamedDate named_dates[NAMED_DATES];

#endif							/* APPT_DATES_H */
