/*
 * supersede.c
 *		Cancels the notifications that an event in an appointment's life
 *		supersedes.
 *
 * Superseding takes two statements. The first locks the rows, in the order of
 * their ids, and may wait until the worker commits a claim or a settling. The
 * second has a later snapshot, which sees what the worker wrote, such as the key
 * of a row in the queue. A notification that is SENDING is only marked: its
 * transfer can't be undone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/log_changes.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/supersede.h"
#include "notify/type_sets.h"

/* What an event may supersede. FAILED is included because somebody may just be retrying it by hand. */
#define MAY_BE_SUPERSEDED "state IN ('PENDING', 'RETRYING', 'SENDING', 'FAILED')"

/* The notifications of the appointment, of the types $3, to the participant $4, or to users other than $5, or to recipients of the kind $6. */
#define OF_THESE \
	"appointment_id = $2 AND application_id = $1 AND " TYPE_IS_ONE_OF("type", "$3") \
	" AND ($4::text IS NULL OR (recipient_kind IN ('CUSTOMER', 'USER') AND recipient_id = $4))" \
	" AND ($5::text IS NULL OR (recipient_kind = 'USER' AND recipient_id <> $5))" \
	" AND ($6::text IS NULL OR recipient_kind = $6)"

bool
lock_unsettled(const AppointmentKey *key, TypeSet types, const Superseded *whose)
{
	static Statement lock = {
		"SELECT id FROM appt.notification WHERE " OF_THESE " AND " MAY_BE_SUPERSEDED " ORDER BY id FOR UPDATE",
		6, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		SQL_VALUE(type_codes(types)),
		sql_text(whose->participant_id),
		sql_text(whose->kept_user_id),
		sql_text(whose->recipient_kind)
	};

	return statement_run_nullable(&lock, arguments) > 0;
}

/* An earlier mark stays: it names the first event. */
static void
cancel_unsettled(const AppointmentKey *key, SupersedingEvent event, const Superseded *whose)
{
	static Statement cancel = {
		"WITH superseded AS MATERIALIZED ("
		" SELECT id, state, lane, next_attempt_at FROM appt.notification"
		" WHERE " OF_THESE " AND state IN ('PENDING', 'RETRYING', 'SENDING')"
		"), cancelled AS ("
		" UPDATE appt.notification n SET " SET_CANCELLED("$7")
		" FROM superseded o WHERE n.id = o.id AND o.state <> 'SENDING'"
		"), marked AS ("
		" UPDATE appt.notification n SET superseded_by = coalesce(n.superseded_by, $7)"
		" FROM superseded o WHERE n.id = o.id AND o.state = 'SENDING'"
		") DELETE FROM appt.due d USING superseded o"
		" WHERE o.state <> 'SENDING' AND d.lane = o.lane AND d.due_at = o.next_attempt_at"
		"  AND d.notification_id = o.id",
		7, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&key->application_id)),
		SQL_VALUE(UUIDPGetDatum(&key->id)),
		SQL_VALUE(type_codes(types_superseded_by(event))),
		sql_text(whose->participant_id),
		sql_text(whose->kept_user_id),
		sql_text(whose->recipient_kind),
		sql_text(reason_code(superseding_reason(event)))
	};

	log_changes_on_commit(&key->application_id);
	(void) statement_run_nullable(&cancel, arguments);
}

void
supersede(const AppointmentKey *key, SupersedingEvent event, const Superseded *whose)
{
	if (lock_unsettled(key, types_superseded_by(event), whose))
		cancel_unsettled(key, event, whose);
}

void
mark_settled(const AppointmentKey *key, SupersedingEvent event)
{
	static Statement mark = {
		"WITH settled AS MATERIALIZED ("
		" SELECT id FROM appt.notification"
		" WHERE appointment_id = $2 AND application_id = $1 AND " TYPE_IS_ONE_OF("type", "$3")
		"  AND state IN ('FAILED', 'SENT', 'MISSED', 'SUPPRESSED') AND superseded_by IS NULL"
		" ORDER BY id FOR NO KEY UPDATE"
		") UPDATE appt.notification n SET superseded_by = $4 FROM settled s WHERE n.id = s.id",
		4, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID}
	};

	(void) statement_run(&mark, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id),
						 type_codes(types_superseded_by(event)), text_datum(reason_code(superseding_reason(event))));
}

/*
 * Count the notifications that could be locked, then all of them. Both counts
 * are stable: the appointment is locked, so nothing can be added to it, and what
 * we have locked can't change.
 */
uint64
lock_endable(Datum application_ids, Datum appointment_ids)
{
	static Statement lock = {
		"WITH locked AS MATERIALIZED ("
		" SELECT n.application_id, n.appointment_id"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.notification n ON n.appointment_id = k.appointment_id AND n.application_id = k.application_id"
		" WHERE " TYPE_IS_ONE_OF("n.type", "$3") " AND n." MAY_BE_SUPERSEDED
		" ORDER BY n.id FOR UPDATE OF n SKIP LOCKED"
		") SELECT application_id, appointment_id, count(*) FROM locked GROUP BY 1, 2",
		3, {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	};
	static Statement choose = {
		"SELECT k.application_id, k.appointment_id"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" WHERE (SELECT count(*) FROM appt.notification n"
		"   WHERE n.appointment_id = k.appointment_id AND n.application_id = k.application_id"
		"    AND " TYPE_IS_ONE_OF("n.type", "$3") " AND n." MAY_BE_SUPERSEDED ")"
		"  = (SELECT coalesce(sum(l.locked), 0) FROM (SELECT unnest($4) AS application_id,"
		"    unnest($5) AS appointment_id, unnest($6) AS locked) l"
		"   WHERE l.appointment_id = k.appointment_id AND l.application_id = k.application_id)",
		6, {UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID}
	};
	Datum		types = type_codes(types_superseded_by(EVENT_ENDED));
	uint64		rows = statement_run(&lock, application_ids, appointment_ids, types);
	Column	   *applications = column_create(UUIDOID, (int) rows);
	Column	   *appointments = column_create(UUIDOID, (int) rows);
	Column	   *counts = column_create(INT8OID, (int) rows);

	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		column_add_uuid(applications, next_uuid_or_null(row));
		column_add_uuid(appointments, next_uuid_or_null(row));
		column_add(counts, Int64GetDatum(next_int64(row)));
	}
	return statement_run(&choose, application_ids, appointment_ids, types, column_array(applications),
						 column_array(appointments), column_array(counts));
}
