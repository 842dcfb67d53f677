/*
 * row_check.c
 *		Looking at many rows that lie far apart.
 *
 * A row in memory is a handful of places in memory, none of which is in the
 * processor's caches when the table is large: the entry of the buffer table,
 * the buffer's descriptor, the page's header and line pointer, the row. Looked
 * at one after the other, each row waits for each of them, and that wait is
 * nearly all the time it takes. So the places of rows further down the list are
 * asked for while the present one is looked at, in stages, as each place says
 * where the next one is. The buffer table can't be asked that way: where a page
 * was found is remembered instead, and verified when it is used again.
 *
 * What is asked for ahead is read without a lock or pin, and decides nothing: a
 * page that is replaced meanwhile is memory all the same.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "schedule/row_check.h"

#define FIRST_CAPACITY 64

/* So many rows are worth the trouble. */
#define MANY_ROWS 6

/* How many rows ahead each place is asked for, and for how many rows at once. */
#define BATCH 16
#define AHEAD_BUFFER 64
#define AHEAD_PAGE 32
#define AHEAD_ROW 16

/* Pages whose buffers are remembered at most: 16 MB of memory for the first 32 GB of the table. */
#define MAX_REMEMBERED (4 * 1024 * 1024)

/* By block, the buffer where it was last; InvalidBuffer: never seen. For the life of the session. */
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

/* Room for as many pages as the table has. */
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

/* Where the page was last, or InvalidBuffer. */
static Buffer
recall(const RowEntry *entry)
{
	BlockNumber block = ItemPointerGetBlockNumber(&entry->tid);

	return block < remembered_count ? remembered[block] : InvalidBuffer;
}

static Buffer
pin_page(Relation table, BlockNumber block)
{
	Buffer		buffer;

	if (block < remembered_count && BufferIsValid(remembered[block]) &&
		ReadRecentBuffer(table->rd_node, MAIN_FORKNUM, block, remembered[block]))
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

/* Have what is remembered of the page come into the caches. */
static pg_attribute_always_inline void
ask_for_memory(const RowEntry *entry)
{
	BlockNumber block = ItemPointerGetBlockNumber(&entry->tid);

	if (block < remembered_count)
		__builtin_prefetch(&remembered[block]);
}

/* The page and its descriptor. */
static pg_attribute_always_inline void
ask_for_page(const RowEntry *entry)
{
	Buffer		buffer = recall(entry);

	if (!BufferIsValid(buffer))
		return;
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	__builtin_prefetch(BufferGetPage(buffer));
	__builtin_prefetch(line_pointer(buffer, entry));
}

static pg_attribute_always_inline void
ask_for_row(const RowEntry *entry)
{
	Buffer		buffer = recall(entry);

	if (BufferIsValid(buffer))
		__builtin_prefetch(BufferGetPage(buffer) + ItemIdGetOffset(line_pointer(buffer, entry)) % BLCKSZ);
}

/* The rows of one batch, from `first` on, that the list has. */
#define for_batch(list, first, i) \
	for (int64 i = Max(first, 0), end = Min((first) + BATCH, (list)->count); i < end; i++)

/*
 * What the rows further down will need, each kind of place for a batch of them:
 * looking at a row takes locked instructions, which wait for all that was asked
 * for before them, so it is within a batch that waits overlap. (Not inlined, it
 * would be a function without effect to the compiler, and never be called.)
 */
static pg_attribute_always_inline void
ask_ahead(const RowEntries *list, int64 row)
{
	for_batch(list, row + AHEAD_BUFFER, i)
		ask_for_memory(&list->entries[i]);
	for_batch(list, row + AHEAD_PAGE, i)
		ask_for_page(&list->entries[i]);
	for_batch(list, row + AHEAD_ROW, i)
		ask_for_row(&list->entries[i]);
}

static pg_attribute_always_inline void
ask_for_first(const RowEntries *list)
{
	for (int64 row = -AHEAD_BUFFER; row < 0; row += BATCH)
		ask_ahead(list, row);
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

void
row_entries_check(RowEntries *list, Relation table, Snapshot snapshot)
{
	bool		are_many = list->count >= MANY_ROWS;
	BlockNumber block = InvalidBlockNumber;
	Buffer		buffer = InvalidBuffer;
	int64		kept = 0;

	if (are_many)
	{
		prepare_memory(table);
		ask_for_first(list);
	}
	for (int64 i = 0; i < list->count; i++)
	{
		RowEntry   *entry = &list->entries[i];

		CHECK_FOR_INTERRUPTS();
		if (are_many && i % BATCH == 0)
			ask_ahead(list, i);
		if (ItemPointerGetBlockNumber(&entry->tid) != block)
		{
			if (BufferIsValid(buffer))
				ReleaseBuffer(buffer);
			block = ItemPointerGetBlockNumber(&entry->tid);
			buffer = pin_page(table, block);
		}
		if (is_visible(table, buffer, entry, snapshot))
			list->entries[kept++] = *entry;
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	list->count = kept;
}
