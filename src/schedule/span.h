/*
 * span.h
 *		Spans of time, [start_at, end_at), and how many of them run at once.
 *
 * Pure functions: no clock, no SPI. Lists live in the memory context in which
 * they were begun, and may grow beyond 1 GB.
 */
#ifndef APPT_SPAN_H
#define APPT_SPAN_H

#include "datatype/timestamp.h"

typedef struct Span
{
	TimestampTz start_at;
	TimestampTz end_at;
} Span;

typedef struct SpanList
{
	int64		count;
	int64		capacity;
	Span	   *spans;
} SpanList;

extern void span_list_begin(SpanList *list);
extern void span_list_add(SpanList *list, TimestampTz start_at, TimestampTz end_at);

/* Remove one span that equals this one, if there is any; the order may change. */
extern void span_list_remove(SpanList *list, const Span *span);

extern bool span_contains(const Span *outer, const Span *inner);
extern bool spans_overlap(const Span *a, const Span *b);

/* The number of spans that run at once, from `at` until the next level. */
typedef struct Level
{
	TimestampTz at;
	int64		running;
} Level;

/* Maximum number that run at once at any instant of the window. */
extern int64 span_peak(const SpanList *list, const Span *window);

/*
 * The same for a sequence of windows whose starts and ends never decrease and
 * which lie within the window of the levels. The cost is that of the levels
 * and windows, however many levels each window has.
 */
typedef struct PeakSearch
{
	const Level *levels;
	int64		count;
	int64		next;			/* first level that starts after the last
								 * window */
	int64	   *peaks;			/* earlier levels that may still be peaks, in
								 * descending order */
	int64		first;			/* indexes into peaks */
	int64		last;
} PeakSearch;

extern void peak_search_begin(PeakSearch *search, const SpanList *list, const Span *window);
extern int64 peak_search_next(PeakSearch *search, const Span *window);

#endif							/* APPT_SPAN_H */
