/*
 * dates.h
 *		Instants, timezones and durations as people read them.
 *
 * PostgreSQL computes the offset of a timezone at an instant, ICU turns the
 * fields into words of a locale: what a message says and what a query of the
 * database says never differ by an hour, however old the timezone data is that
 * ICU was built with.
 *
 * Nothing here raises an error for a bad value: a function that can fail
 * returns NULL and sets *error (never a null pointer) to a palloc'd sentence.
 * Results are palloc'd in CurrentMemoryContext, in the database's encoding.
 * No PostgreSQL error crosses an ICU frame.  Formatters are cached per process,
 * at most DATES_MAX_FORMATTERS of them.
 */
#ifndef APPT_DATES_H
#define APPT_DATES_H

#include "datatype/timestamp.h"

#define DATES_MAX_FORMATTERS	64

/* For whom a date is written: both must be known, see below. */
typedef struct DateFormat
{
	const char *timezone;		/* an IANA name, like Europe/Berlin */
	const char *locale;			/* en, en-GB or en_GB */
} DateFormat;

/*
 * Does the timezone exist, under this name, for PostgreSQL and for ICU?  Case
 * doesn't matter; POSIX rules ("foo3") and offsets ("GMT+3") are no names.
 */
extern bool timezone_is_known(const char *timezone);

/*
 * Does ICU speak the locale: a language it has data for, with a script and a
 * country if given?  Hyphen or underscore, any case; no encodings, variants or
 * keywords.
 */
extern bool locale_is_known(const char *locale);

/*
 * Is the whole text an ICU date pattern that dates_format() takes: known
 * pattern letters in runs of a length that means something, with space - / . ,
 * and : between them, and no word that a person could have meant as a name?
 */
extern bool is_date_pattern(const char *text);

/* An instant by an ICU date pattern: "dd-MM-yyyy" gives 29-03-2026. */
extern char *dates_format(TimestampTz at, const char *pattern,
						  const char *timezone, const char *locale,
						  char **error);

/*
 * The named values of templates: the locale's 24-hour time ("15:30"), 12-hour
 * time ("3:30 PM"), long date ("March 29, 2026") and, for the instant, short
 * and long name of the timezone ("CEST", "Central European Summer Time").
 */
extern char *dates_time24(TimestampTz at, const char *timezone,
						  const char *locale, char **error);
extern char *dates_time12(TimestampTz at, const char *timezone,
						  const char *locale, char **error);
extern char *dates_date(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_zone(TimestampTz at, const char *timezone,
						const char *locale, char **error);
extern char *dates_zone_long(TimestampTz at, const char *timezone,
							 const char *locale, char **error);

/*
 * A length of time in the locale's words: "45 minutes", "1 hour 30 minutes".
 * A day is 24 hours; months, and anything below zero, are an error.
 */
extern char *dates_duration(const Interval *duration, const char *locale,
							char **error);

/*
 * An instant of ISO 8601 text: a date, T or a space, a time with or without
 * seconds and fraction, then Z or an offset; without one it is local to the
 * timezone.  A date alone is its midnight.  No words, no infinity.
 */
extern bool dates_parse(const char *text, const char *timezone,
						TimestampTz *at, char **error);

/*
 * The locales to look a text up in, best first, each without the parts that
 * the one before had more: en-GB, en, then the same of the application's
 * locale.  Written with hyphens and BCP 47's case, none twice.  Either may be
 * NULL.  Returns how many were set, 0 to LOCALE_MAX_FALLBACKS.
 */
#define LOCALE_MAX_FALLBACKS	6
#define LOCALE_MAX_LENGTH		16	/* zh-Hant-TW and the like, with its NUL */

extern int	locale_fallbacks(const char *locale, const char *application_locale,
							 char chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH]);

#endif							/* APPT_DATES_H */
