/*
 * cancel_message.c
 *		Withdrawing what an application asked for: a message, or what users are
 *		told of an event.
 *
 * The notification is locked, which may wait until the worker commits a claim or
 * a settling, and read as it is then. One that is SENDING is only marked, as
 * events mark it (notify/supersede.c): its transfer can't be undone.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/notification_scope.h"
#include "notify/supersede.h"

PG_FUNCTION_INFO_V1(cancel_message);

/* A notification, locked. */
typedef struct Withdrawable
{
	int64		id;
	bool		has_appointment;
	char	   *type;
	char	   *state;
	char	   *reason;			/* NULL: none */
	int64		lane;
	TimestampTz next_attempt_at;	/* 0: none */
} Withdrawable;

/* PT404: there is none, it is not the caller's, or its application is not here. */
static Withdrawable
lock_notification(const Caller *caller, int64 id)
{
	static Statement lock = {
		"SELECT n.appointment_id IS NOT NULL, n.type, n.state, n.reason, n.lane, n.next_attempt_at"
		" FROM appt.notification n JOIN appt.application a ON a.id = n.application_id"
		" WHERE n.id = $1 AND ($2::uuid IS NULL OR n.application_id = $2) FOR UPDATE OF n" KEEP_APPLICATION,
		2, {INT8OID, UUIDOID}
	};
	const NullableDatum arguments[] = {
		SQL_VALUE(Int64GetDatum(id)),
		sql_uuid(caller->role == CALLER_UNRESTRICTED ? NULL : &caller->application_id)
	};
	Withdrawable notification = {.id = id};
	Row		   *row;

	if (statement_run_nullable(&lock, arguments) == 0)
		report_text_not_found("notification", psprintf(INT64_FORMAT, id));
	row = ROW(0);
	notification.has_appointment = next_bool(row);
	notification.type = next_text(row);
	notification.state = next_text(row);
	notification.reason = next_text(row);
	notification.lane = next_int64(row);
	notification.next_attempt_at = next_timestamp(row);
	return notification;
}

/* Did a call of send_message or notify_users ask for it? */
static bool
is_asked_for(const char *code)
{
	NotificationType type;

	return notification_type_from_code(code, &type) &&
		(notification_types[type].is_told_by_callers || notification_types[type].audience == AUDIENCE_NAMED);
}

static void
require_asked_for(const Withdrawable *notification)
{
	if (notification->has_appointment)
		ereport(ERROR,
				(errcode(ERRCODE_APPT_CONFLICT),
				 errmsg("the notification belongs to an appointment"),
				 errdetail("Notification " INT64_FORMAT " is sent because of what happens to an appointment.", notification->id),
				 errhint("Cancel or change the appointment, or switch off the rule or the preference.")));
	if (!is_asked_for(notification->type))
		report_conflict("appt planned the notification itself", "Notification " INT64_FORMAT " has the type %s.",
						notification->id, notification->type);
}

/* The row in the queue has the key that was read under the lock. */
static void
withdraw(const Withdrawable *notification)
{
	static Statement withdraw = {
		"WITH queued AS ("
		" DELETE FROM appt.due WHERE lane = $2 AND due_at = $3 AND notification_id = $1"
		") UPDATE appt.notification SET " SET_CANCELLED("'WITHDRAWN'") " WHERE id = $1",
		3, {INT8OID, INT8OID, TIMESTAMPTZOID}
	};

	(void) statement_run(&withdraw, Int64GetDatum(notification->id), Int64GetDatum(notification->lane),
						 TimestampTzGetDatum(notification->next_attempt_at));
}

static void
mark_withdrawn(const Withdrawable *notification)
{
	static Statement mark = {
		"UPDATE appt.notification SET superseded_by = 'WITHDRAWN' WHERE id = $1 AND superseded_by IS NULL",
		1, {INT8OID}
	};

	(void) statement_run(&mark, Int64GetDatum(notification->id));
}

static void
withdraw_or_mark(const Withdrawable *notification)
{
	NotificationState state = STATE_PENDING;

	(void) state_from_code(notification->state, &state);
	switch (state)
	{
		case STATE_PENDING:
		case STATE_RETRYING:
			withdraw(notification);
			break;
		case STATE_SENDING:
			mark_withdrawn(notification);
			break;
		default:
			if (notification->reason == NULL || strcmp(notification->reason, reason_code(REASON_WITHDRAWN)) != 0)
				report_conflict("the notification is settled", "Notification " INT64_FORMAT " is %s.",
								notification->id, notification->state);
	}
}

/*
 * appt.cancel_message(notification_id bigint) -> appt.notification_details
 *
 * What has not left yet is CANCELLED, WITHDRAWN. What is being sent stays SENDING
 * and is not tried again. One that was withdrawn before is returned as it is.
 * PT404: no such notification. PT409: it is settled, or was not planned by
 * send_message or notify_users. Source: people.md, section 2.
 */
Datum
cancel_message(PG_FUNCTION_ARGS)
{
	Withdrawable notification;
	Datum		details;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 1);
	notification = lock_notification(&call.caller, PG_GETARG_INT64(0));
	require_asked_for(&notification);
	withdraw_or_mark(&notification);
	details = notification_details(&call, notification.id);
	call_end(&call);
	return details;
}
