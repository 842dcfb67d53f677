/*
 * provider_checks.c
 *		Whether a provider can work, as far as its row tells.
 *
 * set_provider calls these checks, and so does the table's CHECK, because
 * administrators also change rows directly. This file knows the names of
 * settings and the types of their values. Their meaning belongs to the channel
 * of the kind (channel_route_problem), which is also called before each
 * message.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "channel/channel.h"
#include "channel/gateway_inbound.h"
#include "channel/price.h"
#include "config/checks.h"
#include "config/header_checks.h"
#include "config/provider_checks.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"

PG_FUNCTION_INFO_V1(provider_is_valid);

/* Maximum bytes of a setting, as of any text of the configuration. */
#define MAX_SETTING_BYTES 8192
#define MAX_LIST_LENGTH 100

/* Of a price, in units of its currency; and its decimals. */
#define MAX_PRICE 1000000
#define MAX_PRICE_DIGITS 10

/* Checks of a setting's value; each raises 22023. */
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
check_rate_setting(const char *name, const JsonbValue *value)
{
	double		number = -1;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(value->val.numeric)));
	if (!(number >= MIN_RATE && number <= MAX_RATE))
		report_invalid("invalid setting", "\"%s\" is not a number between %g and %g.", name, MIN_RATE, MAX_RATE);
}

static char *
setting_text(const char *name, const JsonbValue *value)
{
	if (value->type != jbvString || value->val.string.len == 0)
		report_invalid("invalid setting", "\"%s\" must be a text that is not empty.", name);
	if (value->val.string.len > MAX_SETTING_BYTES)
		report_invalid("invalid setting", "\"%s\" has more than %d bytes.", name, MAX_SETTING_BYTES);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
check_starttls(const char *name, const JsonbValue *value)
{
	static const char *const choices[] = {"opportunistic", "required", "never", NULL};

	check_code(setting_text(name, value), choices, name);
}

static void
check_method(const char *name, const JsonbValue *value)
{
	static const char *const methods[] = {"GET", "POST", "PUT", NULL};

	check_code(setting_text(name, value), methods, name);
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

/* It is put between angle brackets in a header of the mail. */
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
		report_invalid("invalid setting", "\"%s\" must be a list or an object of headers.", name);
	foreach(cell, parse_headers(JsonbValueToJsonb(unconstify(JsonbValue *, value))))
		if (((ConfiguredHeader *) lfirst(cell))->is_secret)
		report_invalid("a secret header's value cannot be stored here",
					   "\"%s\" holds one; use the argument \"secret\".", name);
}

static void
check_boolean(const char *name, const JsonbValue *value)
{
	if (value->type != jbvBool)
		report_invalid("invalid setting", "\"%s\" is neither true nor false.", name);
}

static bool
is_scalar(const JsonbValue *value)
{
	return value->type == jbvNumeric || value->type == jbvBool ||
		(value->type == jbvString && value->val.string.len <= MAX_SETTING_BYTES);
}

/* A string, number or boolean, or a list of those. */
static void
check_scalars(const char *name, const JsonbValue *value)
{
	JsonbContainer *list = value->type == jbvBinary ? value->val.binary.data : NULL;
	bool		is_valid = list == NULL ? is_scalar(value) :
	JsonContainerIsArray(list) && JsonContainerSize(list) > 0 &&
	JsonContainerSize(list) <= MAX_LIST_LENGTH;

	for (uint32 i = 0; is_valid && list != NULL && i < JsonContainerSize(list); i++)
		is_valid = is_scalar(getIthJsonbValueFromContainer(list, i));
	if (!is_valid)
		report_invalid("invalid setting", "\"%s\" is neither a string, number or boolean nor a list of up to %d such.",
					   name, MAX_LIST_LENGTH);
}

/* An amount of money: exact, and bounded so that sums of it are. */
static bool
is_amount(Numeric number)
{
	double		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	Datum		scale = DirectFunctionCall1(numeric_scale, NumericGetDatum(number));

	return value >= 0 && value <= MAX_PRICE && DatumGetInt32(scale) <= MAX_PRICE_DIGITS;
}

/* Is there an amount of this name? */
static bool
check_amount(const Jsonb *price, const char *path, const char *name)
{
	Numeric		amount = json_root_numeric(price, name);

	if (!json_has_member(price, name))
		return false;
	if (amount == NULL || !is_amount(amount))
		report_invalid("invalid setting", "\"%s\" of \"%s\" is not a number from 0 to %d with at most %d decimals.",
					   name, path, MAX_PRICE, MAX_PRICE_DIGITS);
	return true;
}

/* {"per_message", "per_segment", "currency"}; one of the amounts may be left out. */
static void
check_price(const char *name, const JsonbValue *value)
{
	static const char *const members[] = {"per_message", "per_segment", "currency", NULL};
	Jsonb	   *price = value->type == jbvBinary ? JsonbValueToJsonb(unconstify(JsonbValue *, value)) : NULL;
	char	   *currency = json_root_text(price, "currency");
	bool		per_message;
	bool		per_segment;

	if (price == NULL || !JB_ROOT_IS_OBJECT(price))
		report_invalid("invalid setting", "\"%s\" is not a JSON object.", name);
	check_members(&price->root, members, name);
	if (currency == NULL || !currency_is_valid(currency))
		report_invalid("invalid setting", "\"currency\" of \"%s\" is not a code of three capital letters.", name);
	per_message = check_amount(price, name, "per_message");
	per_segment = check_amount(price, name, "per_segment");
	if (!per_message && !per_segment)
		report_invalid("invalid setting", "\"%s\" has neither \"per_message\" nor \"per_segment\".", name);
}

/* Names that a gateway has for what it sends, and two lists of its statuses; the channel knows which it needs. */
static void
check_inbound(const char *name, const JsonbValue *value)
{
	Jsonb	   *object = value->type == jbvBinary ? JsonbValueToJsonb(unconstify(JsonbValue *, value)) : NULL;
	const char *known[16] = {GATEWAY_DELIVERED, GATEWAY_UNDELIVERED};
	JsonbIterator *iterator;
	JsonbValue	member;

	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		report_invalid("invalid setting", "\"%s\" is not a JSON object.", name);
	for (int i = 0; gateway_inbound_names[i] != NULL; i++)
		known[i + 2] = gateway_inbound_names[i];
	check_members(&object->root, known, name);
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &member, true);
	while (JsonbIteratorNext(&iterator, &member, true) == WJB_KEY)
	{
		char	   *key = pnstrdup(member.val.string.val, member.val.string.len);

		(void) JsonbIteratorNext(&iterator, &member, true);
		if (strcmp(key, GATEWAY_DELIVERED) == 0 || strcmp(key, GATEWAY_UNDELIVERED) == 0)
			check_scalars(key, &member);
		else
			check_text(key, &member);
	}
}

typedef struct SettingInfo
{
	const char *kind;			/* NULL: any */
	const char *name;
	void		(*check) (const char *name, const JsonbValue *value);
} SettingInfo;

static const SettingInfo settings[] = {
	{NULL, "max_concurrency", check_count},
	{NULL, "max_per_second", check_rate_setting},
	{NULL, "price", check_price},
	{"SMTP", "starttls", check_starttls},
	{"SMTP", "reply_to", check_address},
	{"SMTP", "list_unsubscribe", check_unsubscribe},
	{"SMTP", "invite", check_boolean},
	{"SMTP", "token_url", check_setting_url},
	{"SMTP", "client_id", check_text},
	{"SMTP", "scope", check_text},
	{"GENESYS_CLOUD", "reply_to", check_address},
	{"GENESYS_CLOUD", "stop_replies", check_boolean},
	{"GENESYS_CLOUD", "token_url", check_setting_url},
	{"GENESYS_CLOUD", "use_existing_active_conversation", check_boolean},
	{"TWILIO", "account_sid", check_text},
	{"TWILIO", "status_callback", check_setting_url},
	{"TWILIO", "inbound_url", check_setting_url},
	{"TWILIO", "stop_replies", check_boolean},
	{"HTTP", "method", check_method},
	{"HTTP", "headers", check_setting_headers},
	{"HTTP", "content_type", check_text},
	{"HTTP", "body", check_text},
	{"HTTP", "success_status", check_scalars},
	{"HTTP", "success_path", check_text},
	{"HTTP", "success_value", check_scalars},
	{"HTTP", "message_id_path", check_text},
	{"HTTP", "inbound", check_inbound},
	{"HTTP", "stop_replies", check_boolean},
	{"LOG", "stop_replies", check_boolean}
};

/* Names of the settings that a provider of the kind may have. */
static const char *const *
setting_names(const char *kind)
{
	const char **names = (const char **) palloc0((lengthof(settings) + 1) * sizeof(char *));
	int			count = 0;

	for (int i = 0; i < lengthof(settings); i++)
		if (settings[i].kind == NULL || strcmp(settings[i].kind, kind) == 0)
			names[count++] = settings[i].name;
	return names;
}

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
	report_unlisted(setting_names(kind), "unknown setting",
					"A provider of kind %s has no setting \"%s\".", kind, name);
}

static void
check_settings(Jsonb *object, const char *kind)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		report_invalid("invalid settings", "Settings must be a JSON object.");
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

		(void) JsonbIteratorNext(&iterator, &value, true);
		check_setting(kind, name, &value);
	}
}

static bool
has_providers(const ChannelInfo *channel)
{
	return channel->route == ROUTE_PROVIDER;
}

static const char *const provider_kinds[] = {"SMTP", "TWILIO", "GENESYS_CLOUD", "HTTP", "LOG", NULL};

/* Kinds that carry the channel. */
static const char *const *
kinds_for(ChannelCode channel)
{
	const char **kinds = (const char **) palloc0(sizeof(provider_kinds));
	int			count = 0;

	for (const char *const *kind = provider_kinds; *kind != NULL; kind++)
		if (channel_is_available(channel, *kind))
			kinds[count++] = *kind;
	return kinds;
}

/* Read the channel; the kind must carry it. */
static ChannelCode
check_kind(const Provider *provider)
{
	ChannelCode channel;

	if (!channel_from_code(provider->channel, &channel) || !has_providers(&channel_infos[channel]))
		report_unlisted(channel_code_list(has_providers), "channel has no providers", "\"%s\" is not a channel that has providers.", provider->channel);
	check_code(provider->kind, provider_kinds, "kind");
	if (!channel_is_available(channel, provider->kind))
		report_unlisted(kinds_for(channel), "this kind of provider does not carry the channel",
						"%s does not carry %s.", provider->kind, provider->channel);
	return channel;
}

static void
check_one_line(const char *text, const char *name)
{
	for (const char *c = text; c != NULL && *c != '\0'; c++)
		if (iscntrl((unsigned char) *c))
			report_invalid("control characters are not allowed", "\"%s\" contains a control character.", name);
}

/* The provider as channels know it, without secrets. */
static Route
provider_route(const Provider *provider)
{
	Route		route = {
		.kind = provider->kind,
		.url = provider->url,
		.username = provider->username,
		.sender = provider->sender,
		.settings = provider->settings
	};
	Jsonb	   *configured = json_root_jsonb(provider->settings, "headers");
	ListCell   *cell;

	foreach(cell, configured ? parse_headers(configured) : NIL)
	{
		const ConfiguredHeader *given = (const ConfiguredHeader *) lfirst(cell);
		Header	   *header = (Header *) palloc0(sizeof(Header));

		header->name = given->name;
		header->value = given->value;
		route.headers = lappend(route.headers, header);
	}
	return route;
}

static const char *
provider_sender(const Provider *provider)
{
	if (provider->sender == NULL)
		report_invalid_hint("Add sender => 'Name <name@example.com>'.",
							"a required argument is missing", "A provider of %s must have a \"sender\".", provider->channel);
	return provider->sender;
}

static void
check_provider_url(const Provider *provider, ChannelCode channel)
{
	/* A kind that connects to nothing refuses any URL. */
	if (channel_is_local(channel, provider->kind))
		return;
	if (provider->url == NULL)
		report_invalid_hint("Add url => where it is. A provider of kind LOG has none: it writes messages to the log.",
							"a required argument is missing", "A provider of kind %s must have a \"url\".", provider->kind);
	/* The URL of a gateway is a template. */
	if (strcmp(provider->kind, "HTTP") != 0)
		check_url(provider->url, strcmp(provider->kind, "SMTP") == 0);
}

void
check_provider(const Provider *provider)
{
	ChannelCode channel = check_kind(provider);
	const char *problem;
	Route		route;

	check_one_line(provider->sender, "sender");
	check_one_line(provider->username, "username");
	check_provider_url(provider, channel);
	if (channel_infos[channel].has_verified_senders)
		check_sender(provider_sender(provider));
	check_settings(provider->settings, provider->kind);
	route = provider_route(provider);
	problem = channel_route_problem(channel, &route);
	if (problem != NULL)
		report_invalid_hint("The comment of appt.set_provider tells what each kind needs: \\df+ appt.set_provider.",
							"invalid provider", "A provider of kind %s cannot work like this: %s.", provider->kind, problem);
}

void
require_secret(const Provider *provider)
{
	Route		route = provider_route(provider);
	ChannelCode channel = check_kind(provider);
	bool		has_secret = provider->secret != NULL && provider->secret[0] != '\0';

	if (has_secret && channel_is_local(channel, provider->kind))
		report_invalid("this kind of provider connects to nothing", "%s has no \"secret\".", provider->kind);
	if (!has_secret && channel_needs_secret(channel, &route))
		report_invalid_hint("Add secret => the password of the account, or the secret of the OAuth client.",
							"missing argument for this authentication", "%s needs \"secret\".", provider->kind);
}

void
check_inbound_secret(const Provider *provider)
{
	ChannelCode channel = check_kind(provider);

	if (provider->inbound_secret != NULL && provider->inbound_secret[0] != '\0' &&
		!channel_takes_inbound(channel, provider->kind))
		report_invalid("this kind of provider sends nothing of its own accord",
					   "%s has no \"inbound_secret\".", provider->kind);
}

/*
 * appt.provider_is_valid(channel text, kind text, url text, username text,
 *		sender text, settings jsonb) -> boolean; 22023
 */
Datum
provider_is_valid(PG_FUNCTION_ARGS)
{
	Provider	provider = {
		.channel = text_argument(fcinfo, 0),
		.kind = text_argument(fcinfo, 1),
		.url = text_argument(fcinfo, 2),
		.username = text_argument(fcinfo, 3),
		.sender = text_argument(fcinfo, 4)
	};

	/* NOT NULL constraints refuse NULLs in these columns. */
	if (provider.channel == NULL || provider.kind == NULL || PG_ARGISNULL(5))
		PG_RETURN_NULL();
	provider.settings = PG_GETARG_JSONB_P(5);
	check_provider(&provider);
	PG_RETURN_BOOL(true);
}
