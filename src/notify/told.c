/*
 * told.c
 *		Which customers no message has told of their appointment.
 *
 * A customer was never told if a CREATE was planned for it and no message has
 * reached it: the cancellation would be the first message about the appointment.
 * This is determined when the cancellation is planned, so that it costs the
 * caller and not the worker. Messages that are not sent by then are superseded,
 * so the answer does not change later. A message that is SENDING or was
 * interrupted may arrive, and counts as arrived.
 *
 * If it is not known, the customer counts as told, because a superfluous
 * cancellation does less harm than a missing one:
 *
 *	- No CREATE was planned, or the application has no enabled rule for CREATE to
 *	  customers: it tells them by other means, or they were told elsewhere before
 *	  the appointment was copied here.
 *	- The log may be incomplete: of messages that were planned longer ago than
 *	  appt.log_retention some may have been deleted.
 *	- The customer booked the appointment itself, or has joined the call.
 */
#include "postgres.h"

#include "core/row.h"
#include "core/settings.h"
#include "notify/told.h"
#include "notify/type_sets.h"

/*
 * The appointment's messages are read once and grouped. Attempts and participants
 * are looked up one by one in scalar subqueries, which the planner can't turn into
 * joins that read more.
 */
static Statement find_never_told = {
	"WITH unreached AS MATERIALIZED ("
	" SELECT n.recipient_id FROM appt.notification n"
	" WHERE n.appointment_id = $2 AND n.application_id = $1 AND n.recipient_kind = 'CUSTOMER'"
	"  AND " TYPE_IS_ONE_OF("n.type", "$3") " AND ($4::text IS NULL OR n.recipient_id = $4)"
	" GROUP BY n.recipient_id"
	" HAVING bool_or(n.type = 'CREATE') AND min(n.created_at) > $5"
	"  AND NOT bool_or(n.state IN ('SENT', 'SENDING') OR n.attempt_count > 0 AND coalesce("
	"   (SELECT bool_or(t.outcome = 'INTERRUPTED') FROM appt.attempt t WHERE t.notification_id = n.id), false))"
	") SELECT array_agg(u.recipient_id) FROM unreached u"
	" WHERE (SELECT p.verified_channel IS NULL AND p.joined_at IS NULL FROM appt.participant p"
	"   WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.id = u.recipient_id)"
	"  AND EXISTS (SELECT FROM appt.rule r WHERE r.application_id = $1 AND r.type = 'CREATE'"
	"   AND r.channel <> 'WEBHOOK' AND r.enabled)",
	5, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID}
};

NullableDatum
customers_never_told(const AppointmentKey *key, Datum telling_types,
					 const char *participant_id, TimestampTz now)
{
	TimestampTz log_begin = now - (TimestampTz) appt_log_retention * USECS_PER_MINUTE;
	NullableDatum arguments[] = {
		sql_uuid(&key->application_id),
		sql_uuid(&key->id),
		SQL_VALUE(telling_types),
		sql_text(participant_id),
		SQL_VALUE(TimestampTzGetDatum(log_begin))
	};
	NullableDatum ids;

	(void) statement_run_nullable(&find_never_told, arguments);
	ids = next_value(ROW(0));
	return ids.isnull ? SQL_NULL : SQL_VALUE(PointerGetDatum(PG_DETOAST_DATUM_COPY(ids.value)));
}
