/*
 * organization.c
 *		Organizations and their global switch of notifications.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/identity.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/planning.h"

PG_FUNCTION_INFO_V1(create_organization);
PG_FUNCTION_INFO_V1(set_notifications_enabled);

/*
 * appt.create_organization(name text) -> uuid
 *
 * The first organization makes this database the one that sends. 22023: an
 * empty name. Names need not be unique. Source: api.md.
 */
Datum
create_organization(PG_FUNCTION_ARGS)
{
	static Statement insert = {
		"INSERT INTO appt.organization (name) VALUES ($1) RETURNING id", 1, {TEXTOID}
	};
	char	   *name = required_text(fcinfo, 0, "name");
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	call_begin(&call, fcinfo, CALLER_UNRESTRICTED);

	/*
	 * First, so that the creation of the organization is recorded as a
	 * change.
	 */
	identity_ensure();
	(void) statement_run(&insert, text_datum(name));
	*id = next_uuid(ROW(0));
	call_end(&call);
	PG_RETURN_UUID_P(id);
}

/*
 * appt.set_notifications_enabled(organization_id uuid, enabled boolean) -> void
 *
 * Sets the switch that every attempt reads. PT404: no such organization, or it
 * is not the admin's. Source: auvious-notifications.txt, global switch.
 */
Datum
set_notifications_enabled(PG_FUNCTION_ARGS)
{
	static Statement lock = {
		"SELECT notifications_enabled, notifications_switched_at FROM appt.organization WHERE id = $1 FOR NO KEY UPDATE", 1, {UUIDOID}
	};
	static Statement update = {
		"UPDATE appt.organization SET notifications_enabled = $2, notifications_switched_at = $3 WHERE id = $1",
		3, {UUIDOID, BOOLOID, TIMESTAMPTZOID}
	};
	pg_uuid_t  *id;
	bool		enabled;
	TimestampTz now = GetCurrentTimestamp();
	Row		   *row;
	Call		call;

	require_arguments(fcinfo, 2);
	id = PG_GETARG_UUID_P(0);
	enabled = PG_GETARG_BOOL(1);
	call_begin(&call, fcinfo, CALLER_ADMIN);
	if ((call.caller.role == CALLER_ADMIN &&
		 memcmp(&call.caller.organization_id, id, UUID_LEN) != 0) ||
		statement_run(&lock, UUIDPGetDatum(id)) == 0)
		report_not_found("organization", id);
	row = ROW(0);
	if (next_bool(row) != enabled)
	{
		NullableDatum switched_at = next_value(row);

		if (enabled && !switched_at.isnull)
			plan_switched_on(id, DatumGetTimestampTz(switched_at.value), now);
		(void) statement_run(&update, UUIDPGetDatum(id), BoolGetDatum(enabled), TimestampTzGetDatum(now));
	}
	call_end(&call);
	PG_RETURN_VOID();
}
