/*
 * notification_scope.h
 *		Which notifications a caller may read and send again.
 *
 * An admin: those of its organization. Others: of those to users, their own
 * alone, whatever they are about. Of the rest, a supervisor and a client service:
 * those of their application. An agent: those of its application's appointments
 * or, where agent_scope is OWN, of the appointments that it organizes or attends
 * (to change them: that it organizes). For a deleted appointment the
 * notification's copy of the organizer counts. What a caller may not read is
 * PT404, as if it did not exist. SPI must be connected, as the owner.
 */
#ifndef APPT_NOTIFICATION_SCOPE_H
#define APPT_NOTIFICATION_SCOPE_H

#include "core/call.h"

/* The appointment of a notification. */
typedef struct NotificationScope
{
	pg_uuid_t	application_id;
	pg_uuid_t  *appointment_id; /* NULL: it has none */
} NotificationScope;

extern NotificationScope notification_in_scope(const Caller *caller, int64 id, bool attending_is_enough);
extern NotificationScope appointment_in_scope(const Caller *caller, pg_uuid_t *id);

/* PT404 unless the application exists and the caller may act in it. */
extern void require_application_in_scope(const Caller *caller, const pg_uuid_t *id);

/*
 * The condition that a notification n to a user is private to it, and one to
 * others meets `condition`; `reader` is what scope_private_user() returns.
 */
#define PRIVATE_TO_USER(reader, condition) \
	"CASE WHEN n.recipient_kind = 'USER' AND " reader "::text IS NOT NULL" \
	" THEN n.recipient_id = " reader " ELSE " condition " END"

/*
 * For other statements that look for notifications n: the condition, and its
 * arguments, which are $2 to $7 of the types UUIDOID, UUIDOID, TEXTOID, BOOLOID,
 * BOOLOID, TEXTOID.
 */
#define ROW_IN_SCOPE(row) \
	"($2::uuid IS NULL OR " row ".application_id = $2)" \
	" AND ($3::uuid IS NULL OR EXISTS (SELECT FROM appt.application o" \
	"  WHERE o.id = " row ".application_id AND o.organization_id = $3))"
#define OF_APPOINTMENT_IN_SCOPE \
	"(NOT $6 OR n.appointment_id IS NOT NULL)" \
	" AND ($4::text IS NULL" \
	"  OR EXISTS (SELECT FROM appt.appointment a" \
	"   WHERE a.application_id = n.application_id AND a.id = n.appointment_id" \
	"    AND a.organizer_id = $4 AND a.organizer_type = 'AGENT')" \
	"  OR $5 AND EXISTS (SELECT FROM appt.participant p" \
	"   WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id" \
	"    AND p.id = $4 AND p.type = 'AGENT')" \
	"  OR n.organizer_id = $4 AND NOT EXISTS (SELECT FROM appt.appointment a" \
	"   WHERE a.application_id = n.application_id AND a.id = n.appointment_id))"
#define NOTIFICATION_IN_SCOPE \
	ROW_IN_SCOPE("n") " AND " PRIVATE_TO_USER("$7", OF_APPOINTMENT_IN_SCOPE)
extern void set_notification_scope(const Caller *caller, NullableDatum *arguments, bool attending_is_enough);

/* The columns of appt.notification_details, of a notification n. */
#define NOTIFICATION_DETAILS \
	"n.id, n.uid, n.application_id, n.appointment_id, n.recipient_kind, n.recipient_id," \
	" n.subscription_id, n.rule_id, n.type, n.channel, n.time_offset, n.due_at, n.state, n.reason," \
	" n.attempt_count, n.next_attempt_at, CASE WHEN n.type <> 'CODE' THEN n.context END," \
	" n.created_at, n.settled_at"

/* The function's result: appt.notification_details of a notification. PT404. */
extern Datum notification_details(Call *call, int64 id);

#endif							/* APPT_NOTIFICATION_SCOPE_H */
