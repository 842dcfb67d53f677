/*
 * provider.c
 *		Providers, which carry EMAIL and SMS.
 *
 * Setting a provider disables the previous one and inserts a new row, because
 * attempts refer to the provider that carried them. The secrets of the
 * previous one are deleted; nothing needs them any more. Verification belongs
 * to the sender's address, so a new provider with the same sender inherits it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/rel.h"

#include "config/application.h"
#include "config/provider_checks.h"
#include "config/secret.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(set_provider);
PG_FUNCTION_INFO_V1(reset_verification);

/* Arguments of set_provider. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_CHANNEL, ARGUMENT_KIND, ARGUMENT_URL,
	ARGUMENT_SENDER, ARGUMENT_USERNAME, ARGUMENT_SECRET, ARGUMENT_SETTINGS, ARGUMENT_INBOUND_SECRET
};

static void
read_arguments(FunctionCallInfo fcinfo, Provider *new)
{
	new->channel = required_text(fcinfo, ARGUMENT_CHANNEL, "channel");
	new->kind = required_text(fcinfo, ARGUMENT_KIND, "kind");
	new->url = required_text(fcinfo, ARGUMENT_URL, "url");
	new->sender = optional_text(fcinfo, ARGUMENT_SENDER, "sender");
	new->username = optional_text(fcinfo, ARGUMENT_USERNAME, "username");
	new->secret = optional_text(fcinfo, ARGUMENT_SECRET, "secret");
	new->settings = PG_ARGISNULL(ARGUMENT_SETTINGS) ? json_empty_object() :
		PG_GETARG_JSONB_P(ARGUMENT_SETTINGS);
	new->inbound_secret = optional_text(fcinfo, ARGUMENT_INBOUND_SECRET, "inbound_secret");
	check_provider(new);
	require_secret(new);
	check_inbound_secret(new);
}

/* Disable the enabled provider, if any, and delete its secrets; returns when this sender was verified. */
static NullableDatum
retire_enabled(const pg_uuid_t *application_id, const Provider *new)
{
	static Statement disable = {
		"UPDATE appt.provider SET enabled = false"
		" WHERE application_id = $1 AND channel = $2 AND enabled"
		" RETURNING id, CASE WHEN sender = $3 THEN verified_at END",
		3, {UUIDOID, TEXTOID, TEXTOID}
	};
	static Statement forget = {
		"DELETE FROM appt.secret WHERE application_id = $1 AND provider_id = $2",
		2, {UUIDOID, UUIDOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_text(new->channel), sql_text(new->sender)
	};
	NullableDatum verified_at = SQL_NULL;
	pg_uuid_t	id;
	Row		   *row;

	if (statement_run_nullable(&disable, arguments) == 0)
		return verified_at;
	row = ROW(0);
	id = next_uuid(row);
	verified_at = next_value(row);
	(void) statement_run(&forget, UUIDPGetDatum(application_id), UUIDPGetDatum(&id));
	return verified_at;
}

static pg_uuid_t
insert_provider(const pg_uuid_t *application_id, const Provider *new, NullableDatum verified_at)
{
	static Statement insert = {
		"INSERT INTO appt.provider (application_id, channel, kind, url, username, sender, settings, verified_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
		8, {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_text(new->channel), sql_text(new->kind),
		sql_text(new->url), sql_text(new->username), sql_text(new->sender),
		sql_jsonb(new->settings), verified_at
	};

	(void) statement_run_nullable(&insert, arguments);
	return next_uuid(ROW(0));
}

/*
 * appt.set_provider(application_id uuid, channel text, kind text, url text,
 *		sender text = null, username text = null, secret text = null,
 *		settings jsonb = null, inbound_secret text = null) -> uuid
 *
 * Replaces the enabled provider of the channel as a whole: nothing that is
 * left out is kept. 22023: what cannot work, or an unknown setting. PT404: no
 * such application. Source: auvious-notifications.txt, email and sms settings.
 */
Datum
set_provider(PG_FUNCTION_ARGS)
{
	Provider	new;
	pg_uuid_t  *application_id;
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	require_arguments(fcinfo, 4);
	read_arguments(fcinfo, &new);
	application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, application_id);
	*id = insert_provider(application_id, &new, retire_enabled(application_id, &new));
	if (new.secret != NULL)
		store_secret(application_id, NULL, id, SECRET_PASSWORD, new.secret);
	if (new.inbound_secret != NULL && new.inbound_secret[0] != '\0')
		store_secret(application_id, NULL, id, SECRET_INBOUND, new.inbound_secret);
	call_end(&call);
	PG_RETURN_UUID_P(id);
}

/* appt.reset_verification() -> trigger, BEFORE UPDATE of a provider's sender; a new sender is not verified. */
Datum
reset_verification(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	int			column;
	Datum		none = (Datum) 0;
	bool		is_null = true;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("reset_verification is a trigger for updated rows")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	column = SPI_fnumber(descriptor, "verified_at");
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_newtuple, descriptor,
													 1, &column, &none, &is_null));
}
