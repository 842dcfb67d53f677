/*
 * facts_notifications.c
 *		What stands in the notifications' own rows.
 */
#include "postgres.h"

#include "notify/facts_notifications.h"

#define NOTIFICATION_COLUMNS \
	"n.id, n.type, n.channel, n.state, n.uid, n.application_id, n.appointment_id," \
	" n.recipient_kind, n.recipient_id, n.subscription_id, n.rule_id, n.time_offset, n.due_at," \
	" n.lane, n.reason, n.superseded_by, n.attempt_count, n.next_attempt_at, n.manual," \
	" n.notifications_active, n.address, n.start_at, n.end_at, n.context, n.event," \
	" n.never_told, n.expires_at, n.user_event_id, n.resent_from IS NOT NULL"

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
read_codes(NotificationFacts *facts, Row *row)
{
	char	   *type = next_text(row);
	char	   *channel = next_text(row);
	char	   *state = next_text(row);

	if (!notification_type_from_code(type, &facts->type) ||
		!channel_from_code(channel, &facts->channel) ||
		!state_from_code(state, &facts->state))
		elog(ERROR, "notification " INT64_FORMAT " has an unknown type, channel or state: %s, %s, %s",
			 facts->id, type, channel, state);
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
	read_codes(facts, row);
	facts->uid = next_uuid(row);
	facts->application_id = next_uuid(row);
	facts->appointment_id = next_uuid_or_null(row);
	facts->recipient_kind = next_text(row);
	facts->recipient_id = batch_text(batch, row);
	facts->subscription_id = next_uuid_or_null(row);
	facts->rule_id = next_int64(row);
	facts->time_offset = next_elapsed(row);
	facts->due_at = next_timestamp(row);
	facts->lane = next_int64(row);
	facts->reason = next_reason(row);
	facts->superseded_by = next_reason(row);
	facts->attempt_count = next_int32(row);
	facts->next_attempt_at = next_timestamp(row);
	facts->is_manual = next_bool(row);
	facts->notifications_active = next_bool(row);
	facts->address = batch_text(batch, row);
	facts->start_at = next_timestamp(row);
	facts->end_at = next_timestamp(row);
	take_context(batch, row, facts);
	facts->event = batch_stored(batch, row);
	facts->never_told = next_bool(row);
	facts->expires_at = next_timestamp(row);
	facts->user_event_id = next_int64(row);
	facts->is_resent = next_bool(row);
	return facts;
}

void
load_notifications(Batch *batch, const int64 *notification_ids, int count)
{
	static Statement find = {
		"SELECT " NOTIFICATION_COLUMNS " FROM appt.notification n WHERE n.id = ANY ($1) ORDER BY n.id",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);
	uint64		found;

	for (int i = 0; i < count; i++)
		column_add(ids, Int64GetDatum(notification_ids[i]));
	find.is_read_only = !batch->is_current;
	found = statement_run(&find, column_array(ids));
	for (uint64 n = 0; n < found; n++)
		batch->notifications = lappend(batch->notifications, read_notification(batch, ROW(n)));
	statement_done();
}
