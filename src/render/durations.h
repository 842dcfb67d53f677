/*
 * durations.h
 *		Lengths of time in words.
 */
#ifndef APPT_DURATIONS_H
#define APPT_DURATIONS_H

#include "datatype/timestamp.h"

/*
 * A length of time in the locale's words, palloc'd: "45 minutes", "1 hour 30
 * minutes".  A day is 24 hours; parts of a second are left out.  If the
 * interval is negative or has months, or the locale is not known, NULL, and
 * *error is set to a palloc'd sentence.
 */
extern char *durations_format(const Interval *duration, const char *locale, char **error);

#endif							/* APPT_DURATIONS_H */
