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
 * caller's change is not seen here; it will be, by the mark that overtaking
 * leaves on the notification.
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
#include "utils/numeric.h"

#include "core/column.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/statement.h"
#include "notify/facts.h"

/* The rows of one kind, ordered by key. */
typedef struct FactIndex
{
	int			count;
	pg_uuid_t  *keys;
	void	  **facts;
} FactIndex;

/* A batch while it is put together. */
typedef struct Batch
{
	List	   *notifications;	/* of NotificationFacts *, by id */
	bool		is_current;		/* with snapshots of its own, not the query's */
	FactIndex	applications;
	FactIndex	appointments;
	FactIndex	subscriptions;
	FactIndex	providers;		/* by id */
} Batch;

/* A provider as it is looked for: by application and channel. */
typedef struct ProviderFacts
{
	RouteFacts	facts;			/* first: it is found as a RouteFacts, too */
	pg_uuid_t	application_id;
	ChannelCode channel;
} ProviderFacts;

static int
compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

/* The facts under a key, or NULL. */
static void *
find_fact(const FactIndex *index, const pg_uuid_t *key)
{
	const pg_uuid_t *found;

	if (index->count == 0 || key == NULL)
		return NULL;
	found = (const pg_uuid_t *) bsearch(key, index->keys, index->count,
										sizeof(pg_uuid_t), compare_uuids);
	return found ? index->facts[found - index->keys] : NULL;
}

static void
index_create(FactIndex *index, uint64 count)
{
	index->count = (int) count;
	index->keys = (pg_uuid_t *) palloc(Max(count, 1) * sizeof(pg_uuid_t));
	index->facts = (void **) palloc(Max(count, 1) * sizeof(void *));
}

/* Run a statement that only reads, with the batch's idea of what is current. */
static uint64
read_rows(const Batch *batch, Statement *statement, Datum keys)
{
	statement->is_read_only = !batch->is_current;
	return statement_run(statement, keys);
}

static uint64
read_rows2(const Batch *batch, Statement *statement, Datum keys, Datum more_keys)
{
	statement->is_read_only = !batch->is_current;
	return statement_run(statement, keys, more_keys);
}

/* An array of distinct uuids. */
static Datum
uuid_array(pg_uuid_t *uuids, int *count)
{
	Column	   *column = column_create(UUIDOID, *count);
	int			distinct = 0;

	qsort(uuids, *count, sizeof(pg_uuid_t), compare_uuids);
	for (int i = 0; i < *count; i++)
		if (i == 0 || compare_uuids(&uuids[i - 1], &uuids[i]) != 0)
		{
			column_add_uuid(column, &uuids[i]);
			distinct++;
		}
	*count = distinct;
	return column_array(column);
}

static pg_uuid_t *
uuid_room(const Batch *batch)
{
	return (pg_uuid_t *) palloc(Max(list_length(batch->notifications), 1) * sizeof(pg_uuid_t));
}

/* ---- notifications ---- */

#define NOTIFICATION_COLUMNS \
	"n.id, n.uid, n.application_id, n.appointment_id, n.recipient_kind, n.recipient_id," \
	" n.subscription_id, n.rule_id, n.type, n.channel, n.time_offset, n.due_at, n.lane," \
	" n.state, n.reason, n.overtaken_by, n.attempt_count, n.next_attempt_at, n.manual," \
	" n.notifications_active, n.address, n.start_at, n.end_at, n.context, n.event"

static Reason
row_reason(uint64 row, int column)
{
	char	   *code = row_text(row, column);
	Reason		reason;

	if (code == NULL || !reason_from_code(code, &reason))
		return REASON_NONE;
	return reason;
}

/* The codes are those of the table's domains: one that is unknown is another version's. */
static void
read_codes(NotificationFacts *facts, uint64 row)
{
	char	   *type = row_text(row, 9);
	char	   *channel = row_text(row, 10);
	char	   *state = row_text(row, 14);

	if (!notification_type_from_code(type, &facts->type) ||
		!channel_from_code(channel, &facts->channel) ||
		!state_from_code(state, &facts->state))
		elog(ERROR, "notification " INT64_FORMAT " has an unknown type, channel or state: %s, %s, %s",
			 facts->id, type, channel, state);
}

static NotificationFacts *
read_notification(uint64 row)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));

	facts->id = row_int64(row, 1);
	facts->uid = row_uuid(row, 2);
	facts->application_id = row_uuid(row, 3);
	facts->appointment_id = row_uuid_or_null(row, 4);
	facts->recipient_kind = row_text(row, 5);
	facts->recipient_id = row_text(row, 6);
	facts->subscription_id = row_uuid_or_null(row, 7);
	facts->rule_id = row_int64(row, 8);
	facts->time_offset = row_elapsed(row, 11);
	facts->due_at = row_timestamp(row, 12);
	facts->lane = row_int64(row, 13);
	facts->reason = row_reason(row, 15);
	facts->overtaken_by = row_reason(row, 16);
	facts->attempt_count = row_int32(row, 17);
	facts->next_attempt_at = row_timestamp(row, 18);
	facts->is_manual = row_bool(row, 19);
	facts->notifications_active = row_bool(row, 20);
	facts->address = row_text(row, 21);
	facts->start_at = row_timestamp(row, 22);
	facts->end_at = row_timestamp(row, 23);
	facts->context = row_jsonb(row, 24);
	facts->event = row_jsonb(row, 25);
	read_codes(facts, row);
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
	found = read_rows(batch, &find, column_array(ids));
	for (uint64 row = 0; row < found; row++)
		batch->notifications = lappend(batch->notifications, read_notification(row));
}

/* ---- applications and their organizations ---- */

static double
row_number(uint64 row, int column)
{
	bool		is_null;
	Datum		value = row_datum(row, column, &is_null);

	return is_null ? 0 : DatumGetFloat8(value);
}

static ApplicationFacts *
read_application(uint64 row)
{
	ApplicationFacts *facts = (ApplicationFacts *) palloc0(sizeof(ApplicationFacts));

	facts->id = row_uuid(row, 1);
	facts->organization.id = row_uuid(row, 2);
	facts->organization.notifications_enabled = row_bool(row, 3);
	facts->organization.require_verified_sender = row_bool(row, 4);
	facts->name = row_text(row, 5);
	facts->platform = row_text(row, 6);
	facts->room_activates = row_bool(row, 7);
	facts->public_url = row_text(row, 8);
	facts->locale = row_text(row, 9);
	facts->timezone = row_text(row, 10);
	facts->max_attempts = row_int32(row, 11);
	facts->retry_base = row_elapsed(row, 12);
	facts->retry_cap = row_elapsed(row, 13);
	facts->max_concurrency = row_int32(row, 14);
	facts->max_per_second = row_number(row, 15);
	return facts;
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
	pg_uuid_t  *ids = uuid_room(batch);
	int			count = 0;
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
		ids[count++] = ((NotificationFacts *) lfirst(cell))->application_id;
	found = read_rows(batch, &find, uuid_array(ids, &count));
	index_create(&batch->applications, found);
	for (uint64 row = 0; row < found; row++)
	{
		ApplicationFacts *facts = read_application(row);

		batch->applications.keys[row] = facts->id;
		batch->applications.facts[row] = facts;
	}
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->application = (const ApplicationFacts *)
			find_fact(&batch->applications, &facts->application_id);
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
	"p.appointment_id, p.id, p.type = 'CUSTOMER', p.username, p.first_name, p.last_name," \
	" p.email, p.phone, p.locale, p.metadata, p.verified_channel"

static AppointmentFacts *
read_appointment(uint64 row)
{
	AppointmentFacts *facts = (AppointmentFacts *) palloc0(sizeof(AppointmentFacts));

	facts->id = row_uuid(row, 1);
	facts->application_id = row_uuid(row, 2);
	facts->conference_id = row_uuid(row, 3);
	facts->state = row_text(row, 4);
	facts->organizer_id = row_text(row, 5);
	facts->organizer_type = row_text(row, 6);
	facts->title = row_text(row, 7);
	facts->notes = row_text(row, 8);
	facts->location = row_text(row, 9);
	facts->start_at = row_timestamp(row, 10);
	facts->end_at = row_timestamp(row, 11);
	facts->ended_at = row_timestamp(row, 12);
	facts->timezone = row_text(row, 13);
	facts->locale = row_text(row, 14);
	facts->notifications_active = row_bool(row, 15);
	facts->metadata = row_jsonb(row, 16);
	facts->interaction = row_jsonb(row, 17);
	facts->notification_headers = row_jsonb(row, 18);
	facts->sequence = row_int32(row, 19);
	facts->room_ticket = row_text(row, 20);
	facts->room_type = row_text(row, 21);
	facts->room_url = row_text(row, 22);
	facts->room_expires = row_timestamp(row, 23);
	facts->call_started = row_bool(row, 24);
	facts->updated_at = row_timestamp(row, 25);
	facts->cancel_reason = row_text(row, 26);
	return facts;
}

static ParticipantFacts *
read_participant(uint64 row)
{
	ParticipantFacts *facts = (ParticipantFacts *) palloc0(sizeof(ParticipantFacts));

	facts->id = row_text(row, 2);
	facts->is_customer = row_bool(row, 3);
	facts->username = row_text(row, 4);
	facts->first_name = row_text(row, 5);
	facts->last_name = row_text(row, 6);
	facts->email = row_text(row, 7);
	facts->phone = row_text(row, 8);
	facts->locale = row_text(row, 9);
	facts->metadata = row_jsonb(row, 10);
	facts->verified_channel = row_text(row, 11);
	return facts;
}

/* The keys, (application_id, appointment_id), of the appointments we need: each once. */
static int
appointment_keys(const Batch *batch, Datum *application_ids, Datum *appointment_ids)
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

		if (facts->appointment_id == NULL)
			continue;
		keys[count].appointment_id = *facts->appointment_id;
		keys[count++].application_id = facts->application_id;
	}
	qsort(keys, count, sizeof(Key), compare_uuids);
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

static void
load_participants(Batch *batch, Datum application_ids, Datum appointment_ids)
{
	static Statement find = {
		"SELECT " PARTICIPANT_COLUMNS
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"
		" JOIN appt.participant p ON p.application_id = k.application_id"
		"  AND p.appointment_id = k.appointment_id"
		" ORDER BY p.created_at, p.id COLLATE \"C\"",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	uint64		found = read_rows2(batch, &find, application_ids, appointment_ids);

	for (uint64 row = 0; row < found; row++)
	{
		pg_uuid_t	id = row_uuid(row, 1);
		AppointmentFacts *appointment = (AppointmentFacts *) find_fact(&batch->appointments, &id);

		if (appointment != NULL)
			appointment->participants = lappend(appointment->participants, read_participant(row));
	}
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

	if (appointment_keys(batch, &application_ids, &appointment_ids) == 0)
		return;
	found = read_rows2(batch, &find, application_ids, appointment_ids);
	index_create(&batch->appointments, found);
	for (uint64 row = 0; row < found; row++)
	{
		AppointmentFacts *facts = read_appointment(row);

		batch->appointments.keys[row] = facts->id;
		batch->appointments.facts[row] = facts;
	}
	if (found > 0)
		load_participants(batch, application_ids, appointment_ids);
}

/* ---- what context tells ---- */

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

static const ParticipantFacts *
find_customer(const AppointmentFacts *appointment, const char *id)
{
	ListCell   *cell;

	foreach(cell, appointment->participants)
	{
		const ParticipantFacts *participant = (const ParticipantFacts *) lfirst(cell);

		if (participant->is_customer && strcmp(participant->id, id) == 0)
			return participant;
	}
	return NULL;
}

/* The appointments of these notifications, as they were when they were deleted. */
static void
restore_appointments(Batch *batch, Datum ids)
{
	static Statement find = {
		"SELECT " APPOINTMENT_COLUMNS ", n.id"
		" FROM appt.notification n,"
		" LATERAL jsonb_populate_record(NULL::appt.appointment, n.context->'appointment') a,"
		" LATERAL jsonb_populate_record(NULL::appt.room_access, nullif(n.context->'room', 'null')) r"
		" WHERE n.id = ANY ($1) AND jsonb_typeof(n.context->'appointment') = 'object'",
		1, {INT8ARRAYOID}
	};
	static Statement find_participants = {
		"SELECT " PARTICIPANT_COLUMNS ", n.id"
		" FROM appt.notification n,"
		" LATERAL jsonb_populate_recordset(NULL::appt.participant, n.context->'participants') p"
		" WHERE n.id = ANY ($1) AND jsonb_typeof(n.context->'participants') = 'array'"
		" ORDER BY n.id, p.created_at, p.id COLLATE \"C\"",
		1, {INT8ARRAYOID}
	};
	uint64		found = read_rows(batch, &find, ids);

	for (uint64 row = 0; row < found; row++)
	{
		NotificationFacts *facts = find_notification(batch, row_int64(row, 27));
		AppointmentFacts *appointment = read_appointment(row);

		appointment->is_deleted = true;
		facts->appointment = appointment;
	}
	found = read_rows(batch, &find_participants, ids);
	for (uint64 row = 0; row < found; row++)
	{
		NotificationFacts *facts = find_notification(batch, row_int64(row, 12));
		AppointmentFacts *appointment = unconstify(AppointmentFacts *, facts->appointment);

		if (appointment != NULL && appointment->is_deleted)
			appointment->participants = lappend(appointment->participants, read_participant(row));
	}
}

/* The customers who were removed, or whose appointment was deleted. */
static void
restore_recipients(Batch *batch, Datum ids)
{
	static Statement find = {
		"SELECT " PARTICIPANT_COLUMNS ", n.id"
		" FROM appt.notification n,"
		" LATERAL jsonb_populate_record(NULL::appt.participant, n.context->'participant') p"
		" WHERE n.id = ANY ($1) AND jsonb_typeof(n.context->'participant') = 'object'",
		1, {INT8ARRAYOID}
	};
	uint64		found = read_rows(batch, &find, ids);

	for (uint64 row = 0; row < found; row++)
	{
		NotificationFacts *facts = find_notification(batch, row_int64(row, 12));

		facts->recipient = read_participant(row);
		facts->recipient_is_gone = true;
	}
}

/* Give every notification its appointment and recipient; the missing ones are looked for in context. */
static void
assign_appointments(Batch *batch)
{
	Column	   *without_appointment = column_create(INT8OID, 8);
	Column	   *without_recipient = column_create(INT8OID, 8);
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);
		bool		is_customer = strcmp(facts->recipient_kind, "CUSTOMER") == 0;

		facts->appointment = (const AppointmentFacts *)
			find_fact(&batch->appointments, facts->appointment_id);
		if (facts->appointment != NULL && is_customer)
			facts->recipient = find_customer(facts->appointment, facts->recipient_id);
		if (facts->context == NULL)
			continue;
		if (facts->appointment == NULL)
			column_add(without_appointment, Int64GetDatum(facts->id));
		if (facts->recipient == NULL)
			column_add(without_recipient, Int64GetDatum(facts->id));
	}
	if (without_appointment->count > 0)
		restore_appointments(batch, column_array(without_appointment));
	if (without_recipient->count > 0)
		restore_recipients(batch, column_array(without_recipient));
}

/* ---- rules ---- */

static void
load_rules(Batch *batch)
{
	static Statement find = {
		"SELECT r.id, r.application_id, r.enabled FROM appt.rule r WHERE r.id = ANY ($1) ORDER BY r.id",
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
	found = read_rows(batch, &find, column_array(ids));
	for (uint64 row = 0; row < found; row++)
	{
		int64		id = row_int64(row, 1);
		pg_uuid_t	application_id = row_uuid(row, 2);
		bool		enabled = row_bool(row, 3);

		foreach(cell, batch->notifications)
		{
			NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

			if (facts->rule_id != id ||
				compare_uuids(&facts->application_id, &application_id) != 0)
				continue;
			facts->rule_exists = true;
			facts->rule_enabled = enabled;
		}
	}
}

/* ---- subscriptions and providers ---- */

static AuthKind
auth_kind(const char *code)
{
	if (strcmp(code, "BASIC") == 0)
		return AUTH_BASIC;
	if (strcmp(code, "OAUTH2") == 0)
		return AUTH_OAUTH2;
	return AUTH_NONE;
}

/* What stands in the table for a secret one is not its value: that comes from appt.secret, or not at all. */
static Header *
make_header(char *name, char *value, bool is_secret)
{
	Header	   *header = (Header *) palloc(sizeof(Header));

	header->name = name;
	header->value = is_secret ? NULL : value;
	header->is_secret = is_secret;
	return header;
}

List *
facts_headers(Jsonb *jsonb)
{
	List	   *headers = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;
	char	   *text;
	char	   *type;

	if (jsonb == NULL || JB_ROOT_IS_SCALAR(jsonb))
		return NIL;
	iterator = JsonbIteratorInit(&jsonb->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = json_text(&value);
		else if (token == WJB_VALUE && (text = json_text(&value)) != NULL)
			headers = lappend(headers, make_header(name, text, false));
		else if (token == WJB_ELEM && value.type == jbvBinary &&
				 JsonContainerIsObject(value.val.binary.data))
		{
			name = json_member_text(value.val.binary.data, "name");
			text = json_member_text(value.val.binary.data, "value");
			type = json_member_text(value.val.binary.data, "type");
			if (name != NULL && text != NULL)
				headers = lappend(headers, make_header(name, text,
													   type != NULL && strcmp(type, "SECRET") == 0));
		}
	}
	return headers;
}

static void
load_subscriptions(Batch *batch)
{
	static Statement find = {
		"SELECT s.id, s.enabled, s.url, s.auth, s.username, s.token_url, s.scope, s.audience,"
		" s.token_auth = 'BODY', s.headers"
		" FROM appt.subscription s WHERE s.id = ANY ($1) ORDER BY s.id",
		1, {UUIDARRAYOID}
	};
	pg_uuid_t  *ids = uuid_room(batch);
	int			count = 0;
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->subscription_id != NULL)
			ids[count++] = *facts->subscription_id;
	}
	if (count == 0)
		return;
	found = read_rows(batch, &find, uuid_array(ids, &count));
	index_create(&batch->subscriptions, found);
	for (uint64 row = 0; row < found; row++)
	{
		RouteFacts *facts = (RouteFacts *) palloc0(sizeof(RouteFacts));

		facts->id = row_uuid(row, 1);
		facts->enabled = row_bool(row, 2);
		facts->is_verified = true;
		facts->route.kind = "WEBHOOK";
		facts->route.url = row_text(row, 3);
		facts->route.auth = auth_kind(row_text(row, 4));
		facts->route.username = row_text(row, 5);
		facts->route.token_url = row_text(row, 6);
		facts->route.token_scope = row_text(row, 7);
		facts->route.token_audience = row_text(row, 8);
		facts->route.client_in_body = row_bool(row, 9);
		facts->route.headers = facts_headers(row_jsonb(row, 10));
		batch->subscriptions.keys[row] = facts->id;
		batch->subscriptions.facts[row] = facts;
	}
}

static void
load_providers(Batch *batch)
{
	static Statement find = {
		"SELECT p.id, p.application_id, p.channel, p.kind, p.url, p.username, p.sender, p.settings,"
		" p.verified_at IS NOT NULL"
		" FROM appt.provider p WHERE p.application_id = ANY ($1) AND p.enabled ORDER BY p.id",
		1, {UUIDARRAYOID}
	};
	pg_uuid_t  *ids = uuid_room(batch);
	int			count = 0;
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->channel != CHANNEL_WEBHOOK)
			ids[count++] = facts->application_id;
	}
	if (count == 0)
		return;
	found = read_rows(batch, &find, uuid_array(ids, &count));
	index_create(&batch->providers, found);
	for (uint64 row = 0; row < found; row++)
	{
		ProviderFacts *provider = (ProviderFacts *) palloc0(sizeof(ProviderFacts));
		Route	   *route = &provider->facts.route;

		provider->facts.id = row_uuid(row, 1);
		provider->application_id = row_uuid(row, 2);
		if (!channel_from_code(row_text(row, 3), &provider->channel))
			elog(ERROR, "provider has an unknown channel: %s", row_text(row, 3));
		provider->facts.enabled = true;
		provider->facts.is_verified = row_bool(row, 9);
		route->kind = row_text(row, 4);
		route->url = row_text(row, 5);
		route->username = row_text(row, 6);
		route->sender = row_text(row, 7);
		route->settings = row_jsonb(row, 8);
		route->headers = facts_headers(json_root_jsonb(route->settings, "headers"));
		batch->providers.keys[row] = provider->facts.id;
		batch->providers.facts[row] = provider;
	}
}

/* A secret header gets its value. */
static void
unmask_header(Route *route, const char *name, const char *value)
{
	ListCell   *cell;

	foreach(cell, route->headers)
	{
		Header	   *header = (Header *) lfirst(cell);

		if (header->is_secret && pg_strcasecmp(header->name, name) == 0)
			header->value = value;
	}
}

static void
add_secret(Route *route, const char *name, char *value)
{
	if (strcmp(name, "PASSWORD") == 0)
		route->password = value;
	else if (strcmp(name, "HMAC_KEY") == 0)
		route->hmac_keys = lappend(route->hmac_keys, value);
	else if (strncmp(name, "HEADER:", 7) == 0)
		unmask_header(route, name + 7, value);
}

/* The current key signs first, then those replaced, the latest before the others. */
static void
load_secrets(Batch *batch)
{
	static Statement find = {
		"SELECT coalesce(s.subscription_id, s.provider_id), s.name, s.value"
		" FROM appt.secret s"
		" WHERE s.application_id = ANY ($1)"
		"  AND (s.subscription_id = ANY ($2) OR s.provider_id = ANY ($2))"
		"  AND (s.expires_at IS NULL OR s.expires_at > statement_timestamp())"
		" ORDER BY 1, s.name, s.expires_at DESC NULLS FIRST, s.id DESC",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	int			count = batch->subscriptions.count + batch->providers.count;
	Column	   *owners = column_create(UUIDOID, count);
	Column	   *applications = column_create(UUIDOID, batch->applications.count);
	uint64		found;

	if (count == 0)
		return;
	for (int i = 0; i < batch->subscriptions.count; i++)
		column_add_uuid(owners, &batch->subscriptions.keys[i]);
	for (int i = 0; i < batch->providers.count; i++)
		column_add_uuid(owners, &batch->providers.keys[i]);
	for (int i = 0; i < batch->applications.count; i++)
		column_add_uuid(applications, &batch->applications.keys[i]);
	found = read_rows2(batch, &find, column_array(applications), column_array(owners));
	for (uint64 row = 0; row < found; row++)
	{
		pg_uuid_t	owner = row_uuid(row, 1);
		RouteFacts *facts = (RouteFacts *) find_fact(&batch->subscriptions, &owner);

		if (facts == NULL)
			facts = (RouteFacts *) find_fact(&batch->providers, &owner);
		if (facts != NULL)
			add_secret(&facts->route, row_text(row, 2), row_text(row, 3));
	}
}

static const RouteFacts *
find_provider(const Batch *batch, const NotificationFacts *facts)
{
	for (int i = 0; i < batch->providers.count; i++)
	{
		ProviderFacts *provider = (ProviderFacts *) batch->providers.facts[i];

		if (provider->channel == facts->channel &&
			compare_uuids(&provider->application_id, &facts->application_id) == 0)
			return &provider->facts;
	}
	return NULL;
}

static void
load_routes(Batch *batch)
{
	ListCell   *cell;

	load_subscriptions(batch);
	load_providers(batch);
	load_secrets(batch);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->channel == CHANNEL_WEBHOOK)
			facts->route = (const RouteFacts *) find_fact(&batch->subscriptions, facts->subscription_id);
		else
			facts->route = find_provider(batch, facts);
	}
}

/* ---- templates ---- */

static TemplateFacts *
read_template(uint64 row)
{
	TemplateFacts *facts = (TemplateFacts *) palloc(sizeof(TemplateFacts));

	facts->rule_id = row_int64(row, 4);
	facts->locale = row_text(row, 5);
	facts->subject = row_text(row, 6);
	facts->text_body = row_text(row, 7);
	facts->html_body = row_text(row, 8);
	return facts;
}

const char *
facts_template_type(const NotificationFacts *facts)
{
	char	   *type = NULL;

	if (facts->type == TYPE_TEST)
		type = json_root_text(facts->context, "template_type");
	return type ? type : notification_types[facts->type].code;
}

static void
load_templates(Batch *batch)
{
	static Statement find = {
		"SELECT t.application_id, t.type, t.channel, t.rule_id, t.locale, t.subject, t.text_body, t.html_body"
		" FROM appt.template t"
		" JOIN (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS type, unnest($3) AS channel) k"
		"  ON t.application_id = k.application_id AND t.type = k.type AND t.channel = k.channel"
		" ORDER BY t.application_id, t.type, t.channel, t.id",
		3, {UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
	};
	Column	   *applications = column_create(UUIDOID, 8);
	Column	   *types = column_create(TEXTOID, 8);
	Column	   *channels = column_create(TEXTOID, 8);
	uint64		found;
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->channel == CHANNEL_WEBHOOK)
			continue;
		column_add_uuid(applications, &facts->application_id);
		column_add_text(types, facts_template_type(facts));
		column_add_text(channels, channel_code(facts->channel));
	}
	if (applications->count == 0)
		return;
	find.is_read_only = !batch->is_current;
	found = statement_run(&find, column_array(applications), column_array(types),
						  column_array(channels));
	for (uint64 row = 0; row < found; row++)
	{
		pg_uuid_t	application_id = row_uuid(row, 1);
		char	   *type = row_text(row, 2);
		char	   *channel = row_text(row, 3);
		TemplateFacts *template = read_template(row);

		foreach(cell, batch->notifications)
		{
			NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

			if (strcmp(channel_code(facts->channel), channel) == 0 &&
				strcmp(facts_template_type(facts), type) == 0 &&
				compare_uuids(&facts->application_id, &application_id) == 0)
				facts->templates = lappend(facts->templates, template);
		}
	}
}

/* ---- messages that were interrupted ---- */

/* Whole bodies are shorter than those that were cut, wherever the last character ended. */
static bool
is_whole(const char *body)
{
	return body == NULL || strlen(body) <= LOGGED_BODY_BYTES - MAX_MULTIBYTE_CHAR_LEN;
}

const char *
facts_logged_body(const char *body)
{
	if (is_whole(body))
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
	found = read_rows(batch, &find, column_array(ids));
	for (uint64 row = 0; row < found; row++)
	{
		NotificationFacts *facts = find_notification(batch, row_int64(row, 1));
		char	   *outcome = row_text(row, 2);
		StoredMessage *stored;

		if (outcome == NULL || strcmp(outcome, "INTERRUPTED") != 0)
			continue;
		stored = (StoredMessage *) palloc(sizeof(StoredMessage));
		stored->recipient = row_text(row, 3);
		stored->subject = row_text(row, 4);
		stored->text_body = row_text(row, 5);
		stored->html_body = row_text(row, 6);
		if (!is_whole(stored->text_body) || !is_whole(stored->html_body))
			stored->text_body = stored->html_body = NULL;
		facts->stored = stored;
	}
}

static void
load_all_but_notifications(Batch *batch)
{
	if (batch->notifications == NIL)
		return;
	load_applications(batch);
	load_appointments(batch);
	assign_appointments(batch);
	load_rules(batch);
	load_routes(batch);
	load_templates(batch);
	load_stored_messages(batch);
}

List *
facts_load(const int64 *notification_ids, int count)
{
	Batch		batch = {.is_current = true};

	load_notifications(&batch, notification_ids, count);
	load_all_but_notifications(&batch);
	return batch.notifications;
}

List *
facts_load_as_seen(const int64 *notification_ids, int count)
{
	Batch		batch = {.is_current = false};

	load_notifications(&batch, notification_ids, count);
	load_all_but_notifications(&batch);
	return batch.notifications;
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
		facts->subscription_id = row_uuid_or_null(0, 1);
		facts->recipient_id = uuid_text(facts->subscription_id);
	}
}

NotificationFacts *
facts_imagine(const pg_uuid_t *application_id, const pg_uuid_t *appointment_id,
			  const char *participant_id, NotificationType type, ChannelCode channel,
			  TimeOffset time_offset, int64 rule_id)
{
	NotificationFacts *facts = (NotificationFacts *) palloc0(sizeof(NotificationFacts));
	Batch		batch = {0};

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
	if (facts->appointment == NULL || find_customer(facts->appointment, participant_id) == NULL)
		return NULL;
	return facts;
}
