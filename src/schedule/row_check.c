/*
 * row_check.c
 *		Rechecking many rows that lie far apart in memory.
 *
 * In a large table each row is several cache misses away: the entry of the
 * buffer table, the buffer's descriptor, the page's header, the line pointer,
 * the row. To wait for them row by row is nearly all that a recheck costs. So
 * rows are rechecked in batches: the pages of a batch are pinned, the rows on
 * them prefetched, and then all of them judged; the pages of the next batch are
 * prefetched before that. The buffer of each block is remembered for the next
 * recheck, because the lookup in the buffer table cannot be prefetched;
 * ReadRecentBuffer() verifies that the page is still there.
 *
 * Pages are read only while they are pinned. To prefetch one only its address
 * is computed, from the number of the buffer: if the buffer has another page by
 * now, the prefetch is useless and harmless.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "schedule/row_check.h"

#define FIRST_CAPACITY 64

/* Rows of a batch. PostgreSQL finds up to eight pins without a hash table. */
#define BATCH 8

/* Maximum number of remembered buffers: 16 MB of memory for the first 32 GB of the table. */
#define MAX_REMEMBERED (4 * 1024 * 1024)

/* For each block the buffer that had it last; InvalidBuffer: unknown. For the life of the session. */
static Buffer *remembered = NULL;
static BlockNumber remembered_count = 0;

void
row_entries_add(RowEntries *list, ItemPointer tid, const Span *span)
{
	RowEntry   *entry;

	if (list->entries == NULL)
	{
		list->capacity = FIRST_CAPACITY;
		list->entries = (RowEntry *) palloc(FIRST_CAPACITY * sizeof(RowEntry));
	}
	else if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->entries = (RowEntry *) repalloc_huge(list->entries, list->capacity * sizeof(RowEntry));
	}
	entry = &list->entries[list->count++];
	entry->tid = *tid;
	entry->span = *span;
}

/* Make room for the buffers of all blocks of the table. */
static void
prepare_memory(Relation table)
{
	BlockNumber blocks = Min(RelationGetNumberOfBlocks(table), MAX_REMEMBERED);
	Buffer	   *grown;

	if (blocks <= remembered_count)
		return;
	blocks = Min(blocks + blocks / 4, MAX_REMEMBERED);
	grown = (Buffer *) MemoryContextAllocZero(TopMemoryContext, blocks * sizeof(Buffer));
	if (remembered != NULL)
	{
		memcpy(grown, remembered, remembered_count * sizeof(Buffer));
		pfree(remembered);
	}
	remembered = grown;
	remembered_count = blocks;
}

static Buffer
pin_page(Relation table, BlockNumber block)
{
	Buffer		buffer;

	if (block < remembered_count && BufferIsValid(remembered[block]) &&
		ReadRecentBuffer(relation_file(table), MAIN_FORKNUM, block, remembered[block]))
		return remembered[block];
	buffer = ReadBuffer(table, block);
	if (block < remembered_count)
		remembered[block] = buffer;
	return buffer;
}

static ItemId
line_pointer(Buffer buffer, const RowEntry *entry)
{
	return PageGetItemId(BufferGetPage(buffer), ItemPointerGetOffsetNumber(&entry->tid));
}

/* Always inline: a function without effects would never be called. */
static pg_attribute_always_inline void
prefetch_page(const RowEntry *entry)
{
	BlockNumber block = ItemPointerGetBlockNumber(&entry->tid);

	if (block < remembered_count && BufferIsValid(remembered[block]))
	{
		__builtin_prefetch(BufferGetPage(remembered[block]));
		__builtin_prefetch(line_pointer(remembered[block], entry));
	}
}

/* The page is pinned but not locked: the line pointer may change, and is only a hint. */
static pg_attribute_always_inline void
prefetch_row(Buffer buffer, const RowEntry *entry)
{
	__builtin_prefetch(BufferGetPage(buffer) + ItemIdGetOffset(line_pointer(buffer, entry)) % BLCKSZ);
}

static bool
is_visible(Relation table, Buffer buffer, const RowEntry *entry, Snapshot snapshot)
{
	ItemPointerData tid = entry->tid;
	HeapTupleData tuple;
	bool		found;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(&tid, table, buffer, snapshot, &tuple, NULL, true);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return found;
}

/* Judge `count` entries, at most BATCH. */
static void
check_batch(Relation table, const RowEntry *entries, int count, Snapshot snapshot, bool *visible)
{
	Buffer		buffers[BATCH];

	for (int i = 0; i < count; i++)
		buffers[i] = pin_page(table, ItemPointerGetBlockNumber(&entries[i].tid));
	for (int i = 0; i < count; i++)
		prefetch_row(buffers[i], &entries[i]);
	for (int i = 0; i < count; i++)
	{
		visible[i] = is_visible(table, buffers[i], &entries[i], snapshot);
		ReleaseBuffer(buffers[i]);
	}
}

void
row_entries_check(RowEntries *list, Relation table, Snapshot snapshot)
{
	int64		kept = 0;

	prepare_memory(table);
	for (int64 first = 0; first < list->count; first += BATCH)
	{
		int			count = Min(BATCH, list->count - first);
		bool		visible[BATCH];

		CHECK_FOR_INTERRUPTS();
		for (int64 i = first + BATCH; i < Min(first + 2 * BATCH, list->count); i++)
			prefetch_page(&list->entries[i]);
		check_batch(table, &list->entries[first], count, snapshot, visible);
		for (int i = 0; i < count; i++)
			if (visible[i])
				list->entries[kept++] = list->entries[first + i];
	}
	list->count = kept;
}
