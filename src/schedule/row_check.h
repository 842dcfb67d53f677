/*
 * row_check.h
 *		Which of the rows that index entries point to are there for a snapshot?
 *
 * For many entries at once, where pages have changed since they were vacuumed
 * and an index alone can't tell.
 */
#ifndef APPT_ROW_CHECK_H
#define APPT_ROW_CHECK_H

#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "schedule/span.h"

/* An entry of an index: where its row is, and its times. */
typedef struct RowEntry
{
	ItemPointerData tid;
	Span		span;
} RowEntry;

typedef struct RowEntries
{
	int64		count;
	int64		capacity;
	RowEntry   *entries;		/* in the context where the first was added */
} RowEntries;

/* The entries start as zeroes. */
extern void row_entries_add(RowEntries *list, ItemPointer tid, const Span *span);

/*
 * Keep those alone of which a row version is visible to the snapshot; the
 * order stays. The table is a heap, the snapshot an MVCC one.
 */
extern void row_entries_check(RowEntries *list, Relation table, Snapshot snapshot);

#endif							/* APPT_ROW_CHECK_H */
