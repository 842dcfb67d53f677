/*
 * page_times.h
 *		Times as a page shows them, in words of a locale that is known.
 *
 * NULL: it cannot be written.
 */
#ifndef APPT_PAGE_TIMES_H
#define APPT_PAGE_TIMES_H

#include "utils/timestamp.h"

typedef struct Span
{
	TimestampTz start_at;
	TimestampTz end_at;
	const char *timezone;
} Span;

/* "Tuesday, December 1, 2026, 3:30 PM CET" */
extern char *moment_text(TimestampTz at, const char *timezone, const char *locale);

/* The day of the start; from when until when; how long. */
extern char *span_date_text(const Span *span, const char *locale);
extern char *span_time_text(const Span *span, const char *locale);
extern char *span_duration_text(const Span *span, const char *locale);

/* "2026-12-01T15:30", as a form's field for a local time has it. */
extern char *field_time_text(TimestampTz at, const char *timezone);

#endif							/* APPT_PAGE_TIMES_H */
