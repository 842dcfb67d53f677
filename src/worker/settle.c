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
 * that a caller has locked (to supersede it, say), or whose attempt or row in
 * appt.due is locked, is left for the next time. If the transaction fails (a full disk, a claim that failed), the outcomes stay in
 * memory and are settled without a claim. If the process dies before that,
 * recover.c closes their attempts as INTERRUPTED.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "core/log_changes.h"
#include "core/settings.h"
#include "core/text.h"
#include "fairness/lanes.h"
#include "schedule/invitations.h"
#include "worker/attempt_ends.h"
#include "worker/guard.h"
#include "worker/journal.h"
#include "worker/notification_rows.h"
#include "worker/queue.h"
#include "worker/settle.h"
#include "worker/suspects.h"

/* Unsettled deliveries of a worker at most, in multiples of its slots. */
#define UNSETTLED_FACTOR 4

struct Settling
{
	Settler    *settler;
	TimestampTz now;
	Delivery  **deliveries;		/* by notification_id, as their rows mostly
								 * lie */
	int			count;
	Decision   *decisions;		/* for each delivery */
	QueueChanges queue;			/* of what this transaction settles */
	bool	   *is_written;		/* this transaction settles it, or it is not
								 * SENDING any more: only its attempt is
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

int
settler_room(const Settler *settler)
{
	return UNSETTLED_FACTOR * appt_max_concurrency - settler->finished_count;
}

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

/* It returns to the queue, where its row stays. */
static bool
is_put_back(const Delivery *delivery, const Decision *decision)
{
	return delivery->is_untried && decision->verdict == VERDICT_WAIT;
}

/* ---- writing ---- */

static void
put_back(NotificationRow *row, const Delivery *delivery)
{
	row->state = delivery->state;
	row->reason = delivery->reason;
	row->worker_slot = 0;
	row->next_attempt_at = delivery->key.due_at;
}

static void
conclude_row(NotificationRow *row, const Decision *decision, TimestampTz now)
{
	bool		is_retried = decision->state == STATE_RETRYING;

	row->state = decision->state;
	row->reason = decision->reason;
	row->is_manual = false;
	row->worker_slot = 0;
	/* SENT keeps the mark, so that it can't be sent again by hand. */
	if (decision->state != STATE_SENT)
		row->superseded_by = REASON_NONE;
	row->next_attempt_at = is_retried ? decision->until : 0;
	row->settled_at = is_retried ? 0 : now;
}

static void
note_in_queue(QueueChanges *queue, const QueueKey *key, const Decision *decision, bool has_context)
{
	if (decision->state == STATE_RETRYING)
		queue_move(queue, key, decision->until);
	else
		queue_delete(queue, key, has_context);
}

/* Decide on a notification and write it, unless another transaction has locked it. Nothing else of it is written before. */
static void
settle_one(Settling *settling, NotificationRows *rows, int index)
{
	Delivery   *delivery = settling->deliveries[index];
	QueueKey   *key = &delivery->key;
	Decision   *decision = &settling->decisions[index];
	NotificationRow row;
	FoundRow	found = notification_rows_find(rows, key->notification_id, &key->notification_place, &row);
	bool		is_gone = found == ROW_NONE || (found == ROW_FREE && row.state != STATE_SENDING);

	settling->is_written[index] = is_gone;
	if (found != ROW_FREE || is_gone)
		return;
	*decision = decide(delivery, row.superseded_by, settling->now);
	if (delivery->is_untried)
		row.attempt_count--;
	if (is_put_back(delivery, decision))
		put_back(&row, delivery);
	else
		conclude_row(&row, decision, settling->now);
	settling->is_written[index] = notification_rows_write(rows, &row, &key->notification_place);
	if (settling->is_written[index] && !is_put_back(delivery, decision))
		note_in_queue(&settling->queue, key, decision, row.has_context);
}

/* Of which deliveries are the attempt and the row in appt.due not locked? */
static void
look_for_locks(const Settling *settling, bool *is_free)
{
	TableWriter *attempts = table_look_begin("attempt");
	TableWriter *queue = table_look_begin("due");

	for (int i = 0; i < settling->count; i++)
	{
		const Delivery *delivery = settling->deliveries[i];

		is_free[i] = attempt_is_free(attempts, delivery) && queue_row_is_free(queue, &delivery->key);
	}
	table_write_end(queue);
	table_write_end(attempts);
}

static void
write_notifications(Settling *settling)
{
	bool	   *is_free = (bool *) palloc(settling->count * sizeof(bool));
	NotificationRows *rows;

	look_for_locks(settling, is_free);
	rows = notification_rows_open();
	for (int i = 0; i < settling->count; i++)
		if (is_free[i])
			settle_one(settling, rows, i);
	notification_rows_close(rows);
	pfree(is_free);
}

static void
write_attempts(const Settling *settling)
{
	List	   *closed = NIL;
	List	   *dropped = NIL;

	for (int i = 0; i < settling->count; i++)
	{
		Delivery   *delivery = settling->deliveries[i];

		if (!settling->is_written[i])
			continue;
		if (delivery->is_untried)
			dropped = lappend(dropped, delivery);
		else
			closed = lappend(closed, delivery);
	}
	attempts_close(closed, settling->without_texts);
	attempts_drop(dropped);
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
	/* Nothing is decided on those that are gone. */
	memset(settling->decisions, 0, settling->count * sizeof(Decision));
	settling->queue = (QueueChanges) {NIL};
	write_notifications(settling);
	write_attempts(settling);
	queue_write(&settling->queue);
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
	lane_settle(&delivery->flight);
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
	settling->decisions = (Decision *) palloc(count * sizeof(Decision));
	settling->is_written = (bool *) palloc(count * sizeof(bool));
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
