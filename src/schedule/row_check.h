/*
 * row_check.h
 *		Rechecking rows: which of the rows that index entries point to are
 *		visible to a snapshot.
 *
 * For many entries at once, on pages that the visibility map does not know to
 * be visible to all.
 */
#ifndef APPT_ROW_CHECK_H
#define APPT_ROW_CHECK_H

#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "schedule/span.h"

/* An index entry: the TID of its row, and its times. */
typedef struct RowEntry
{
	ItemPointerData tid;
	Span		span;
} RowEntry;

typedef struct RowEntries
{
	int64		count;
	int64		capacity;
	RowEntry   *entries;		/* in the memory context of the first
								 * row_entries_add */
} RowEntries;

/* Add an entry. The list starts as zeroes. */
extern void row_entries_add(RowEntries *list, ItemPointer tid, const Span *span);

/*
 * Remove the entries whose rows have no version that the snapshot sees; the
 * order of the others stays. The table is a heap, the snapshot an MVCC
 * snapshot.
 */
extern void row_entries_check(RowEntries *list, Relation table, Snapshot snapshot);

#endif							/* APPT_ROW_CHECK_H */
