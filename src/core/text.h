/*
 * text.h
 *		Helpers for text, and values as text.
 */
#ifndef APPT_TEXT_H
#define APPT_TEXT_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

/* A copy in CurrentMemoryContext; NULL of NULL. */
extern char *copy_text(const char *text);

/* The same characters, or both NULL? */
extern bool is_same_text(const char *one, const char *other);

/* Has it no control characters but tabs, so that it can't end a header or a line of SMTP? */
extern bool is_one_line(const char *text);

/* Copy as many whole characters as fit in `size` bytes together with the NUL. */
extern void copy_clipped(char *to, const char *from, int size);

/*
 * The start of a value, as an error's detail may quote it: at most 100 bytes,
 * without half a character at the end, palloc'd.
 */
extern char *quotable_text(const char *value);

/*
 * A URL with ******** for what follows its question mark: that may be a token,
 * which readers of the log must not see. A text without a scheme is returned
 * unchanged.
 */
extern const char *url_without_query(const char *text);

/* Digits of a fraction of a second: always three, or all without trailing zeros. */
typedef enum SecondDigits
{
	MILLISECONDS, ALL_DIGITS
} SecondDigits;

/* Append a time in ISO 8601, in UTC; nothing for infinity. */
extern void append_timestamp(StringInfo text, TimestampTz at, SecondDigits digits);

/* Append a length of time in ISO 8601: PT5M, PT1H30M, PT26H. */
extern void append_duration(StringInfo text, TimeOffset length);

/*
 * A uuid as text, in CurrentMemoryContext; and back, false if the text is NULL
 * or not of the form 8-4-4-4-12.
 */
extern char *uuid_text(const pg_uuid_t *uuid);
extern bool uuid_parse(const char *text, pg_uuid_t *uuid);

/* A timestamp in ISO 8601, in UTC with microseconds, in CurrentMemoryContext. */
extern char *timestamp_text(TimestampTz at);

#endif							/* APPT_TEXT_H */
