/*
 * capacity.c
 *		Whether max_overlap allows one more appointment, and whether the
 *		organizer is free.
 *
 * A booking locks the times that it is about to count, counts under a snapshot
 * taken after that, and keeps the locks until its transaction ends: the next
 * booking that waits for them counts it. The locks are advisory locks of kinds
 * that pg_advisory_lock() cannot reach. A lock on the application's row would
 * block the foreign key of every booking.
 *
 * Time is divided into UTC days, blocks of 32 days, and blocks of 1,024 days.
 * There is one lock per application and block of each size, and for exclusive
 * organizers one per organizer and block. A booking locks the blocks that it
 * touches, of the smallest size of which it touches at most 32. It locks the
 * blocks of larger sizes around these, and its application, in share mode. So
 * bookings of different sizes meet in the larger block, like locks of tables
 * and rows, and a booking waits only for those that touch the same blocks.
 * What touches more than 32 blocks of the largest size, 87 years, locks the
 * application. A transaction that already has very many locks does so, too, if
 * it need not wait, because the lock table is finite.
 *
 * A single call cannot be part of a deadlock. A call takes its locks in one
 * order (the appointment that moves, the application, its blocks, its
 * organizer's blocks, the largest first, those of a size from the earliest),
 * all before the appointment's row. The locks for a move depend on the row, so
 * the row must not move meanwhile: the first lock is for that. A transaction
 * of several calls takes locks in the order of its calls, as with row locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/snapmgr.h"

#include "core/errors.h"
#include "core/locks.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/capacity.h"
#include "schedule/overlap.h"

/* Sizes of blocks: a day, 32 days, 1,024 days. */
#define BLOCK_SIZES 3

/* How many blocks make one of the next size, and how many of one size a booking locks at most. */
#define BLOCKS_OF_NEXT_SIZE 32

/*
 * With this many locks a transaction locks applications as a whole, if it can:
 * an eighth of the default lock table.
 */
#define MANY_LOCKS 1000

Capacity
capacity_of(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT max_overlap, organizer_exclusive FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};
	Capacity	capacity;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	capacity.max_overlap = next_int32(row);
	capacity.organizer_exclusive = next_bool(row);
	return capacity;
}

bool
capacity_is_limited(const Capacity *capacity)
{
	return capacity->max_overlap > 0 || capacity->organizer_exclusive;
}

/* ---- what a booking takes that it does not have yet ---- */

static Span
span_of(const Appointment *appointment)
{
	Span		span = {appointment->start_at, appointment->end_at};

	return span;
}

static bool
takes_other_time(const Appointment *planned, const Appointment *present)
{
	Span		wanted = span_of(planned);
	Span		had;

	if (present == NULL)
		return true;
	had = span_of(present);
	return !span_contains(&had, &wanted);
}

static bool
has_same_organizer(const Appointment *a, const Appointment *b)
{
	return strcmp(a->organizer_type, b->organizer_type) == 0 &&
		strcmp(a->organizer_id, b->organizer_id) == 0;
}

static bool
adds_overlap(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	return capacity->max_overlap > 0 && takes_other_time(planned, present);
}

static bool
needs_organizer(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	return capacity->organizer_exclusive &&
		strcmp(planned->organizer_type, PARTICIPANT_AGENT) == 0 &&
		(takes_other_time(planned, present) || !has_same_organizer(planned, present));
}

/* ---- locks ---- */

/* Begin the key of a lock; its hash is the lock's name. */
static void
begin_key(StringInfo key, const pg_uuid_t *id)
{
	initStringInfo(key);
	appendBinaryStringInfo(key, (const char *) id, sizeof(pg_uuid_t));
}

static LOCKTAG
end_key(StringInfo key, AdvisoryLockKind kind)
{
	uint64		hash = hash_bytes_extended((unsigned char *) key->data, key->len, 0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, kind);
	pfree(key->data);
	return tag;
}

/* The blocks of a size that an appointment touches, by their numbers. */
typedef struct Blocks
{
	int64		first;
	int64		last;
} Blocks;

static int64
block_at(TimestampTz at, int64 length)
{
	int64		block = at / length;

	return at % length < 0 ? block - 1 : block;
}

/* Sizes are numbered from 0. */
static Blocks
blocks_of(const Appointment *planned, int size)
{
	int64		length = USECS_PER_DAY;
	Blocks		blocks;

	for (int i = 0; i < size; i++)
		length *= BLOCKS_OF_NEXT_SIZE;
	blocks.first = block_at(planned->start_at, length);
	blocks.last = block_at(planned->end_at - 1, length);
	return blocks;
}

/* The smallest size of which the appointment touches few blocks; BLOCK_SIZES if there is none. */
static int
block_size(const Appointment *planned)
{
	for (int size = 0; size < BLOCK_SIZES; size++)
	{
		Blocks		blocks = blocks_of(planned, size);

		if (blocks.last - blocks.first < BLOCKS_OF_NEXT_SIZE)
			return size;
	}
	return BLOCK_SIZES;
}

/* Count more locks; returns how many the transaction has now. */
static int
count_locks(int more)
{
	static TransactionId transaction = InvalidTransactionId;
	static int	count = 0;

	if (transaction != GetTopTransactionId())
	{
		transaction = GetTopTransactionId();
		count = 0;
	}
	count += more;
	return count;
}

static LOCKTAG
application_tag(const Appointment *appointment)
{
	StringInfoData key;

	begin_key(&key, &appointment->key.application_id);
	return end_key(&key, LOCK_APPLICATION);
}

/*
 * A transaction with many locks locks the application as a whole, if it need
 * not wait for anybody. It must not wait while it holds blocks: the other
 * transaction may be waiting for one of them.
 */
static bool
has_whole_application(const LOCKTAG *application)
{
	return count_locks(0) >= MANY_LOCKS &&
		LockAcquire(application, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
lock_and_count(const LOCKTAG *tag, LOCKMODE mode)
{
	if (LockAcquire(tag, mode, false, false) != LOCKACQUIRE_ALREADY_HELD)
		(void) count_locks(1);
}

static LOCKTAG
block_tag(const pg_uuid_t *application_id, int size, int64 block, AdvisoryLockKind kind, const char *organizer_id)
{
	StringInfoData key;

	begin_key(&key, application_id);
	appendBinaryStringInfo(&key, (const char *) &size, sizeof(size));
	appendBinaryStringInfo(&key, (const char *) &block, sizeof(block));
	if (organizer_id != NULL)
		appendStringInfoString(&key, organizer_id);
	return end_key(&key, kind);
}

/* Lock the blocks of this size, after the larger ones around them in share mode; organizer_id NULL: the application's. */
static void
lock_blocks(const Appointment *planned, int locked_size, AdvisoryLockKind kind, const char *organizer_id)
{
	for (int size = BLOCK_SIZES - 1; size >= locked_size; size--)
	{
		Blocks		blocks = blocks_of(planned, size);

		for (int64 block = blocks.first; block <= blocks.last; block++)
		{
			LOCKTAG		tag = block_tag(&planned->key.application_id, size, block, kind, organizer_id);

			lock_and_count(&tag, size == locked_size ? ExclusiveLock : ShareLock);
		}
	}
}

void
capacity_lock_move(const Appointment *present)
{
	LOCKTAG		application = application_tag(present);
	StringInfoData key;
	LOCKTAG		move;

	if (has_whole_application(&application))
		return;
	begin_key(&key, &present->key.id);
	move = end_key(&key, LOCK_MOVE);
	lock_and_count(&move, ExclusiveLock);
}

void
capacity_lock(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	bool		overlap = adds_overlap(capacity, planned, present);
	bool		organizer = needs_organizer(capacity, planned, present);
	LOCKTAG		application = application_tag(planned);
	int			size = block_size(planned);

	if ((!overlap && !organizer) || has_whole_application(&application))
		return;
	(void) LockAcquire(&application, size == BLOCK_SIZES ? ExclusiveLock : ShareLock, false, false);
	if (overlap)
		lock_blocks(planned, size, LOCK_BLOCK, NULL);
	if (organizer)
		lock_blocks(planned, size, LOCK_ORGANIZER_BLOCK, planned->organizer_id);
}

/* ---- counting ---- */

/* The appointment does not conflict with itself. */
static void
leave_out(SpanList *found, const Appointment *present)
{
	Span		span = span_of(present);

	span_list_remove(found, &span);
}

static void
require_max_overlap(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	Span		window = span_of(planned);
	SpanList	found;

	span_list_begin(&found);
	overlap_find(&planned->key.application_id, &window, &found);
	if (present != NULL)
		leave_out(&found, present);
	if (found.count >= capacity->max_overlap && span_peak(&found, &window) >= capacity->max_overlap)
		report_conflict("too many appointments at that time",
						"At some instant from %s to %s there are %d already, the application's max_overlap.",
						timestamp_text(window.start_at), timestamp_text(window.end_at), capacity->max_overlap);
}

static void
require_organizer(const Appointment *planned, const Appointment *present)
{
	Span		window = span_of(planned);
	SpanList	found;

	span_list_begin(&found);
	overlap_find_organized(&planned->key.application_id, planned->organizer_id, &window, &found);
	if (present != NULL && has_same_organizer(planned, present))
		leave_out(&found, present);
	if (found.count > 0)
		report_conflict("the organizer is not free at that time",
						"\"%s\" organizes another appointment between %s and %s.",
						planned->organizer_id, timestamp_text(window.start_at), timestamp_text(window.end_at));
}

void
capacity_require(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	bool		overlap = adds_overlap(capacity, planned, present);
	bool		organizer = needs_organizer(capacity, planned, present);

	if (!overlap && !organizer)
		return;
	capacity_lock(capacity, planned, present);
	PushActiveSnapshot(GetLatestSnapshot());
	if (overlap)
		require_max_overlap(capacity, planned, present);
	if (organizer)
		require_organizer(planned, present);
	PopActiveSnapshot();
}
