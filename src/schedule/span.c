/*
 * span.c
 *		How many spans of time run at once.
 *
 * Starts and ends are sorted separately and merged: a start adds one, an end
 * subtracts one, and at the same instant ends come first, because a span does
 * not include its end. It does not matter which end belongs to which start.
 *
 * A moving window keeps a queue of the levels that may still become its peak,
 * the highest first: a new level removes all that are not higher, because they
 * leave the window before it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "schedule/span.h"

#define FIRST_CAPACITY 64

void
span_list_begin(SpanList *list)
{
	list->count = 0;
	list->capacity = FIRST_CAPACITY;
	list->spans = (Span *) palloc(FIRST_CAPACITY * sizeof(Span));
}

void
span_list_add(SpanList *list, TimestampTz start_at, TimestampTz end_at)
{
	if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->spans = (Span *) repalloc_huge(list->spans, list->capacity * sizeof(Span));
	}
	list->spans[list->count].start_at = start_at;
	list->spans[list->count].end_at = end_at;
	list->count++;
}

void
span_list_remove(SpanList *list, const Span *span)
{
	for (int64 i = 0; i < list->count; i++)
		if (list->spans[i].start_at == span->start_at && list->spans[i].end_at == span->end_at)
		{
			list->spans[i] = list->spans[--list->count];
			return;
		}
}

bool
span_contains(const Span *outer, const Span *inner)
{
	return outer->start_at <= inner->start_at && inner->end_at <= outer->end_at;
}

bool
spans_overlap(const Span *a, const Span *b)
{
	return a->start_at < b->end_at && b->start_at < a->end_at;
}

static int
compare_instants(const void *a, const void *b)
{
	TimestampTz left = *(const TimestampTz *) a;
	TimestampTz right = *(const TimestampTz *) b;

	return (left > right) - (left < right);
}

/* The instants within the window at which spans start and end, sorted. */
static int64
sorted_edges(const SpanList *list, const Span *window, TimestampTz *starts, TimestampTz *ends)
{
	int64		count = 0;

	for (int64 i = 0; i < list->count; i++)
	{
		const Span *span = &list->spans[i];

		if (!spans_overlap(span, window))
			continue;
		starts[count] = Max(span->start_at, window->start_at);
		ends[count] = Min(span->end_at, window->end_at);
		count++;
	}
	qsort(starts, count, sizeof(TimestampTz), compare_instants);
	qsort(ends, count, sizeof(TimestampTz), compare_instants);
	return count;
}

static TimestampTz *
room_for_instants(int64 count)
{
	return (TimestampTz *) MemoryContextAllocHuge(CurrentMemoryContext, (count + 1) * sizeof(TimestampTz));
}

/*
 * Compute the levels within a window, in order of time; the first is at its
 * start. Returns their number. *levels is in CurrentMemoryContext. Parts of
 * spans outside of the window do not count.
 */
static int64
span_levels(const SpanList *list, const Span *window, Level **levels)
{
	TimestampTz *starts = room_for_instants(list->count);
	TimestampTz *ends = room_for_instants(list->count);
	int64		edges = sorted_edges(list, window, starts, ends);
	int64		started = 0;
	int64		ended = 0;
	int64		count = 1;
	Level	   *level;

	*levels = level = (Level *) MemoryContextAllocHuge(CurrentMemoryContext, (2 * edges + 1) * sizeof(Level));
	level->at = window->start_at;
	level->running = 0;
	/* A span that ends with or after the window runs until its end. */
	while (started < edges || (ended < edges && ends[ended] < window->end_at))
	{
		bool		is_start = started < edges && starts[started] < ends[ended];
		TimestampTz at = is_start ? starts[started++] : ends[ended++];

		if (at != level->at)
		{
			level++;
			count++;
			level->at = at;
		}
		level->running = started - ended;
	}
	pfree(starts);
	pfree(ends);
	return count;
}

int64
span_peak(const SpanList *list, const Span *window)
{
	Level	   *levels;
	int64		count = span_levels(list, window, &levels);
	int64		peak = 0;

	for (int64 i = 0; i < count; i++)
		peak = Max(peak, levels[i].running);
	pfree(levels);
	return peak;
}

void
peak_search_begin(PeakSearch *search, const SpanList *list, const Span *window)
{
	Level	   *levels;

	search->count = span_levels(list, window, &levels);
	search->levels = levels;
	search->next = 0;
	search->peaks = (int64 *) MemoryContextAllocHuge(CurrentMemoryContext, search->count * sizeof(int64));
	search->first = 0;
	search->last = -1;
}

int64
peak_search_next(PeakSearch *search, const Span *window)
{
	const Level *levels = search->levels;

	for (; search->next < search->count && levels[search->next].at < window->end_at; search->next++)
	{
		while (search->last >= search->first &&
			   levels[search->peaks[search->last]].running <= levels[search->next].running)
			search->last--;
		search->peaks[++search->last] = search->next;
	}

	/* A level ends where the next one starts. The newest is never removed. */
	while (search->first < search->last && levels[search->peaks[search->first] + 1].at <= window->start_at)
		search->first++;
	return levels[search->peaks[search->first]].running;
}
