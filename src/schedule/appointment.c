/*
 * appointment.c
 *		Finding, locking and showing one appointment.
 *
 * The statement that looks an appointment up includes the caller's scope: a
 * row outside of it is neither locked nor waited for, and the caller learns
 * only that there is no such appointment.
 *
 * The row is locked before its state is judged. What depends on it (room,
 * participants) is read by a later statement, because the snapshot of the
 * locking statement is older than its wait for the lock.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "core/elapsed.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/scope.h"
#include "core/statement.h"
#include "core/text.h"
#include "schedule/appointment.h"

/* Scope of a caller: $2 is the application, $3 the organizer, $4 the conference; NULL means any. */
#define ORGANIZED_BY_3 "a.organizer_id = $3 AND a.organizer_type = 'AGENT'"
#define IN_SCOPE \
	"a.id = $1 AND ($2 IS NULL OR a.application_id = $2) AND ($4 IS NULL OR a.conference_id = $4) "

static void
read_meeting(Appointment *appointment, Row *row)
{
	pg_uuid_t  *meeting_template_id = next_uuid_or_null(row);

	appointment->key.has_meeting_template = (meeting_template_id != NULL);
	if (meeting_template_id != NULL)
		appointment->meeting_template_id = *meeting_template_id;
	appointment->booking_state = next_text(row);
	appointment->notification_state = next_text(row);
	appointment->changed_fields = next_value(row);
	appointment->has_own_title = next_bool(row);
	appointment->title_for_customers = next_text(row);
	appointment->archived_at = next_timestamp(row);
}

Appointment *
appointment_read_columns(Row *row)
{
	Appointment *appointment = (Appointment *) palloc0(sizeof(Appointment));

	appointment->key.application_id = next_uuid(row);
	appointment->key.id = next_uuid(row);
	appointment->conference_id = next_uuid(row);
	appointment->organizer_id = next_text(row);
	appointment->organizer_type = next_text(row);
	appointment->state = next_text(row);
	appointment->title = next_text(row);
	appointment->notes = next_text(row);
	appointment->location = next_text(row);
	appointment->start_at = next_timestamp(row);
	appointment->end_at = next_timestamp(row);
	appointment->timezone = next_text(row);
	appointment->locale = next_text(row);
	appointment->notifications_active = next_bool(row);
	appointment->metadata = next_jsonb(row);
	appointment->interaction = next_jsonb(row);
	appointment->created_at = next_timestamp(row);
	appointment->updated_at = next_timestamp(row);
	appointment->cancel_reason = next_text(row);
	read_meeting(appointment, row);
	return appointment;
}

Appointment *
appointment_read(Row *row)
{
	Appointment *appointment = appointment_read_columns(row);

	appointment->participant_ids = next_jsonb(row);
	appointment->room.ticket = next_text(row);
	appointment->room.url = next_text(row);
	appointment->room.expires = next_timestamp(row);
	return appointment;
}

/* Arguments 2 to 4 of a statement in the caller's scope. */
static void
set_scope(const Caller *caller, NullableDatum *arguments)
{
	arguments[1] = arguments[2] = arguments[3] = SQL_NULL;
	switch (caller->role)
	{
		case CALLER_UNRESTRICTED:
			return;
		case CALLER_CUSTOMER:
			arguments[3] = sql_uuid(&caller->conference_id);
			break;
		case CALLER_AGENT:
			arguments[2] = sql_text(scope_user(caller));
			break;
		case CALLER_SUPERVISOR:
		case CALLER_CLIENT_SERVICE:
			break;
		default:
			elog(ERROR, "role %d has no appointments of its own", caller->role);
	}
	arguments[1] = sql_uuid(&caller->application_id);
}

/* One without its application belongs to nobody. A join would cost each call 10 us. */
static Appointment *
require_here(Appointment *appointment)
{
	if (!application_is_here(&appointment->key.application_id))
		report_not_found("appointment", &appointment->key.id);
	return appointment;
}

#define READABLE \
	"SELECT " APPOINTMENT_DETAILS "FROM " APPOINTMENT_AND_ROOM \
	"WHERE " IN_SCOPE "AND ($3 IS NULL OR " ORGANIZED_BY_3 " OR EXISTS (" \
	" SELECT FROM appt.participant p WHERE p.application_id = a.application_id" \
	"  AND p.appointment_id = a.id AND p.id = $3 AND p.type = 'AGENT'))"

static Appointment *
read_readable(Statement *statement, const Caller *caller, const pg_uuid_t *id)
{
	NullableDatum arguments[4];

	arguments[0] = sql_uuid(id);
	set_scope(caller, arguments);
	if (statement_run_nullable(statement, arguments) == 0)
		report_not_found("appointment", id);
	return require_here(appointment_read(ROW(0)));
}

Appointment *
appointment_find(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		READABLE, 4, {UUIDOID, UUIDOID, TEXTOID, UUIDOID}, true
	};

	return read_readable(&find, caller, id);
}

Appointment *
appointment_find_now(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		READABLE, 4, {UUIDOID, UUIDOID, TEXTOID, UUIDOID}
	};

	return read_readable(&find, caller, id);
}

#define CHANGEABLE \
	"SELECT " APPOINTMENT_COLUMNS " FROM appt.appointment a WHERE " IN_SCOPE \
	"AND ($3 IS NULL OR " ORGANIZED_BY_3 ") "

static Appointment *
read_changeable(Statement *statement, const Caller *caller, const pg_uuid_t *id)
{
	NullableDatum arguments[4];

	arguments[0] = sql_uuid(id);
	set_scope(caller, arguments);
	if (statement_run_nullable(statement, arguments) == 0)
		report_not_found("appointment", id);
	return require_here(appointment_read_columns(ROW(0)));
}

Appointment *
appointment_to_change(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		CHANGEABLE, 4, {UUIDOID, UUIDOID, TEXTOID, UUIDOID}
	};

	return read_changeable(&find, caller, id);
}

Appointment *
appointment_lock(const Caller *caller, const pg_uuid_t *id, bool for_delete)
{
	static Statement lock = {
		CHANGEABLE "FOR NO KEY UPDATE", 4, {UUIDOID, UUIDOID, TEXTOID, UUIDOID}
	};
	static Statement lock_for_delete = {
		CHANGEABLE "FOR UPDATE", 4, {UUIDOID, UUIDOID, TEXTOID, UUIDOID}
	};

	return read_changeable(for_delete ? &lock_for_delete : &lock, caller, id);
}

Appointment *
appointment_reload(const AppointmentKey *key)
{
	static Statement reload = {
		"SELECT " APPOINTMENT_DETAILS "FROM " APPOINTMENT_AND_ROOM
		"WHERE a.application_id = $1 AND a.id = $2",
		2, {UUIDOID, UUIDOID}
	};

	if (statement_run(&reload, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) == 0)
		report_not_found("appointment", &key->id);
	return appointment_read(ROW(0));
}

void
require_open(const Appointment *appointment)
{
	if (strcmp(appointment->state, APPOINTMENT_SCHEDULED) != 0 &&
		strcmp(appointment->state, APPOINTMENT_ACTIVATED) != 0)
		report_conflict("the appointment is over",
						"Appointment \"%s\" is %s.",
						uuid_text(&appointment->key.id), appointment->state);
}

const char *
interaction_state(const Appointment *appointment)
{
	char	   *state = json_root_text(appointment->interaction, "state");

	return state == NULL ? INTERACTION_PENDING : state;
}

static Datum
organizer_jsonb(const Appointment *appointment)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "id", appointment->organizer_id);
	json_push_member(&state, "type", appointment->organizer_type);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Without an application's room_url there is a ticket, but no link. */
static const char *
room_url_or_null(const Room *room)
{
	return room->url[0] == '\0' ? NULL : room->url;
}

static NullableDatum
room_jsonb(const Room *room)
{
	JsonbParseState *state = NULL;

	if (room->ticket == NULL)
		return SQL_NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "ticket", room->ticket);
	json_push_member(&state, "type", ROOM_TYPE);
	json_push_member(&state, "url", room_url_or_null(room));
	json_push_member(&state, "expires", timestamp_text(room->expires));
	return sql_jsonb(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

#define DETAIL_COLUMNS 26

/* The columns of appt.appointment_details. */
static void
list_details(const Appointment *a, NullableDatum *columns)
{
	const NullableDatum all[] = {
		sql_uuid(&a->key.id),
		sql_uuid(&a->key.application_id),
		sql_text(a->state),
		sql_text(a->title),
		sql_text(a->notes),
		sql_text(a->location),
		SQL_VALUE(TimestampTzGetDatum(a->start_at)),
		SQL_VALUE(TimestampTzGetDatum(a->end_at)),
		SQL_VALUE(IntervalPGetDatum(elapsed_interval(a->end_at - a->start_at))),
		sql_text(a->timezone),
		sql_text(a->locale),
		SQL_VALUE(organizer_jsonb(a)),
		sql_jsonb(a->participant_ids),
		sql_jsonb(a->interaction),
		sql_jsonb(a->metadata),
		SQL_VALUE(BoolGetDatum(a->notifications_active)),
		room_jsonb(&a->room),
		sql_uuid(&a->conference_id),
		SQL_VALUE(TimestampTzGetDatum(a->created_at)),
		SQL_VALUE(TimestampTzGetDatum(a->updated_at)),
		sql_text(a->cancel_reason),
		a->key.has_meeting_template ? sql_uuid(&a->meeting_template_id) : SQL_NULL,
		sql_text(a->booking_state),
		sql_text(a->notification_state),
		a->changed_fields,
		sql_time(a->archived_at)
	};

	StaticAssertStmt(lengthof(all) == DETAIL_COLUMNS, "DETAIL_COLUMNS is wrong");
	memcpy(columns, all, sizeof(all));
}

HeapTuple
appointment_tuple(TupleDesc descriptor, const Appointment *appointment)
{
	NullableDatum columns[DETAIL_COLUMNS];

	list_details(appointment, columns);
	return tuple_of(descriptor, columns, DETAIL_COLUMNS);
}

void
appointment_put(TupleTableSlot *slot, const Appointment *appointment)
{
	NullableDatum columns[DETAIL_COLUMNS];

	list_details(appointment, columns);
	Assert(slot->tts_tupleDescriptor->natts == DETAIL_COLUMNS);
	ExecClearTuple(slot);
	for (int i = 0; i < DETAIL_COLUMNS; i++)
	{
		slot->tts_values[i] = columns[i].value;
		slot->tts_isnull[i] = columns[i].isnull;
	}
	ExecStoreVirtualTuple(slot);
}

Datum
appointment_details(Call *call, FunctionCallInfo fcinfo, const Appointment *appointment)
{
	HeapTuple	details = appointment_tuple(result_descriptor(fcinfo), appointment);

	return call_copy(call, HeapTupleGetDatum(details), false, -1);
}

Datum
room_access_details(Call *call, FunctionCallInfo fcinfo, const Room *room)
{
	const NullableDatum columns[] = {
		sql_text(room->ticket),
		sql_text(ROOM_TYPE),
		sql_text(room_url_or_null(room)),
		SQL_VALUE(TimestampTzGetDatum(room->expires))
	};

	return call_row(call, fcinfo, columns, lengthof(columns));
}

Datum
return_details(Call *call, FunctionCallInfo fcinfo, const AppointmentKey *key)
{
	Datum		details = appointment_details(call, fcinfo, appointment_reload(key));

	call_end(call);
	return details;
}
