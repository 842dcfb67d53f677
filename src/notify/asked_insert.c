/*
 * asked_insert.c
 *		Planning messages that somebody asks for.
 *
 * All that their rows have is known by then, so they are inserted without a
 * statement: a user who sends one message would wait longer for the statement to
 * start than for its rows (new_notifications.h).
 */
#include "postgres.h"

#include "core/call.h"
#include "core/log_changes.h"
#include "notify/asked_insert.h"
#include "notify/lane.h"
#include "notify/new_notifications.h"

TimestampTz
asked_expiry(NotificationType type, TimestampTz start_at)
{
	return notification_types[type].window_rule == WINDOW_AFTER_DUE_BEFORE_START ? start_at - 1 : 0;
}

/* The same for all messages. */
static void
set_common(NewNotification *row, const AppointmentFacts *appointment, const AskedMessages *asked)
{
	NullableDatum *values = row->values;

	new_notification_init(row);
	values[NEW_APPLICATION_ID] = sql_uuid(&appointment->application_id);
	values[NEW_APPOINTMENT_ID] = sql_uuid(&appointment->id);
	values[NEW_RECIPIENT_KIND] = sql_text("CUSTOMER");
	values[NEW_TYPE] = sql_text(notification_types[asked->type].code);
	values[NEW_DUE_AT] = SQL_VALUE(TimestampTzGetDatum(asked->now));
	values[NEW_NOTIFICATIONS_ACTIVE] = SQL_VALUE(BoolGetDatum(appointment->notifications_active));
	values[NEW_EXPIRES_AT] = sql_time(asked_expiry(asked->type, appointment->start_at));
	values[NEW_TITLE] = sql_text(appointment->title);
	values[NEW_START_AT] = SQL_VALUE(TimestampTzGetDatum(appointment->start_at));
	values[NEW_END_AT] = SQL_VALUE(TimestampTzGetDatum(appointment->end_at));
	if (strcmp(appointment->organizer_type, "AGENT") == 0)
		values[NEW_ORGANIZER_ID] = sql_text(appointment->organizer_id);
}

/* A message's own. */
static void
set_own(NewNotification *row, const AskedMessage *message)
{
	NullableDatum *values = row->values;

	values[NEW_RECIPIENT_ID] = sql_text(message->recipient->id);
	values[NEW_RULE_ID] = SQL_VALUE(Int64GetDatum(message->rule_id));
	values[NEW_CHANNEL] = sql_text(channel_code(message->channel));
	values[NEW_TIME_OFFSET] = SQL_VALUE(IntervalPGetDatum(message->interval));
	values[NEW_LANE] = SQL_VALUE(Int64GetDatum(lane_of_channel(DatumGetUUIDP(values[NEW_APPLICATION_ID].value), message->channel)));
	values[NEW_ADDRESS] = sql_text(message->channel == CHANNEL_EMAIL ? message->recipient->email : message->recipient->phone);
}

/* ---- the result ---- */

/* Columns of appt.notification_details, in their order, as columns of the table. */
#define NONE (-1)
static const int detail_columns[] = {
	NEW_ID, NEW_UID, NEW_APPLICATION_ID, NEW_APPOINTMENT_ID, NEW_RECIPIENT_KIND, NEW_RECIPIENT_ID, NEW_SUBSCRIPTION_ID,
	NEW_RULE_ID, NEW_TYPE, NEW_CHANNEL, NEW_TIME_OFFSET, NEW_DUE_AT, NEW_STATE, NONE /* reason */ , NEW_ATTEMPT_COUNT,
	NEW_NEXT_ATTEMPT_AT, NONE /* context */ , NEW_CREATED_AT, NONE	/* settled_at */
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
	int			count = 0;
	ListCell   *cell;

	set_common(&common, appointment, asked);
	foreach(cell, messages)
	{
		const AskedMessage *message = (const AskedMessage *) lfirst(cell);

		if (message->same_id != 0)
			continue;
		rows[count] = common;
		set_own(&rows[count++], message);
	}
	if (count == 0)
		return;
	new_notifications_insert(rows, count);
	log_changes_on_commit(&appointment->application_id);
	for (int n = 0; result != NULL && n < count; n++)
		add_details(&rows[n], result);
}
