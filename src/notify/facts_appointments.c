/*
 * facts_appointments.c
 *		Facts about appointments, their rooms and who takes part in them.
 *
 * Each row is looked up by its key without a statement: they are most of what a claim
 * reads.
 */
#include "postgres.h"

#include "core/json.h"
#include "core/lookup.h"
#include "notify/facts_appointments.h"

/* ---- reading rows ---- */

/* As read_appointment reads them. */
static const LookupSource appointment_source = {
	"appointment", "appointment_pkey", {"id", "application_id"}, 27, {
		"application_id", "id", "conference_id", "organizer_id", "organizer_type", "state", "title", "notes", "location",
		"start_at", "end_at", "ended_at", "timezone", "locale", "notifications_active", "metadata", "interaction",
		"notification_headers", "sequence", "cancel_reason", "meeting_template_id", "has_own_title", "title_for_customers",
		"booking_state", "notification_state", "changed_fields", "updated_at"
	}
};

/* As read_room reads them. */
static const LookupSource room_source = {
	"room_access", "room_access_pkey", {"application_id", "appointment_id"}, 4, {"ticket", "type", "url", "expires"}
};

/* As read_recipient reads them. */
static const LookupSource recipient_source = {
	"participant", "participant_pkey", {"application_id", "appointment_id", "id"}, 10, {
		"id", "type", "username", "first_name", "last_name", "email", "phone", "locale", "verified_channel", "metadata"
	}
};

/* Of what was kept of a row, any column may be missing. */
static bool
next_is_customer(Row *row)
{
	char	   *type = next_text(row);

	return type != NULL && strcmp(type, "CUSTOMER") == 0;
}

static bool
call_has_started(const Stored *interaction)
{
	Jsonb	   *unpacked = stored_jsonb(interaction);
	char	   *state = unpacked == NULL ? NULL : json_root_text(unpacked, "state");

	if (unpacked != NULL)
		pfree(unpacked);
	return state != NULL && strcmp(state, "PENDING") != 0;
}

static void
read_title_for_customers(AppointmentFacts *facts, Batch *batch, Row *row)
{
	bool	   *has_own_title = next_bool_or_null(row);
	char	   *made_title = batch_text(batch, row);

	facts->title_for_customers = has_own_title == NULL || *has_own_title ? facts->title : made_title;
}

static AppointmentFacts *
read_appointment(Batch *batch, Row *row)
{
	AppointmentFacts *facts = (AppointmentFacts *) palloc0(sizeof(AppointmentFacts));

	facts->application_id = next_uuid(row);
	facts->id = next_uuid(row);
	facts->conference_id = next_uuid(row);
	facts->organizer_id = batch_text(batch, row);
	facts->organizer_type = next_text(row);
	facts->state = next_text(row);
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
	facts->call_started = call_has_started(facts->interaction);
	facts->notification_headers = batch_stored(batch, row);
	facts->sequence = next_int32(row);
	facts->cancel_reason = batch_text(batch, row);
	facts->meeting_template_id = next_uuid_or_null(row);
	read_title_for_customers(facts, batch, row);
	facts->booking_state = next_text(row);
	facts->notification_state = next_text(row);
	facts->changed_fields = batch_stored(batch, row);
	facts->updated_at = next_timestamp(row);
	return facts;
}

static void
read_room(AppointmentFacts *facts, Batch *batch, Row *row)
{
	facts->room_ticket = batch_text(batch, row);
	facts->room_type = next_text(row);
	facts->room_url = batch_text(batch, row);
	facts->room_expires = next_timestamp(row);
}

static ParticipantFacts *
read_recipient(Batch *batch, Row *row)
{
	ParticipantFacts *facts = (ParticipantFacts *) palloc0(sizeof(ParticipantFacts));

	facts->id = batch_text(batch, row);
	facts->is_customer = next_is_customer(row);
	facts->username = batch_text(batch, row);
	facts->first_name = batch_text(batch, row);
	facts->last_name = batch_text(batch, row);
	facts->email = batch_text(batch, row);
	facts->phone = batch_text(batch, row);
	facts->locale = batch_text(batch, row);
	facts->verified_channel = next_text(row);
	facts->metadata = batch_stored(batch, row);
	return facts;
}

AppointmentFacts *
read_kept_appointment(Batch *batch, Row *row)
{
	NullableDatum appointment = next_value(row);
	NullableDatum room = next_value(row);
	AppointmentFacts *facts;
	Row			record;

	lookup_read_record(&appointment_source, appointment.value, &record);
	facts = read_appointment(batch, &record);
	if (!room.isnull)
	{
		lookup_read_record(&room_source, room.value, &record);
		read_room(facts, batch, &record);
	}
	return facts;
}

ParticipantFacts *
read_kept_recipient(Batch *batch, Row *row)
{
	Row			record;

	lookup_read_record(&recipient_source, next_value(row).value, &record);
	return read_recipient(batch, &record);
}

/* ---- which appointments ---- */

/* An appointment that notifications are about. */
typedef struct Subject
{
	pg_uuid_t	id;
	pg_uuid_t	application_id;
	bool		needs_names;	/* of its participants, for a webhook */
} Subject;

static int
compare_subjects(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(Subject, needs_names));
}

/* Without duplicates, in the order of their ids; returns how many. */
static int
collect_subjects(const Batch *batch, Subject *subjects)
{
	int			count = 0;
	int			distinct = 0;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);

		if (facts->appointment_id != NULL)
			subjects[count++] = (Subject) {*facts->appointment_id, facts->application_id,
										   channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION};
	}
	qsort(subjects, count, sizeof(Subject), compare_subjects);
	for (int i = 0; i < count; i++)
	{
		if (distinct > 0 && compare_subjects(&subjects[distinct - 1], &subjects[i]) == 0)
			subjects[distinct - 1].needs_names |= subjects[i].needs_names;
		else
			subjects[distinct++] = subjects[i];
	}
	return distinct;
}

/* ---- appointments ---- */

static AppointmentFacts *
find_appointment(Batch *batch, Lookup *appointments, const Subject *subject)
{
	const Datum keys[] = {UUIDPGetDatum(&subject->id), UUIDPGetDatum(&subject->application_id)};
	Row		   *row = lookup_row(appointments, keys, lengthof(keys));

	return row == NULL ? NULL : read_appointment(batch, row);
}

static void
find_room(Batch *batch, Lookup *rooms, AppointmentFacts *facts)
{
	const Datum keys[] = {UUIDPGetDatum(&facts->application_id), UUIDPGetDatum(&facts->id)};
	Row		   *row = lookup_row(rooms, keys, lengthof(keys));

	if (row != NULL)
		read_room(facts, batch, row);
}

/* ---- the names of all participants ---- */

static int
compare_names(const ListCell *a, const ListCell *b)
{
	const ParticipantName *one = (const ParticipantName *) lfirst(a);
	const ParticipantName *other = (const ParticipantName *) lfirst(b);

	if (one->created_at != other->created_at)
		return one->created_at < other->created_at ? -1 : 1;
	return strcmp(one->id, other->id);
}

void
sort_participants(List *names)
{
	list_sort(names, compare_names);
}

static void
find_names(Batch *batch, Lookup *participants, AppointmentFacts *facts)
{
	const Datum keys[] = {UUIDPGetDatum(&facts->application_id), UUIDPGetDatum(&facts->id)};
	Row		   *row;

	lookup_find(participants, keys, lengthof(keys));
	while (batch_spend(batch, COST_OF_ROW) && (row = lookup_next(participants)) != NULL)
	{
		ParticipantName *name = (ParticipantName *) palloc(sizeof(ParticipantName));

		name->id = batch_text(batch, row);
		name->is_customer = next_is_customer(row);
		name->created_at = next_timestamp(row);
		facts->participants = lappend(facts->participants, name);
	}
	sort_participants(facts->participants);
}

/* ---- all of it ---- */

static void
find_all(Batch *batch, const Subject *subjects, int count)
{
	static const LookupSource name_source = {
		"participant", "participant_pkey", {"application_id", "appointment_id"}, 3, {"id", "type", "created_at"}
	};
	Lookup	   *appointments = lookup_open(&appointment_source, !batch->is_current);
	Lookup	   *rooms = lookup_open(&room_source, !batch->is_current);
	Lookup	   *participants = lookup_open(&name_source, !batch->is_current);

	for (int i = 0; i < count && !batch->is_over; i++)
	{
		AppointmentFacts *facts = find_appointment(batch, appointments, &subjects[i]);

		if (facts == NULL)
			continue;
		find_room(batch, rooms, facts);
		if (subjects[i].needs_names)
			find_names(batch, participants, facts);
		batch->appointments = lappend(batch->appointments, facts);
	}
	lookup_end(participants);
	lookup_end(rooms);
	lookup_end(appointments);
}

void
load_appointments(Batch *batch)
{
	Subject    *subjects = (Subject *) palloc(list_length(batch->notifications) * sizeof(Subject));
	int			count = collect_subjects(batch, subjects);
	ListCell   *cell;

	if (count > 0)
		find_all(batch, subjects, count);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->appointment = (const AppointmentFacts *)
			fact_by_uuid(batch->appointments, facts->appointment_id);
	}
}

/* ---- recipients ---- */

static bool
is_to_customer(const NotificationFacts *facts)
{
	return facts->appointment_id != NULL && strcmp(facts->recipient_kind, "CUSTOMER") == 0;
}

static ParticipantFacts *
find_recipient(Batch *batch, Lookup *participants, const NotificationFacts *facts)
{
	const Datum keys[] = {
		UUIDPGetDatum(&facts->application_id), UUIDPGetDatum(facts->appointment_id), text_datum(facts->recipient_id)
	};
	Row		   *row = lookup_row(participants, keys, lengthof(keys));
	ParticipantFacts *found = row == NULL ? NULL : read_recipient(batch, row);

	return found != NULL && found->is_customer ? found : NULL;
}

void
load_recipients(Batch *batch)
{
	Lookup	   *participants = NULL;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (batch->is_over || !is_to_customer(facts))
			continue;
		if (participants == NULL)
			participants = lookup_open(&recipient_source, !batch->is_current);
		facts->recipient = find_recipient(batch, participants, facts);
	}
	if (participants != NULL)
		lookup_end(participants);
}
