/*
 * wake.c
 *		Waking the workers at the commit of a transaction that planned
 *		something.
 *
 * A transaction remembers what it planned as (lane, due_at), the earliest of
 * each lane, per subtransaction: a rollback to a savepoint forgets its part.
 * At commit, when its rows are visible, it puts them into the ring of every
 * worker that listens for its database, and sets the latch of workers that
 * would sleep longer. Each worker has its own ring, so several workers of a
 * database all get everything.
 *
 * Nothing depends on a report arriving. If a ring is full, a flag tells the
 * worker to look at all lanes. What is due after the worker's next regular
 * look is not reported. PREPARE TRANSACTION forgets, because COMMIT PREPARED
 * may run in another session, which makes all workers look at everything
 * (process/lifecycle.c). The regular look finds the rest.
 *
 * The commit callback must not fail: it takes one lock, allocates nothing and
 * raises nothing.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/wake.h"

/* Unread entries in the ring of one worker. */
#define RING_SIZE 1024

/* Lanes that one transaction reports individually. */
#define PENDING_MAX 256

/* A worker looks at all lanes at least every 60 s, so it finds what is due later by itself. */
#define REPORT_HORIZON (65 * USECS_PER_SEC)

typedef struct Listener
{
	Oid			database;		/* InvalidOid: free; changed under the LWLock */
	Latch	   *latch;
	slock_t		mutex;			/* protects the rest */
	TimestampTz next_wake;
	bool		sweep;
	bool		recheck;
	bool		switched;
	int			first;
	int			count;
	WakeEntry	ring[RING_SIZE];
} Listener;

typedef struct WakeShared
{
	LWLock	   *lock;			/* shared: to report; exclusive: to add or
								 * remove a listener */
	int			size;
	Listener	listeners[FLEXIBLE_ARRAY_MEMBER];
} WakeShared;

typedef struct Pending
{
	SubTransactionId subtransaction;
	WakeEntry	entry;
} Pending;

static WakeShared *wake_shared = NULL;
static Listener *my_listener = NULL;

/* What the present transaction has planned. */
static Pending pending[PENDING_MAX];
static int	pending_count = 0;
static bool pending_sweep = false;
static bool pending_recheck = false;
static bool pending_switch = false;

/* ---- shared memory ---- */

static Size
shared_size(void)
{
	return add_size(offsetof(WakeShared, listeners),
					mul_size(max_worker_processes, sizeof(Listener)));
}

void
wake_shared_request(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche("appt wake", 1);
}

void
wake_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	wake_shared = ShmemInitStruct("appt wake", shared_size(), &found);
	if (!found)
	{
		memset(wake_shared, 0, shared_size());
		wake_shared->lock = &GetNamedLWLockTranche("appt wake")->lock;
		wake_shared->size = max_worker_processes;
		for (int i = 0; i < wake_shared->size; i++)
			SpinLockInit(&wake_shared->listeners[i].mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* ---- the transaction ---- */

static void
forget_all(void)
{
	pending_count = 0;
	pending_sweep = false;
	pending_recheck = false;
	pending_switch = false;
}

/* Keep the earliest due_at of each lane and subtransaction. */
static void
remember(SubTransactionId subtransaction, WakeEntry entry)
{
	for (int i = 0; i < pending_count; i++)
	{
		Pending    *known = &pending[i];

		if (known->entry.lane == entry.lane && known->subtransaction == subtransaction &&
			memcmp(&known->entry.application_id, &entry.application_id, UUID_LEN) == 0)
		{
			known->entry.due_at = Min(known->entry.due_at, entry.due_at);
			known->entry.by_hand |= entry.by_hand;
			return;
		}
	}
	if (pending_count == PENDING_MAX)
	{
		pending_sweep = true;
		return;
	}
	pending[pending_count].subtransaction = subtransaction;
	pending[pending_count].entry = entry;
	pending_count++;
}

/* Remove the entries of a subtransaction that ended; if it committed, its parent gets them. */
static void
end_subtransaction(SubTransactionId ended, SubTransactionId parent, bool committed)
{
	Pending		theirs[PENDING_MAX];
	int			theirs_count = 0;
	int			kept = 0;

	for (int i = 0; i < pending_count; i++)
	{
		if (pending[i].subtransaction == ended)
			theirs[theirs_count++] = pending[i];
		else
			pending[kept++] = pending[i];
	}
	pending_count = kept;
	for (int i = 0; committed && i < theirs_count; i++)
		remember(parent, theirs[i].entry);
}

/* ---- reporting ---- */

static bool
ring_put(Listener *listener, WakeEntry entry)
{
	if (listener->count == RING_SIZE)
	{
		listener->sweep = true;
		return true;
	}
	listener->ring[(listener->first + listener->count) % RING_SIZE] = entry;
	listener->count++;
	return entry.due_at < listener->next_wake || listener->count > RING_SIZE / 2;
}

static void
report_to(Listener *listener, TimestampTz horizon)
{
	bool		wake = pending_sweep || pending_recheck || pending_switch;

	SpinLockAcquire(&listener->mutex);
	listener->sweep |= pending_sweep || pending_recheck;
	listener->recheck |= pending_recheck;
	listener->switched |= pending_switch;
	for (int i = 0; i < pending_count; i++)
		if (pending[i].entry.due_at <= horizon && ring_put(listener, pending[i].entry))
			wake = true;
	SpinLockRelease(&listener->mutex);
	if (wake)
		SetLatch(listener->latch);
}

static void
report_all(Oid database)
{
	TimestampTz horizon = GetCurrentTimestamp() + REPORT_HORIZON;

	LWLockAcquire(wake_shared->lock, LW_SHARED);
	for (int i = 0; i < wake_shared->size; i++)
		if (wake_shared->listeners[i].database == database)
			report_to(&wake_shared->listeners[i], horizon);
	LWLockRelease(wake_shared->lock);
}

static void
at_transaction_end(XactEvent event, void *unused)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (pending_count > 0 || pending_sweep || pending_recheck || pending_switch)
				report_all(MyDatabaseId);
			forget_all();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			forget_all();
			break;
		default:
			break;
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId ended,
					  SubTransactionId parent, void *unused)
{
	if (pending_count > 0 &&
		(event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB))
		end_subtransaction(ended, parent, event == SUBXACT_EVENT_COMMIT_SUB);
}

static void
watch_transactions(void)
{
	static bool is_watching = false;

	if (is_watching)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	is_watching = true;
}

static void
warn_once(void)
{
	static bool has_warned = false;

	if (has_warned)
		return;
	has_warned = true;
	ereport(WARNING,
			(errmsg("appt is not preloaded, so nothing will be sent"),
			 errhint("Add appt to shared_preload_libraries and restart the server.")));
}

static void
report_on_commit(WakeEntry entry)
{
	if (wake_shared == NULL || IsParallelWorker())
		return;
	watch_transactions();
	remember(GetCurrentSubTransactionId(), entry);
}

void
wake_on_commit(int64 lane, TimestampTz due_at)
{
	if (wake_shared == NULL && !IsParallelWorker())
		warn_once();
	report_on_commit((WakeEntry) {lane, due_at, false});
}

void
wake_by_hand_on_commit(int64 lane, TimestampTz due_at)
{
	if (wake_shared == NULL && !IsParallelWorker())
		warn_once();
	report_on_commit((WakeEntry) {lane, due_at, true});
}

void
wake_for_configuration_on_commit(const pg_uuid_t *application_id)
{
	report_on_commit((WakeEntry) {LANE_CONFIGURATION, DT_NOBEGIN, false, *application_id});
}

/* A rollback to a savepoint does not undo these: one look too many does no harm. */
static void
flag_on_commit(bool *flag)
{
	if (wake_shared == NULL || IsParallelWorker())
		return;
	watch_transactions();
	*flag = true;
}

void
wake_all_on_commit(void)
{
	flag_on_commit(&pending_recheck);
}

void
wake_for_switch_on_commit(void)
{
	flag_on_commit(&pending_switch);
}

void
wake_database(Oid database)
{
	if (wake_shared == NULL)
		return;
	LWLockAcquire(wake_shared->lock, LW_SHARED);
	for (int i = 0; i < wake_shared->size; i++)
	{
		Listener   *listener = &wake_shared->listeners[i];

		if (listener->database != database)
			continue;
		SpinLockAcquire(&listener->mutex);
		listener->sweep = true;
		listener->recheck = true;
		SpinLockRelease(&listener->mutex);
		SetLatch(listener->latch);
	}
	LWLockRelease(wake_shared->lock);
}

/* ---- listening ---- */

static void
stop_listening(int code, Datum unused)
{
	LWLockAcquire(wake_shared->lock, LW_EXCLUSIVE);
	my_listener->database = InvalidOid;
	LWLockRelease(wake_shared->lock);
	my_listener = NULL;
}

static Listener *
free_listener(void)
{
	for (int i = 0; i < wake_shared->size; i++)
		if (!OidIsValid(wake_shared->listeners[i].database))
			return &wake_shared->listeners[i];
	elog(FATAL, "more workers than max_worker_processes");
	return NULL;				/* not reached */
}

void
wake_listen(void)
{
	LWLockAcquire(wake_shared->lock, LW_EXCLUSIVE);
	my_listener = free_listener();
	my_listener->latch = &MyProc->procLatch;
	my_listener->next_wake = DT_NOEND;
	my_listener->first = 0;
	my_listener->count = 0;
	my_listener->sweep = false;
	my_listener->recheck = false;
	my_listener->switched = false;
	my_listener->database = MyDatabaseId;
	LWLockRelease(wake_shared->lock);
	before_shmem_exit(stop_listening, (Datum) 0);
}

int
wake_take(WakeEntry *entries, int max, bool *sweep_needed)
{
	int			taken = 0;

	SpinLockAcquire(&my_listener->mutex);
	*sweep_needed = my_listener->sweep;
	my_listener->sweep = false;
	while (taken < max && my_listener->count > 0)
	{
		entries[taken++] = my_listener->ring[my_listener->first];
		my_listener->first = (my_listener->first + 1) % RING_SIZE;
		my_listener->count--;
	}
	SpinLockRelease(&my_listener->mutex);
	return taken;
}

static bool
take_flag(bool *flag)
{
	bool		was_set;

	SpinLockAcquire(&my_listener->mutex);
	was_set = *flag;
	*flag = false;
	SpinLockRelease(&my_listener->mutex);
	return was_set;
}

bool
wake_take_recheck(void)
{
	return take_flag(&my_listener->recheck);
}

bool
wake_take_switch(void)
{
	return take_flag(&my_listener->switched);
}

bool
wake_has_news(void)
{
	bool		has_news;

	SpinLockAcquire(&my_listener->mutex);
	has_news = my_listener->count > 0 || my_listener->sweep || my_listener->recheck ||
		my_listener->switched;
	SpinLockRelease(&my_listener->mutex);
	return has_news;
}

/* Publish until when this worker sleeps; true if something arrived that must be handled first. */
static bool
publish_sleep(TimestampTz next_wake, bool is_deaf)
{
	bool		has_news;

	SpinLockAcquire(&my_listener->mutex);
	my_listener->next_wake = next_wake;
	if (is_deaf)
	{
		my_listener->count = 0;
		my_listener->sweep = true;
	}
	has_news = my_listener->recheck || my_listener->switched ||
		(!is_deaf && (my_listener->count > 0 || my_listener->sweep));
	SpinLockRelease(&my_listener->mutex);
	return has_news;
}

void
wake_sleep_until(TimestampTz next_wake)
{
	if (publish_sleep(next_wake, false))
		SetLatch(MyLatch);
}

void
wake_sleep_deaf(void)
{
	if (publish_sleep(DT_NOBEGIN, true))
		SetLatch(MyLatch);
}
