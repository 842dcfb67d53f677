/*
 * facts_appointments.c
 *		Facts about appointments, their rooms and who takes part in them.
 */
#include "postgres.h"

#include "notify/facts_appointments.h"

/* ---- appointments ---- */

static void
read_meeting(AppointmentFacts *facts, Batch *batch, Row *row)
{
	bool		has_made_title;
	char	   *made_title;

	facts->booking_state = next_text(row);
	facts->notification_state = next_text(row);
	facts->changed_fields = batch_jsonb(batch, row);
	has_made_title = next_bool(row);
	made_title = batch_text(batch, row);
	facts->title_for_customers = has_made_title ? made_title : facts->title;
	facts->needs_confirmation = next_bool(row);
}

AppointmentFacts *
read_appointment(Batch *batch, Row *row)
{
	AppointmentFacts *facts = (AppointmentFacts *) palloc0(sizeof(AppointmentFacts));

	facts->id = next_uuid(row);
	facts->application_id = next_uuid(row);
	facts->conference_id = next_uuid(row);
	facts->state = next_text(row);
	facts->organizer_id = batch_text(batch, row);
	facts->organizer_type = next_text(row);
	facts->title = batch_text(batch, row);
	facts->notes = batch_text(batch, row);
	facts->location = batch_text(batch, row);
	facts->start_at = next_timestamp(row);
	facts->end_at = next_timestamp(row);
	facts->ended_at = next_timestamp(row);
	facts->timezone = batch_text(batch, row);
	facts->locale = batch_text(batch, row);
	facts->notifications_active = next_bool(row);
	facts->metadata = batch_stored(batch, row);
	facts->interaction = batch_stored(batch, row);
	facts->notification_headers = batch_stored(batch, row);
	facts->sequence = next_int32(row);
	facts->room_ticket = batch_text(batch, row);
	facts->room_type = next_text(row);
	facts->room_url = batch_text(batch, row);
	facts->room_expires = next_timestamp(row);
	facts->call_started = next_bool(row);
	facts->updated_at = next_timestamp(row);
	facts->cancel_reason = batch_text(batch, row);
	facts->meeting_template_id = next_uuid_or_null(row);
	read_meeting(facts, batch, row);
	return facts;
}

static void
add_appointment_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->appointment_id == NULL)
		return;
	column_add_uuid(keys[0], &facts->application_id);
	column_add_uuid(keys[1], facts->appointment_id);
}

static void
take_appointment(Batch *batch, Row *row)
{
	batch->appointments = lappend(batch->appointments, read_appointment(batch, row));
}

static FactLoader appointments = {
	.find = {
		"SELECT " APPOINTMENT_COLUMNS
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.appointment a ON a.application_id = k.application_id AND a.id = k.appointment_id"
		" LEFT JOIN appt.room_access r ON r.application_id = a.application_id AND r.appointment_id = a.id"
		" ORDER BY a.id",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	},
	.add_keys = add_appointment_key,
	.take = take_appointment
};

/* ---- the names of all participants, for webhooks ---- */

static void
add_webhook_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION)
		add_appointment_key(batch, facts, keys);
}

static void
take_name(Batch *batch, Row *row)
{
	pg_uuid_t	appointment_id = next_uuid(row);
	AppointmentFacts *appointment = (AppointmentFacts *) fact_by_uuid(batch->appointments, &appointment_id);
	ParticipantName *name;

	if (appointment == NULL)
		return;
	(void) batch_spend(batch, COST_OF_ROW);
	name = (ParticipantName *) palloc(sizeof(ParticipantName));
	name->id = batch_text(batch, row);
	name->is_customer = next_bool(row);
	appointment->participants = lappend(appointment->participants, name);
}

static FactLoader names = {
	.find = {
		"SELECT p.appointment_id, p.id, p.type = 'CUSTOMER'"
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.participant p ON p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id"
		" ORDER BY p.created_at, p.id COLLATE \"C\"",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	},
	.in_portions = true,
	.add_keys = add_webhook_key,
	.take = take_name
};

void
load_appointments(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &appointments);
	batch_load(batch, &names);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->appointment = (const AppointmentFacts *)
			fact_by_uuid(batch->appointments, facts->appointment_id);
	}
}

/* ---- recipients ---- */

ParticipantFacts *
read_recipient(Batch *batch, Row *row)
{
	ParticipantFacts *facts = (ParticipantFacts *) palloc0(sizeof(ParticipantFacts));

	facts->id = batch_text(batch, row);
	facts->is_customer = next_bool(row);
	facts->username = batch_text(batch, row);
	facts->first_name = batch_text(batch, row);
	facts->last_name = batch_text(batch, row);
	facts->email = batch_text(batch, row);
	facts->phone = batch_text(batch, row);
	facts->locale = batch_text(batch, row);
	facts->metadata = batch_stored(batch, row);
	facts->verified_channel = next_text(row);
	return facts;
}

static void
add_recipient_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->appointment_id == NULL || strcmp(facts->recipient_kind, "CUSTOMER") != 0)
		return;
	column_add(keys[0], Int64GetDatum(facts->id));
	column_add_uuid(keys[1], &facts->application_id);
	column_add_uuid(keys[2], facts->appointment_id);
	column_add_text(keys[3], facts->recipient_id);
}

static void
take_recipient(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));

	facts->recipient = read_recipient(batch, row);
}

static FactLoader recipients = {
	.find = {
		"SELECT k.id, " PARTICIPANT_COLUMNS
		" FROM (SELECT unnest($1) AS id, unnest($2) AS application_id,"
		"  unnest($3) AS appointment_id, unnest($4) AS participant_id) k"
		" JOIN appt.participant p ON p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id AND p.id = k.participant_id"
		" WHERE p.type = 'CUSTOMER'",
		4, {INT8ARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	},
	.add_keys = add_recipient_key,
	.take = take_recipient
};

void
load_recipients(Batch *batch)
{
	batch_load(batch, &recipients);
}
