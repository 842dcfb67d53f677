/*
 * due_notifications.c
 *		What waits in the queue though due, for the view notification_stats.
 *
 * The queue itself is nobody's to read: its lanes hold every tenant's. Whom
 * a policy restricts gets the entries of its applications' lanes alone, found
 * from the applications and their subscriptions; walking all the lanes there
 * are would cost it what others have waiting. (The lane of a subscription that
 * was deleted is not found then; what is due there is settled by the worker as it
 * comes to it, and sent to nobody.) An agent gets those in its scope, as the
 * policies on notification have it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"

#include "core/call.h"
#include "core/scope.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(due_notifications);

/* Of everybody: each lane is found by one probe from the one before. */
static Statement find_all = {
	"WITH RECURSIVE lane (lane) AS ("
	" (SELECT d.lane FROM appt.due d ORDER BY d.lane LIMIT 1)"
	" UNION ALL "
	" SELECT (SELECT d.lane FROM appt.due d WHERE d.lane > l.lane ORDER BY d.lane LIMIT 1)"
	" FROM lane l WHERE l.lane IS NOT NULL"
	") SELECT d.notification_id, d.due_at FROM lane l JOIN appt.due d ON d.lane = l.lane AND d.due_at <= now()",
	0, {0}, true
};

/* Of one application ($1), or of those of one organization ($2); of appointments alone ($4), and of one agent's ($3) or any. */
static Statement find_own = {
	"WITH application AS ("
	" SELECT a.id FROM appt.application a WHERE a.id = $1 OR a.organization_id = $2"
	"), lane AS ("
	" SELECT appt.lane(a.id, c.channel, NULL) AS lane"
	" FROM application a CROSS JOIN unnest('{EMAIL,SMS}'::text[]) AS c (channel)"
	" UNION "
	" SELECT appt.lane(s.application_id, 'WEBHOOK', s.id)"
	" FROM application a JOIN appt.subscription s ON s.application_id = a.id"
	") SELECT d.notification_id, d.due_at FROM lane l JOIN appt.due d ON d.lane = l.lane AND d.due_at <= now()"
	" WHERE d.application_id IN (SELECT id FROM application)"
	" AND (NOT $4 OR EXISTS (SELECT FROM appt.notification n"
	"  WHERE n.id = d.notification_id AND n.appointment_id IS NOT NULL"
	"   AND ($3 IS NULL OR n.organizer_id = $3 OR EXISTS (SELECT FROM appt.participant p"
	"    WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id"
	"     AND p.id = $3 AND p.type = 'AGENT'))))",
	4, {UUIDOID, UUIDOID, TEXTOID, BOOLOID}, true
};

static void
store_own(const Caller *caller, Tuplestorestate *rows)
{
	bool		is_admin = caller->role == CALLER_ADMIN;
	NullableDatum arguments[] = {
		sql_uuid(is_admin ? NULL : &caller->application_id),
		sql_uuid(is_admin ? &caller->organization_id : NULL),
		sql_text(scope_user(caller)),
		SQL_VALUE(BoolGetDatum(caller->role == CALLER_AGENT))
	};

	statement_store(&find_own, arguments, rows);
}

/*
 * appt.due_notifications() -> setof (notification_id bigint, due_at timestamptz)
 *
 * In the queue and due, of what the caller may read; 42501.
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
