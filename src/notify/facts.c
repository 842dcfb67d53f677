/*
 * facts.c
 *		Everything about a batch of notifications, gathered in a fixed number
 *		of statements and put together here.
 *
 * Each kind of row is asked for once, by the keys that the notifications
 * name, and comes back ordered by its key, so that each notification finds
 * its own by binary search. A statement whose keys are none is not run.
 *
 * Nothing is locked here: who loads for a claim holds the notifications' locks,
 * and must not wait for a caller who is changing an appointment. Such a
 * caller's change is not seen here; it will be, by the mark that superseding
 * leaves on the notification.
 *
 * What is loaded is charged to the batch's budget before it is unpacked: by
 * then a row is no larger than a page, since what is longer stands elsewhere.
 * Where a statement can yield more rows than there are notifications, they are
 * taken some at a time. Once the budget is used up nothing more is read, what
 * was is thrown away, and half as many are tried.
 *
 * Once an appointment is deleted, or a participant removed, what the message
 * needs of them is in notification.context: their rows as JSON, read back
 * through their row types, so that a later version's columns are simply NULL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/column.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/statement.h"
#include "notify/facts_parts.h"
#include "notify/snapshot.h"

/* ---- notifications ---- */

#define NOTIFICATION_COLUMNS \
	"n.id, n.type, n.channel, n.state, n.uid, n.application_id, n.appointment_id," \
	" n.recipient_kind, n.recipient_id, n.subscription_id, n.rule_id, n.time_offset, n.due_at," \
	" n.lane, n.reason, n.superseded_by, n.attempt_count, n.next_attempt_at, n.manual," \
	" n.notifications_active, n.address, n.start_at, n.end_at, n.context, n.event," \
	" n.never_told"

static Reason
next_reason(Row *row)
{
	char	   *code = next_text(row);
	Reason		reason;

	if (code == NULL || !reason_from_code(code, &reason))
		return REASON_NONE;
	return reason;
}

/* The codes are those of the table's domains: only another version can have written an unknown one. */
static void
read_codes(NotificationFacts *facts, Row *row)
{
	char	   *type = next_text(row);
	char	   *channel = next_text(row);
	char	   *state = next_text(row);

	if (!notification_type_from_code(type, &facts->type) ||
		!channel_from_code(channel, &facts->channel) ||
		!state_from_code(state, &facts->state))
		elog(ERROR, "notification " INT64_FORMAT " has an unknown type, channel or state: %s, %s, %s",
			 facts->id, type, channel, state);
}

static NotificationFacts *
read_notification(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));

	facts->id = next_int64(row);
	read_codes(facts, row);
	facts->uid = next_uuid(row);
	facts->application_id = next_uuid(row);
	facts->appointment_id = next_uuid_or_null(row);
	facts->recipient_kind = next_text(row);
	facts->recipient_id = batch_text(batch, row);
	facts->subscription_id = next_uuid_or_null(row);
	facts->rule_id = next_int64(row);
	facts->time_offset = next_elapsed(row);
	facts->due_at = next_timestamp(row);
	facts->lane = next_int64(row);
	facts->reason = next_reason(row);
	facts->superseded_by = next_reason(row);
	facts->attempt_count = next_int32(row);
	facts->next_attempt_at = next_timestamp(row);
	facts->is_manual = next_bool(row);
	facts->notifications_active = next_bool(row);
	facts->address = batch_text(batch, row);
	facts->start_at = next_timestamp(row);
	facts->end_at = next_timestamp(row);
	if (facts->appointment_id == NULL)
		facts->context = batch_jsonb(batch, row);
	else
		facts->snapshot = batch_stored(batch, row);
	facts->event = batch_stored(batch, row);
	facts->never_told = next_bool(row);
	return facts;
}

static void
load_notifications(Batch *batch, const int64 *notification_ids, int count)
{
	static Statement find = {
		"SELECT " NOTIFICATION_COLUMNS " FROM appt.notification n WHERE n.id = ANY ($1) ORDER BY n.id",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);
	uint64		found;

	for (int i = 0; i < count; i++)
		column_add(ids, Int64GetDatum(notification_ids[i]));
	found = batch_read(batch, &find, column_array(ids));
	for (uint64 n = 0; n < found; n++)
		batch->notifications = lappend(batch->notifications, read_notification(batch, ROW(n)));
	statement_done();
}

static NotificationFacts *
find_notification(const Batch *batch, int64 id)
{
	int			low = 0;
	int			high = list_length(batch->notifications) - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (((NotificationFacts *) list_nth(batch->notifications, middle))->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return (NotificationFacts *) list_nth(batch->notifications, low);
}

/* ---- applications and their organizations ---- */

static ApplicationFacts *
read_application(Batch *batch, Row *row)
{
	ApplicationFacts *facts = (ApplicationFacts *) palloc0(sizeof(ApplicationFacts));

	facts->id = next_uuid(row);
	facts->organization.id = next_uuid(row);
	facts->organization.notifications_enabled = next_bool(row);
	facts->organization.require_verified_sender = next_bool(row);
	facts->name = batch_text(batch, row);
	facts->platform = batch_text(batch, row);
	facts->room_activates = next_bool(row);
	facts->public_url = batch_text(batch, row);
	facts->locale = batch_text(batch, row);
	facts->timezone = batch_text(batch, row);
	facts->max_attempts = next_int32(row);
	facts->retry_base = next_elapsed(row);
	facts->retry_cap = next_elapsed(row);
	facts->max_concurrency = next_int32(row);
	facts->max_per_second = next_double(row);
	return facts;
}

static const pg_uuid_t *
application_of(const NotificationFacts *facts)
{
	return &facts->application_id;
}

static void
load_applications(Batch *batch)
{
	static Statement find = {
		"SELECT a.id, o.id, o.notifications_enabled, o.require_verified_sender, a.name, a.platform,"
		" a.room_activates, a.public_url, a.locale, a.timezone, a.max_attempts,"
		" a.retry_base::interval, a.retry_cap::interval, a.max_concurrency, a.max_per_second::float8"
		" FROM appt.application a JOIN appt.organization o ON o.id = a.organization_id"
		" WHERE a.id = ANY ($1) ORDER BY a.id",
		1, {UUIDARRAYOID}
	};
	Datum		ids;
	uint64		found;
	ListCell   *cell;

	if (!batch_keys(batch, application_of, &ids))
		return;
	found = batch_read(batch, &find, ids);
	fact_index_create(&batch->applications, found);
	for (uint64 n = 0; n < found; n++)
	{
		ApplicationFacts *facts = read_application(batch, ROW(n));

		batch->applications.keys[n] = facts->id;
		batch->applications.facts[n] = facts;
	}
	statement_done();
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->application = (const ApplicationFacts *)
			fact_find(&batch->applications, &facts->application_id);
	}
}

/* ---- appointments, rooms, participants ---- */

#define APPOINTMENT_COLUMNS \
	"a.id, a.application_id, a.conference_id, a.state, a.organizer_id, a.organizer_type," \
	" a.title, a.notes, a.location, a.start_at, a.end_at, a.ended_at, a.timezone, a.locale," \
	" a.notifications_active, a.metadata, a.interaction, a.notification_headers, a.sequence," \
	" r.ticket, r.type, r.url, r.expires, a.interaction->>'state' <> 'PENDING', a.updated_at," \
	" a.cancel_reason"

#define PARTICIPANT_COLUMNS \
	"p.id, p.type = 'CUSTOMER', p.username, p.first_name, p.last_name, p.email, p.phone," \
	" p.locale, p.metadata, p.verified_channel"

static AppointmentFacts *
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
	return facts;
}

static ParticipantFacts *
read_participant(Batch *batch, Row *row)
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

static bool
is_webhook(const NotificationFacts *facts)
{
	return facts->channel == CHANNEL_WEBHOOK;
}

static bool
is_any(const NotificationFacts *facts)
{
	return true;
}

/* The keys, (application_id, appointment_id), of the appointments that these notifications need: each once. */
static int
appointment_keys(const Batch *batch, bool (*is_wanted) (const NotificationFacts *),
				 Datum *application_ids, Datum *appointment_ids)
{
	typedef struct Key
	{
		pg_uuid_t	appointment_id;
		pg_uuid_t	application_id;
	} Key;
	int			count = 0;
	int			distinct = 0;
	Key		   *keys = (Key *) palloc(Max(list_length(batch->notifications), 1) * sizeof(Key));
	Column	   *applications = column_create(UUIDOID, list_length(batch->notifications));
	Column	   *appointments = column_create(UUIDOID, list_length(batch->notifications));
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->appointment_id == NULL || !is_wanted(facts))
			continue;
		keys[count].appointment_id = *facts->appointment_id;
		keys[count++].application_id = facts->application_id;
	}
	qsort(keys, count, sizeof(Key), uuid_compare);
	for (int i = 0; i < count; i++)
		if (i == 0 || memcmp(&keys[i - 1], &keys[i], sizeof(Key)) != 0)
		{
			column_add_uuid(applications, &keys[i].application_id);
			column_add_uuid(appointments, &keys[i].appointment_id);
			distinct++;
		}
	*application_ids = column_array(applications);
	*appointment_ids = column_array(appointments);
	return distinct;
}

static ParticipantName *
read_participant_name(Batch *batch, Row *row)
{
	ParticipantName *name = (ParticipantName *) palloc(sizeof(ParticipantName));

	(void) batch_spend(batch, COST_OF_ROW);
	name->id = batch_text(batch, row);
	name->is_customer = next_bool(row);
	return name;
}

/* Some rows of (appointment_id, id, is a customer), which go on where the last ended. */
static void
take_participants(uint64 rows, void *whereto)
{
	Batch	   *batch = (Batch *) whereto;
	MemoryContext previous = MemoryContextSwitchTo(batch->context);

	for (uint64 n = 0; n < rows && !batch->is_over; n++)
	{
		Row		   *row = ROW(n);
		pg_uuid_t	id = next_uuid(row);
		AppointmentFacts *appointment = (AppointmentFacts *) fact_find(&batch->appointments, &id);

		if (appointment != NULL)
			appointment->participants = lappend(appointment->participants,
												read_participant_name(batch, row));
	}
	MemoryContextSwitchTo(previous);
}

/* Who takes part in the appointments that webhooks tell of. */
static void
load_participants(Batch *batch)
{
	static Statement find = {
		"SELECT p.appointment_id, p.id, p.type = 'CUSTOMER'"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.participant p ON p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id"
		" ORDER BY p.created_at, p.id COLLATE \"C\"",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	Datum		application_ids;
	Datum		appointment_ids;

	if (appointment_keys(batch, is_webhook, &application_ids, &appointment_ids) == 0)
		return;
	find.is_read_only = !batch->is_current;
	statement_each(&find, (NullableDatum[]) {SQL_VALUE(application_ids), SQL_VALUE(appointment_ids)},
				   take_participants, batch);
}

static void
load_appointments(Batch *batch)
{
	static Statement find = {
		"SELECT " APPOINTMENT_COLUMNS
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.appointment a ON a.application_id = k.application_id AND a.id = k.appointment_id"
		" LEFT JOIN appt.room_access r ON r.application_id = a.application_id AND r.appointment_id = a.id"
		" ORDER BY a.id",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	Datum		application_ids;
	Datum		appointment_ids;
	uint64		found;

	if (appointment_keys(batch, is_any, &application_ids, &appointment_ids) == 0)
		return;
	found = batch_read2(batch, &find, application_ids, appointment_ids);
	fact_index_create(&batch->appointments, found);
	for (uint64 n = 0; n < found; n++)
	{
		AppointmentFacts *facts = read_appointment(batch, ROW(n));

		batch->appointments.keys[n] = facts->id;
		batch->appointments.facts[n] = facts;
	}
	statement_done();
}

/* The customers that messages go to; each notification names its own. */
static void
load_recipients(Batch *batch)
{
	static Statement find = {
		"SELECT k.id, " PARTICIPANT_COLUMNS
		" FROM (SELECT unnest($1) AS id, unnest($2) AS application_id,"
		"  unnest($3) AS appointment_id, unnest($4) AS participant_id) k"
		" JOIN appt.participant p ON p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id AND p.id = k.participant_id"
		" WHERE p.type = 'CUSTOMER'",
		4, {INT8ARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, 8);
	Column	   *applications = column_create(UUIDOID, 8);
	Column	   *appointments = column_create(UUIDOID, 8);
	Column	   *participants = column_create(TEXTOID, 8);
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->appointment_id == NULL || strcmp(facts->recipient_kind, "CUSTOMER") != 0)
			continue;
		column_add(ids, Int64GetDatum(facts->id));
		column_add_uuid(applications, &facts->application_id);
		column_add_uuid(appointments, facts->appointment_id);
		column_add_text(participants, facts->recipient_id);
	}
	if (ids->count == 0)
		return;
	find.is_read_only = !batch->is_current;
	found = statement_run(&find, column_array(ids), column_array(applications),
						  column_array(appointments), column_array(participants));
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		NotificationFacts *facts = find_notification(batch, next_int64(row));

		facts->recipient = read_participant(batch, row);
	}
	statement_done();
}

/* ---- what context tells ---- */

/* Snapshots of notifications, in columns: a row each. */
typedef struct Snapshots
{
	List	   *of;				/* of AppointmentSnapshot *, in the order of ids */
	Column	   *ids;
	Column	   *appointments;
	Column	   *rooms;
	Column	   *participants;
} Snapshots;

static void
add_jsonb(Column *column, const Jsonb *jsonb)
{
	if (jsonb == NULL)
		column_add_null(column);
	else
		column_add(column, JsonbPGetDatum(jsonb));
}

static void
add_snapshot(Snapshots *snapshots, int64 id, AppointmentSnapshot *snapshot)
{
	snapshots->of = lappend(snapshots->of, snapshot);
	column_add(snapshots->ids, Int64GetDatum(id));
	add_jsonb(snapshots->appointments, snapshot->appointment);
	add_jsonb(snapshots->rooms, snapshot->room);
	add_jsonb(snapshots->participants, snapshot->participant);
}

static const AppointmentSnapshot *
find_snapshot(const Snapshots *snapshots, int64 id)
{
	for (int i = 0; i < snapshots->ids->count; i++)
		if (DatumGetInt64(snapshots->ids->values[i]) == id)
			return (const AppointmentSnapshot *) list_nth(snapshots->of, i);
	elog(ERROR, "notification " INT64_FORMAT " has no snapshot", id);
}

/* The appointment as it was when it was deleted. */
static AppointmentFacts *
restore_appointment(Batch *batch, Row *row, const AppointmentSnapshot *snapshot)
{
	AppointmentFacts *facts = read_appointment(batch, row);
	char	   *interaction_state = json_root_text(snapshot->interaction, "state");

	facts->is_deleted = true;
	facts->metadata = (Stored *) snapshot->metadata;
	facts->interaction = (Stored *) snapshot->interaction;
	facts->notification_headers = (Stored *) snapshot->notification_headers;
	facts->call_started = interaction_state != NULL && strcmp(interaction_state, "PENDING") != 0;
	facts->participants = snapshot->participants;
	return facts;
}

static void
restore_appointments(Batch *batch, const Snapshots *snapshots)
{
	static Statement find = {
		"SELECT k.id, " APPOINTMENT_COLUMNS
		" FROM (SELECT unnest($1) AS id, unnest($2) AS appointment, unnest($3) AS room) k,"
		" LATERAL jsonb_populate_record(NULL::appt.appointment, k.appointment) a,"
		" LATERAL jsonb_populate_record(NULL::appt.room_access, k.room) r"
		" WHERE k.appointment IS NOT NULL",
		3, {INT8ARRAYOID, JSONBARRAYOID, JSONBARRAYOID}
	};
	uint64		found;

	find.is_read_only = !batch->is_current;
	found = statement_run(&find, column_array(snapshots->ids), column_array(snapshots->appointments),
						  column_array(snapshots->rooms));
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		int64		id = next_int64(row);
		NotificationFacts *facts = find_notification(batch, id);

		if (facts->appointment == NULL)
			facts->appointment = restore_appointment(batch, row, find_snapshot(snapshots, id));
	}
	statement_done();
}

/* The customers who were removed, or whose appointment was deleted. */
static void
restore_recipients(Batch *batch, const Snapshots *snapshots)
{
	static Statement find = {
		"SELECT k.id, " PARTICIPANT_COLUMNS
		" FROM (SELECT unnest($1) AS id, unnest($2) AS participant) k,"
		" LATERAL jsonb_populate_record(NULL::appt.participant, k.participant) p"
		" WHERE k.participant IS NOT NULL",
		2, {INT8ARRAYOID, JSONBARRAYOID}
	};
	uint64		found = batch_read2(batch, &find, column_array(snapshots->ids),
								   column_array(snapshots->participants));

	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		int64		id = next_int64(row);
		NotificationFacts *facts = find_notification(batch, id);
		ParticipantFacts *recipient;

		if (facts->recipient != NULL)
			continue;
		recipient = read_participant(batch, row);
		recipient->metadata = (Stored *) find_snapshot(snapshots, id)->participant_metadata;
		facts->recipient = recipient;
		facts->recipient_is_gone = true;
	}
	statement_done();
}

/* Is something of it gone, and kept in its snapshot? */
static bool
needs_snapshot(const NotificationFacts *facts)
{
	return facts->snapshot != NULL &&
		(facts->appointment == NULL ||
		 (facts->recipient == NULL && strcmp(facts->recipient_kind, "CUSTOMER") == 0));
}

/*
 * Give every notification its appointment; what is missing is looked for in the
 * snapshots, of which all is unpacked at once.
 */
static void
assign_appointments(Batch *batch)
{
	Snapshots	snapshots = {
		NIL, column_create(INT8OID, 8), column_create(JSONBOID, 8),
		column_create(JSONBOID, 8), column_create(JSONBOID, 8)
	};
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->appointment = (const AppointmentFacts *)
			fact_find(&batch->appointments, facts->appointment_id);
		if (needs_snapshot(facts) && batch_spend(batch, 2 * stored_size(facts->snapshot)))
			add_snapshot(&snapshots, facts->id, snapshot_read(facts->snapshot));
	}
	if (snapshots.of == NIL || batch->is_over)
		return;
	restore_appointments(batch, &snapshots);
	restore_recipients(batch, &snapshots);
}

/* ---- rules ---- */

static void
load_rules(Batch *batch)
{
	static Statement find = {
		"SELECT r.id, r.application_id, r.enabled, r.even_if_never_told"
		" FROM appt.rule r WHERE r.id = ANY ($1) ORDER BY r.id",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, 8);
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);
		bool		is_known = false;

		/* A batch has many notifications of a few rules. */
		for (int i = 0; i < ids->count && !is_known; i++)
			is_known = (DatumGetInt64(ids->values[i]) == facts->rule_id);
		if (facts->rule_id != 0 && !is_known)
			column_add(ids, Int64GetDatum(facts->rule_id));
	}
	if (ids->count == 0)
		return;
	found = batch_read(batch, &find, column_array(ids));
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		int64		id = next_int64(row);
		pg_uuid_t	application_id = next_uuid(row);
		bool		enabled = next_bool(row);
		bool		even_if_never_told = next_bool(row);

		foreach(cell, batch->notifications)
		{
			NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

			if (facts->rule_id != id ||
				uuid_compare(&facts->application_id, &application_id) != 0)
				continue;
			facts->rule_exists = true;
			facts->rule_enabled = enabled;
			facts->even_if_never_told = even_if_never_told;
		}
	}
	statement_done();
}

/* ---- messages that were interrupted ---- */

/* Whole bodies are shorter than those that were cut, wherever the last character ended. */
static bool
is_whole(Size bytes)
{
	return bytes <= LOGGED_BODY_BYTES - MAX_MULTIBYTE_CHAR_LEN;
}

const char *
facts_logged_body(const char *body)
{
	if (body == NULL || is_whole(strlen(body)))
		return body;
	return pnstrdup(body, pg_mbcliplen(body, strlen(body), LOGGED_BODY_BYTES));
}

static void
load_stored_messages(Batch *batch)
{
	static Statement find = {
		"SELECT DISTINCT ON (t.notification_id) t.notification_id, t.outcome, t.recipient,"
		" t.subject, t.text_body, t.html_body"
		" FROM appt.attempt t WHERE t.notification_id = ANY ($1)"
		" ORDER BY t.notification_id, t.attempt_number DESC",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, 8);
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->reason == REASON_INTERRUPTED)
			column_add(ids, Int64GetDatum(facts->id));
	}
	if (ids->count == 0)
		return;
	found = batch_read(batch, &find, column_array(ids));
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		NotificationFacts *facts = find_notification(batch, next_int64(row));
		char	   *outcome = next_text(row);
		StoredMessage *stored;

		if (outcome == NULL || strcmp(outcome, "INTERRUPTED") != 0)
			continue;
		stored = (StoredMessage *) palloc(sizeof(StoredMessage));
		stored->recipient = batch_text(batch, row);
		stored->subject = batch_stored(batch, row);
		stored->text_body = batch_stored(batch, row);
		stored->html_body = batch_stored(batch, row);
		if (!is_whole(stored_size(stored->text_body)) || !is_whole(stored_size(stored->html_body)))
			stored->text_body = stored->html_body = NULL;
		facts->stored = stored;
	}
	statement_done();
}

static void
load_all_but_notifications(Batch *batch)
{
	static void (*const steps[]) (Batch *) = {
		load_applications, load_appointments, load_participants, load_recipients,
		assign_appointments, load_rules, load_routes, load_templates, load_stored_messages
	};

	for (int i = 0; i < lengthof(steps) && batch->notifications != NIL && !batch->is_over; i++)
		steps[i] (batch);
}

/* All that it has is what stands in its own row. */
static void
mark_too_large(NotificationFacts *facts)
{
	facts->is_too_large = true;
	facts->context = NULL;
	facts->application = NULL;
	facts->appointment = NULL;
	facts->recipient = NULL;
	facts->route = NULL;
	facts->templates = NIL;
	facts->stored = NULL;
}

/* False if the budget is not enough, and these are more than one: then nothing of it is kept. */
static bool
load_some(Batch *batch, const int64 *notification_ids, int count)
{
	MemoryContext caller = CurrentMemoryContext;

	batch->budget = FACTS_BUDGET;
	batch->context = AllocSetContextCreate(caller, "appt facts", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(batch->context);
	load_notifications(batch, notification_ids, count);
	load_all_but_notifications(batch);
	MemoryContextSwitchTo(caller);
	if (batch->is_over && count > 1)
	{
		MemoryContextDelete(batch->context);
		return false;
	}
	if (batch->is_over && batch->notifications != NIL)
		mark_too_large((NotificationFacts *) linitial(batch->notifications));
	return true;
}

List *
facts_load(const int64 *notification_ids, int *count)
{
	for (;; *count /= 2)
	{
		Batch		batch = {.is_current = true};

		if (load_some(&batch, notification_ids, *count))
			return batch.notifications;
	}
}

static NotificationFacts *
load_one(Batch *batch, int64 notification_id)
{
	(void) load_some(batch, &notification_id, 1);
	return batch->notifications == NIL ? NULL : (NotificationFacts *) linitial(batch->notifications);
}

NotificationFacts *
facts_load_one(int64 notification_id)
{
	Batch		batch = {.is_current = true};

	return load_one(&batch, notification_id);
}

NotificationFacts *
facts_load_one_as_seen(int64 notification_id)
{
	Batch		batch = {.is_current = false};

	return load_one(&batch, notification_id);
}

/* Where a message that nobody planned would go. */
static void
imagine_recipient(NotificationFacts *facts, const char *participant_id)
{
	static Statement find_subscription = {
		"SELECT s.id FROM appt.subscription s WHERE s.application_id = $1"
		" ORDER BY s.enabled DESC, s.created_at, s.id LIMIT 1",
		1, {UUIDOID}, true
	};

	if (facts->channel != CHANNEL_WEBHOOK)
	{
		facts->recipient_kind = "CUSTOMER";
		facts->recipient_id = pstrdup(participant_id);
		return;
	}
	facts->recipient_kind = "SUBSCRIBER";
	facts->recipient_id = "";
	if (statement_run(&find_subscription, UUIDPGetDatum(&facts->application_id)) > 0)
	{
		facts->subscription_id = next_uuid_or_null(ROW(0));
		facts->recipient_id = uuid_text(facts->subscription_id);
	}
}

/* A preview by webhook needs a customer of the appointment, too, though it tells of the appointment. */
static bool
is_customer_of(const NotificationFacts *facts, const char *participant_id)
{
	ListCell   *cell;

	if (facts->recipient != NULL)
		return true;
	foreach(cell, facts->appointment->participants)
	{
		const ParticipantName *name = (const ParticipantName *) lfirst(cell);

		if (name->is_customer && strcmp(name->id, participant_id) == 0)
			return true;
	}
	return false;
}

NotificationFacts *
facts_imagine(const pg_uuid_t *application_id, const pg_uuid_t *appointment_id,
			  const char *participant_id, NotificationType type, ChannelCode channel,
			  TimeOffset time_offset, int64 rule_id)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));
	Batch		batch = {.budget = FACTS_BUDGET,.context = CurrentMemoryContext};

	facts->application_id = *application_id;
	facts->appointment_id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	*facts->appointment_id = *appointment_id;
	facts->type = type;
	facts->channel = channel;
	facts->time_offset = time_offset;
	facts->rule_id = rule_id;
	facts->notifications_active = true;
	imagine_recipient(facts, participant_id);
	batch.notifications = list_make1(facts);
	load_all_but_notifications(&batch);
	if (batch.is_over)
		mark_too_large(facts);
	else if (facts->appointment == NULL || !is_customer_of(facts, participant_id))
		return NULL;
	return facts;
}
