/*
 * formatters.h
 *		ICU's formatters, cached per process.
 *
 * A formatter belongs to the cache, which may close it when the same function
 * is called again.  NULL if ICU cannot open it.  Out of memory is raised, and
 * leaves nothing open in ICU.
 */
#ifndef APPT_FORMATTERS_H
#define APPT_FORMATTERS_H

#include <unicode/udat.h>
#include <unicode/ulistformatter.h>
#include <unicode/unumberformatter.h>

typedef enum DateFormatKind
{
	DATE_BY_PATTERN,			/* text: a date pattern */
	DATE_BY_SKELETON,			/* text: a skeleton, "hm" */
	DATE_LONG					/* text: "" */
} DateFormatKind;

/*
 * Locale and zone by ICU's names, the text of less than DATE_PATTERN_OF_ZONE_SIZE
 * bytes.
 */
extern UDateFormat *formatter_for_date(DateFormatKind kind, const char *text,
									   const char *locale, const char *zone);

/* Numbers of a unit, "hour", with its name. */
extern UNumberFormatter *formatter_for_unit(const char *unit, const char *locale);

/* Numbers by a skeleton of ICU: ".####", "currency/EUR .00". */
extern UNumberFormatter *formatter_for_number(const char *skeleton, const char *locale);

/* Lists of units, "1 hour 30 minutes". */
extern UListFormatter *formatter_for_list(const char *locale);

#endif							/* APPT_FORMATTERS_H */
