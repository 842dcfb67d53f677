/*
 * facts_notifications.c
 *		What stands in the notifications' own rows.
 */
#include "postgres.h"

#include "lib/qunique.h"

#include "core/lookup.h"
#include "notify/facts_notifications.h"

/* As read_notification reads them. */
static const LookupSource notification_source = {
	"notification", "notification_pkey", {"id"}, 29, {
		"id", "uid", "application_id", "appointment_id", "recipient_kind", "recipient_id", "subscription_id", "rule_id", "type",
		"channel", "time_offset", "due_at", "lane", "state", "reason", "superseded_by", "attempt_count", "next_attempt_at", "manual",
		"notifications_active", "never_told", "user_event_id", "expires_at", "address", "start_at", "end_at", "context", "event",
		"resent_from"
	}
};

static Reason
next_reason(Row *row)
{
	char	   *code = next_text(row);
	Reason		reason;

	if (code == NULL || !reason_from_code(code, &reason))
		return REASON_NONE;
	return reason;
}

/* The codes are those of the table's domains: only another version can have written an unknown one. */
static void
refuse_code(const NotificationFacts *facts, const char *what, const char *code)
{
	elog(ERROR, "notification " INT64_FORMAT " has an unknown %s: %s", facts->id, what, code);
}

static void
read_type_and_channel(NotificationFacts *facts, Row *row)
{
	char	   *type = next_text(row);
	char	   *channel = next_text(row);

	if (!notification_type_from_code(type, &facts->type))
		refuse_code(facts, "type", type);
	if (!channel_from_code(channel, &facts->channel))
		refuse_code(facts, "channel", channel);
}

static void
read_state(NotificationFacts *facts, Row *row)
{
	char	   *state = next_text(row);

	if (!state_from_code(state, &facts->state))
		refuse_code(facts, "state", state);
}

/*
 * What a message to a bare address is composed from, also if it is about an
 * appointment; of a deleted appointment its rows.
 */
static void
take_context(Batch *batch, Row *row, NotificationFacts *facts)
{
	if (facts->appointment_id == NULL)
	{
		facts->context = batch_jsonb(batch, row);
		return;
	}
	if (strcmp(facts->recipient_kind, "ADDRESS") == 0)
	{
		Row			again = *row;

		facts->context = batch_jsonb(batch, &again);
	}
	facts->snapshot = batch_stored(batch, row);
}

static NotificationFacts *
read_notification(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));

	facts->id = next_int64(row);
	facts->uid = next_uuid(row);
	facts->application_id = next_uuid(row);
	facts->appointment_id = next_uuid_or_null(row);
	facts->recipient_kind = next_text(row);
	facts->recipient_id = batch_text(batch, row);
	facts->subscription_id = next_uuid_or_null(row);
	facts->rule_id = next_int64(row);
	read_type_and_channel(facts, row);
	facts->time_offset = next_elapsed(row);
	facts->due_at = next_timestamp(row);
	facts->lane = next_int64(row);
	read_state(facts, row);
	facts->reason = next_reason(row);
	facts->superseded_by = next_reason(row);
	facts->attempt_count = next_int32(row);
	facts->next_attempt_at = next_timestamp(row);
	facts->is_manual = next_bool(row);
	facts->notifications_active = next_bool(row);
	facts->never_told = next_bool(row);
	facts->user_event_id = next_int64(row);
	facts->expires_at = next_timestamp(row);
	facts->address = batch_text(batch, row);
	facts->start_at = next_timestamp(row);
	facts->end_at = next_timestamp(row);
	take_context(batch, row, facts);
	facts->event = batch_stored(batch, row);
	facts->is_resent = !next_value(row).isnull;
	return facts;
}

static int
compare_ids(const void *a, const void *b)
{
	int64		one = *(const int64 *) a;
	int64		other = *(const int64 *) b;

	return one < other ? -1 : one > other;
}

static void
load_notification(Batch *batch, Lookup *notifications, int64 id)
{
	const Datum key = Int64GetDatum(id);
	Row		   *row = lookup_row(notifications, &key, 1);

	if (row != NULL)
		batch->notifications = lappend(batch->notifications, read_notification(batch, row));
}

void
load_notifications(Batch *batch, const int64 *notification_ids, int count)
{
	Lookup	   *notifications = lookup_open(&notification_source, !batch->is_current);
	int64	   *ids = (int64 *) palloc(count * sizeof(int64));

	memcpy(ids, notification_ids, count * sizeof(int64));
	qsort(ids, count, sizeof(int64), compare_ids);
	count = (int) qunique(ids, count, sizeof(int64), compare_ids);
	for (int i = 0; i < count; i++)
		load_notification(batch, notifications, ids[i]);
	lookup_end(notifications);
	pfree(ids);
}
