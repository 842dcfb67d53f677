/*
 * loop.c
 *		The worker's loop: settle and claim, transfer, sleep until the next thing
 *		is due.
 *
 * The transaction that claims new messages also settles the finished ones. Where
 * nothing can be claimed, they are settled in a transaction of their own.
 *
 * No transaction is open while the worker waits for the network. One WaitEventSet
 * has all that can wake the loop: the latch (a commit that planned something, a
 * reload, a shutdown), the postmaster's death, and the epoll descriptor of the
 * transfer engine.
 *
 * Under load a turn claims and settles in batches: one of ten costs nearly as much
 * as one of fifty. It claims once a batch is full and no more transfers have ended
 * meanwhile, or once some milliseconds have passed, more where transactions take
 * long. A worker that sleeps for much of the time, because it waits for slow
 * endpoints, has time for batches of any size. When it is idle, a message is claimed,
 * sent and settled at once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/plans.h"
#include "core/settings.h"
#include "core/wake.h"
#include "fairness/allot.h"
#include "fairness/breakers.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "transfer/withdraw.h"
#include "worker/bounces.h"
#include "worker/chores.h"
#include "worker/claim.h"
#include "worker/delivery.h"
#include "worker/heads.h"
#include "worker/hints.h"
#include "worker/journal.h"
#include "worker/loop.h"
#include "worker/owners.h"
#include "worker/pace.h"
#include "worker/recover.h"
#include "worker/settle.h"
#include "worker/suspects.h"
#include "worker/switches.h"

/* How often to look at all lanes, for entries that no commit reports (COPY, a clock that is set). */
#define SWEEP_INTERVAL (60 * USECS_PER_SEC)

/* Under load a claim or settling waits for a full batch (pace.h): this many messages, or a quarter of the slots. */
#define FULL_BATCH 64
#define FULL_DIVISOR 4

/* Before the next try, after a transaction that failed, and for a row that a caller has locked. */
#define FAILURE_PAUSE USECS_PER_SEC
#define LOCKED_PAUSE (20 * INT64CONST(1000))

/* How often to read the switches that concern messages in flight, at most. */
#define SWITCHES_INTERVAL (100 * INT64CONST(1000))

/* How often suspects are claimed, and how many each time. */
#define SUSPECTS_INTERVAL (50 * INT64CONST(1000))
#define SUSPECTS_AT_ONCE 16

/* How often a shutdown tries to settle rows that a caller has locked. */
#define LAST_SETTLES 10

/* How long a shutdown waits for transfers to finish. */
#define SHUTDOWN_GRACE (3 * USECS_PER_SEC)

#define WAKE_BATCH 256

typedef struct Loop
{
	Worker	   *worker;
	Scheduler  *scheduler;
	Suspects   *suspects;
	Settler    *settler;
	Claimer    *claimer;
	Hints	   *hints;
	Bounces    *bounces;
	Recovery   *recovery;
	TransferEngine *engine;
	Chores	   *chores;
	WaitEventSet *events;
	MemoryContext turn_context;
	TimestampTz last_turn;
	TimestampTz sweep_at;
	TimestampTz recovery_at;	/* to close leftovers */
	TimestampTz claim_not_before;	/* after a failure */
	TimestampTz settle_not_before;
	TimestampTz suspects_at;	/* if there are any */
	TimestampTz switches_at;	/* to read them */
	TimestampTz switches_read;	/* when they were read last */
	Sleep		sleep;
	Pace		claims;
	Pace		settles;
	Pace		sweeps;
	Pace		changes;		/* refreshes after changes of configuration */
	bool		has_changes;	/* some lanes' configuration has changed */
	bool		is_refreshing;	/* lanes that changes or a sweep invalidated */
	bool		has_searched;	/* for leftovers */
	bool		may_send;
	bool		is_enabled;		/* appt.enabled was on, or its messages could
								 * not be withdrawn yet */
	bool		is_blocked;		/* no ready lane has room until a transfer
								 * ends or is settled */
	bool		is_receiving;	/* a transfer ended in this turn: another may
								 * have ended meanwhile */
} Loop;

/* ---- listening ---- */

/* Limits and destinations may have changed. */
static void
invalidate_all_lanes(Loop *loop)
{
	lanes_invalidate(loop->scheduler);
	loop->is_blocked = false;
}

static void
note_due_entry(Loop *loop, const WakeEntry *entry)
{
	lane_expect(loop->scheduler, entry->lane, entry->due_at);
	if (!entry->by_hand)
		return;
	lane_probe_now(loop->scheduler, entry->lane, GetCurrentTimestamp());
	loop->is_blocked = false;
}

static void
note_configuration_change(Loop *loop, const WakeEntry *entry)
{
	tenant_mark_stale(loop->scheduler, &entry->application_id);
	loop->has_changes = true;
}

static void
take_wakes(Loop *loop)
{
	WakeEntry	entries[WAKE_BATCH];
	bool		sweep_needed;
	int			count;

	do
	{
		count = wake_take(entries, WAKE_BATCH, &sweep_needed);
		for (int i = 0; i < count; i++)
		{
			if (entries[i].lane == LANE_CHORES)
				chores_expect_end(loop->chores, entries[i].due_at);
			else if (entries[i].lane == LANE_BLANKING)
				chores_expect_blanking(loop->chores);
			else if (entries[i].lane == LANE_CONFIGURATION)
				note_configuration_change(loop, &entries[i]);
			else
				note_due_entry(loop, &entries[i]);
		}
		if (sweep_needed)
			loop->sweep_at = Min(loop->sweep_at, pace_for_callers(&loop->sweeps));
	} while (count == WAKE_BATCH);
}

/*
 * A changed configuration is read at once, so that it holds from the next message
 * on. Where changes come all the time, other work gets its share first.
 */
static void
refresh_changed_lanes(Loop *loop, TimestampTz now)
{
	loop->is_refreshing &= lanes_need_refresh(loop->scheduler);
	if (!loop->has_changes || now < pace_for_callers(&loop->changes))
		return;
	lanes_invalidate_stale_tenants(loop->scheduler);
	pace_note(&loop->changes, now, GetCurrentTimestamp());
	loop->has_changes = false;
	loop->is_refreshing = true;
	loop->is_blocked = false;
}

/* ---- the steps of a turn ---- */

static void
finish_transfers(Loop *loop)
{
	Response   *response;
	void	   *tag;

	if (transfers_in_flight(loop->engine) > 0)
		journal_begin(ACTIVITY_TRANSFERRING, NULL, 0);
	transfer_engine_run(loop->engine);
	loop->is_receiving = false;
	while ((response = transfer_take(loop->engine, &tag)) != NULL)
	{
		settle_later(loop->settler, (Delivery *) tag, response);
		loop->is_blocked = false;
		loop->is_receiving = true;
	}
	journal_end();
}

static void
start(Loop *loop, List *deliveries)
{
	ListCell   *cell;

	if (deliveries != NIL)
		journal_begin(ACTIVITY_TRANSFERRING, NULL, 0);
	foreach(cell, deliveries)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);

		if (!transfer_start(loop->engine, delivery->request, delivery))
		{
			Response	nothing = {
				.curl_result = -1,
				.error = "could not start the transfer: no descriptors or memory",
				.started_at = GetCurrentTimestamp(),
				.finished_at = GetCurrentTimestamp()
			};

			settle_later(loop->settler, delivery, &nothing);
		}
	}
	journal_end();
}

/* How many more may be claimed; none while finished messages can't be settled. */
static int
claim_room(const Loop *loop)
{
	return Max(Min(transfer_room(loop->engine), settler_room(loop->settler)), 0);
}

/* May anything be claimed? Local lanes need no room, and stale ones may be local. */
static bool
may_claim(const Loop *loop)
{
	return claim_room(loop) > 0 || local_lanes_are_ready(loop->scheduler) ||
		lanes_need_refresh(loop->scheduler);
}

/* Of these, those that still wait were locked; each of the others makes room for a claim. */
static void
note_settled(Loop *loop, int waiting, TimestampTz begin)
{
	pace_note(&loop->settles, begin, GetCurrentTimestamp());
	if (loop->settler->finished_count < waiting)
		loop->is_blocked = false;
	if (loop->settler->finished_count > 0)
		loop->settle_not_before = begin + LOCKED_PAUSE;
}

/* Load the owners of stale lanes that have something due; false if that failed. */
static bool
refresh_owners(Loop *loop)
{
	TimestampTz begin = GetCurrentTimestamp();
	bool		is_refreshed = owners_refresh(loop->worker, loop->scheduler, begin);
	TimeOffset	cost = Max(GetCurrentTimestamp() - begin, 0);

	if (loop->is_refreshing)
	{
		loop->changes.cost += cost;
		loop->sweeps.cost += cost;
	}
	return is_refreshed;
}

/* May a claim wait for more transfers to end? Not if the worker has time for it. */
static bool
claim_may_wait(const Loop *loop, TimestampTz now)
{
	return transfers_in_flight(loop->engine) > 0 && now < pace_next(&loop->claims) && !sleep_leaves_time(&loop->sleep);
}

static int
full_batch(void)
{
	return Min(FULL_BATCH, Max(1, appt_max_concurrency / FULL_DIVISOR));
}

/* Claim, and settle finished messages in the same transaction. */
static void
claim_if_due(Loop *loop, TimestampTz now)
{
	List	   *deliveries = NIL;
	int			waiting = loop->settler->finished_count;
	bool		settles = waiting > 0 && now >= loop->settle_not_before;
	ClaimResult result = CLAIM_FAILED;
	int			room;
	bool		may_wait;

	if (lanes_wake(loop->scheduler, now))
		loop->is_blocked = false;
	if (!lanes_are_ready(loop->scheduler) || loop->is_blocked || now < loop->claim_not_before)
		return;
	room = claim_room(loop);
	may_wait = claim_may_wait(loop, now);
	if (!may_claim(loop) || (may_wait && (room < full_batch() || loop->is_receiving)))
		return;
	if (refresh_owners(loop))
		result = claim_due(loop->claimer, room, may_wait, settles, &deliveries);
	switch (result)
	{
		case CLAIM_DONE:
			/* Else the claim settled nothing, or failed: settle_if_due does. */
			if (loop->settler->finished_count < waiting)
				note_settled(loop, waiting, now);
			break;
		case CLAIM_LATER:
			return;
		case CLAIM_BLOCKED:
			loop->is_blocked = true;
			break;
		case CLAIM_FAILED:
			loop->claim_not_before = now + FAILURE_PAUSE;
			break;
	}
	pace_note(&loop->claims, now, GetCurrentTimestamp());
	start(loop, deliveries);
}

/* Slot 1 does this for all workers. Suspects are claimed one by one; nothing else waits for them. */
static void
claim_suspects(Loop *loop, TimestampTz now)
{
	ClaimResult result = CLAIM_DONE;
	List	   *deliveries;

	if (loop->worker->slot != 1 || now < loop->suspects_at || !suspects_exist(loop->suspects))
		return;
	if (!suspects_settle_guilty(loop->suspects) || !suspects_forget_settled(loop->suspects))
		result = CLAIM_FAILED;
	if (lanes_wake(loop->scheduler, now))
		loop->is_blocked = false;
	for (int i = 0; i < SUSPECTS_AT_ONCE && result == CLAIM_DONE; i++)
	{
		if (!lanes_are_ready(loop->scheduler) || !may_claim(loop))
			break;
		result = claim_suspect(loop->claimer, claim_room(loop), &deliveries);
		start(loop, deliveries);
	}
	loop->suspects_at = now + (result == CLAIM_FAILED ? FAILURE_PAUSE : SUSPECTS_INTERVAL);
}

/* Settle what no claim has settled. */
static void
settle_if_due(Loop *loop, TimestampTz now)
{
	int			waiting = loop->settler->finished_count;

	if (waiting == 0 || now < loop->settle_not_before)
		return;
	if (waiting < full_batch() && transfers_in_flight(loop->engine) > 0 &&
		now < pace_next(&loop->settles))
		return;
	if (settle_finished(loop->settler))
		note_settled(loop, waiting, now);
	else
		loop->settle_not_before = now + FAILURE_PAUSE;
}

/* Do messages need the worker's time? */
static bool
is_busy(const Loop *loop)
{
	return transfers_in_flight(loop->engine) > 0 || loop->settler->finished_count > 0 ||
		local_lanes_are_ready(loop->scheduler);
}

static void
sweep_if_due(Loop *loop, TimestampTz now)
{
	if (now < loop->sweep_at)
		return;
	loop->sweep_at = now + (sweep_lanes(loop->worker, loop->scheduler) ? SWEEP_INTERVAL : FAILURE_PAUSE);
	pace_note(&loop->sweeps, now, GetCurrentTimestamp());
	loop->is_refreshing = true;
	chores_look(loop->chores);
	loop->switches_at = Min(loop->switches_at, now);
}

/* A message that was claimed before a switch went off, and has not left yet, must not leave. */
static void
apply_switches(Loop *loop, TimestampTz now)
{
	if (loop->is_enabled && !appt_enabled)
		loop->is_enabled = !withdraw_all(loop->engine);
	else
		loop->is_enabled = appt_enabled;
	if (wake_take_switch())
		loop->switches_at = Max(now, loop->switches_read + SWITCHES_INTERVAL);
	if (now < loop->switches_at || !worker_may_recover(loop->worker))
		return;
	loop->switches_read = now;
	loop->switches_at = withdraw_switched_off(loop->worker, loop->engine) ? DT_NOEND : now + SWITCHES_INTERVAL;
}

/*
 * Before the first claim, search for what the slot's last worker left open. Close
 * it now, or later if a caller has it locked.
 */
static void
recover_leftovers(Loop *loop, TimestampTz now)
{
	if (now < loop->recovery_at)
		return;
	loop->recovery_at = now + FAILURE_PAUSE;
	if (!loop->has_searched)
		loop->has_searched = recover_find(loop->recovery, loop->worker->slot == 1);
	if (loop->has_searched && recover_some(loop->recovery))
		loop->recovery_at = DT_NOEND;
}

/* If the clock was set back, all times computed before are invalid. */
static void
note_clock(Loop *loop, TimestampTz now)
{
	if (now < loop->last_turn)
	{
		loop->sweep_at = now;
		chores_clock_was_set(loop->chores);
		hints_clock_was_set(loop->hints);
		bounces_clock_was_set(loop->bounces);
		loop->claim_not_before = loop->settle_not_before = loop->suspects_at = 0;
		loop->claims.last = loop->settles.last = loop->sweeps.last = loop->changes.last = 0;
		loop->switches_at = now;
		loop->switches_read = 0;
		if (loop->recovery_at != DT_NOEND)
			loop->recovery_at = now;
		invalidate_all_lanes(loop);
	}
	loop->last_turn = now;
}

/* ---- sleeping ---- */

/* When the loop must act though nothing wakes it. */
static TimestampTz
next_wake(Loop *loop, TimestampTz now)
{
	TimestampTz wake = loop->may_send ? loop->sweep_at : now + SWEEP_INTERVAL;

	if (worker_may_recover(loop->worker))
		wake = Min(wake, Min(loop->recovery_at, loop->switches_at));
	if (loop->settler->finished_count > 0)
		wake = Min(wake, Max(loop->settle_not_before, pace_next(&loop->settles)));
	if (!loop->may_send)
		return wake;
	wake = Min(wake, chores_next(loop->chores, is_busy(loop)));
	wake = Min(wake, Min(hints_next(loop->hints), bounces_next(loop->bounces)));
	if (loop->worker->slot == 1 && suspects_exist(loop->suspects))
		wake = Min(wake, loop->suspects_at);
	if (loop->has_changes)
		wake = Min(wake, pace_for_callers(&loop->changes));
	if (lanes_are_ready(loop->scheduler) && !loop->is_blocked && may_claim(loop))
		wake = Min(wake, Max(loop->claim_not_before, loop->is_receiving ? now : pace_next(&loop->claims)));
	return Min(wake, lanes_next_wake(loop->scheduler));
}

/* Milliseconds, rounded up: never early. */
static long
milliseconds_until(TimestampTz at, TimestampTz now)
{
	if (at <= now)
		return 0;
	return (long) Min((at - now + 999) / 1000, SWEEP_INTERVAL / 1000);
}

/*
 * A reload looks at everything. So a person can send at once what no commit
 * reported (COPY), and what open circuits or old settings hold back.
 */
static bool
check_interrupts(Loop *loop)
{
	if (!worker_check_interrupts(loop->worker))
		return false;
	loop->sweep_at = DT_NOBEGIN;
	chores_look_at_all(loop->chores);
	breakers_probe_now(loop->scheduler, GetCurrentTimestamp());
	invalidate_all_lanes(loop);
	return true;
}

/*
 * Sleep once. True if there is something to do now. The latch may be set for
 * another reason (a timer of an earlier transaction, say): then sleep on, because
 * a turn of the loop costs a transaction.
 */
static bool
sleep_once(Loop *loop, TimestampTz wake)
{
	WaitEvent	event;
	TimestampTz begin = GetCurrentTimestamp();
	int			happened = WaitEventSetWait(loop->events, milliseconds_until(wake, begin), &event, 1, PG_WAIT_EXTENSION);

	sleep_note(&loop->sleep, begin, GetCurrentTimestamp());
	if (happened == 0 || (event.events & WL_LATCH_SET) == 0)
		return true;
	ResetLatch(MyLatch);
	return check_interrupts(loop) || !loop->may_send || wake_has_news() ||
		worker_must_stop(loop->worker) || GetCurrentTimestamp() >= wake;
}

static void
report_circuits(Loop *loop)
{
	CircuitReport reports[CIRCUITS_SHOWN];

	if (breakers_have_news(loop->scheduler))
		record_circuits(loop->worker->record, reports,
						breakers_report(loop->scheduler, reports, CIRCUITS_SHOWN));
}

static void
sleep_until_work(Loop *loop)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz wake = next_wake(loop, now);
	long		engine_timeout = transfer_engine_timeout(loop->engine);

	worker_report(loop->worker, transfers_in_flight(loop->engine), loop->settler->sent, loop->settler->failed, wake);
	report_circuits(loop);
	if (engine_timeout >= 0)
		wake = Min(wake, now + engine_timeout * INT64CONST(1000));
	journal_begin(ACTIVITY_ASLEEP, NULL, 0);
	while (!sleep_once(loop, wake))
		;
	journal_end();
}

/* ---- the whole ---- */

static void
take_turn(Loop *loop)
{
	TimestampTz now;
	bool		may_send;

	(void) check_interrupts(loop);
	note_clock(loop, GetCurrentTimestamp());
	may_send = worker_may_send(loop->worker);
	if (worker_may_recover(loop->worker))
		recover_leftovers(loop, GetCurrentTimestamp());
	may_send = may_send && loop->has_searched;
	if (may_send && !loop->may_send)
		loop->sweep_at = DT_NOBEGIN;
	loop->may_send = may_send;
	apply_switches(loop, GetCurrentTimestamp());
	finish_transfers(loop);
	if (loop->may_send)
	{
		take_wakes(loop);
		now = GetCurrentTimestamp();
		refresh_changed_lanes(loop, now);
		sweep_if_due(loop, now);
		claim_suspects(loop, now);
		claim_if_due(loop, now);
	}
	settle_if_due(loop, GetCurrentTimestamp());
	if (loop->may_send)
	{
		hints_send(loop->hints, GetCurrentTimestamp());
		bounces_write(loop->bounces, GetCurrentTimestamp());
		if (loop->settler->has_invited)
			chores_expect_invitation(loop->chores);
		loop->settler->has_invited = false;
		chores_do(loop->chores, loop->settler->sent + loop->settler->failed, is_busy(loop));
	}
	sleep_until_work(loop);
}

/* A message that is known to have arrived must not become INTERRUPTED because a caller has its row locked. */
static void
settle_last(Loop *loop)
{
	for (int tries = 0; tries < LAST_SETTLES; tries++)
	{
		if (!settle_finished(loop->settler) || loop->settler->finished_count == 0)
			return;
		pg_usleep(LOCKED_PAUSE);
	}
}

/* Wait a while for transfers to finish; the others become INTERRUPTED. */
static void
wind_down(Loop *loop)
{
	TimestampTz deadline = GetCurrentTimestamp() + (worker_must_hurry(loop->worker) ? 0 : SHUTDOWN_GRACE);

	finish_transfers(loop);
	while (transfers_in_flight(loop->engine) > 0 && !worker_must_hurry(loop->worker) &&
		   GetCurrentTimestamp() < deadline)
	{
		WaitEvent	event;
		long		timeout = milliseconds_until(deadline, GetCurrentTimestamp());
		long		engine_timeout = transfer_engine_timeout(loop->engine);

		if (engine_timeout >= 0)
			timeout = Min(timeout, engine_timeout);
		if (WaitEventSetWait(loop->events, Min(timeout, 100), &event, 1, PG_WAIT_EXTENSION) > 0 &&
			(event.events & WL_LATCH_SET) != 0)
			ResetLatch(MyLatch);
		finish_transfers(loop);
	}
	transfer_engine_abandon(loop->engine);
	settle_last(loop);
	if (loop->has_searched && recover_find(loop->recovery, false))
		(void) recover_some(loop->recovery);
}

static void
loop_create(Loop *loop, Worker *worker)
{
	memset(loop, 0, sizeof(Loop));
	loop->worker = worker;
	loop->sweep_at = DT_NOBEGIN;
	loop->chores = chores_create(worker);
	loop->recovery_at = DT_NOBEGIN;
	loop->switches_at = DT_NOEND;
	loop->sleep.woken_at = GetCurrentTimestamp();
	loop->turn_context = AllocSetContextCreate(TopMemoryContext, "appt turn",
											   ALLOCSET_DEFAULT_SIZES);
	loop->scheduler = scheduler_create(TopMemoryContext);
	loop->suspects = suspects_create(worker);
	loop->bounces = bounces_create(worker);
	loop->settler = settler_create(worker, loop->scheduler, loop->suspects, loop->bounces);
	loop->engine = transfer_engine_create();
	loop->hints = hints_create(worker);
	loop->claimer = claimer_create(worker, loop->scheduler, loop->engine, loop->settler, loop->suspects, loop->hints);
	loop->recovery = recovery_create(worker, loop->scheduler, loop->suspects);
	loop->events = create_wait_events(TopMemoryContext, 3);
	AddWaitEventToSet(loop->events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(loop->events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(loop->events, WL_SOCKET_READABLE,
					  transfer_engine_socket(loop->engine), NULL, NULL);
}

void
delivery_loop(Worker *worker)
{
	Loop		loop;

	pin_plans(true);
	loop_create(&loop, worker);
	while (!worker_must_stop(worker))
	{
		MemoryContextSwitchTo(loop.turn_context);
		take_turn(&loop);
		MemoryContextReset(loop.turn_context);
	}
	wind_down(&loop);
}
