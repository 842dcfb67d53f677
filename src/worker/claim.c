/*
 * claim.c
 *		Claims what is due: makes deliveries of it, with their attempts on disk.
 *
 * One short transaction takes a quota from each lane that is ready, the oldest
 * first (quotas.c, candidates.c); judges each candidate and composes the messages
 * of those to send (judge.c); opens the attempts of that (attempts.c), or writes
 * those delivered that need no transfer (local_messages.c); settles or postpones
 * the rest (unsent.c). It waits for nobody: what others have locked or changed
 * meanwhile is left as it is.
 *
 * The transaction also settles what has finished (settle.c), so that both need
 * one commit. If it fails, the next claim settles nothing. If that one fails too,
 * the next claims take one row each: the row that fails alone is settled as
 * FAILED, and all others are sent.
 *
 * What is claimed may be sent only if the commit is durable (durability.c).
 *
 * A suspect, a notification over which a worker may have crashed, is claimed
 * alone (suspects.c). For that the journal lists the candidates before their facts
 * are read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/destination.h"
#include "core/settings.h"
#include "core/statement.h"
#include "fairness/flights.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "schedule/activate.h"
#include "worker/attempts.h"
#include "worker/candidates.h"
#include "worker/claim.h"
#include "worker/delivery.h"
#include "worker/durability.h"
#include "worker/guard.h"
#include "worker/journal.h"
#include "worker/judge.h"
#include "worker/local_messages.h"
#include "worker/suspects.h"
#include "worker/unsent.h"

/* Messages without transfer that one claim takes at most: transfers wait for them. */
#define LOCAL_MESSAGES 128

struct Claimer
{
	Worker	   *worker;
	Scheduler  *scheduler;
	TransferEngine *engine;
	Settler    *settler;
	Suspects   *suspects;
	Hints	   *hints;
	FlightMemory flight_memory;
	int			single_claims;	/* number of next claims that take one row
								 * each, to find the one that broke a batch */
	bool		claims_alone;	/* the next claim settles nothing: one that
								 * did has failed */
};

typedef struct Claim
{
	Claimer    *claimer;
	TimestampTz now;
	Settling   *settling;		/* what the same transaction settles, or NULL */
	Quotas		quotas;
	int			candidate_count;
	Candidate	single;			/* the candidate, if it is the only one */
	Judgement	judgement;
} Claim;

Claimer *
claimer_create(Worker *worker, Scheduler *scheduler, TransferEngine *engine, Settler *settler,
			   Suspects *suspects, Hints *hints)
{
	Claimer    *claimer = (Claimer *) palloc0(sizeof(Claimer));

	claimer->worker = worker;
	claimer->scheduler = scheduler;
	claimer->engine = engine;
	claimer->settler = settler;
	claimer->suspects = suspects;
	claimer->hints = hints;
	flight_memory_init(&claimer->flight_memory);
	return claimer;
}

/* ---- the transaction ---- */

static void
note_in_journal(const Candidates *candidates)
{
	int64	   *ids = (int64 *) palloc(sizeof(int64) * candidates->count);

	for (int i = 0; i < candidates->count; i++)
		ids[i] = candidates->all[i].key.notification_id;
	journal_begin(ACTIVITY_CLAIMING, ids, candidates->count);
	pfree(ids);
}

static void
work_on(Claim *claim, Candidates candidates)
{
	Judgement  *judgement = &claim->judgement;

	judgement->unsent = unsent_create();
	claim->candidate_count = candidates.count;
	if (candidates.count > 0)
	{
		claim->single = candidates.all[0];
		note_in_journal(&candidates);
		judge_candidates(judgement, &candidates);
	}
	if (judgement->sending != NIL)
		judgement->sending = attempts_open(judgement->sending, claim->claimer->worker->slot, claim->now);
	if (judgement->local != NIL)
	{
		judgement->local = local_messages_settle(judgement->local, claim->now);
		attempts_insert_delivered(judgement->local, claim->now);
	}
	unsent_write(judgement->unsent, claim->now);
}

static void
claim_step(void *argument)
{
	Claim	   *claim = (Claim *) argument;

	if (claim->settling != NULL)
		settling_write(claim->settling);
	work_on(claim, candidates_take(&claim->quotas, claim->claimer->suspects));
	quotas_rest_drained(&claim->quotas);
}

static void
claim_suspect_step(void *argument)
{
	Claim	   *claim = (Claim *) argument;

	work_on(claim, candidates_take_suspect(&claim->quotas, claim->claimer->suspects));
}

static void
activate_step(void *argument)
{
	activate_for_room((const AppointmentKey *) argument, GetCurrentTimestamp());
}

/* A row that a claim fails over though it is alone. */
typedef struct Broken
{
	QueueKey	key;
	const char *error;
} Broken;

static void
settle_broken_step(void *argument)
{
	static Statement settle_broken = {
		"WITH free AS MATERIALIZED ("
		"  SELECT id FROM appt.notification WHERE id = $1 AND state IN ('PENDING', 'RETRYING')"
		"  FOR UPDATE SKIP LOCKED),"
		" settled AS ("
		"  UPDATE appt.notification n SET state = 'FAILED', reason = 'BAD_CONFIGURATION', detail = $2,"
		"    next_attempt_at = NULL, manual = false, settled_at = now()"
		"  FROM free f WHERE n.id = f.id RETURNING n.id) "
		"DELETE FROM appt.due d USING settled s "
		"WHERE d.lane = $3 AND d.due_at = $4 AND d.notification_id = s.id",
		4, {INT8OID, TEXTOID, INT8OID, TIMESTAMPTZOID}
	};
	const Broken *broken = (const Broken *) argument;

	statement_run(&settle_broken, Int64GetDatum(broken->key.notification_id),
				  text_datum(broken->error), Int64GetDatum(broken->key.lane_id),
				  TimestampTzGetDatum(broken->key.due_at));
}

/* After commit: the deliveries outlive the claim. In CurrentMemoryContext. */
static List *
hand_over(Claim *claim)
{
	Scheduler  *scheduler = claim->claimer->scheduler;
	List	   *deliveries = NIL;
	ListCell   *cell;

	foreach(cell, claim->judgement.sending)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);
		char		destination[DESTINATION_SIZE];

		MemoryContextSetParent(delivery->context, TopMemoryContext);
		destination_of_url(delivery->request->url, destination);
		delivery->flight = lane_start(scheduler, lane_get(scheduler, delivery->key.lane_id),
									  destination, claim->now);
		deliveries = lappend(deliveries, delivery);
	}
	return deliveries;
}

/* They must not be sent: the next settling returns them to the queue as they were. */
static void
take_back(Settler *settler, List *deliveries)
{
	Response	untried = {
		.is_untried = true,
		.error = "its attempt may not survive a failover",
		.started_at = GetCurrentTimestamp(),
		.finished_at = GetCurrentTimestamp()
	};
	ListCell   *cell;

	foreach(cell, deliveries)
		settle_later(settler, (Delivery *) lfirst(cell), &untried);
}

/* Each in a transaction of its own, which a standby may hold up: so not during a shutdown. */
static void
activate_appointments(const Claim *claim)
{
	Worker	   *worker = claim->claimer->worker;
	ListCell   *cell;

	foreach(cell, claim->judgement.to_activate)
	{
		if (worker_must_stop(worker))
			break;
		(void) worker_run(worker, activate_step, lfirst(cell), NULL);
	}
}

/* What needed no transfer is delivered. */
static void
conclude_local(const Claim *claim)
{
	ListCell   *cell;

	claim->claimer->settler->sent += list_length(claim->judgement.local);
	foreach(cell, claim->judgement.local)
	{
		const LocalMessage *message = (const LocalMessage *) lfirst(cell);

		if (message->has_reader)
			hints_add(claim->claimer->hints, &message->notify_key);
	}
}

/* After commit. False if what was claimed must not be sent. */
static bool
conclude(Claim *claim, List **deliveries)
{
	List	   *claimed = hand_over(claim);
	bool		may_send = claimed == NIL || commit_is_durable();

	claim->claimer->single_claims = Max(claim->claimer->single_claims - 1, 0);
	claim->claimer->claims_alone = false;
	if (claim->settling != NULL)
		settling_conclude(claim->settling);
	conclude_local(claim);
	if (may_send)
		*deliveries = claimed;
	else
		take_back(claim->claimer->settler, claimed);
	activate_appointments(claim);
	return may_send;
}

/* Settle the only candidate as FAILED, if its data are to blame. */
static bool
settle_broken(Claim *claim, const Failure *failure)
{
	Broken		broken = {claim->single.key, failure->message};

	return failure->kind == FAILURE_OF_DATA &&
		worker_run(claim->claimer->worker, settle_broken_step, &broken, NULL);
}

/* The only candidate has failed. If it can't even be settled, its lane reads on after it for now. */
static void
give_up_single(Claim *claim, const Failure *failure)
{
	claim->claimer->single_claims = Max(claim->claimer->single_claims - 1, 0);
	if (!settle_broken(claim, failure))
	{
		Lane	   *lane = claim->single.quota->lane;

		lane->position_due = claim->single.key.due_at;
		lane->position_id = claim->single.key.notification_id;
	}
}

/*
 * After an abort. If the transaction also settled, the next one only claims: that
 * shows which of the two has failed. If a row may be to blame, the next claims
 * take one row each. True if the next claim need not wait.
 */
static bool
give_up(Claim *claim, const Failure *failure)
{
	Claimer    *claimer = claim->claimer;

	quotas_restore(&claim->quotas);
	claimer->claims_alone = (claim->settling != NULL);
	if (claimer->claims_alone)
		return failure->kind != FAILURE_TRANSIENT;
	if (claim->candidate_count == 0 || failure->kind == FAILURE_TRANSIENT)
		return false;
	if (claim->candidate_count == 1)
		give_up_single(claim, failure);
	else
		claimer->single_claims = claim->candidate_count;
	return failure->kind == FAILURE_OF_DATA;
}

/* One row: in turn from the lanes with and those without transfers, or from the others if these have none. */
static Quotas
allot_single(const Claimer *claimer, const Allowance *allowance)
{
	Allowance	transfer = *allowance;
	Allowance	local = *allowance;
	bool		is_local = claimer->single_claims % 2 == 0;
	Quotas		quotas;

	transfer.slots = Min(allowance->slots, 1);
	local.local = 1;
	transfer.local = local.slots = 0;
	quotas = quotas_allot(claimer->scheduler, is_local ? &local : &transfer);
	return quotas.count > 0 ? quotas : quotas_allot(claimer->scheduler, is_local ? &transfer : &local);
}

/* Reserve slots for the lanes that are ready; false if there are none. In either case claim_end must follow. */
static bool
claim_begin(Claim *claim, Claimer *claimer, int room, bool is_single)
{
	Allowance	allowance = {
		.now = GetCurrentTimestamp(),
		.slots = room,
		.local = LOCAL_MESSAGES,
		.free_slots = transfer_room(claimer->engine),
		.free_places = settler_room(claimer->settler) - transfers_in_flight(claimer->engine),
		.max_per_host = appt_max_per_host
	};
	MemoryContext staging = AllocSetContextCreate(TopMemoryContext, "appt claim", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(staging);

	memset(claim, 0, sizeof(Claim));
	claim->claimer = claimer;
	claim->now = allowance.now;
	claim->quotas = is_single ? allot_single(claimer, &allowance) : quotas_allot(claimer->scheduler, &allowance);
	claim->judgement.now = claim->now;
	claim->judgement.flight_memory = &claimer->flight_memory;
	claim->judgement.staging = staging;
	MemoryContextSwitchTo(previous);
	return claim->quotas.count > 0;
}

static void
claim_end(Claim *claim)
{
	MemoryContextDelete(claim->judgement.staging);
}

static bool
run(Claim *claim, void (*step) (void *), Failure *failure)
{
	bool		succeeded = worker_run(claim->claimer->worker, step, claim, failure);

	journal_end();
	quotas_return(&claim->quotas);
	return succeeded;
}

static ClaimResult
try_due(Claim *claim, bool settles, List **deliveries)
{
	Claimer    *claimer = claim->claimer;
	Failure		failure;
	bool		succeeded;

	if (settles && !claimer->claims_alone && claimer->single_claims == 0)
		claim->settling = settling_of_finished(claimer->settler);
	if (run(claim, claim_step, &failure))
		succeeded = conclude(claim, deliveries);
	else
		succeeded = give_up(claim, &failure);
	return succeeded ? CLAIM_DONE : CLAIM_FAILED;
}

ClaimResult
claim_due(Claimer *claimer, int room, bool may_wait, bool settles, List **deliveries)
{
	Claim		claim;
	ClaimResult result;

	*deliveries = NIL;
	if (!claim_begin(&claim, claimer, room, claimer->single_claims > 0))
		result = lanes_need_refresh(claimer->scheduler) ? CLAIM_DONE : CLAIM_BLOCKED;
	else if (may_wait && claimer->single_claims == 0 && quotas_will_grow(&claim.quotas))
	{
		quotas_return(&claim.quotas);
		result = CLAIM_LATER;
	}
	else
		result = try_due(&claim, settles, deliveries);
	claim_end(&claim);
	return result;
}

static ClaimResult
try_suspect(Claim *claim, List **deliveries)
{
	Failure		failure;

	if (!run(claim, claim_suspect_step, &failure))
		return claim->candidate_count > 0 && settle_broken(claim, &failure) ? CLAIM_DONE : CLAIM_FAILED;
	if (claim->candidate_count == 0)
		return CLAIM_BLOCKED;
	if (!conclude(claim, deliveries))
		return CLAIM_FAILED;
	if (claim->single.quota->is_held)
		return CLAIM_BLOCKED;
	suspect_claimed(claim->claimer->suspects, claim->single.key.notification_id, claim->judgement.sending != NIL, claim->now);
	return CLAIM_DONE;
}

ClaimResult
claim_suspect(Claimer *claimer, int room, List **deliveries)
{
	Claim		claim;
	ClaimResult result = CLAIM_BLOCKED;

	*deliveries = NIL;
	if (claim_begin(&claim, claimer, room, false))
		result = try_suspect(&claim, deliveries);
	claim_end(&claim);
	return result;
}
