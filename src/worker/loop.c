/*
 * loop.c
 *		The worker's loop: settle and claim, transfer, sleep until exactly the
 *		next thing to do.
 *
 * What has finished is settled by the transaction that claims what goes next,
 * or by one of its own where nothing can be claimed.
 *
 * No transaction is open while the network is awaited. Everything that can
 * wake the loop is in one WaitEventSet: the latch (a commit that planned
 * something, a reload, a shutdown), the postmaster's death, and the epoll
 * descriptor of the transfer engine.
 *
 * Batches form by themselves: under load a turn claims and settles what came
 * together since the last one, and not before that is a fair number or a few
 * milliseconds have passed, more where transactions take long: a batch of ten
 * costs nearly as much as one of fifty, and where that keeps the processor busy
 * there is nothing to be gained by being early. When idle a message is claimed,
 * sent and settled at once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/plans.h"
#include "core/settings.h"
#include "core/wake.h"
#include "fairness/allot.h"
#include "fairness/breakers.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "transfer/withdraw.h"
#include "worker/chores.h"
#include "worker/claim.h"
#include "worker/delivery.h"
#include "worker/heads.h"
#include "worker/journal.h"
#include "worker/loop.h"
#include "worker/owners.h"
#include "worker/recover.h"
#include "worker/settle.h"
#include "worker/suspects.h"
#include "worker/switches.h"

/* A look at everything, for what gives no wake (COPY, clock steps). */
#define SWEEP_INTERVAL (60 * USECS_PER_SEC)

/* Under load, claim and settle that much at once, or what there is after this. */
#define FAIR_BATCH 64
#define BATCH_INTERVAL (4 * INT64CONST(1000))

/* Sweeps and learning that commits bring about: after so many times what the last one took. */
#define OTHERS_TIMES 10
#define LONGEST_OTHERS_INTERVAL (5 * USECS_PER_SEC)

/* Or after so many times what the last one took, but no longer than this. */
#define BATCH_TIMES 3
#define LONGEST_BATCH_INTERVAL (20 * INT64CONST(1000))

/* After a transaction that failed; and for a row that a caller has locked. */
#define FAILURE_PAUSE USECS_PER_SEC
#define LOCKED_PAUSE (20 * INT64CONST(1000))

/* So often are the switches read of what is under way. */
#define SWITCHES_INTERVAL (100 * INT64CONST(1000))

/* How often suspects are claimed, and how many each time. */
#define SUSPECTS_INTERVAL (50 * INT64CONST(1000))
#define SUSPECTS_AT_ONCE 16

/* How often a shutdown comes back to outcomes that a caller keeps from being settled. */
#define LAST_SETTLES 10

/* What a shutdown grants to transfers under way. */
#define SHUTDOWN_GRACE (3 * USECS_PER_SEC)

#define WAKE_BATCH 256

/* When something was done last, and how long it took. */
typedef struct Pace
{
	TimestampTz last;
	TimeOffset	cost;
} Pace;

typedef struct Loop
{
	Worker	   *worker;
	Scheduler  *scheduler;
	Settler    *settler;
	Claimer    *claimer;
	Recovery   *recovery;
	TransferEngine *engine;
	Chores	   *chores;
	WaitEventSet *events;
	MemoryContext turn_context;
	TimestampTz last_turn;
	TimestampTz sweep_at;
	TimestampTz recovery_at;	/* to close what is left open */
	TimestampTz claim_not_before;	/* after a failure */
	TimestampTz settle_not_before;
	TimestampTz suspects_at;	/* to look after them, if there are any */
	TimestampTz switches_at;	/* to look whose messages may not leave any
								 * more */
	TimestampTz switches_read;	/* the last look */
	Pace		claims;
	Pace		settles;
	Pace		sweeps;
	Pace		changes;		/* of configuration: learning them */
	bool		has_changes;	/* to be learned */
	bool		is_learning;	/* what was doubted */
	bool		has_looked;		/* for what was left open */
	bool		may_send;
	bool		is_enabled;		/* appt.enabled, as far as it was obeyed */
	bool		is_blocked;		/* no lane that is ready has room: until a
								 * transfer ends */
} Loop;

/* ---- pace ---- */

/* From when on a batch that is less than fair is worth its transaction. */
static TimestampTz
pace_next(const Pace *pace)
{
	return pace->last + Min(Max(BATCH_INTERVAL, BATCH_TIMES * pace->cost), LONGEST_BATCH_INTERVAL);
}

/*
 * From when on callers may have something done again, so that they cost others
 * but a tenth of the worker's time.
 */
static TimestampTz
pace_of_others(const Pace *pace)
{
	return pace->last + Min(OTHERS_TIMES * pace->cost, LONGEST_OTHERS_INTERVAL);
}

static void
pace_note(Pace *pace, TimestampTz begin)
{
	pace->last = begin;
	pace->cost = GetCurrentTimestamp() - begin;
}

/* ---- listening ---- */

/* What was learned of limits and destinations may hold no more, nor that something is blocked. */
static void
doubt_everything(Loop *loop)
{
	lanes_invalidate(loop->scheduler);
	loop->is_blocked = false;
}

static void
expect(Loop *loop, const WakeEntry *entry)
{
	lane_expect(loop->scheduler, entry->lane, entry->due_at);
	if (!entry->by_hand)
		return;
	lane_probe_now(loop->scheduler, entry->lane, GetCurrentTimestamp());
	loop->is_blocked = false;
}

static void
hear_change(Loop *loop, const WakeEntry *entry)
{
	tenant_mark_stale(loop->scheduler, &entry->application_id);
	loop->has_changes = true;
}

static void
hear_wakes(Loop *loop)
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
				hear_change(loop, &entries[i]);
			else
				expect(loop, &entries[i]);
		}
		if (sweep_needed)
			loop->sweep_at = Min(loop->sweep_at, pace_of_others(&loop->sweeps));
	} while (count == WAKE_BATCH);
}

/*
 * Learn what has changed at once, so that it holds from the next message on; but
 * where changes come all the time, not before others have had their share.
 */
static void
heed_changes(Loop *loop, TimestampTz now)
{
	loop->is_learning &= lanes_need_refresh(loop->scheduler);
	if (!loop->has_changes || now < pace_of_others(&loop->changes))
		return;
	lanes_invalidate_stale_tenants(loop->scheduler);
	pace_note(&loop->changes, now);
	loop->has_changes = false;
	loop->is_learning = true;
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
	while ((response = transfer_take(loop->engine, &tag)) != NULL)
	{
		settle_later(loop->settler, (Delivery *) tag, response);
		loop->is_blocked = false;
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

/* Places for more; none while what is finished can't be settled. */
static int
claim_room(const Loop *loop)
{
	return Min(transfer_room(loop->engine), 4 * appt_max_concurrency - loop->settler->finished_count);
}

/* What is left was locked. */
static void
note_settled(Loop *loop, TimestampTz begin)
{
	pace_note(&loop->settles, begin);
	if (loop->settler->finished_count > 0)
		loop->settle_not_before = begin + LOCKED_PAUSE;
}

/* Refresh what is not known of lanes that have something due; false if that failed. */
static bool
refresh_owners(Loop *loop, TimestampTz now)
{
	bool		is_refreshed = owners_refresh(loop->scheduler, loop->worker->slot, now);
	TimeOffset	cost = Max(GetCurrentTimestamp() - now, 0);

	if (loop->is_learning)
	{
		loop->changes.cost += cost;
		loop->sweeps.cost += cost;
	}
	return is_refreshed;
}

/* Claim, and settle what is finished by the same transaction. */
static void
claim_if_worthwhile(Loop *loop, TimestampTz now)
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
	may_wait = transfers_in_flight(loop->engine) > 0 && now < pace_next(&loop->claims);
	if (room <= 0 || (may_wait && room < FAIR_BATCH))
		return;
	if (refresh_owners(loop, now))
		result = claim_due(loop->claimer, room, may_wait, settles, &deliveries);
	switch (result)
	{
		case CLAIM_DONE:
			/* Else it went without, or failed: settled by itself. */
			if (loop->settler->finished_count < waiting)
				note_settled(loop, now);
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
	pace_note(&loop->claims, now);
	start(loop, deliveries);
}

/*
 * Slot 1 does this for all workers. Suspects go one by one, beside what else is
 * due: nothing else waits for them.
 */
static void
see_to_suspects(Loop *loop, TimestampTz now)
{
	ClaimResult result = CLAIM_DONE;
	List	   *deliveries;

	if (loop->worker->slot != 1 || now < loop->suspects_at || !suspects_exist())
		return;
	if (!suspects_settle_guilty() || !suspects_forget_settled())
		result = CLAIM_FAILED;
	if (lanes_wake(loop->scheduler, now))
		loop->is_blocked = false;
	for (int i = 0; i < SUSPECTS_AT_ONCE && result == CLAIM_DONE; i++)
	{
		if (!lanes_are_ready(loop->scheduler) || claim_room(loop) <= 0)
			break;
		result = claim_suspect(loop->claimer, claim_room(loop), &deliveries);
		start(loop, deliveries);
	}
	loop->suspects_at = now + (result == CLAIM_FAILED ? FAILURE_PAUSE : SUSPECTS_INTERVAL);
}

/* What could not be settled along with a claim. */
static void
settle_if_worthwhile(Loop *loop, TimestampTz now)
{
	int			waiting = loop->settler->finished_count;

	if (waiting == 0 || now < loop->settle_not_before)
		return;
	if (waiting < FAIR_BATCH && transfers_in_flight(loop->engine) > 0 &&
		now < pace_next(&loop->settles))
		return;
	if (settle_finished(loop->settler))
		note_settled(loop, now);
	else
		loop->settle_not_before = now + FAILURE_PAUSE;
}

/* Is there delivery to do? */
static bool
is_busy(const Loop *loop)
{
	return transfers_in_flight(loop->engine) > 0 || loop->settler->finished_count > 0;
}

static void
sweep_if_time(Loop *loop, TimestampTz now)
{
	if (now < loop->sweep_at)
		return;
	loop->sweep_at = now + (sweep_lanes(loop->scheduler) ? SWEEP_INTERVAL : FAILURE_PAUSE);
	pace_note(&loop->sweeps, now);
	loop->is_learning = true;
	chores_look(loop->chores);
	loop->switches_at = Min(loop->switches_at, now);
}

/* What was claimed before a switch went off and has not left yet is not to leave. */
static void
obey_switches(Loop *loop, TimestampTz now)
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
	loop->switches_at = withdraw_switched_off(loop->engine) ? DT_NOEND : now + SWITCHES_INTERVAL;
}

/* Before the first claim, look for what our predecessor left open; close it, now or when it can be locked. */
static void
recover_leftovers(Loop *loop, TimestampTz now)
{
	if (now < loop->recovery_at)
		return;
	loop->recovery_at = now + FAILURE_PAUSE;
	if (!loop->has_looked)
		loop->has_looked = recover_find(loop->recovery, loop->worker->slot, loop->worker->slot == 1);
	if (loop->has_looked && recover_some(loop->recovery))
		loop->recovery_at = DT_NOEND;
}

/* Nothing that was reckoned by a clock since set back holds any more. */
static void
watch_clock(Loop *loop, TimestampTz now)
{
	if (now < loop->last_turn)
	{
		loop->sweep_at = now;
		chores_clock_was_set(loop->chores);
		loop->claim_not_before = loop->settle_not_before = loop->suspects_at = 0;
		loop->claims.last = loop->settles.last = loop->sweeps.last = loop->changes.last = 0;
		loop->switches_at = now;
		loop->switches_read = 0;
		if (loop->recovery_at != DT_NOEND)
			loop->recovery_at = now;
		doubt_everything(loop);
	}
	loop->last_turn = now;
}

/* ---- sleeping ---- */

/* When the loop has something to do of itself. */
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
	if (loop->worker->slot == 1 && suspects_exist())
		wake = Min(wake, loop->suspects_at);
	if (loop->has_changes)
		wake = Min(wake, pace_of_others(&loop->changes));
	if (lanes_are_ready(loop->scheduler) && !loop->is_blocked && claim_room(loop) > 0)
		wake = Min(wake, Max(loop->claim_not_before, pace_next(&loop->claims)));
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
 * A reload looks at everything: so a person can have at once what no wake told
 * of (COPY), and what is held back by open circuits or old settings.
 */
static bool
check_interrupts(Loop *loop)
{
	if (!worker_check_interrupts(loop->worker))
		return false;
	loop->sweep_at = DT_NOBEGIN;
	chores_look_at_all(loop->chores);
	breakers_probe_now(loop->scheduler, GetCurrentTimestamp());
	doubt_everything(loop);
	return true;
}

/*
 * Sleep once. True if there is something to do now; a latch that was set for
 * nothing of ours (a timer of an earlier transaction, say) is slept over, for
 * a turn of the loop costs a transaction.
 */
static bool
sleep_once(Loop *loop, TimestampTz wake)
{
	WaitEvent	event;

	if (WaitEventSetWait(loop->events, milliseconds_until(wake, GetCurrentTimestamp()),
						 &event, 1, PG_WAIT_EXTENSION) == 0 ||
		(event.events & WL_LATCH_SET) == 0)
		return true;
	ResetLatch(MyLatch);
	return check_interrupts(loop) || !loop->may_send || wake_has_news() ||
		worker_must_stop() || GetCurrentTimestamp() >= wake;
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
	watch_clock(loop, GetCurrentTimestamp());
	may_send = worker_may_send(loop->worker);
	if (worker_may_recover(loop->worker))
		recover_leftovers(loop, GetCurrentTimestamp());
	may_send = may_send && loop->has_looked;
	if (may_send && !loop->may_send)
		loop->sweep_at = DT_NOBEGIN;
	loop->may_send = may_send;
	obey_switches(loop, GetCurrentTimestamp());
	finish_transfers(loop);
	if (loop->may_send)
	{
		hear_wakes(loop);
		now = GetCurrentTimestamp();
		heed_changes(loop, now);
		sweep_if_time(loop, now);
		see_to_suspects(loop, now);
		claim_if_worthwhile(loop, now);
	}
	settle_if_worthwhile(loop, GetCurrentTimestamp());
	if (loop->may_send)
		chores_do(loop->chores, loop->settler->sent + loop->settler->failed, is_busy(loop));
	sleep_until_work(loop);
}

/* What is known to have arrived is not to be taken for INTERRUPTED because a caller has it locked. */
static void
settle_for_good(Loop *loop)
{
	for (int tries = 0; tries < LAST_SETTLES; tries++)
	{
		if (!settle_finished(loop->settler) || loop->settler->finished_count == 0)
			return;
		pg_usleep(LOCKED_PAUSE);
	}
}

/* Let what is in flight finish for a while; the rest is INTERRUPTED. */
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
	settle_for_good(loop);
	if (loop->has_looked && recover_find(loop->recovery, loop->worker->slot, false))
		(void) recover_some(loop->recovery);
}

static void
loop_create(Loop *loop, Worker *worker)
{
	memset(loop, 0, sizeof(Loop));
	loop->worker = worker;
	loop->sweep_at = DT_NOBEGIN;
	loop->chores = chores_create();
	loop->recovery_at = DT_NOBEGIN;
	loop->switches_at = DT_NOEND;
	loop->turn_context = AllocSetContextCreate(TopMemoryContext, "appt turn",
											   ALLOCSET_DEFAULT_SIZES);
	loop->scheduler = scheduler_create(TopMemoryContext);
	loop->settler = settler_create(loop->scheduler);
	loop->engine = transfer_engine_create();
	loop->claimer = claimer_create(worker->slot, loop->scheduler, loop->engine, loop->settler);
	loop->recovery = recovery_create(loop->scheduler);
	loop->events = CreateWaitEventSet(TopMemoryContext, 3);
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
	while (!worker_must_stop())
	{
		MemoryContextSwitchTo(loop.turn_context);
		take_turn(&loop);
		MemoryContextReset(loop.turn_context);
	}
	wind_down(&loop);
}
