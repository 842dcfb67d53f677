/*
 * keep_secrets.c
 *		Keeping a secret with the settings that it was stored for.
 *
 * Nobody can read a password or secret header back, not even the admin who
 * stored it. But the row it belongs to says where and how the worker sends it:
 * who can change the row could have the secret sent to another server, to
 * another tenant's path on the same host, without encryption, or in a
 * request whose answer the log shows. So while a row has such secrets, only
 * columns that do not affect them may change. Creating a new subscription, or
 * set_provider, requires to know the secrets.
 *
 * (HMAC keys, and what proves messages that a provider sends, are never sent, so
 * they do not count.)
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "core/call.h"
#include "core/errors.h"
#include "core/statement.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(keep_secrets);

/* Columns and settings that may change: which messages are sent, the sender and texts of mails, limits, prices, what comes in. */
static const char *const free_columns[] = {"enabled", "types", "sender", "verified_at", NULL};
static const char *const free_settings[] = {
	"max_concurrency", "max_per_second", "reply_to", "list_unsubscribe", "invite", "price", "inbound_url", "inbound", "stop_replies", NULL
};

static bool
is_listed(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* A provider's settings without the free ones. */
static char *
bound_settings(Datum settings)
{
	for (const char *const *name = free_settings; *name != NULL; name++)
		settings = DirectFunctionCall2(jsonb_delete, settings, CStringGetTextDatum(*name));
	return DatumGetCString(DirectFunctionCall1(jsonb_out, settings));
}

/* The part of a column that must not change, as text; NULL for NULL. */
static char *
bound_text(HeapTuple row, TupleDesc descriptor, int column, const char *name)
{
	bool		is_null;
	Datum		value = SPI_getbinval(row, descriptor, column, &is_null);

	if (is_null || strcmp(name, "settings") != 0)
		return SPI_getvalue(row, descriptor, column);
	return bound_settings(value);
}

/* The first column that changes but must not; NULL: none. */
static const char *
find_change(const TriggerData *trigger)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

	for (int column = 1; column <= descriptor->natts; column++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, column - 1);
		const char *name = NameStr(attribute->attname);

		if (!attribute->attisdropped && !is_listed(name, free_columns) &&
			!is_same_text(bound_text(trigger->tg_trigtuple, descriptor, column, name),
						  bound_text(trigger->tg_newtuple, descriptor, column, name)))
			return name;
	}
	return NULL;
}

static Datum
column_value(const TriggerData *trigger, const char *name)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	bool		is_null;

	return SPI_getbinval(trigger->tg_trigtuple, descriptor, SPI_fnumber(descriptor, name), &is_null);
}

static bool
has_secrets(FunctionCallInfo fcinfo, Datum application_id, Datum id)
{
	static Statement find = {
		"SELECT FROM appt.secret WHERE application_id = $1 AND (subscription_id = $2 OR provider_id = $2)"
		" AND name NOT IN ('HMAC_KEY', 'INBOUND')",
		2, {UUIDOID, UUIDOID}
	};
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
 * PT409 for everybody, including the owner, who can delete the secrets first.
 */
Datum
keep_secrets(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *changed;
	Datum		id;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("keep_secrets is a trigger for updated rows")));
	changed = find_change(trigger);
	id = column_value(trigger, "id");
	if (changed != NULL && has_secrets(fcinfo, column_value(trigger, "application_id"), id))
		report_conflict("a secret must not be sent elsewhere",
						"\"%s\" has a password or secret headers, so \"%s\" cannot be changed.",
						uuid_text(DatumGetUUIDP(id)), changed);
	return PointerGetDatum(trigger->tg_newtuple);
}
