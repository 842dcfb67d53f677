/*
 * claim.c
 *		From what is due to deliveries whose attempts are on disk.
 *
 * One short transaction takes a quota from each lane that is ready, oldest
 * first, skipping what others have locked; loads all facts; judges each with
 * the same function that notification_eligibility calls; composes what is to
 * be sent; opens its attempts; settles the rest. It waits for nobody: the only
 * locks are on due and notification rows, with SKIP LOCKED.
 *
 * A lane whose quota was not used up is drained: its head is looked up, and
 * the lane waits until then. A head that is already due was locked by somebody
 * in passing; the lane comes back to it shortly.
 *
 * The transaction also settles what has finished (settle.c): one commit serves
 * both. If it fails, the next claim goes by itself. If that fails, the batch is
 * claimed again one by one: the row that breaks it is settled as FAILED by
 * itself and costs nobody else a thing.
 *
 * What is claimed may leave only if the commit is durable (durability.c).
 *
 * Memory is bounded whatever tenants store: facts are loaded as many at once as
 * their budget allows, and are gone before the next are loaded; a claim ends
 * where what it has composed is enough. What it has not come to stays as it is.
 *
 * A notification over which a worker may have crashed is left out, and claimed
 * alone (suspects.c). For that the journal has what is claimed before anything
 * of its facts is read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/destination.h"
#include "core/column.h"
#include "core/settings.h"
#include "core/statement.h"
#include "core/wake.h"
#include "fairness/allot.h"
#include "fairness/lanes.h"
#include "fairness/refresh.h"
#include "fairness/registry.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "schedule/activate.h"
#include "worker/claim.h"
#include "worker/delivery.h"
#include "worker/durability.h"
#include "worker/flight_memory.h"
#include "worker/guard.h"
#include "worker/heads.h"
#include "worker/journal.h"
#include "worker/suspects.h"
#include "worker/unsent.h"

/* Of fewer places taken than this, each one that comes free is filled at once. */
#define WORTH_WAITING 16

/* Bytes that one claim composes; the next claim takes the rest. */
#define CLAIM_BYTES (4 * 1024 * 1024)

/* Loads of facts that one claim makes: each has a budget, and others wait meanwhile. */
#define CLAIM_LOADS 4

/* How long a ROOM message waits for its appointment to be activated by us. */
#define ACTIVATION_RETRY USECS_PER_SEC

typedef struct LaneQuota
{
	Lane	   *lane;
	int			quota;
	int			taken;
	TimestampTz position_due;	/* before this claim */
	int64		position_id;
	bool		is_held;		/* its large message waits until others in
								 * flight have ended */
} LaneQuota;

typedef struct Candidate
{
	QueueKey	key;			/* of its row in appt.due */
	LaneQuota  *quota;			/* that it was taken for */
} Candidate;

struct Claimer
{
	Worker	   *worker;
	Scheduler  *scheduler;
	TransferEngine *engine;
	Settler    *settler;
	Suspects   *suspects;
	FlightMemory flight_memory;
	int			single_claims;	/* so many of the next claims take one row
								 * each, to find the one that broke a batch */
	bool		claims_alone;	/* the next claim settles nothing: one that
								 * did has failed */
};

typedef struct Claim
{
	Claimer    *claimer;
	TimestampTz now;
	Settling   *settling;		/* what is settled by the same transaction, or
								 * NULL */
	Grant	   *grants;
	LaneQuota  *quotas;			/* one a grant */
	int			quota_count;
	Candidate  *candidates;
	int			candidate_count;
	Candidate	last;			/* of the candidates; outlives the
								 * transaction, as they do not */
	MemoryContext staging;		/* outlives it too: parent of the deliveries
								 * until commit */
	List	   *sending;		/* of Delivery *, in the order of notification
								 * ids */
	Size		composed;		/* bytes of them */
	UnsentBatch *unsent;
	List	   *to_activate;	/* of AppointmentKey * */
} Claim;

static Statement select_due = {
	"SELECT l.ordinal, c.due_at, c.notification_id "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS position_due, unnest($3) AS position_id,"
	"  unnest($4) AS quota, generate_subscripts($1, 1) AS ordinal) l "
	"CROSS JOIN LATERAL ("
	"  SELECT d.due_at, d.notification_id"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND (d.due_at, d.notification_id) > (l.position_due, l.position_id)"
	"    AND d.due_at <= $5 AND n.state IN ('PENDING', 'RETRYING')"

	/*
	 * It was moved between our snapshot and our lock: its new due_at tells
	 * when.
	 */
	"    AND (n.next_attempt_at = d.due_at OR n.next_attempt_at IS NULL)"
	"    AND n.id <> ALL ($6)"
	"  ORDER BY d.due_at, d.notification_id LIMIT l.quota"
	"  FOR UPDATE OF n SKIP LOCKED) c",
	6, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, INT8ARRAYOID}
};

/* One of these, of one of these lanes: the first that is due and not locked. */
static Statement select_suspect = {
	"SELECT l.ordinal, d.due_at, n.id "
	"FROM (SELECT unnest($1) AS id, generate_subscripts($1, 1) AS rank) s "
	"JOIN appt.notification n ON n.id = s.id "
	"JOIN appt.due d ON d.lane = n.lane AND d.due_at = n.next_attempt_at AND d.notification_id = n.id "
	"JOIN (SELECT unnest($2) AS lane, generate_subscripts($2, 1) AS ordinal) l ON l.lane = n.lane "
	"WHERE d.due_at <= $3 AND n.state IN ('PENDING', 'RETRYING') "
	"ORDER BY s.rank LIMIT 1 FOR UPDATE OF n SKIP LOCKED",
	3, {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID}
};

static Statement insert_attempts = {
	"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, manual, due_at,"
	"  started_at, recipient, provider_id, subject, text_body, html_body) "
	"SELECT a.application_id, a.notification_id, a.attempt_number, a.manual, a.due_at,"
	"  $11, a.recipient, a.provider_id, a.subject, a.text_body, a.html_body "
	"FROM (SELECT unnest($1) AS application_id, unnest($2) AS notification_id,"
	"  unnest($3) AS attempt_number, unnest($4) AS manual, unnest($5) AS due_at,"
	"  unnest($6) AS recipient, unnest($7) AS provider_id, unnest($8) AS subject,"
	"  unnest($9) AS text_body, unnest($10) AS html_body) a "
	"RETURNING id, notification_id",
	11, {UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
	UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID}
};

static Statement mark_sending = {
	"UPDATE appt.notification n "
	"SET state = 'SENDING', reason = NULL, detail = NULL, attempt_count = c.attempt_number,"
	"  next_attempt_at = NULL, worker_slot = $3 "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS attempt_number) c "
	"WHERE n.id = c.id",
	3, {INT8ARRAYOID, INT4ARRAYOID, INT2OID}
};

Claimer *
claimer_create(Worker *worker, Scheduler *scheduler, TransferEngine *engine, Settler *settler,
			   Suspects *suspects)
{
	Claimer    *claimer = (Claimer *) palloc0(sizeof(Claimer));

	claimer->worker = worker;
	claimer->scheduler = scheduler;
	claimer->engine = engine;
	claimer->settler = settler;
	claimer->suspects = suspects;
	flight_memory_init(&claimer->flight_memory);
	return claimer;
}

/* ---- which lanes may have how much ---- */

static void
allot(Claim *claim, int room)
{
	Allowance	allowance = {
		.now = claim->now,
		.slots = room,
		.free_slots = transfer_room(claim->claimer->engine),
		.max_per_host = appt_max_per_host
	};
	MemoryContext previous = MemoryContextSwitchTo(claim->staging);

	claim->grants = lanes_allot(claim->claimer->scheduler, &allowance, &claim->quota_count);
	claim->quotas = (LaneQuota *) palloc(sizeof(LaneQuota) * Max(claim->quota_count, 1));
	for (int i = 0; i < claim->quota_count; i++)
	{
		Lane	   *lane = claim->grants[i].lane;

		claim->quotas[i] = (LaneQuota)
		{
			lane, claim->grants[i].slots, 0, lane->position_due, lane->position_id, false
		};
	}
	MemoryContextSwitchTo(previous);
}

/* Are these few places, next to those that the same lanes will give back? */
static bool
will_grow(const Claim *claim)
{
	int			granted = 0;
	int			taken = 0;

	for (int i = 0; i < claim->quota_count; i++)
	{
		granted += claim->quotas[i].quota;
		taken += claim->quotas[i].lane->gate.in_flight;
	}
	return granted < taken && taken >= WORTH_WAITING;
}

static void
take_candidates(Claim *claim)
{
	Column	   *lanes = column_create(INT8OID, claim->quota_count);
	Column	   *position_dues = column_create(TIMESTAMPTZOID, claim->quota_count);
	Column	   *position_ids = column_create(INT8OID, claim->quota_count);
	Column	   *quotas = column_create(INT4OID, claim->quota_count);
	uint64		rows;

	for (int i = 0; i < claim->quota_count; i++)
	{
		Lane	   *lane = claim->quotas[i].lane;

		column_add(lanes, Int64GetDatum(lane->id));
		column_add(position_dues, TimestampTzGetDatum(lane->position_due));
		column_add(position_ids, Int64GetDatum(lane->position_id));
		column_add(quotas, Int32GetDatum(claim->quotas[i].quota));
	}
	rows = statement_run(&select_due, column_array(lanes), column_array(position_dues),
						 column_array(position_ids), column_array(quotas),
						 TimestampTzGetDatum(claim->now), column_array(suspects_all(claim->claimer->suspects)));
	claim->candidates = (Candidate *) palloc(sizeof(Candidate) * Max(rows, 1));
	claim->candidate_count = (int) rows;
	for (uint64 row = 0; row < rows; row++)
	{
		LaneQuota  *quota = &claim->quotas[row_int64(row, 1) - 1];
		Candidate  *candidate = &claim->candidates[row];

		candidate->key = (QueueKey)
		{
			quota->lane->id, row_timestamp(row, 2), row_int64(row, 3)
		};
		candidate->quota = quota;
		quota->taken++;
		quota->lane->position_due = candidate->key.due_at;
		quota->lane->position_id = candidate->key.notification_id;
		claim->last = *candidate;
	}
}

static void
take_suspect(Claim *claim)
{
	Column	   *lanes = column_create(INT8OID, claim->quota_count);
	LaneQuota  *quota;

	for (int i = 0; i < claim->quota_count; i++)
		column_add(lanes, Int64GetDatum(claim->quotas[i].lane->id));
	claim->candidate_count = (int) statement_run(&select_suspect,
												 column_array(suspects_to_claim(claim->claimer->suspects, claim->now)),
												 column_array(lanes), TimestampTzGetDatum(claim->now));
	if (claim->candidate_count == 0)
		return;
	quota = &claim->quotas[row_int64(0, 1) - 1];
	claim->last = (Candidate)
	{
		{
			quota->lane->id, row_timestamp(0, 2), row_int64(0, 3)
		}, quota
	};
	claim->candidates = (Candidate *) palloc(sizeof(Candidate));
	claim->candidates[0] = claim->last;
}

/* ---- judging and composing ---- */

/* Does sending this first activate the appointment (application.room_activates)? */
static bool
must_activate(const NotificationFacts *facts)
{
	return facts->type == TYPE_ROOM && facts->appointment != NULL &&
		strcmp(facts->appointment->state, "SCHEDULED") == 0;
}

static void
activate_first(Claim *claim, const NotificationFacts *facts, const Candidate *candidate)
{
	MemoryContext previous = MemoryContextSwitchTo(claim->staging);
	AppointmentKey *key = (AppointmentKey *) palloc(sizeof(AppointmentKey));

	key->application_id = facts->application_id;
	key->id = *facts->appointment_id;
	claim->to_activate = lappend(claim->to_activate, key);
	MemoryContextSwitchTo(previous);
	unsent_postpone(claim->unsent, &candidate->key, claim->now + ACTIVATION_RETRY);
}

/* It stays as it is: its lane reads on before it. */
static void
leave(const Candidate *candidate)
{
	const QueueKey *key = &candidate->key;
	Lane	   *lane = candidate->quota->lane;

	if (key->due_at > lane->position_due ||
		(key->due_at == lane->position_due && key->notification_id > lane->position_id))
		return;
	lane->position_due = key->due_at;
	lane->position_id = key->notification_id - 1;
}

static void
add_delivery(Claim *claim, Delivery *delivery)
{
	MemoryContext previous = MemoryContextSwitchTo(claim->staging);

	flight_memory_take(&claim->claimer->flight_memory, delivery->context, &delivery->application_id, delivery->bytes);
	claim->composed += MemoryContextMemAllocated(delivery->context, true);
	claim->sending = lappend(claim->sending, delivery);
	MemoryContextSwitchTo(previous);
}

static void
send_or_skip(Claim *claim, const NotificationFacts *facts, const Candidate *candidate)
{
	Reason		reason = REASON_BAD_CONFIGURATION;
	char	   *error = NULL;
	Delivery   *delivery = delivery_compose(claim->staging, facts, &candidate->key, claim->now,
											&reason, &error);

	if (delivery == NULL)
		unsent_settle(claim->unsent, &candidate->key,
					  facts->attempt_count > 0 ? STATE_FAILED : STATE_SKIPPED, reason, error);
	else if (flight_memory_admits(&claim->claimer->flight_memory, &facts->application_id, delivery->bytes))
		add_delivery(claim, delivery);
	else
	{
		MemoryContextDelete(delivery->context);
		candidate->quota->is_held = true;
		leave(candidate);
	}
}

static void
judge(Claim *claim, const NotificationFacts *facts, const Candidate *candidate)
{
	EligibilityInput input = eligibility_input(facts);
	Decision	decision = eligibility_decide(&input, claim->now);

	switch (decision.verdict)
	{
		case VERDICT_SETTLE:
			unsent_settle(claim->unsent, &candidate->key, decision.state, decision.reason, NULL);
			break;
		case VERDICT_WAIT:
			unsent_postpone(claim->unsent, &candidate->key, decision.until);
			break;
		case VERDICT_SEND:
			if (must_activate(facts))
				activate_first(claim, facts, candidate);
			else
				send_or_skip(claim, facts, candidate);
			break;
	}
}

static int
compare_candidates(const void *a, const void *b)
{
	int64		id_a = ((const Candidate *) a)->key.notification_id;
	int64		id_b = ((const Candidate *) b)->key.notification_id;

	return id_a < id_b ? -1 : (id_a > id_b ? 1 : 0);
}

/* What is held, or more than enough, is left for later. */
static void
judge_or_leave(Claim *claim, const NotificationFacts *facts, const Candidate *candidate)
{
	if (candidate->quota->is_held || claim->composed >= CLAIM_BYTES)
		leave(candidate);
	else
		judge(claim, facts, candidate);
}

/* As many of these as can be loaded at once; returns how many that were. */
static int
judge_some(Claim *claim, Candidate *candidates, int count)
{
	int64	   *ids = (int64 *) palloc(sizeof(int64) * count);
	MemoryContext facts_context = AllocSetContextCreate(CurrentMemoryContext, "appt batch",
														ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(facts_context);
	List	   *all_facts;
	ListCell   *cell;

	for (int i = 0; i < count; i++)
		ids[i] = candidates[i].key.notification_id;
	all_facts = facts_load(ids, &count);
	MemoryContextSwitchTo(previous);
	foreach(cell, all_facts)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);
		Candidate	key = {.key.notification_id = facts->id};
		const Candidate *candidate = bsearch(&key, candidates, count,
											 sizeof(Candidate), compare_candidates);

		if (candidate != NULL)
			judge_or_leave(claim, facts, candidate);
	}
	MemoryContextDelete(facts_context);
	pfree(ids);
	return count;
}

static void
note_in_journal(const Claim *claim)
{
	int64	   *ids = (int64 *) palloc(sizeof(int64) * claim->candidate_count);

	for (int i = 0; i < claim->candidate_count; i++)
		ids[i] = claim->candidates[i].key.notification_id;
	journal_begin(ACTIVITY_CLAIMING, ids, claim->candidate_count);
	pfree(ids);
}

static void
judge_all(Claim *claim)
{
	int			at_once = claim->candidate_count;
	int			done = 0;

	qsort(claim->candidates, claim->candidate_count, sizeof(Candidate), compare_candidates);
	note_in_journal(claim);
	for (int loads = 0; loads < CLAIM_LOADS && done < claim->candidate_count; loads++)
	{
		at_once = judge_some(claim, &claim->candidates[done],
							 Min(at_once, claim->candidate_count - done));
		done += at_once;
	}
	for (; done < claim->candidate_count; done++)
		leave(&claim->candidates[done]);
}

/* ---- writing it down ---- */

static void
open_attempts(Claim *claim)
{
	int			count = list_length(claim->sending);
	Column	   *application_ids = column_create(UUIDOID, count);
	Column	   *notification_ids = column_create(INT8OID, count);
	Column	   *numbers = column_create(INT4OID, count);
	Column	   *manuals = column_create(BOOLOID, count);
	Column	   *due_ats = column_create(TIMESTAMPTZOID, count);
	Column	   *recipients = column_create(TEXTOID, count);
	Column	   *provider_ids = column_create(UUIDOID, count);
	Column	   *subjects = column_create(TEXTOID, count);
	Column	   *texts = column_create(TEXTOID, count);
	Column	   *htmls = column_create(TEXTOID, count);
	ListCell   *cell;
	uint64		row = 0;

	foreach(cell, claim->sending)
	{
		const Delivery *delivery = (const Delivery *) lfirst(cell);
		const AttemptRecord *record = delivery->record;

		column_add_uuid(application_ids, &delivery->application_id);
		column_add(notification_ids, Int64GetDatum(delivery->key.notification_id));
		column_add(numbers, Int32GetDatum(delivery->attempt_number));
		column_add(manuals, BoolGetDatum(delivery->retry.is_manual));
		/* What a person asked for was not due at any time. */
		if (delivery->retry.is_manual)
			column_add_null(due_ats);
		else
			column_add(due_ats, TimestampTzGetDatum(delivery->key.due_at));
		column_add_text(recipients, record->recipient);
		column_add_uuid(provider_ids, record->provider_id);
		column_add_text(subjects, record->subject);
		column_add_text(texts, record->text_body);
		column_add_text(htmls, record->html_body);
	}
	statement_run(&mark_sending, column_array(notification_ids), column_array(numbers),
				  Int16GetDatum(claim->claimer->worker->slot));
	statement_run(&insert_attempts, column_array(application_ids), column_array(notification_ids),
				  column_array(numbers), column_array(manuals), column_array(due_ats),
				  column_array(recipients), column_array(provider_ids), column_array(subjects),
				  column_array(texts), column_array(htmls), TimestampTzGetDatum(claim->now));
	foreach(cell, claim->sending)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);

		if (row_int64(row, 2) != delivery->key.notification_id)
			elog(ERROR, "attempts came back in another order than they were inserted");
		delivery->attempt_id = row_int64(row++, 1);
		delivery_forget_record(delivery);
	}
}

/* ---- where the lanes stand afterwards ---- */

/* Lanes that are held are looked at again shortly, like those whose entry somebody has locked. */
static void
rest_drained_lanes(Claim *claim)
{
	Lane	  **drained = (Lane **) palloc(sizeof(Lane *) * Max(claim->quota_count, 1));
	int			count = 0;

	for (int i = 0; i < claim->quota_count; i++)
		if (claim->quotas[i].taken < claim->quotas[i].quota || claim->quotas[i].is_held)
			drained[count++] = claim->quotas[i].lane;
	if (count > 0)
		find_heads(claim->claimer->scheduler, drained, count, claim->now);
}

/* What was taken is due as before; where the lanes were found to stand is not so. */
static void
restore_lanes(Claim *claim)
{
	for (int i = 0; i < claim->quota_count; i++)
	{
		Lane	   *lane = claim->quotas[i].lane;

		lane->position_due = claim->quotas[i].position_due;
		lane->position_id = claim->quotas[i].position_id;
		lane->low_water = DT_NOBEGIN;
		if (lane->state == LANE_WAITING)
			lane_wait(claim->claimer->scheduler, lane, claim->now);
	}
}

/* ---- the transaction ---- */

static void
work_on_candidates(Claim *claim)
{
	claim->unsent = unsent_create();
	if (claim->candidate_count > 0)
		judge_all(claim);
	if (claim->sending != NIL)
		open_attempts(claim);
	unsent_write(claim->unsent, claim->now);
}

static void
claim_step(void *argument)
{
	Claim	   *claim = (Claim *) argument;

	if (claim->settling != NULL)
		settling_write(claim->settling);
	take_candidates(claim);
	work_on_candidates(claim);
	rest_drained_lanes(claim);
}

static void
claim_suspect_step(void *argument)
{
	Claim	   *claim = (Claim *) argument;

	take_suspect(claim);
	work_on_candidates(claim);
}

static void
activate_step(void *argument)
{
	activate_for_room((const AppointmentKey *) argument, GetCurrentTimestamp());
}

/* The one row that a claim of its own can't stomach. */
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

/* After commit: the deliveries are the worker's. */
static List *
hand_over(Claim *claim)
{
	List	   *deliveries = NIL;
	ListCell   *cell;

	foreach(cell, claim->sending)
	{
		Delivery   *delivery = (Delivery *) lfirst(cell);
		char		destination[DESTINATION_SIZE];

		MemoryContextSetParent(delivery->context, TopMemoryContext);
		destination_of_url(delivery->request->url, destination);
		delivery->flight = lane_start(claim->claimer->scheduler,
									  lane_get(claim->claimer->scheduler, delivery->key.lane_id), destination, claim->now);
		deliveries = lappend(deliveries, delivery);
	}
	return deliveries;
}

/* None of them may leave: the next settling puts them back to where they were. */
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

/* Each is a transaction, which a standby may hold up: skipped during a shutdown. */
static void
activate_appointments(const Claim *claim)
{
	Worker	   *worker = claim->claimer->worker;
	ListCell   *cell;

	foreach(cell, claim->to_activate)
	{
		if (worker_must_stop(worker))
			break;
		(void) worker_run(worker, activate_step, lfirst(cell), NULL);
	}
}

/* After commit. False if what was claimed may not leave. */
static bool
conclude(Claim *claim, List **deliveries)
{
	List	   *claimed = hand_over(claim);
	bool		may_leave = claimed == NIL || commit_is_durable();

	claim->claimer->single_claims = Max(claim->claimer->single_claims - 1, 0);
	claim->claimer->claims_alone = false;
	if (claim->settling != NULL)
		settling_conclude(claim->settling);
	if (may_leave)
		*deliveries = claimed;
	else
		take_back(claim->claimer->settler, claimed);
	activate_appointments(claim);
	return may_leave;
}

/* Settle the one that was claimed alone, if it is to blame. */
static bool
settle_broken(Claim *claim, const Failure *failure)
{
	Broken		broken = {claim->last.key, failure->message};

	return failure->kind == FAILURE_OF_DATA &&
		worker_run(claim->claimer->worker, settle_broken_step, &broken, NULL);
}

/* If not even that works, pass it by for now. */
static void
give_up_single(Claim *claim, const Failure *failure)
{
	claim->claimer->single_claims = Max(claim->claimer->single_claims - 1, 0);
	if (!settle_broken(claim, failure))
	{
		claim->last.quota->lane->position_due = claim->last.key.due_at;
		claim->last.quota->lane->position_id = claim->last.key.notification_id;
	}
}

/*
 * After an abort everything is as before. Whether claiming or settling is to
 * blame is found by doing the one without the other. If it may have been the
 * fault of one row, the next claims are single ones. True if they need not wait.
 */
static bool
give_up(Claim *claim, const Failure *failure)
{
	Claimer    *claimer = claim->claimer;

	restore_lanes(claim);
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

ClaimResult
claim_due(Claimer *claimer, int room, bool may_wait, bool settles, List **deliveries)
{
	Claim		claim = {.claimer = claimer,.now = GetCurrentTimestamp()};
	Failure		failure;
	bool		claimed;

	*deliveries = NIL;
	claim.staging = AllocSetContextCreate(TopMemoryContext, "appt claim", ALLOCSET_DEFAULT_SIZES);
	allot(&claim, claimer->single_claims > 0 ? 1 : room);
	if (claim.quota_count == 0)
	{
		MemoryContextDelete(claim.staging);
		return lanes_need_refresh(claimer->scheduler) ? CLAIM_DONE : CLAIM_BLOCKED;
	}
	if (may_wait && claimer->single_claims == 0 && will_grow(&claim))
	{
		lanes_return(claim.grants, claim.quota_count);
		MemoryContextDelete(claim.staging);
		return CLAIM_LATER;
	}
	if (settles && !claimer->claims_alone && claimer->single_claims == 0)
		claim.settling = settling_of_finished(claimer->settler);
	claimed = worker_run(claimer->worker, claim_step, &claim, &failure);
	journal_end();
	lanes_return(claim.grants, claim.quota_count);
	if (claimed)
		claimed = conclude(&claim, deliveries);
	else
		claimed = give_up(&claim, &failure);
	MemoryContextDelete(claim.staging);
	return claimed ? CLAIM_DONE : CLAIM_FAILED;
}

static ClaimResult
try_suspect(Claim *claim, List **deliveries)
{
	Failure		failure;
	bool		claimed = worker_run(claim->claimer->worker, claim_suspect_step, claim, &failure);

	journal_end();
	lanes_return(claim->grants, claim->quota_count);
	if (!claimed)
		return claim->candidate_count > 0 && settle_broken(claim, &failure) ? CLAIM_DONE : CLAIM_FAILED;
	if (claim->candidate_count == 0)
		return CLAIM_BLOCKED;
	if (!conclude(claim, deliveries))
		return CLAIM_FAILED;
	if (claim->last.quota->is_held)
		return CLAIM_BLOCKED;
	suspect_claimed(claim->claimer->suspects, claim->last.key.notification_id, claim->sending != NIL, claim->now);
	return CLAIM_DONE;
}

ClaimResult
claim_suspect(Claimer *claimer, int room, List **deliveries)
{
	Claim		claim = {.claimer = claimer,.now = GetCurrentTimestamp()};
	ClaimResult result = CLAIM_BLOCKED;

	*deliveries = NIL;
	claim.staging = AllocSetContextCreate(TopMemoryContext, "appt claim", ALLOCSET_DEFAULT_SIZES);
	allot(&claim, room);
	if (claim.quota_count > 0)
		result = try_suspect(&claim, deliveries);
	MemoryContextDelete(claim.staging);
	return result;
}
