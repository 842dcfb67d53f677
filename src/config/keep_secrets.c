/*
 * keep_secrets.c
 *		A secret stays with the host that it was stored for.
 *
 * Who changes a subscription or provider by UPDATE names the host that its
 * password and secret headers are sent to. Nobody reads a secret again, not
 * the admin who stored it; pointed at a server of one's own, the worker would
 * hand it over. So while there are such secrets, the hosts stay: a new
 * subscription, or set_provider, is given its secrets by who knows them. (The
 * key that signs is never sent; it does not count.)
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "channel/channel.h"
#include "config/configuration.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(keep_secrets);

/* A version of the row. */
typedef struct Version
{
	HeapTuple	tuple;
	TupleDesc	descriptor;
} Version;

static Datum
column(const Version *version, const char *name, bool *is_null)
{
	int			number = SPI_fnumber(version->descriptor, name);

	*is_null = true;
	if (number <= 0)
		return (Datum) 0;
	return SPI_getbinval(version->tuple, version->descriptor, number, is_null);
}

/* NULL also where the table has no such column. */
static char *
column_text(const Version *version, const char *name)
{
	bool		is_null;
	Datum		value = column(version, name, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* Of a provider it is among the settings. */
static char *
token_url(const Version *version)
{
	bool		is_null;
	Datum		settings = column(version, "settings", &is_null);

	return is_null ? column_text(version, "token_url") :
		json_root_text(DatumGetJsonbP(settings), "token_url");
}

static bool
is_same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool
is_same_origin(const char *one, const char *other)
{
	return is_same_text(one, other) ||
		(one != NULL && other != NULL && url_has_same_origin(one, other));
}

/* Where it goes follows from the URLs and from what they are used for. */
static bool
goes_elsewhere(const Version *old, const Version *new)
{
	return !is_same_origin(column_text(old, "url"), column_text(new, "url")) ||
		!is_same_origin(token_url(old), token_url(new)) ||
		!is_same_text(column_text(old, "auth"), column_text(new, "auth")) ||
		!is_same_text(column_text(old, "kind"), column_text(new, "kind"));
}

static bool
has_secrets(FunctionCallInfo fcinfo, const Version *version)
{
	static Statement find = {
		"SELECT FROM appt.secret WHERE application_id = $1 AND (subscription_id = $2 OR provider_id = $2)"
		" AND name <> 'HMAC_KEY'",
		2, {UUIDOID, UUIDOID}
	};
	bool		is_null;
	Datum		application_id = column(version, "application_id", &is_null);
	Datum		id = column(version, "id", &is_null);
	Call		call;
	bool		found;

	call_begin_as_owner(&call, fcinfo);
	found = statement_run(&find, application_id, id) > 0;
	call_end(&call);
	return found;
}

/*
 * appt.keep_secrets() -> trigger, BEFORE UPDATE of a subscription or provider
 *
 * PT409 for everybody, the owner too, who can delete the secrets first.
 */
Datum
keep_secrets(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Version		old;
	Version		new;
	bool		is_null;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("keep_secrets is a trigger for updated rows")));
	old.descriptor = new.descriptor = RelationGetDescr(trigger->tg_relation);
	old.tuple = trigger->tg_trigtuple;
	new.tuple = trigger->tg_newtuple;
	if (goes_elsewhere(&old, &new) && has_secrets(fcinfo, &old))
		report_conflict("secrets stay with the host that they were stored for",
						"\"%s\" has a password or secret headers.",
						uuid_text(DatumGetUUIDP(column(&old, "id", &is_null))));
	return PointerGetDatum(trigger->tg_newtuple);
}
