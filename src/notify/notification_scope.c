/*
 * notification_scope.c
 *		Which notifications a caller may read and send again.
 *
 * The condition is part of the statement that looks for the notification.
 */
#include "postgres.h"

#include "core/errors.h"
#include "core/row.h"
#include "core/scope.h"
#include "core/statement.h"
#include "notify/notification_scope.h"

void
set_notification_scope(const Caller *caller, NullableDatum *arguments, bool attending_is_enough)
{
	arguments[1] = arguments[2] = arguments[3] = SQL_NULL;
	arguments[4] = SQL_VALUE(BoolGetDatum(attending_is_enough));
	arguments[5] = SQL_VALUE(BoolGetDatum(caller->role == CALLER_AGENT));
	arguments[6] = sql_text(scope_private_user(caller));
	if (caller->role == CALLER_UNRESTRICTED)
		return;
	if (caller->role == CALLER_ADMIN)
	{
		arguments[2] = sql_uuid(&caller->organization_id);
		return;
	}
	arguments[1] = sql_uuid(&caller->application_id);
	arguments[3] = sql_text(scope_user(caller));
}

NotificationScope
notification_in_scope(const Caller *caller, int64 id, bool attending_is_enough)
{
	static Statement find = {
		"SELECT n.application_id, n.appointment_id FROM appt.notification n"
		" JOIN appt.application tenant ON tenant.id = n.application_id"
		" WHERE n.id = $1 AND " NOTIFICATION_IN_SCOPE,
		7, {INT8OID, UUIDOID, UUIDOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID}, true
	};
	NullableDatum arguments[7];
	NotificationScope scope;
	Row		   *row;

	arguments[0] = SQL_VALUE(Int64GetDatum(id));
	set_notification_scope(caller, arguments, attending_is_enough);
	if (statement_run_nullable(&find, arguments) == 0)
		report_text_not_found("notification", psprintf(INT64_FORMAT, id));
	row = ROW(0);
	scope.application_id = next_uuid(row);
	scope.appointment_id = next_uuid_or_null(row);
	return scope;
}

NotificationScope
appointment_in_scope(const Caller *caller, pg_uuid_t *id)
{
	static Statement find = {
		"SELECT a.application_id FROM appt.appointment a"
		" WHERE a.id = $1 AND " ROW_IN_SCOPE("a")
		" AND ($4::text IS NULL OR a.organizer_id = $4 AND a.organizer_type = 'AGENT'"
		"  OR EXISTS (SELECT FROM appt.participant p"
		"   WHERE p.application_id = a.application_id AND p.appointment_id = a.id"
		"    AND p.id = $4 AND p.type = 'AGENT'))",
		4, {UUIDOID, UUIDOID, UUIDOID, TEXTOID}, true
	};
	NullableDatum arguments[7];
	NotificationScope scope;

	arguments[0] = sql_uuid(id);
	set_notification_scope(caller, arguments, true);
	if (statement_run_nullable(&find, arguments) == 0)
		report_not_found("appointment", id);
	scope.application_id = next_uuid(ROW(0));
	scope.appointment_id = id;
	return scope;
}

void
require_application_in_scope(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT FROM appt.application WHERE id = $1", 1, {UUIDOID}, true
	};

	if (!caller_may_use_application(caller, id) || statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("application", id);
}

Datum
notification_details(Call *call, int64 id)
{
	static Statement find = {
		"SELECT ROW(" NOTIFICATION_DETAILS ")::appt.notification_details"
		" FROM appt.notification n WHERE n.id = $1",
		1, {INT8OID}
	};

	if (statement_run(&find, Int64GetDatum(id)) == 0)
		report_text_not_found("notification", psprintf(INT64_FORMAT, id));
	return call_copy(call, next_value(ROW(0)).value, false, -1);
}
