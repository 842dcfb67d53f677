/*
 * settle.c
 *		Settles the notifications of finished transfers and closes their attempts.
 *
 * A transfer that ended before it sent anything was not an attempt: the
 * notification returns to the queue as it was, the next claim judges it, and the
 * log shows nothing.
 *
 * One transaction settles all that is finished; it is that of the next claim if
 * there is one, which saves a commit. Settling waits for nobody: a notification
 * that a caller has locked (to supersede it, say) is left for the next time. If
 * the transaction fails (a full disk, a claim that failed), the outcomes stay in
 * memory and are settled without a claim. If the process dies before that,
 * recover.c closes their attempts as INTERRUPTED.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "core/column.h"
#include "core/log_changes.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "fairness/lanes.h"
#include "schedule/invitations.h"
#include "worker/attempt_ends.h"
#include "worker/guard.h"
#include "worker/journal.h"
#include "worker/queue.h"
#include "worker/settle.h"
#include "worker/suspects.h"

/* Failed tries to lock a row, after which settling asks whether it is still SENDING. */
#define TRIES_BEFORE_ASKING 20

static Statement lock_sending = {
	"SELECT n.id, n.superseded_by FROM appt.notification n "
	"WHERE n.id = ANY ($1) AND n.state = 'SENDING' ORDER BY n.id FOR UPDATE SKIP LOCKED",
	1, {INT8ARRAYOID}
};

static Statement settle_notifications = {
	"UPDATE appt.notification n "
	"SET state = c.state, reason = c.reason, manual = false, worker_slot = NULL,"
	/* SENT keeps the mark, so that it can't be sent again by hand. */
	"  superseded_by = CASE WHEN c.state = 'SENT' THEN n.superseded_by END,"
	"  next_attempt_at = c.next_attempt_at,"
	"  settled_at = CASE WHEN c.next_attempt_at IS NULL THEN $5 END "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS state, unnest($3) AS reason,"
	"  unnest($4) AS next_attempt_at) c "
	"WHERE n.id = c.id",
	5, {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID}
};

static Statement drop_attempts = {
	"DELETE FROM appt.attempt WHERE id = ANY ($1) AND outcome IS NULL", 1, {INT8ARRAYOID}
};

static Statement put_back = {
	"UPDATE appt.notification n "
	"SET state = c.state, reason = c.reason, attempt_count = n.attempt_count - 1, worker_slot = NULL,"
	"  next_attempt_at = c.due_at "
	"FROM (SELECT unnest($1) AS id, unnest($2) AS state, unnest($3) AS reason, unnest($4) AS due_at) c "
	"WHERE n.id = c.id",
	4, {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
};

struct Settling
{
	Settler    *settler;
	TimestampTz now;
	Delivery  **deliveries;		/* ordered by notification_id */
	int			count;
	Decision   *decisions;		/* for each delivery */
	bool	   *is_written;		/* this transaction settles it, or it is gone */
	bool	   *is_gone;		/* not SENDING any more: only its attempt is
								 * closed */
	bool		without_texts;	/* second try: store no text of the other
								 * side, and suppress no address */
	int64	   *bounces;		/* attempts whose addresses are suppressed
								 * later */
	int			bounce_count;
};

Settler *
settler_create(Worker *worker, Scheduler *scheduler, Suspects *suspects, Bounces *bounces)
{
	Settler    *settler = (Settler *) palloc0(sizeof(Settler));

	settler->worker = worker;
	settler->scheduler = scheduler;
	settler->suspects = suspects;
	settler->bounces = bounces;
	dlist_init(&settler->finished);
	return settler;
}

/* ---- taking over ---- */

/* Would it give the same answer to any message: is it too busy, or broken? */
static bool
is_trouble(RequestProtocol protocol, int status)
{
	return protocol == REQUEST_SMTP ? status == 421 : status >= 500 || status == 429;
}

static bool
is_good_answer(const Response *response, RequestProtocol protocol)
{
	return response->status > 0 && (response->curl_result == 0 || protocol == REQUEST_SMTP) &&
		!is_trouble(protocol, response->status);
}

/* What a response tells about the other side, whatever it means for the message. */
static Evidence
evidence_of(const Response *response, RequestProtocol protocol)
{
	Evidence	evidence = {FINDING_NONE, FINDING_NONE};

	if (response->is_untried || response->refused_by_policy)
		return evidence;
	if (response->token_failed)
		evidence.of_lane = response->token_refused && response->status < 500 ? FINDING_GOOD : FINDING_BAD;
	else if (response->reach == REACH_FAILED)
		evidence.of_destination = FINDING_BAD;
	else if (response->reach == REACH_CONNECTED)
	{
		evidence.of_destination = FINDING_GOOD;
		evidence.of_lane = is_good_answer(response, protocol) ? FINDING_GOOD : FINDING_BAD;
	}
	return evidence;
}

/*
 * No transaction is open here, so an error would end the worker. Reading an answer
 * raises one only if memory runs out; then the status alone is read.
 */
static void
read_outcome(Delivery *delivery, const Response *response)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		delivery->outcome = channel_read_outcome(delivery->message, delivery->route, response);
		delivery->outcome.error = copy_text(delivery->outcome.error);
		delivery->outcome.response = copy_text(delivery->outcome.response);
		delivery->outcome.provider_message_id = copy_text(delivery->outcome.provider_message_id);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		delivery->outcome = channel_status_outcome(delivery->message, delivery->route, response);
	}
	PG_END_TRY();
}

/* The response is freed with this turn of the loop; the outcome has copies of what the log stores. */
void
settle_later(Settler *settler, Delivery *delivery, const Response *response)
{
	MemoryContext previous = MemoryContextSwitchTo(delivery->context);

	read_outcome(delivery, response);
	delivery->is_untried = response->is_untried;
	delivery->finished_at = response->finished_at;
	dlist_push_tail(&settler->finished, &delivery->node);
	settler->finished_count++;
	MemoryContextSwitchTo(previous);
	lane_finish(settler->scheduler, &delivery->flight, evidence_of(response, delivery->request->protocol),
				delivery->outcome.cause, GetCurrentTimestamp());
}

/* ---- deciding ---- */

/* It returns to the queue as it was, unless an event has superseded it meanwhile. */
static Decision
decide_untried(const Delivery *delivery, Reason superseded_by)
{
	if (superseded_by != REASON_NONE)
		return (Decision) {VERDICT_SETTLE, STATE_CANCELLED, superseded_by, 0};
	return (Decision) {VERDICT_WAIT, delivery->state, delivery->reason, delivery->key.due_at};
}

static Decision
decide(const Delivery *delivery, Reason superseded_by, TimestampTz now)
{
	RetryInput	retry = delivery->retry;

	if (delivery->is_untried)
		return decide_untried(delivery, superseded_by);
	if (delivery->outcome.kind == OUTCOME_DELIVERED)
		return (Decision) {VERDICT_SETTLE, STATE_SENT, REASON_NONE, 0};
	retry.final = delivery->outcome.final;
	retry.retry_after = delivery->outcome.retry_after;
	retry.superseded_by = superseded_by;
	retry.jitter = 2 * pg_prng_double(&pg_global_prng_state) - 1;
	return retry_decide(&retry, now);
}

static int
compare_deliveries(const void *a, const void *b)
{
	int64		id_a = (*(Delivery *const *) a)->key.notification_id;
	int64		id_b = (*(Delivery *const *) b)->key.notification_id;

	return id_a < id_b ? -1 : (id_a > id_b ? 1 : 0);
}

/* Lock what nobody else has locked, and decide on that. */
static void
decide_all(Settling *settling)
{
	Column	   *ids = column_create(INT8OID, settling->count);
	uint64		rows;
	int			index = 0;

	for (int i = 0; i < settling->count; i++)
		column_add(ids, Int64GetDatum(settling->deliveries[i]->key.notification_id));
	rows = statement_run(&lock_sending, column_array(ids));
	for (uint64 number = 0; number < rows; number++)
	{
		Row		   *row = ROW(number);
		int64		id = next_int64(row);
		char	   *code = next_text(row);
		Reason		superseded_by = REASON_NONE;

		while (settling->deliveries[index]->key.notification_id != id)
			index++;
		if (code != NULL)
			(void) reason_from_code(code, &superseded_by);
		settling->decisions[index] = decide(settling->deliveries[index], superseded_by, settling->now);
		settling->is_written[index] = true;
	}
}

/* A row that could not be locked so often may not be SENDING any more: then its attempt is closed, and no more. */
static void
give_up_gone(Settling *settling)
{
	static Statement still_sending = {
		"SELECT FROM appt.notification WHERE id = $1 AND state = 'SENDING'", 1, {INT8OID}
	};

	for (int i = 0; i < settling->count; i++)
	{
		Delivery   *delivery = settling->deliveries[i];

		if (!settling->is_written[i] && ++delivery->settle_tries % TRIES_BEFORE_ASKING == 0 &&
			statement_run(&still_sending, Int64GetDatum(delivery->key.notification_id)) == 0)
		{
			settling->is_written[i] = true;
			settling->is_gone[i] = true;
		}
	}
}

/* ---- writing ---- */

static void
write_attempts(const Settling *settling)
{
	AttemptEnds *ends = attempt_ends_create(settling->count);

	for (int i = 0; i < settling->count; i++)
		if (settling->is_written[i] && !settling->deliveries[i]->is_untried)
			attempt_ends_add(ends, settling->deliveries[i], settling->without_texts);
	attempt_ends_write(ends);
}

static bool
is_put_back(const Settling *settling, int index)
{
	return settling->deliveries[index]->is_untried &&
		settling->decisions[index].verdict == VERDICT_WAIT;
}

/* Their rows in appt.due stay. write_notifications settles those that were superseded. */
static void
write_untried(const Settling *settling)
{
	Column	   *attempts = column_create(INT8OID, 8);
	Column	   *ids = column_create(INT8OID, 8);
	Column	   *states = column_create(TEXTOID, 8);
	Column	   *reasons = column_create(TEXTOID, 8);
	Column	   *due_ats = column_create(TIMESTAMPTZOID, 8);

	for (int i = 0; i < settling->count; i++)
	{
		const Delivery *delivery = settling->deliveries[i];

		if (!settling->is_written[i] || !delivery->is_untried)
			continue;
		column_add(attempts, Int64GetDatum(delivery->attempt_id));
		if (settling->is_gone[i])
			continue;
		column_add(ids, Int64GetDatum(delivery->key.notification_id));
		column_add_text(states, state_code(delivery->state));
		column_add_text(reasons, reason_code(delivery->reason));
		column_add(due_ats, TimestampTzGetDatum(delivery->key.due_at));
	}
	if (attempts->count > 0)
		statement_run(&drop_attempts, column_array(attempts));
	if (ids->count > 0)
		statement_run(&put_back, column_array(ids), column_array(states), column_array(reasons),
					  column_array(due_ats));
}

static void
write_notifications(const Settling *settling)
{
	Column	   *ids = column_create(INT8OID, settling->count);
	Column	   *states = column_create(TEXTOID, settling->count);
	Column	   *reasons = column_create(TEXTOID, settling->count);
	Column	   *nexts = column_create(TIMESTAMPTZOID, settling->count);
	Column	   *untils = column_create(TIMESTAMPTZOID, settling->count);
	QueueKeys  *settled = queue_keys_create();
	QueueKeys  *retried = queue_keys_create();

	for (int i = 0; i < settling->count; i++)
	{
		const Delivery *delivery = settling->deliveries[i];
		const Decision *decision = &settling->decisions[i];
		bool		is_retried = decision->state == STATE_RETRYING;

		if (!settling->is_written[i] || settling->is_gone[i] || is_put_back(settling, i))
			continue;
		column_add(ids, Int64GetDatum(delivery->key.notification_id));
		column_add_text(states, state_code(decision->state));
		column_add_text(reasons, reason_code(decision->reason));
		if (is_retried)
		{
			column_add(nexts, TimestampTzGetDatum(decision->until));
			column_add(untils, TimestampTzGetDatum(decision->until));
		}
		else
			column_add_null(nexts);
		queue_keys_add(is_retried ? retried : settled, &delivery->key);
	}
	if (ids->count == 0)
		return;
	statement_run(&settle_notifications, column_array(ids), column_array(states),
				  column_array(reasons), column_array(nexts), TimestampTzGetDatum(settling->now));
	if (retried->notification_ids->count > 0)
		queue_move(retried, untils);
	if (settled->notification_ids->count > 0)
		queue_delete(settled);
}

/* Their appointments may be locked by callers, so a chore changes them. */
static void
write_invitations(const Settling *settling)
{
	SentInvitation *sent = (SentInvitation *) palloc(settling->count * sizeof(SentInvitation));
	int			count = 0;

	for (int i = 0; i < settling->count; i++)
	{
		const Delivery *delivery = settling->deliveries[i];

		if (!delivery->invites || !settling->is_written[i] || settling->decisions[i].state != STATE_SENT)
			continue;
		sent[count].notification_id = delivery->key.notification_id;
		sent[count].application_id = delivery->application_id;
		sent[count].appointment_id = delivery->appointment_id;
		count++;
	}
	if (count > 0)
		invitations_add(sent, count);
}

static void
write_bounces(Settling *settling)
{
	List	   *attempt_ids = NIL;
	ListCell   *cell;

	for (int i = 0; i < settling->count; i++)
	{
		const Delivery *delivery = settling->deliveries[i];

		if (settling->is_written[i] && !delivery->is_untried && delivery->outcome.has_no_mailbox)
			attempt_ids = lappend(attempt_ids, (void *) &delivery->attempt_id);
	}
	settling->bounce_count = 0;
	if (settling->without_texts)
		return;
	foreach(cell, bounces_suppress(attempt_ids))
		settling->bounces[settling->bounce_count++] = *(const int64 *) lfirst(cell);
}

void
settling_write(void *argument)
{
	Settling   *settling = (Settling *) argument;

	journal_begin(ACTIVITY_TRANSFERRING, NULL, 0);
	for (int i = 0; i < settling->count; i++)
		log_changes_on_commit(&settling->deliveries[i]->application_id);
	memset(settling->is_written, 0, settling->count * sizeof(bool));
	memset(settling->is_gone, 0, settling->count * sizeof(bool));
	memset(settling->decisions, 0, settling->count * sizeof(Decision));
	decide_all(settling);
	give_up_gone(settling);
	write_attempts(settling);
	write_untried(settling);
	write_notifications(settling);
	write_bounces(settling);
	write_invitations(settling);
}

/* ---- after commit ---- */

static void
forget(Settler *settler, Delivery *delivery, const Decision *decision)
{
	if (decision->until != 0)
		lane_expect(settler->scheduler, delivery->key.lane_id, decision->until);
	if (decision->state == STATE_SENT)
	{
		settler->sent++;
		settler->has_invited |= delivery->invites;
	}
	if (decision->state == STATE_FAILED)
		settler->failed++;
	suspect_settled(settler->suspects, delivery->key.notification_id, !delivery->is_untried);
	dlist_delete(&delivery->node);
	settler->finished_count--;
	MemoryContextDelete(delivery->context);
}

void
settling_conclude(Settling *settling)
{
	bounces_add(settling->settler->bounces, settling->bounces, settling->bounce_count);
	for (int i = 0; i < settling->count; i++)
		if (settling->is_written[i])
			forget(settling->settler, settling->deliveries[i], &settling->decisions[i]);
}

/* ---- the whole ---- */

static Settling *
settling_create(Settler *settler, Delivery **deliveries, int count)
{
	Settling   *settling = (Settling *) palloc0(sizeof(Settling));

	settling->settler = settler;
	settling->now = GetCurrentTimestamp();
	settling->deliveries = deliveries;
	settling->count = count;
	/* Zeroes for those that are gone: nothing is decided on them. */
	settling->decisions = (Decision *) palloc0(count * sizeof(Decision));
	settling->is_written = (bool *) palloc(count * sizeof(bool));
	settling->is_gone = (bool *) palloc(count * sizeof(bool));
	settling->bounces = (int64 *) palloc(count * sizeof(int64));
	return settling;
}

Settling *
settling_of_finished(Settler *settler)
{
	Delivery  **deliveries;
	int			count = 0;
	dlist_iter	iterator;

	if (settler->finished_count == 0)
		return NULL;
	deliveries = (Delivery **) palloc(sizeof(Delivery *) * settler->finished_count);
	dlist_foreach(iterator, &settler->finished)
		deliveries[count++] = dlist_container(Delivery, node, iterator.cur);
	qsort(deliveries, count, sizeof(Delivery *), compare_deliveries);
	return settling_create(settler, deliveries, count);
}

static bool
settle(Settling *settling, Failure *failure)
{
	Worker	   *worker = settling->settler->worker;
	bool		committed = worker_run(worker, settling_write, settling, failure);

	if (!committed && settling->count == 1 && failure->kind == FAILURE_OF_DATA)
	{
		settling->without_texts = true;
		committed = worker_run(worker, settling_write, settling, failure);
	}
	journal_end();
	if (committed)
		settling_conclude(settling);
	return committed;
}

/* One of the batch may have broken it. */
static bool
settle_one_by_one(const Settling *settling)
{
	bool		committed = true;

	for (int i = 0; i < settling->count; i++)
	{
		Failure		failure;

		if (settle(settling_create(settling->settler, &settling->deliveries[i], 1), &failure))
			continue;
		committed = false;
		if (failure.kind == FAILURE_TRANSIENT)
			break;
	}
	return committed;
}

bool
settle_finished(Settler *settler)
{
	Settling   *settling = settling_of_finished(settler);
	Failure		failure;

	if (settling == NULL || settle(settling, &failure))
		return true;
	return settling->count > 1 && failure.kind != FAILURE_TRANSIENT &&
		settle_one_by_one(settling);
}
