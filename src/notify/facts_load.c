/*
 * facts_load.c
 *		Everything about a batch of notifications.
 *
 * Each loader reads one kind of row, by the keys that the notifications name,
 * and gives each notification its own. What most messages need is looked up
 * without a statement; what is left takes a statement for each kind of row,
 * and none if no notification of the batch needs it.
 *
 * Nothing is locked here: a claim must not wait for a caller who is changing an
 * appointment. Such a caller's change is not seen here. If it supersedes the
 * notification, the worker finds that later: it can't write the notification, or
 * finds it marked when it settles it.
 *
 * Once the budget is used up, what has been read is thrown away and half as
 * many notifications are tried.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/text.h"
#include "notify/facts_alarms.h"
#include "notify/facts_applications.h"
#include "notify/facts_appointments.h"
#include "notify/facts_batch.h"
#include "notify/facts_interrupted.h"
#include "notify/facts_link_keys.h"
#include "notify/facts_load.h"
#include "notify/facts_meeting_templates.h"
#include "notify/facts_notifications.h"
#include "notify/facts_routes.h"
#include "notify/facts_rules.h"
#include "notify/facts_snapshots.h"
#include "notify/facts_suppressions.h"
#include "notify/facts_templates.h"
#include "notify/facts_user_events.h"
#include "notify/facts_users.h"

/*
 * In this order: snapshots are read for what is not found, alarms for rules, templates by the
 * locales of recipient, user and appointment, suppressions by the address that a message goes to.
 */
static void (*const loaders[]) (Batch *batch) =
{
	load_applications,
		load_appointments,
		load_recipients,
		load_users,
		load_user_events,
		load_snapshots,
		load_rules,
		load_alarms,
		load_meeting_templates,
		load_link_keys,
		load_routes,
		load_templates,
		load_interrupted,
		load_suppressions
};

static void
load_all_but_notifications(Batch *batch)
{
	for (int i = 0; i < lengthof(loaders) && batch->notifications != NIL && !batch->is_over; i++)
		loaders[i] (batch);
}

/* Only what its own row has is kept, without context. */
static void
mark_too_large(NotificationFacts *facts)
{
	facts->is_too_large = true;
	facts->context = NULL;
	facts->application = NULL;
	facts->appointment = NULL;
	facts->recipient = NULL;
	facts->user = NULL;
	facts->user_event = NULL;
	facts->rule = NULL;
	facts->meeting_template = NULL;
	facts->route = NULL;
	facts->templates = NIL;
	facts->stored = NULL;
}

/* False if the budget is not enough for these and they are more than one: then nothing is kept. */
static bool
load_some(Batch *batch, const int64 *notification_ids, int count)
{
	MemoryContext caller = CurrentMemoryContext;

	batch->budget = FACTS_BUDGET;
	batch->context = AllocSetContextCreate(caller, "appt facts", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(batch->context);
	load_notifications(batch, notification_ids, count);
	load_all_but_notifications(batch);
	MemoryContextSwitchTo(caller);
	if (batch->is_over && count > 1)
	{
		MemoryContextDelete(batch->context);
		return false;
	}
	if (batch->is_over && batch->notifications != NIL)
		mark_too_large((NotificationFacts *) linitial(batch->notifications));
	return true;
}

static List *
load_what_fits(const int64 *notification_ids, int *count, bool is_current)
{
	for (;; *count /= 2)
	{
		Batch		batch = {.is_current = is_current};

		if (load_some(&batch, notification_ids, *count))
			return batch.notifications;
	}
}

List *
facts_load(const int64 *notification_ids, int *count)
{
	return load_what_fits(notification_ids, count, true);
}

List *
facts_load_as_seen(const int64 *notification_ids, int *count)
{
	return load_what_fits(notification_ids, count, false);
}

static NotificationFacts *
load_one(Batch *batch, int64 notification_id)
{
	(void) load_some(batch, &notification_id, 1);
	return batch->notifications == NIL ? NULL : (NotificationFacts *) linitial(batch->notifications);
}

NotificationFacts *
facts_load_one(int64 notification_id)
{
	Batch		batch = {.is_current = true};

	return load_one(&batch, notification_id);
}

NotificationFacts *
facts_load_one_as_seen(int64 notification_id)
{
	Batch		batch = {.is_current = false};

	return load_one(&batch, notification_id);
}

/* The recipient of a message that nobody planned. */
static void
set_preview_recipient(NotificationFacts *facts, const char *participant_id)
{
	static Statement find_subscription = {
		"SELECT s.id FROM appt.subscription s WHERE s.application_id = $1"
		" ORDER BY s.enabled DESC, s.created_at, s.id LIMIT 1",
		1, {UUIDOID}, true
	};

	if (channel_infos[facts->channel].route != ROUTE_SUBSCRIPTION)
	{
		facts->recipient_kind = "CUSTOMER";
		facts->recipient_id = pstrdup(participant_id);
		return;
	}
	facts->recipient_kind = "SUBSCRIBER";
	facts->recipient_id = "";
	if (statement_run(&find_subscription, UUIDPGetDatum(&facts->application_id)) > 0)
	{
		facts->subscription_id = next_uuid_or_null(ROW(0));
		facts->recipient_id = uuid_text(facts->subscription_id);
	}
}

/* A preview by webhook must name a customer, too, though its message is about the appointment. */
static bool
is_customer_of(const NotificationFacts *facts, const char *participant_id)
{
	ListCell   *cell;

	if (facts->recipient != NULL)
		return true;
	foreach(cell, facts->appointment->participants)
	{
		const ParticipantName *name = (const ParticipantName *) lfirst(cell);

		if (name->is_customer && strcmp(name->id, participant_id) == 0)
			return true;
	}
	return false;
}

NotificationFacts *
facts_of_preview(const Preview *preview)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));
	Batch		batch = {.budget = FACTS_BUDGET, .context = CurrentMemoryContext};

	facts->application_id = preview->application_id;
	facts->appointment_id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	*facts->appointment_id = preview->appointment_id;
	facts->type = preview->type;
	facts->channel = preview->channel;
	facts->time_offset = preview->time_offset;
	facts->rule_id = preview->rule_id;
	facts->due_at = preview->due_at;
	set_preview_recipient(facts, preview->participant_id);
	batch.notifications = list_make1(facts);
	load_all_but_notifications(&batch);
	if (batch.is_over)
		mark_too_large(facts);
	else if (facts->appointment == NULL || !is_customer_of(facts, preview->participant_id))
		return NULL;
	else
		facts->notifications_active = facts->appointment->notifications_active;
	return facts;
}
