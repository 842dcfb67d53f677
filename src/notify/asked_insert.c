/*
 * asked_insert.c
 *		Planning messages that somebody asks for.
 *
 * All that their rows have is known by then, so they are inserted without a
 * statement: a user who sends one message would wait longer for the statement to
 * start than for its rows. What is inserted is what INSERT_NOTIFICATIONS
 * (notify/notification_insert.h) inserts, with the defaults of the tables.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/call.h"
#include "core/log_changes.h"
#include "core/random.h"
#include "core/table_write.h"
#include "core/wake.h"
#include "notify/asked_insert.h"
#include "notify/lane.h"

TimestampTz
asked_expiry(NotificationType type, TimestampTz start_at)
{
	return notification_types[type].window_rule == WINDOW_AFTER_DUE_BEFORE_START ? start_at - 1 : 0;
}

/* ---- notifications ---- */

/* Columns of a new notification; all others are NULL. */
enum
{
	ID, UID, APPLICATION_ID, APPOINTMENT_ID, RECIPIENT_KIND, RECIPIENT_ID, RULE_ID, TYPE, CHANNEL, TIME_OFFSET, DUE_AT,
	LANE, STATE, ATTEMPT_COUNT, NEXT_ATTEMPT_AT, MANUAL, NOTIFICATIONS_ACTIVE, NEVER_TOLD, EXPIRES_AT, ADDRESS, TITLE,
	START_AT, END_AT, ORGANIZER_ID, CREATED_AT
};
#define NOTIFICATION_COLUMNS (CREATED_AT + 1)

static const char *const notification_columns[NOTIFICATION_COLUMNS] = {
	[ID] = "id",
	[UID] = "uid",
	[APPLICATION_ID] = "application_id",
	[APPOINTMENT_ID] = "appointment_id",
	[RECIPIENT_KIND] = "recipient_kind",
	[RECIPIENT_ID] = "recipient_id",
	[RULE_ID] = "rule_id",
	[TYPE] = "type",
	[CHANNEL] = "channel",
	[TIME_OFFSET] = "time_offset",
	[DUE_AT] = "due_at",
	[LANE] = "lane",
	[STATE] = "state",
	[ATTEMPT_COUNT] = "attempt_count",
	[NEXT_ATTEMPT_AT] = "next_attempt_at",
	[MANUAL] = "manual",
	[NOTIFICATIONS_ACTIVE] = "notifications_active",
	[NEVER_TOLD] = "never_told",
	[EXPIRES_AT] = "expires_at",
	[ADDRESS] = "address",
	[TITLE] = "title",
	[START_AT] = "start_at",
	[END_AT] = "end_at",
	[ORGANIZER_ID] = "organizer_id",
	[CREATED_AT] = "created_at"
};

typedef struct NewNotification
{
	NullableDatum values[NOTIFICATION_COLUMNS];
} NewNotification;

/* The same for all messages. */
static void
set_common(NewNotification *row, const AppointmentFacts *appointment, const AskedMessages *asked)
{
	NullableDatum *values = row->values;

	for (int i = 0; i < NOTIFICATION_COLUMNS; i++)
		values[i] = SQL_NULL;
	values[APPLICATION_ID] = sql_uuid(&appointment->application_id);
	values[APPOINTMENT_ID] = sql_uuid(&appointment->id);
	values[RECIPIENT_KIND] = sql_text("CUSTOMER");
	values[TYPE] = sql_text(notification_types[asked->type].code);
	values[DUE_AT] = values[NEXT_ATTEMPT_AT] = SQL_VALUE(TimestampTzGetDatum(asked->now));
	values[STATE] = sql_text("PENDING");
	values[ATTEMPT_COUNT] = SQL_VALUE(Int32GetDatum(0));
	values[MANUAL] = values[NEVER_TOLD] = SQL_VALUE(BoolGetDatum(false));
	values[NOTIFICATIONS_ACTIVE] = SQL_VALUE(BoolGetDatum(appointment->notifications_active));
	values[EXPIRES_AT] = sql_time(asked_expiry(asked->type, appointment->start_at));
	values[TITLE] = sql_text(appointment->title);
	values[START_AT] = SQL_VALUE(TimestampTzGetDatum(appointment->start_at));
	values[END_AT] = SQL_VALUE(TimestampTzGetDatum(appointment->end_at));
	if (strcmp(appointment->organizer_type, "AGENT") == 0)
		values[ORGANIZER_ID] = sql_text(appointment->organizer_id);
	values[CREATED_AT] = SQL_VALUE(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
}

/* A message's own. */
static void
set_own(NewNotification *row, int64 id, const AskedMessage *message)
{
	NullableDatum *values = row->values;
	pg_uuid_t  *uid = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

	*uid = random_uuid();
	values[ID] = SQL_VALUE(Int64GetDatum(id));
	values[UID] = sql_uuid(uid);
	values[RECIPIENT_ID] = sql_text(message->recipient->id);
	values[RULE_ID] = SQL_VALUE(Int64GetDatum(message->rule_id));
	values[CHANNEL] = sql_text(channel_code(message->channel));
	values[TIME_OFFSET] = SQL_VALUE(IntervalPGetDatum(message->interval));
	values[LANE] = SQL_VALUE(Int64GetDatum(lane_of_channel(DatumGetUUIDP(values[APPLICATION_ID].value), message->channel)));
	values[ADDRESS] = sql_text(message->channel == CHANNEL_EMAIL ? message->recipient->email : message->recipient->phone);
}

/* Insert those that are new into appt.notification; returns how many these are. */
static int
insert_notifications(const NewNotification *common, const List *messages, NewNotification *rows)
{
	TableWriter *notifications = table_insert_begin("notification", notification_columns, NOTIFICATION_COLUMNS);
	int			count = 0;
	ListCell   *cell;

	foreach(cell, messages)
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);

		if (message->same_id != 0)
			continue;
		rows[count] = *common;
		set_own(&rows[count], table_next_id(notifications), message);
		table_add(notifications, rows[count++].values, NULL);
	}
	table_write_end(notifications);
	return count;
}

/* ---- the queue ---- */

/* Columns of appt.due, and the columns of the notification that they are equal to. */
static const char *const due_columns[] = {"lane", "due_at", "notification_id", "application_id", "first_due_at"};
static const int due_sources[] = {LANE, DUE_AT, ID, APPLICATION_ID, DUE_AT};

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
		wake_on_commit(DatumGetInt64(rows[n].values[LANE].value), DatumGetTimestampTz(rows[n].values[DUE_AT].value));
	}
	table_write_end(entries);
}

/* ---- the result ---- */

/* Columns of appt.notification_details, in their order, as columns of the table. */
#define NONE (-1)
static const int detail_columns[] = {
	ID, UID, APPLICATION_ID, APPOINTMENT_ID, RECIPIENT_KIND, RECIPIENT_ID, NONE /* subscription_id */ , RULE_ID, TYPE, CHANNEL,
	TIME_OFFSET, DUE_AT, STATE, NONE /* reason */ , ATTEMPT_COUNT, NEXT_ATTEMPT_AT, NONE /* context */ , CREATED_AT,
	NONE						/* settled_at */
};

static void
add_details(const NewNotification *row, ReturnSetInfo *result)
{
	NullableDatum values[lengthof(detail_columns)];

	for (int i = 0; i < lengthof(detail_columns); i++)
		values[i] = detail_columns[i] == NONE ? SQL_NULL : row->values[detail_columns[i]];
	tuplestore_puttuple(result->setResult, tuple_of(result->setDesc, values, lengthof(detail_columns)));
}

/* ---- planning ---- */

void
plan_asked(const AppointmentFacts *appointment, const AskedMessages *asked, const List *messages, ReturnSetInfo *result)
{
	NewNotification common;
	NewNotification *rows = (NewNotification *) palloc(list_length(messages) * sizeof(NewNotification));
	int			count;

	set_common(&common, appointment, asked);
	count = insert_notifications(&common, messages, rows);
	if (count == 0)
		return;
	insert_entries(rows, count);
	log_changes_on_commit(&appointment->application_id);
	for (int n = 0; result != NULL && n < count; n++)
		add_details(&rows[n], result);
}
