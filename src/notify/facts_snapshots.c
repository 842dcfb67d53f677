/*
 * facts_snapshots.c
 *		Facts about appointments and participants that are gone.
 *
 * When an appointment is deleted or a participant removed, what messages need
 * of them is kept in notification.context: their rows as JSON. They are read
 * back through the tables' row types, so columns that a later version added are
 * simply NULL.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/facts_appointments.h"
#include "notify/facts_snapshots.h"
#include "notify/snapshot.h"

static const AppointmentSnapshot *
snapshot_of(const Batch *batch, const NotificationFacts *facts)
{
	return (const AppointmentSnapshot *) fact_by_number(batch->snapshots, facts->id);
}

static void
add_jsonb(Column *column, const Jsonb *jsonb)
{
	if (jsonb == NULL)
		column_add_null(column);
	else
		column_add(column, JsonbPGetDatum(jsonb));
}

/* ---- appointments ---- */

static void
add_deleted_appointment(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	const AppointmentSnapshot *snapshot = snapshot_of(batch, facts);

	if (snapshot == NULL || snapshot->appointment == NULL || facts->appointment != NULL)
		return;
	column_add(keys[0], Int64GetDatum(facts->id));
	add_jsonb(keys[1], snapshot->appointment);
	add_jsonb(keys[2], snapshot->room);
}

static void
take_deleted_appointment(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));
	const AppointmentSnapshot *snapshot = snapshot_of(batch, facts);
	AppointmentFacts *appointment = read_kept_appointment(batch, row);
	char	   *interaction_state = json_root_text(snapshot->interaction, "state");

	appointment->is_deleted = true;
	appointment->metadata = (Stored *) snapshot->metadata;
	appointment->interaction = (Stored *) snapshot->interaction;
	appointment->notification_headers = (Stored *) snapshot->notification_headers;
	appointment->call_started = interaction_state != NULL && strcmp(interaction_state, "PENDING") != 0;
	appointment->participants = snapshot->participants;
	facts->appointment = appointment;
}

static FactLoader deleted_appointments = {
	.find = {
		"SELECT k.id, a, r"
		" FROM (SELECT unnest($1) AS id, unnest($2) AS appointment, unnest($3) AS room) k,"
		" LATERAL jsonb_populate_record(NULL::appt.appointment, k.appointment) a,"
		" LATERAL jsonb_populate_record(NULL::appt.room_access, k.room) r",
		3, {INT8ARRAYOID, JSONBARRAYOID, JSONBARRAYOID}
	},
	.add_keys = add_deleted_appointment,
	.take = take_deleted_appointment
};

/* ---- recipients: removed, or their appointment is deleted ---- */

static void
add_removed_recipient(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	const AppointmentSnapshot *snapshot = snapshot_of(batch, facts);

	if (snapshot == NULL || snapshot->participant == NULL || facts->recipient != NULL)
		return;
	column_add(keys[0], Int64GetDatum(facts->id));
	add_jsonb(keys[1], snapshot->participant);
}

static void
take_removed_recipient(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));
	ParticipantFacts *recipient = read_kept_recipient(batch, row);

	recipient->metadata = (Stored *) snapshot_of(batch, facts)->participant_metadata;
	facts->recipient = recipient;
	facts->recipient_is_gone = true;
}

static FactLoader removed_recipients = {
	.find = {
		"SELECT k.id, p"
		" FROM (SELECT unnest($1) AS id, unnest($2) AS participant) k,"
		" LATERAL jsonb_populate_record(NULL::appt.participant, k.participant) p",
		2, {INT8ARRAYOID, JSONBARRAYOID}
	},
	.add_keys = add_removed_recipient,
	.take = take_removed_recipient
};

/* Is something of it gone that a snapshot keeps? */
static bool
needs_snapshot(const NotificationFacts *facts)
{
	return facts->snapshot != NULL &&
		(facts->appointment == NULL ||
		 (facts->recipient == NULL && strcmp(facts->recipient_kind, "CUSTOMER") == 0));
}

/* A snapshot is unpacked as a whole, so it is charged twice: as it is stored, and as it is unpacked. */
void
load_snapshots(Batch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);

		if (needs_snapshot(facts) && batch_spend(batch, 2 * stored_size(facts->snapshot)))
			batch->snapshots = lappend(batch->snapshots, snapshot_read(facts->snapshot, facts->id));
	}
	if (batch->is_over)
		return;
	batch_load(batch, &deleted_appointments);
	batch_load(batch, &removed_recipients);
}
