/*
 * due_notifications.c
 *		Notifications that wait in the queue although they are due, for the view
 *		notification_stats.
 *
 * A caller whom policies restrict gets the entries of its own applications' lanes,
 * which are found from the applications and their subscriptions: walking all
 * lanes would cost the caller time for other tenants' entries. (The lane of a
 * deleted subscription is not found in this way; the worker settles its entries
 * without sending them.) An agent gets the notifications in its scope, as by the
 * policies on notification.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"

#include "core/call.h"
#include "core/column.h"
#include "core/scope.h"
#include "core/statement.h"
#include "core/vocabulary.h"
#include "notify/notification_scope.h"

PG_FUNCTION_INFO_V1(due_notifications);

/* Of all tenants: each lane is found by one index probe from the one before. */
static Statement find_all = {
	"WITH RECURSIVE lane (lane) AS ("
	" (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)"
	" UNION ALL "
	" SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > l.lane ORDER BY d.lane LIMIT 1)"
	" FROM lane l WHERE l.lane IS NOT NULL"
	") SELECT d.notification_id, d.due_at FROM lane l JOIN appt.due d ON d.lane = l.lane AND d.due_at <= now()",
	0, {0}, true
};

/*
 * Of one application ($1) or an organization's ($2); $4: only those of
 * appointments, of one agent's ($3) or of any. $5 are the channels without
 * subscriptions; $6 reads notifications to users.
 */
static Statement find_own = {
	"WITH application AS ("
	" SELECT a.id FROM appt.application a WHERE a.id = $1 OR a.organization_id = $2"
	"), lane AS ("
	" SELECT appt.lane(a.id, c.channel, NULL) AS lane"
	" FROM application a CROSS JOIN unnest($5) AS c (channel)"
	" UNION "
	" SELECT appt.lane(s.application_id, 'WEBHOOK', s.id)"
	" FROM application a JOIN appt.subscription s ON s.application_id = a.id"
	") SELECT d.notification_id, d.due_at FROM lane l JOIN appt.due d ON d.lane = l.lane AND d.due_at <= now()"
	" WHERE d.application_id IN (SELECT id FROM application)"
	" AND ($6 IS NULL OR EXISTS (SELECT FROM appt.notification n"
	"  WHERE n.id = d.notification_id AND "
	PRIVATE_TO_USER("$6",
					"(NOT $4 OR n.appointment_id IS NOT NULL)"
					" AND ($3 IS NULL OR n.organizer_id = $3 OR EXISTS (SELECT FROM appt.participant p"
					"  WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id"
					"   AND p.id = $3 AND p.type = 'AGENT'))")
	"))",
	6, {UUIDOID, UUIDOID, TEXTOID, BOOLOID, TEXTARRAYOID, TEXTOID}, true
};

static Datum
channels_without_subscriptions(void)
{
	Column	   *codes = column_create(TEXTOID, CHANNELS);

	for (int channel = 0; channel < CHANNELS; channel++)
		if (channel_infos[channel].route != ROUTE_SUBSCRIPTION)
			column_add_text(codes, channel_infos[channel].code);
	return column_array(codes);
}

static void
store_own(const Caller *caller, Tuplestorestate *rows)
{
	bool		is_admin = caller->role == CALLER_ADMIN;
	NullableDatum arguments[] = {
		sql_uuid(is_admin ? NULL : &caller->application_id),
		sql_uuid(is_admin ? &caller->organization_id : NULL),
		sql_text(scope_user(caller)),
		SQL_VALUE(BoolGetDatum(caller->role == CALLER_AGENT)),
		SQL_VALUE(channels_without_subscriptions()),
		sql_text(scope_private_user(caller))
	};

	statement_store(&find_own, arguments, rows);
}

/*
 * appt.due_notifications() -> setof (notification_id bigint, due_at timestamptz)
 *
 * The notifications in the queue that are due and that the caller may read; 42501.
 */
Datum
due_notifications(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN | CALLER_MONITOR);
	if (call.caller.role == CALLER_UNRESTRICTED || call.caller.role == CALLER_MONITOR)
		statement_store(&find_all, NULL, result->setResult);
	else
		store_own(&call.caller, result->setResult);
	call_end(&call);
	return (Datum) 0;
}
