/*
 * record_change.c
 *		The log of changes: a row of appt.change for every change of the
 *		configuration, and of appointments after they were scheduled.
 *
 * A trigger sees changes by functions and by direct SQL alike. It records
 * nothing unless this database is the one that sends: rows that a restore
 * inserts were not changed here. The row of an appointment says who scheduled
 * it, so scheduling records no change; the trigger costs 1 % of a booking's
 * CPU. Rows that are deleted with their parent (the rules of an application,
 * the participants of an appointment) are not recorded; the parent's deletion
 * is.
 *
 * The trigger locks nothing that others wait for and waits for nobody: it
 * inserts one row into a table without foreign keys.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "config/change_values.h"
#include "core/call.h"
#include "core/identity.h"
#include "core/statement.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(record_change);

static bool
is_table(const RowChange *change, const char *table)
{
	return strcmp(change->table, table) == 0;
}

static RowChange *
read_change(const TriggerData *trigger)
{
	const char *table = RelationGetRelationName(trigger->tg_relation);
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		return row_change_read(table, descriptor, NULL, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return row_change_read(table, descriptor, trigger->tg_trigtuple, NULL);
	return row_change_read(table, descriptor, trigger->tg_trigtuple, trigger->tg_newtuple);
}

static const char *
operation_of(const RowChange *change)
{
	if (change->old == NULL)
		return "INSERT";
	return change->new == NULL ? "DELETE" : "UPDATE";
}

static NullableDatum
column_of(const RowChange *change, const char *column)
{
	NullableDatum value;

	value.value = row_change_column(change, column, &value.isnull);
	return value;
}

/*
 * Participants that scheduling adds have the start of the transaction as
 * created_at; those that are added later, the clock's time
 * (schedule/participant.c).
 */
static bool
is_booked(const TriggerData *trigger)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	bool		is_null;
	Datum		created_at;

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		strcmp(RelationGetRelationName(trigger->tg_relation), "participant") != 0)
		return false;
	created_at = SPI_getbinval(trigger->tg_trigtuple, descriptor, SPI_fnumber(descriptor, "created_at"), &is_null);
	return !is_null && DatumGetTimestampTz(created_at) == GetCurrentTransactionStartTimestamp();
}

/* Returns false if nothing was recorded because the row's application or appointment is deleted, too. */
static bool
insert_change(const RowChange *change)
{
	static Statement insert = {
		"INSERT INTO appt.change (organization_id, application_id, table_name, row_key, operation, changed_by,"
		"  old_values, new_values)"
		" SELECT organization_id, $2, $3, $4, $5, appt.caller_name(), $6, $7"
		" FROM coalesce($1, (SELECT p.organization_id FROM appt.application p WHERE p.id = $2)) AS organization_id"
		" WHERE organization_id IS NOT NULL AND ($8 IS NULL OR EXISTS ("
		"  SELECT FROM appt.appointment a WHERE a.application_id = $2 AND a.id = $8))",
		8, {UUIDOID, UUIDOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, JSONBOID, UUIDOID}
	};
	bool		is_organization = is_table(change, "organization");
	bool		is_application = is_table(change, "application");
	const NullableDatum arguments[] = {
		column_of(change, is_organization ? "id" : "organization_id"),
		is_organization ? SQL_NULL : column_of(change, is_application ? "id" : "application_id"),
		sql_text(change->table),
		sql_jsonb(row_change_key(change)),
		sql_text(operation_of(change)),
		sql_jsonb(row_change_old(change)),
		sql_jsonb(row_change_new(change)),
		column_of(change, "appointment_id")
	};

	return statement_run_nullable(&insert, arguments) > 0;
}

/*
 * Values of earlier changes of a deleted row: the columns in $3 are kept, of
 * others only the size. A size that already replaces a value is kept, too.
 */
#define FORGOTTEN(column) \
	"(SELECT jsonb_object_agg(e.key, CASE WHEN e.key = ANY ($3) OR e.value = 'null'" \
	"   OR e.value = jsonb_build_object('omitted', e.value -> 'omitted') AND jsonb_typeof(e.value -> 'omitted') = 'number'" \
	"  THEN e.value ELSE jsonb_build_object('omitted', octet_length(e.value::text)) END)" \
	" FROM jsonb_each(f." column ") e)"

/*
 * Changes that record a DELETE have only such values. Rows that are skipped
 * are locked by retention, which deletes them.
 */
#define FORGET(condition) \
	"UPDATE appt.change c SET old_values = " FORGOTTEN("old_values") ", new_values = " FORGOTTEN("new_values") \
	" FROM (SELECT ctid, old_values, new_values FROM appt.change" \
	"  WHERE application_id = $1 AND operation <> 'DELETE' AND " condition " FOR UPDATE SKIP LOCKED) f" \
	" WHERE c.ctid = f.ctid"

/* A row whose key is its id. */
static void
forget_row(const char *table, NullableDatum application_id, char *id)
{
	static Statement forget = {
		FORGET("table_name = $4 AND row_key ->> 'id' = $2"),
		4, {UUIDOID, TEXTOID, TEXTARRAYOID, TEXTOID}
	};

	(void) statement_run(&forget, application_id.value, text_datum(id), row_change_kept(table), text_datum(table));
}

/* One participant of an appointment, or all. */
static void
forget_participants(NullableDatum application_id, char *appointment_id, NullableDatum id)
{
	static Statement forget = {
		FORGET("table_name = 'participant' AND row_key ->> 'appointment_id' = $2 AND ($4 IS NULL OR row_key ->> 'id' = $4)"),
		4, {UUIDOID, TEXTOID, TEXTARRAYOID, TEXTOID}
	};
	const NullableDatum arguments[] = {
		application_id, sql_text(appointment_id), SQL_VALUE(row_change_kept("participant")), id
	};

	(void) statement_run_nullable(&forget, arguments);
}

/* Earlier changes of a deleted row keep no more values than its DELETE. */
static void
forget_deleted(const RowChange *change)
{
	NullableDatum application_id = column_of(change, "application_id");
	NullableDatum id = column_of(change, "id");

	if (is_table(change, "appointment"))
	{
		char	   *text = uuid_text(DatumGetUUIDP(id.value));

		forget_row(change->table, application_id, text);
		forget_participants(application_id, text, SQL_NULL);
	}
	else if (is_table(change, "user_profile"))
		forget_row(change->table, application_id, TextDatumGetCString(id.value));
	else if (is_table(change, "participant"))
		forget_participants(application_id, uuid_text(DatumGetUUIDP(column_of(change, "appointment_id").value)), id);
}

static void
record(FunctionCallInfo fcinfo, const RowChange *change)
{
	Call		call;

	call_begin_as_owner(&call, fcinfo);
	if (insert_change(change) && change->new == NULL)
		forget_deleted(change);
	call_end(&call);
}

/*
 * appt.record_change() -> trigger, AFTER a change of a row
 *
 * An UPDATE that changes nothing is not recorded. Source: design.md section 3,
 * identity.
 */
Datum
record_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	RowChange  *change;
	const char *why;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("record_change is a trigger for changed rows")));
	if (is_booked(trigger))
		return PointerGetDatum(NULL);
	change = read_change(trigger);
	if (row_change_is_recorded(change) && identity_judge(&why) == IDENTITY_ORIGINAL)
		record(fcinfo, change);
	return PointerGetDatum(NULL);
}
