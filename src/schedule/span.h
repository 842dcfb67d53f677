/*
 * span.h
 *		Spans of time, [start_at, end_at), and how many of them run at once.
 *
 * Pure: no clock, no SPI. Lists live in the memory context they were begun in
 * and grow beyond 1 GB if need be.
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

/* Take out one that is exactly this, if there is one; the order may change. */
extern void span_list_remove(SpanList *list, const Span *span);

extern bool span_contains(const Span *outer, const Span *inner);
extern bool spans_overlap(const Span *a, const Span *b);

/* From `at` on, until the next level, so many run at once. */
typedef struct Level
{
	TimestampTz at;
	int64		running;
} Level;

/* The most that run at once at any instant of the window. */
extern int64 span_peak(const SpanList *list, const Span *window);

/*
 * The same for one window after another, neither of whose ends ever goes back,
 * all of them within the window that the levels are of: the cost is that of
 * the levels and windows, however many levels each window has.
 */
typedef struct PeakSearch
{
	const Level *levels;
	int64		count;
	int64		next;			/* the first level that starts after the last
								 * window */
	int64	   *peaks;			/* those before that may be peaks yet, each
								 * lower than the one before it */
	int64		first;			/* of peaks */
	int64		last;
} PeakSearch;

extern void peak_search_begin(PeakSearch *search, const SpanList *list, const Span *window);
extern int64 peak_search_next(PeakSearch *search, const Span *window);

#endif							/* APPT_SPAN_H */
