/*
 * text.h
 *		Small things that are done with text everywhere.
 */
#ifndef APPT_TEXT_H
#define APPT_TEXT_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* A copy in CurrentMemoryContext; NULL of NULL. */
extern char *copy_text(const char *text);

/* The same characters, or NULL both. */
extern bool is_same_text(const char *one, const char *other);

/* No control characters but tabs, so that it can't end a header or a line of SMTP. */
extern bool is_one_line(const char *text);

/* As much as fits, without half a character at the end, for text that SQL reads. */
extern void copy_clipped(char *to, const char *from, int size);

/*
 * The start of a value, as an error's detail may quote it: at most 100 bytes,
 * without half a character at the end, palloc'd.
 */
extern char *quotable_text(const char *value);

/*
 * A URL up to its question mark, with ******** for what follows, which may be a
 * token: the log is read by more people. A text without a scheme stays as it is.
 */
extern const char *url_without_query(const char *text);

/* The first three digits of a second, or as many as there are, but none if there are none. */
typedef enum SecondDigits
{
	MILLISECONDS, ALL_DIGITS
} SecondDigits;

/* ISO 8601 in UTC, without quotes; nothing for what has no date (infinity). */
extern void append_timestamp(StringInfo text, TimestampTz at, SecondDigits digits);

/* Elapsed time in ISO 8601: PT5M, PT1H30M, PT26H. */
extern void append_duration(StringInfo text, TimeOffset length);

#endif							/* APPT_TEXT_H */
