/*
 * new_notifications.c
 *		Inserting notifications without a statement.
 *
 * What is inserted is what INSERT_NOTIFICATIONS (notification_insert.h) inserts,
 * with the defaults of the tables.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/random.h"
#include "core/table_write.h"
#include "core/wake.h"
#include "notify/new_notifications.h"

static const char *const columns[NEW_COLUMNS] = {
	[NEW_ID] = "id",
	[NEW_UID] = "uid",
	[NEW_APPLICATION_ID] = "application_id",
	[NEW_APPOINTMENT_ID] = "appointment_id",
	[NEW_RECIPIENT_KIND] = "recipient_kind",
	[NEW_RECIPIENT_ID] = "recipient_id",
	[NEW_SUBSCRIPTION_ID] = "subscription_id",
	[NEW_RULE_ID] = "rule_id",
	[NEW_TYPE] = "type",
	[NEW_CHANNEL] = "channel",
	[NEW_TIME_OFFSET] = "time_offset",
	[NEW_DUE_AT] = "due_at",
	[NEW_LANE] = "lane",
	[NEW_STATE] = "state",
	[NEW_ATTEMPT_COUNT] = "attempt_count",
	[NEW_NEXT_ATTEMPT_AT] = "next_attempt_at",
	[NEW_MANUAL] = "manual",
	[NEW_NOTIFICATIONS_ACTIVE] = "notifications_active",
	[NEW_NEVER_TOLD] = "never_told",
	[NEW_EXPIRES_AT] = "expires_at",
	[NEW_ADDRESS] = "address",
	[NEW_TITLE] = "title",
	[NEW_START_AT] = "start_at",
	[NEW_END_AT] = "end_at",
	[NEW_ORGANIZER_ID] = "organizer_id",
	[NEW_EVENT] = "event",
	[NEW_CREATED_AT] = "created_at"
};

void
new_notification_init(NewNotification *row)
{
	NullableDatum *values = row->values;

	for (int i = 0; i < NEW_COLUMNS; i++)
		values[i] = SQL_NULL;
	values[NEW_STATE] = sql_text("PENDING");
	values[NEW_ATTEMPT_COUNT] = SQL_VALUE(Int32GetDatum(0));
	values[NEW_MANUAL] = values[NEW_NEVER_TOLD] = SQL_VALUE(BoolGetDatum(false));
	values[NEW_NOTIFICATIONS_ACTIVE] = SQL_VALUE(BoolGetDatum(true));
	values[NEW_CREATED_AT] = SQL_VALUE(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
}

static void
insert_rows(NewNotification *rows, int count)
{
	TableWriter *notifications = table_insert_begin("notification", columns, NEW_COLUMNS);

	for (int n = 0; n < count; n++)
	{
		NullableDatum *values = rows[n].values;
		pg_uuid_t  *uid = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

		*uid = random_uuid();
		values[NEW_ID] = SQL_VALUE(Int64GetDatum(table_next_id(notifications)));
		values[NEW_UID] = sql_uuid(uid);
		values[NEW_NEXT_ATTEMPT_AT] = values[NEW_DUE_AT];
		table_add(notifications, values, NULL);
	}
	table_write_end(notifications);
}

/* Columns of appt.due, and the columns of the notification that they are equal to. */
static const char *const due_columns[] = {"lane", "due_at", "notification_id", "application_id", "first_due_at"};
static const int due_sources[] = {NEW_LANE, NEW_DUE_AT, NEW_ID, NEW_APPLICATION_ID, NEW_DUE_AT};

static void
insert_entries(const NewNotification *rows, int count)
{
	TableWriter *entries = table_insert_begin("due", due_columns, lengthof(due_columns));

	for (int n = 0; n < count; n++)
	{
		NullableDatum values[lengthof(due_columns)];

		for (int i = 0; i < lengthof(due_columns); i++)
			values[i] = rows[n].values[due_sources[i]];
		table_add(entries, values, NULL);
		wake_on_commit(DatumGetInt64(values[0].value), DatumGetTimestampTz(values[1].value));
	}
	table_write_end(entries);
}

void
new_notifications_insert(NewNotification *rows, int count)
{
	if (count == 0)
		return;
	insert_rows(rows, count);
	insert_entries(rows, count);
}
