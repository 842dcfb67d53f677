/*
 * provider.c
 *		Providers, which carry EMAIL and SMS.
 *
 * A provider of the same kind that is set again keeps its row and so its id, which
 * stands in the URL by which it reports what comes in. One of another kind is a new
 * row, because attempts refer to the provider that carried them, and the previous one
 * is disabled. The previous secrets are deleted in any case. Verification belongs to
 * the sender's address, and stays with it, except that a provider of kind LOG
 * verifies no other: whoever reads the log reads its codes.
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
	new->url = optional_text(fcinfo, ARGUMENT_URL, "url");
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

/* The enabled provider of the channel, if any. */
typedef struct Previous
{
	pg_uuid_t  *id;				/* NULL: there is none */
	bool		is_same_kind;
	NullableDatum verified_at;	/* when the new sender was verified */
} Previous;

static Previous
find_previous(const pg_uuid_t *application_id, const Provider *new)
{
	static Statement find = {
		"SELECT id, kind = $3, CASE WHEN sender = $4 AND (kind = 'LOG') = ($3 = 'LOG') THEN verified_at END FROM appt.provider"
		" WHERE application_id = $1 AND channel = $2 AND enabled FOR NO KEY UPDATE",
		4, {UUIDOID, TEXTOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_text(new->channel), sql_text(new->kind), sql_text(new->sender)
	};
	Previous	previous = {.verified_at = SQL_NULL};
	Row		   *row;

	if (statement_run_nullable(&find, arguments) == 0)
		return previous;
	row = ROW(0);
	previous.id = next_uuid_or_null(row);
	previous.is_same_kind = next_bool(row);
	previous.verified_at = next_value(row);
	return previous;
}

static void
forget_secrets(const pg_uuid_t *application_id, const pg_uuid_t *id)
{
	static Statement forget = {
		"DELETE FROM appt.secret WHERE application_id = $1 AND provider_id = $2",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&forget, UUIDPGetDatum(application_id), UUIDPGetDatum(id));
}

static void
disable_provider(const pg_uuid_t *application_id, const pg_uuid_t *id)
{
	static Statement disable = {
		"UPDATE appt.provider SET enabled = false WHERE application_id = $1 AND id = $2",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&disable, UUIDPGetDatum(application_id), UUIDPGetDatum(id));
}

/* After its secrets, which bind it to its URL (keep_secrets.c). A new sender is not verified: reset_verification. */
static void
update_provider(const pg_uuid_t *application_id, const pg_uuid_t *id, const Provider *new)
{
	static Statement update = {
		"UPDATE appt.provider SET url = $3, username = $4, sender = $5, settings = $6 WHERE application_id = $1 AND id = $2",
		6, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_uuid(id), sql_text(new->url), sql_text(new->username), sql_text(new->sender),
		sql_jsonb(new->settings)
	};

	(void) statement_run_nullable(&update, arguments);
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

/* The provider's id. */
static pg_uuid_t
replace_provider(const pg_uuid_t *application_id, const Provider *new)
{
	Previous	previous = find_previous(application_id, new);

	if (previous.id != NULL)
		forget_secrets(application_id, previous.id);
	if (previous.id != NULL && previous.is_same_kind)
	{
		update_provider(application_id, previous.id, new);
		return *previous.id;
	}
	if (previous.id != NULL)
		disable_provider(application_id, previous.id);
	return insert_provider(application_id, new, previous.verified_at);
}

/*
 * appt.set_provider(application_id uuid, channel text, kind text, url text = null,
 *		sender text = null, username text = null, secret text = null,
 *		settings jsonb = null, inbound_secret text = null) -> uuid
 *
 * Replaces the enabled provider of the channel as a whole: nothing that is
 * left out is kept, except the id of a provider of the same kind. 22023: what
 * cannot work, or an unknown setting. PT404: no such application. Source: auvious-notifications.txt, email and sms settings.
 */
Datum
set_provider(PG_FUNCTION_ARGS)
{
	Provider	new;
	pg_uuid_t  *application_id;
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	require_arguments(fcinfo, 3);
	read_arguments(fcinfo, &new);
	application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, application_id);
	*id = replace_provider(application_id, &new);
	if (new.secret != NULL)
		store_secret(application_id, NULL, id, SECRET_PASSWORD, new.secret);
	if (new.inbound_secret != NULL && new.inbound_secret[0] != '\0')
		store_secret(application_id, NULL, id, SECRET_INBOUND, new.inbound_secret);
	call_end(&call);
	PG_RETURN_UUID_P(id);
}

/* appt.reset_verification() -> trigger, BEFORE UPDATE of a provider's sender, or of its kind from or to LOG: what it has now is not verified. */
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
