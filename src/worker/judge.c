/*
 * judge.c
 *		Decides what becomes of the candidates of a claim: composed and sent,
 *		delivered at once, settled, postponed, or left.
 *
 * The decision is the same pure function that notification_eligibility calls.
 *
 * Memory is bounded whatever tenants store: as many facts are loaded at once as
 * their budget allows, and they are freed before the next are loaded. The claim
 * ends when it has composed enough; the candidates that it has not come to are
 * left for the next one.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/log_changes.h"
#include "notify/eligibility.h"
#include "notify/facts_load.h"
#include "notify/recipient.h"
#include "schedule/activate.h"
#include "worker/delivery.h"
#include "worker/judge.h"
#include "worker/local_messages.h"

/* Bytes that one claim composes. */
#define CLAIM_BYTES (4 * 1024 * 1024)

/* So often one claim loads facts: each load has a budget, and others wait meanwhile. */
#define CLAIM_LOADS 4

/* A ROOM message comes back after this time, when its appointment has been activated. */
#define ACTIVATION_RETRY USECS_PER_SEC

/* Does sending this message first activate the appointment (application.room_activates)? */
static bool
must_activate(const NotificationFacts *facts)
{
	return notification_types[facts->type].has_join_link && facts->appointment != NULL &&
		strcmp(facts->appointment->state, "SCHEDULED") == 0;
}

static void
activate_first(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	MemoryContext previous = MemoryContextSwitchTo(judgement->staging);
	AppointmentKey *key = (AppointmentKey *) palloc(sizeof(AppointmentKey));

	key->application_id = facts->application_id;
	key->id = *facts->appointment_id;
	key->has_meeting_template = (facts->appointment->meeting_template_id != NULL);
	judgement->to_activate = lappend(judgement->to_activate, key);
	MemoryContextSwitchTo(previous);
	unsent_postpone(judgement->unsent, &candidate->key, judgement->now + ACTIVATION_RETRY);
}

static void
add_delivery(Judgement *judgement, Delivery *delivery)
{
	MemoryContext previous = MemoryContextSwitchTo(judgement->staging);

	flight_memory_take(judgement->flight_memory, delivery->context, &delivery->application_id,
					   delivery->bytes);
	judgement->composed += MemoryContextMemAllocated(delivery->context, true);
	judgement->sending = lappend(judgement->sending, delivery);
	MemoryContextSwitchTo(previous);
}

/* It could not be composed. */
static void
refuse(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate,
	   Reason reason, const char *error)
{
	unsent_settle(judgement->unsent, &candidate->key,
				  facts->attempt_count > 0 ? STATE_FAILED : STATE_SKIPPED, reason, error);
}

/* So are the others of its lane, until it is looked at again. */
static void
leave_and_hold(const Candidate *candidate)
{
	candidate->quota->is_held = true;
	candidate_leave(candidate);
}

static void
send_or_skip(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	Reason		reason = REASON_BAD_CONFIGURATION;
	char	   *error = NULL;
	Delivery   *delivery = delivery_compose(judgement->staging, facts, &candidate->key,
											judgement->now, &reason, &error);

	if (delivery == NULL)
		refuse(judgement, facts, candidate, reason, error);
	else if (flight_memory_admits(judgement->flight_memory, &facts->application_id, delivery->bytes))
		add_delivery(judgement, delivery);
	else
	{
		MemoryContextDelete(delivery->context);
		leave_and_hold(candidate);
	}
}

/* It needs no transfer. */
static void
deliver_or_skip(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	Reason		reason = REASON_BAD_CONFIGURATION;
	char	   *error = NULL;
	MemoryContext previous = MemoryContextSwitchTo(judgement->staging);
	LocalMessage *message = local_message_compose(facts, &candidate->key, judgement->now, &reason, &error);

	if (message != NULL)
	{
		judgement->local = lappend(judgement->local, message);
		judgement->composed += local_message_bytes(message);
	}
	MemoryContextSwitchTo(previous);
	if (message == NULL)
		refuse(judgement, facts, candidate, reason, error);
}

/*
 * No slot is reserved for a message of a local lane. If its provider has changed
 * since the lane was refreshed, the message stays for a claim after the next refresh.
 */
static void
deliver_or_send(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	if (is_local_message(facts))
		deliver_or_skip(judgement, facts, candidate);
	else if (!candidate->quota->lane->is_local)
		send_or_skip(judgement, facts, candidate);
	else
		leave_and_hold(candidate);
}

static void
judge(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	EligibilityInput input = eligibility_input(facts);
	Decision	decision = eligibility_decide(&input, judgement->now);

	log_changes_on_commit(&facts->application_id);
	switch (decision.verdict)
	{
		case VERDICT_SETTLE:
			unsent_settle(judgement->unsent, &candidate->key, decision.state, decision.reason, NULL);
			break;
		case VERDICT_WAIT:
			unsent_postpone(judgement->unsent, &candidate->key, decision.until);
			break;
		case VERDICT_SEND:
			if (must_activate(facts))
				activate_first(judgement, facts, candidate);
			else
				deliver_or_send(judgement, facts, candidate);
			break;
	}
}

static void
judge_or_leave(Judgement *judgement, const NotificationFacts *facts, const Candidate *candidate)
{
	if (candidate->quota->is_held || judgement->composed >= CLAIM_BYTES)
		candidate_leave(candidate);
	else if (facts->application != NULL && facts->application->is_held)
		leave_and_hold(candidate);
	else
		judge(judgement, facts, candidate);
}

/* Judge as many of these as can be loaded at once; returns how many. */
static int
judge_some(Judgement *judgement, const Candidate *candidates, int count)
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
		const Candidate *candidate = candidate_find(candidates, count, facts->id);

		if (candidate != NULL)
			judge_or_leave(judgement, facts, candidate);
	}
	MemoryContextDelete(facts_context);
	pfree(ids);
	return count;
}

void
judge_candidates(Judgement *judgement, const Candidates *candidates)
{
	int			at_once = candidates->count;
	int			done = 0;

	for (int loads = 0; loads < CLAIM_LOADS && done < candidates->count; loads++)
	{
		at_once = judge_some(judgement, &candidates->all[done], Min(at_once, candidates->count - done));
		done += at_once;
	}
	for (; done < candidates->count; done++)
		candidate_leave(&candidates->all[done]);
}
