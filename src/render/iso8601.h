/*
 * iso8601.h
 *		Instants out of ISO 8601 text.
 */
#ifndef APPT_ISO8601_H
#define APPT_ISO8601_H

#include "datatype/timestamp.h"

/*
 * Reads a date, T or a space, a time with or without seconds and fraction, then
 * Z or an offset; without an offset the time is local to the timezone.  A date
 * alone is its midnight.  No words, no infinity.  What is finer than a
 * microsecond is cut off.  If the text is not such an instant, or the timezone
 * is needed and not known, returns false and sets *error to a palloc'd
 * sentence; nothing is raised but out of memory.
 */
extern bool iso8601_parse(const char *text, const char *timezone, TimestampTz *at, char **error);

#endif							/* APPT_ISO8601_H */
