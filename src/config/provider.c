/*
 * provider.c
 *		How a channel leaves the building.
 *
 * Setting a provider disables the one before and inserts a new row: attempts
 * name the provider that carried them, and the log must go on telling the
 * truth. The old one's secrets go, they have nothing left to open. That a
 * sender was verified is about its address, so a new provider with the same
 * sender inherits it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "channel/channel.h"
#include "config/configuration.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(set_provider);
PG_FUNCTION_INFO_V1(reset_verification);
PG_FUNCTION_INFO_V1(settings_are_valid);

/* Arguments of set_provider. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_CHANNEL, ARGUMENT_KIND, ARGUMENT_URL,
	ARGUMENT_SENDER, ARGUMENT_USERNAME, ARGUMENT_SECRET, ARGUMENT_SETTINGS
};

typedef struct NewProvider
{
	char	   *channel;
	char	   *kind;
	char	   *url;
	char	   *sender;
	char	   *username;
	char	   *secret;
	Jsonb	   *settings;		/* never NULL */
} NewProvider;

/* The kinds, and the channels they carry. */
typedef struct KindInfo
{
	const char *code;
	bool		email;
	bool		sms;
} KindInfo;

static const KindInfo kinds[] = {
	{"SMTP", true, false},
	{"TWILIO", false, true},
	{"GENESYS_CLOUD", true, true},
	{"HTTP", false, true}
};

static void
check_kind(const NewProvider *new)
{
	bool		is_email = strcmp(new->channel, "EMAIL") == 0;

	if (!is_email && strcmp(new->channel, "SMS") != 0)
		report_invalid("channel has no providers", "\"%s\" is neither EMAIL nor SMS.", new->channel);
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].code, new->kind) != 0)
			continue;
		if (is_email ? kinds[i].email : kinds[i].sms)
			return;
		report_invalid("this kind of provider does not carry the channel",
					   "%s does not carry %s.", new->kind, new->channel);
	}
	report_invalid("unknown kind of provider", "\"%s\" is none of SMTP, TWILIO, GENESYS_CLOUD and HTTP.", new->kind);
}

/* What the value of a setting must be; each raises 22023. */
static void
check_count(const char *name, const JsonbValue *value)
{
	double		count = -1;

	if (value->type == jbvNumeric)
		count = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												   NumericGetDatum(value->val.numeric)));
	if (!(count >= 1 && count <= PG_INT32_MAX) || count != (double) (int) count)
		report_invalid("invalid setting", "\"%s\" is not a whole number over 0.", name);
}

static void
check_number(const char *name, const JsonbValue *value)
{
	double		number = -1;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(value->val.numeric)));
	if (!(number > 0 && number <= MAX_RATE))
		report_invalid("invalid setting", "\"%s\" is not a number over 0 and up to %g.", name, MAX_RATE);
}

static char *
setting_text(const char *name, const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0)
		report_invalid("invalid setting", "\"%s\" is not a text.", name);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
check_starttls(const char *name, const JsonbValue *value)
{
	static const char *const choices[] = {"opportunistic", "required", "never", NULL};

	check_code(setting_text(name, value), choices, name);
}

static void
check_address(const char *name, const JsonbValue *value)
{
	check_sender(setting_text(name, value));
}

static void
check_setting_url(const char *name, const JsonbValue *value)
{
	check_url(setting_text(name, value), false);
}

static void
check_text(const char *name, const JsonbValue *value)
{
	(void) setting_text(name, value);
}

/* It goes between angle brackets into a mail's header. */
static void
check_unsubscribe(const char *name, const JsonbValue *value)
{
	char	   *text = setting_text(name, value);

	if (strncmp(text, "mailto:", 7) == 0)
	{
		check_sender(text + 7);
		if (strpbrk(text, "<> \"") != NULL)
			report_invalid("invalid setting", "\"%s\" is not a plain mailto: address.", name);
	}
	else
		check_url(text, false);
}

static void
check_setting_headers(const char *name, const JsonbValue *value)
{
	ListCell   *cell;

	if (value->type != jbvBinary)
		report_invalid("invalid setting", "\"%s\" are not headers.", name);
	foreach(cell, parse_headers(JsonbValueToJsonb(unconstify(JsonbValue *, value))))
		if (((ConfiguredHeader *) lfirst(cell))->is_secret)
			report_invalid("a secret header's value cannot be stored here",
						   "\"%s\" holds one; use the argument \"secret\".", name);
}

typedef struct SettingInfo
{
	const char *kind;			/* NULL: any */
	const char *name;
	void		(*check) (const char *name, const JsonbValue *value);
} SettingInfo;

static const SettingInfo settings[] = {
	{NULL, "max_concurrency", check_count},
	{NULL, "max_per_second", check_number},
	{"SMTP", "starttls", check_starttls},
	{"SMTP", "reply_to", check_address},
	{"SMTP", "list_unsubscribe", check_unsubscribe},
	{"GENESYS_CLOUD", "reply_to", check_address},
	{"GENESYS_CLOUD", "token_url", check_setting_url},
	{"TWILIO", "messaging_service_sid", check_text},
	{"HTTP", "body", check_text},
	{"HTTP", "headers", check_setting_headers}
};

static void
check_setting(const char *kind, const char *name, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(settings); i++)
		if (strcmp(settings[i].name, name) == 0 &&
			(settings[i].kind == NULL || strcmp(settings[i].kind, kind) == 0))
		{
			settings[i].check(name, value);
			return;
		}
	report_invalid("unknown setting", "A provider of kind %s has no setting \"%s\".", kind, name);
}

static void
check_settings(Jsonb *object, const char *kind)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		report_invalid("invalid settings", "They are not an object.");
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

		(void) JsonbIteratorNext(&iterator, &value, true);
		check_setting(kind, name, &value);
	}
}

static void
read_arguments(FunctionCallInfo fcinfo, NewProvider *new)
{
	require_argument(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	new->channel = required_text(fcinfo, ARGUMENT_CHANNEL, "channel");
	new->kind = required_text(fcinfo, ARGUMENT_KIND, "kind");
	check_kind(new);
	new->url = required_text(fcinfo, ARGUMENT_URL, "url");
	check_url(new->url, strcmp(new->kind, "SMTP") == 0);
	new->sender = optional_text(fcinfo, ARGUMENT_SENDER, "sender");
	if (strcmp(new->channel, "EMAIL") == 0)
		check_sender(required_text(fcinfo, ARGUMENT_SENDER, "sender"));
	new->username = optional_text(fcinfo, ARGUMENT_USERNAME, "username");
	new->secret = optional_text(fcinfo, ARGUMENT_SECRET, "secret");
	new->settings = PG_ARGISNULL(ARGUMENT_SETTINGS) ? json_empty_object() :
		PG_GETARG_JSONB_P(ARGUMENT_SETTINGS);
	check_settings(new->settings, new->kind);
}

/* Disable the provider in force, if any, and forget its secrets; when was this sender verified? */
static NullableDatum
retire_enabled(const pg_uuid_t *application_id, const NewProvider *new)
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

	if (statement_run_nullable(&disable, arguments) == 0)
		return verified_at;
	id = row_uuid(0, 1);
	verified_at.value = row_datum(0, 2, &verified_at.isnull);
	(void) statement_run(&forget, UUIDPGetDatum(application_id), UUIDPGetDatum(&id));
	return verified_at;
}

static pg_uuid_t
insert_provider(const pg_uuid_t *application_id, const NewProvider *new, NullableDatum verified_at)
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
	return row_uuid(0, 1);
}

/*
 * appt.set_provider(application_id uuid, channel text, kind text, url text,
 *		sender text = null, username text = null, secret text = null,
 *		settings jsonb = null) -> uuid
 *
 * Replaces the enabled provider of the channel as a whole: what is left out
 * is not kept. 22023 for what cannot work, an unknown setting among it; PT404 for
 * the application. Source: auvious-notifications.txt, email and sms settings.
 */
Datum
set_provider(PG_FUNCTION_ARGS)
{
	NewProvider new;
	pg_uuid_t  *application_id;
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	read_arguments(fcinfo, &new);
	application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	lock_application(&call.caller, application_id);
	*id = insert_provider(application_id, &new, retire_enabled(application_id, &new));
	if (new.secret != NULL)
		store_secret(application_id, NULL, id, SECRET_PASSWORD, new.secret);
	call_end(&call);
	PG_RETURN_UUID_P(id);
}

/* appt.settings_are_valid(settings jsonb, kind text) -> boolean; 22023 */
Datum
settings_are_valid(PG_FUNCTION_ARGS)
{
	check_settings(PG_GETARG_JSONB_P(0), text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_BOOL(true);
}

/* appt.reset_verification() -> trigger, BEFORE UPDATE of a provider's sender: another one is not verified. */
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
