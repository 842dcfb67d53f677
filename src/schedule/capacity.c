/*
 * capacity.c
 *		Is there a place left, and is the organizer free?
 *
 * Whoever books locks what he is about to count, counts under a snapshot taken
 * after that, and keeps the locks until his transaction has ended: who waited
 * for them counts what he left. The locks are advisory ones, in a space that
 * pg_advisory_lock() can't reach: a lock on the application's row would be in
 * the way of every booking's foreign key.
 *
 * One lock per application and UTC day that is touched, and for exclusive
 * organizers one per organizer and day: bookings of other days wait for
 * nothing. An appointment may last for a century, so what touches many days
 * locks the whole application instead, which all others share: two levels,
 * like tables and rows. So does a transaction that has very many locks already,
 * once nobody is in its way: the table of locks is finite.
 *
 * A single call can't be part of a deadlock. The locks of a call are taken in
 * one order (the appointment that moves, the application, its days, its
 * organizer's days, the earliest first), all before the appointment's row. What
 * must be locked for a move depends on the row, which therefore must not move
 * meanwhile: that is what the first of them is for. A transaction of several
 * calls takes them in the order of its calls, like row locks.
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
#include "schedule/capacity.h"
#include "schedule/overlap.h"

/* What touches more days than this locks the application. */
#define MAX_DAYS_LOCKED 16

/* Locks after which a transaction does likewise, if it can: an eighth of what the default settings have room for. */
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

/* ---- what a booking takes beyond what it has ---- */

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
needs_place(const Capacity *capacity, const Appointment *planned, const Appointment *present)
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

/* The start of what a lock's name is the hash of. */
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

static int64
utc_day(TimestampTz at)
{
	int64		day = at / USECS_PER_DAY;

	return at % USECS_PER_DAY < 0 ? day - 1 : day;
}

static bool
touches_many_days(const Appointment *planned)
{
	return utc_day(planned->end_at - 1) - utc_day(planned->start_at) >= MAX_DAYS_LOCKED;
}

/* So many more locks; how many has the transaction by now? */
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
 * A transaction with many locks takes the application as a whole, which others
 * share, if nobody is in its way. Who is must not be waited for by who holds
 * days: he may be waiting for one of them.
 */
static bool
has_whole_application(const LOCKTAG *application)
{
	return count_locks(0) >= MANY_LOCKS &&
		LockAcquire(application, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Each day, the earliest first; organizer_id NULL: the application's days. */
static void
lock_days(const Appointment *planned, AdvisoryLockKind kind, const char *organizer_id)
{
	int64		last = utc_day(planned->end_at - 1);

	for (int64 day = utc_day(planned->start_at); day <= last; day++)
	{
		StringInfoData key;
		LOCKTAG		tag;

		begin_key(&key, &planned->key.application_id);
		appendBinaryStringInfo(&key, (const char *) &day, sizeof(day));
		if (organizer_id != NULL)
			appendStringInfoString(&key, organizer_id);
		tag = end_key(&key, kind);
		if (LockAcquire(&tag, ExclusiveLock, false, false) != LOCKACQUIRE_ALREADY_HELD)
			(void) count_locks(1);
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
	if (LockAcquire(&move, ExclusiveLock, false, false) != LOCKACQUIRE_ALREADY_HELD)
		(void) count_locks(1);
}

void
capacity_lock(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	bool		place = needs_place(capacity, planned, present);
	bool		organizer = needs_organizer(capacity, planned, present);
	LOCKTAG		application = application_tag(planned);

	if ((!place && !organizer) || has_whole_application(&application))
		return;
	if (touches_many_days(planned))
	{
		(void) LockAcquire(&application, ExclusiveLock, false, false);
		return;
	}
	(void) LockAcquire(&application, ShareLock, false, false);
	if (place)
		lock_days(planned, LOCK_DAY, NULL);
	if (organizer)
		lock_days(planned, LOCK_ORGANIZER_DAY, planned->organizer_id);
}

/* ---- counting ---- */

/* The appointment itself is no hindrance to where it goes. */
static void
leave_out(SpanList *found, const Appointment *present)
{
	Span		span = span_of(present);

	span_list_remove(found, &span);
}

static void
require_place(const Capacity *capacity, const Appointment *planned, const Appointment *present)
{
	Span		window = span_of(planned);
	SpanList	found;

	span_list_begin(&found);
	overlap_find(&planned->key.application_id, &window, &found);
	if (present != NULL)
		leave_out(&found, present);
	if (found.count >= capacity->max_overlap && span_peak(&found, &window) >= capacity->max_overlap)
		report_conflict("no place is left at that time",
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
	bool		place = needs_place(capacity, planned, present);
	bool		organizer = needs_organizer(capacity, planned, present);

	if (!place && !organizer)
		return;
	capacity_lock(capacity, planned, present);
	PushActiveSnapshot(GetLatestSnapshot());
	if (place)
		require_place(capacity, planned, present);
	if (organizer)
		require_organizer(planned, present);
	PopActiveSnapshot();
}
