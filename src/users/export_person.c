/*
 * export_person.c
 *		What appt has of a person, and what was sent to an address.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

#include "core/arguments.h"
#include "core/json.h"
#include "core/row.h"
#include "users/person.h"

PG_FUNCTION_INFO_V1(export_person);
PG_FUNCTION_INFO_V1(messages_to);

#define ROWS(alias, from) "(SELECT coalesce(jsonb_agg(to_jsonb(" alias ") - '{lane,worker_slot,nonce}'::text[]), '[]') FROM " from ")"

/*
 * appt.export_person(application_id uuid, address text) -> jsonb
 *
 * Errors as person.h. Source: people.md section 4.
 */
Datum
export_person(PG_FUNCTION_ARGS)
{
	static Statement export = {
		"SELECT jsonb_build_object("
		"'participants', " ROWS("p", "unnest($3, $4) c (appointment_id, id) JOIN appt.participant p"
								" ON p.application_id = $1 AND p.appointment_id = c.appointment_id AND p.id = c.id") ","
		"'appointments', " ROWS("t", "appt.appointment t WHERE t.application_id = $1 AND t.id = ANY ($3)") ","
		"'notifications', " ROWS("n", "appt.notification n WHERE n.id = ANY ($5)") ","
		"'attempts', " ROWS("a", "appt.attempt a WHERE a.notification_id = ANY ($5)") ","
		"'responses', " ROWS("r", "unnest($3, $4) c (appointment_id, id) JOIN appt.response r"
							 " ON r.application_id = $1 AND r.appointment_id = c.appointment_id AND r.participant_id = c.id") ","
		"'inbound_messages', " ROWS("i", "appt.inbound_message i WHERE i.application_id = $1 AND i.from_number = ANY ($2)") ","
		"'one_time_codes', " ROWS("o", "appt.one_time_code o WHERE o.application_id = $1 AND o.purpose = 'CUSTOMER' AND o.contact = ANY ($2)") ","
		"'user_events', " ROWS("u", "appt.user_event u WHERE u.application_id = $1 AND u.id = ANY ($7)") ","
		"'suppressions', " ROWS("s", "appt.suppression s WHERE s.application_id = $1 AND"
								" (s.address = ANY ($2) OR lower(s.address) = ANY ($2))") ","
		"'changes', " ROWS("h", "unnest($3, $4) c (appointment_id, id) JOIN appt.change h ON h.application_id = $1"
						   " AND h.table_name = 'participant' AND h.row_key ->> 'appointment_id' = c.appointment_id::text"
						   " AND h.row_key ->> 'id' = c.id") ")",
		PERSON_PARAMETERS, PERSON_TYPES
	};
	Person		person;
	Datum		result;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	person = person_of_arguments(&call.caller, fcinfo);
	person_find(&person, false);
	(void) person_run(&export, &person);
	result = call_copy(&call, next_value(ROW(0)).value, false, -1);
	person_record(&person, "export_person", json_empty_object());
	call_end(&call);
	return result;
}

/* A number without a country's code is read by the calling codes of the caller's applications. */
static NullableDatum
forms_for_caller(const char *address, const NullableDatum *application_id, const NullableDatum *organization_id)
{
	static Statement find = {
		"SELECT DISTINCT a.calling_code FROM appt.application a WHERE a.calling_code IS NOT NULL"
		" AND ($1::uuid IS NULL OR a.id = $1) AND ($2::uuid IS NULL OR a.organization_id = $2)",
		2, {UUIDOID, UUIDOID}, true
	};
	const NullableDatum arguments[] = {*application_id, *organization_id};
	uint64		count = statement_run_nullable(&find, arguments);
	Column	   *forms = column_create(TEXTOID, 0);

	address_forms_add(forms, address, NULL);
	for (uint64 n = 0; n < count; n++)
		address_forms_add(forms, address, next_text(ROW(n)));
	return SQL_VALUE(column_array(forms));
}

/*
 * appt.messages_to(address text) -> setof notification_log
 *
 * The address is compared in the forms in which it may be stored. Supervisors: of
 * their application, without those to other users; admins: of their organization.
 * 22023: no address. Source: people.md section 4.
 */
Datum
messages_to(PG_FUNCTION_ARGS)
{
	static Statement find = {
		"SELECT l.* FROM appt.notification_log l WHERE l.recipient = ANY ($1)"
		" AND ($2::uuid IS NULL OR l.application_id = $2)"
		" AND ($3::uuid IS NULL OR EXISTS (SELECT FROM appt.application a WHERE a.id = l.application_id AND a.organization_id = $3))"
		" AND ($4::text IS NULL OR l.recipient_kind <> 'USER' OR l.recipient_id = $4)"
		" ORDER BY l.due_at DESC, l.notification_id DESC, l.attempt_number DESC",
		4, {TEXTARRAYOID, UUIDOID, UUIDOID, TEXTOID}, true
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	NullableDatum arguments[4];
	bool		is_supervisor;
	char	   *address;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_SUPERVISOR | CALLER_ADMIN);
	is_supervisor = (call.caller.role == CALLER_SUPERVISOR);
	address = required_text(fcinfo, 0, "address");
	arguments[1] = sql_uuid(is_supervisor ? &call.caller.application_id : NULL);
	arguments[2] = sql_uuid(call.caller.role == CALLER_ADMIN ? &call.caller.organization_id : NULL);
	arguments[3] = sql_text(is_supervisor ? call.caller.user_id : NULL);
	arguments[0] = forms_for_caller(address, &arguments[1], &arguments[2]);
	statement_store(&find, arguments, result->setResult);
	call_end(&call);
	return (Datum) 0;
}
