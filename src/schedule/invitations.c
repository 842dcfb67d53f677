/*
 * invitations.c
 *		Appointments that become INVITED because a reminder with buttons was sent.
 *
 * An appointment that a customer has answered keeps the state of the answer: only
 * NEW and BOOKED change. A reminder from before it was reopened invites nobody,
 * because it cannot be answered.
 */
#include "postgres.h"

#include "core/column.h"
#include "core/held.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/reopened.h"
#include "schedule/booking_state.h"
#include "schedule/invitations.h"

#define BATCH 100

void
invitations_add(const SentInvitation *sent, int count)
{
	static Statement add = {
		"INSERT INTO appt.invitation (notification_id, application_id, appointment_id)"
		" SELECT unnest($1), unnest($2), unnest($3)",
		3, {INT8ARRAYOID, UUIDARRAYOID, UUIDARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);
	Column	   *applications = column_create(UUIDOID, count);
	Column	   *appointments = column_create(UUIDOID, count);

	for (int i = 0; i < count; i++)
	{
		column_add(ids, Int64GetDatum(sent[i].notification_id));
		column_add_uuid(applications, &sent[i].application_id);
		column_add_uuid(appointments, &sent[i].appointment_id);
	}
	(void) statement_run(&add, column_array(ids), column_array(applications), column_array(appointments));
}

/* Move on over the next batch; returns its ids. Another worker may be at work on others. */
static Datum
next_batch(InvitationPass *pass)
{
	static Statement find = {
		"SELECT array_agg(i.notification_id), max(i.notification_id), count(*)"
		" FROM (SELECT notification_id FROM appt.invitation WHERE notification_id > $1"
		"  AND " IS_NOT_HELD("application_id") " ORDER BY notification_id LIMIT $2"
		"  FOR UPDATE SKIP LOCKED) i",
		2, {INT8OID, INT8OID}
	};
	Row		   *row;
	NullableDatum ids;
	Datum		copy;

	(void) statement_run(&find, Int64GetDatum(pass->after), Int64GetDatum(BATCH));
	row = ROW(0);
	ids = next_value(row);
	copy = ids.isnull ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(ids.value));
	pass->after = next_int64(row);
	pass->is_over = next_int64(row) < BATCH;
	return copy;
}

/* Does reminder i still invite to appointment a? */
#define INVITES \
	"a.application_id = i.application_id AND a.id = i.appointment_id" \
	" AND a.booking_state IN ('NEW', 'BOOKED') AND a.state IN ('SCHEDULED', 'ACTIVATED')" \
	" AND " IS_BEFORE_REOPENING("i.notification_id", \
	"(SELECT n.created_at FROM appt.notification n WHERE n.id = i.notification_id)", "a") " IS NOT TRUE"

/* The appointments that nobody else has locked, once each. */
static List *
lock_waiting(Datum ids)
{
	static Statement lock = {
		"SELECT a.application_id, a.id"
		" FROM (SELECT i.application_id, i.appointment_id, max(i.notification_id) AS notification_id FROM appt.invitation i"
		"  WHERE i.notification_id = ANY ($1) GROUP BY i.application_id, i.appointment_id) i"
		" CROSS JOIN LATERAL (SELECT a.application_id, a.id FROM appt.appointment a WHERE " INVITES
		"  FOR NO KEY UPDATE SKIP LOCKED) a",
		1, {INT8ARRAYOID}
	};
	uint64		count = statement_run(&lock, ids);
	List	   *keys = NIL;

	for (uint64 n = 0; n < count; n++)
	{
		Row		   *row = ROW(n);
		AppointmentKey *key = (AppointmentKey *) palloc(sizeof(AppointmentKey));

		key->application_id = next_uuid(row);
		key->id = next_uuid(row);
		key->has_meeting_template = true;
		keys = lappend(keys, key);
	}
	return keys;
}

/* What is done, and what need not be done: all but the appointments that still wait. Returns how many stay. */
static int64
forget_done(Datum ids)
{
	static Statement forget = {
		"WITH done AS ("
		" DELETE FROM appt.invitation i WHERE i.notification_id = ANY ($1)"
		"  AND NOT EXISTS (SELECT FROM appt.appointment a WHERE " INVITES ")"
		" RETURNING 1"
		") SELECT cardinality($1) - count(*) FROM done",
		1, {INT8ARRAYOID}
	};

	(void) statement_run(&forget, ids);
	return next_int64(ROW(0));
}

void
invitations_continue(InvitationPass *pass)
{
	Datum		ids = next_batch(pass);
	ListCell   *cell;

	if (ids == (Datum) 0)
		return;
	foreach(cell, lock_waiting(ids))
		booking_state_set((const AppointmentKey *) lfirst(cell), BOOKING_INVITED);
	if (forget_done(ids) > 0)
		pass->has_skipped = true;
}
