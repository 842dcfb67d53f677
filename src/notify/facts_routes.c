/*
 * facts_routes.c
 *		Facts about subscriptions and providers, with their secrets.
 *
 * Their rows are looked up without a statement, each once for a batch.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/json.h"
#include "core/lookup.h"
#include "notify/configured_headers.h"
#include "notify/facts_routes.h"
#include "notify/type_sets.h"

/* The tables, open for a batch. */
typedef struct Tables
{
	Lookup	   *subscriptions;
	Lookup	   *providers;
	Lookup	   *subscriptions_secrets;
	Lookup	   *providers_secrets;
} Tables;

/* ---- secrets ---- */

#define SECRET_COLUMNS 4, {"id", "name", "value", "expires_at"}

static const LookupSource subscriptions_secrets = {
	"secret", "secret_subscription", {"application_id", "subscription_id"}, SECRET_COLUMNS
};

static const LookupSource providers_secrets = {
	"secret", "secret_provider", {"application_id", "provider_id"}, SECRET_COLUMNS
};

typedef struct Secret
{
	int64		id;
	char	   *name;
	char	   *value;
	TimestampTz expires_at;		/* DT_NOEND: never */
} Secret;

static Secret *
read_secret(Row *row)
{
	Secret	   *secret = (Secret *) palloc(sizeof(Secret));
	TimestampTz expires_at;

	secret->id = next_int64(row);
	secret->name = next_text(row);
	secret->value = next_text(row);
	expires_at = next_timestamp(row);
	secret->expires_at = expires_at == 0 ? DT_NOEND : expires_at;
	return secret;
}

static void
free_secret(Secret *secret)
{
	pfree(secret->name);
	pfree(secret->value);
	pfree(secret);
}

static bool
is_hmac_key(const Secret *secret)
{
	return strcmp(secret->name, "HMAC_KEY") == 0;
}

/* The current key signs first, then those replaced, the latest before the others. */
static int
compare_keys(const ListCell *a, const ListCell *b)
{
	const Secret *one = (const Secret *) lfirst(a);
	const Secret *other = (const Secret *) lfirst(b);

	if (one->expires_at != other->expires_at)
		return one->expires_at > other->expires_at ? -1 : 1;
	return one->id > other->id ? -1 : one->id < other->id;
}

/* Somebody who writes to the table directly may make more keys than the functions allow; only this many are used, and kept. */
static List *
keep_key(List *keys, Secret *key)
{
	keys = lappend(keys, key);
	list_sort(keys, compare_keys);
	if (list_length(keys) > MAX_LIVE_KEYS)
	{
		free_secret((Secret *) llast(keys));
		keys = list_delete_last(keys);
	}
	return keys;
}

/* A secret header gets its value. */
static void
unmask_header(Route *route, const char *name, const char *value)
{
	ListCell   *cell;

	foreach(cell, route->headers)
	{
		Header	   *header = (Header *) lfirst(cell);

		if (header->is_secret && pg_strcasecmp(header->name, name) == 0)
			header->value = value;
	}
}

static void
add_secret(Batch *batch, Route *route, const Secret *secret)
{
	(void) batch_spend(batch, COST_OF_ROW + strlen(secret->value));
	if (is_hmac_key(secret))
		route->hmac_keys = lappend(route->hmac_keys, secret->value);
	else if (strcmp(secret->name, "PASSWORD") == 0)
		route->password = secret->value;
	else if (strncmp(secret->name, "HEADER:", 7) == 0)
		unmask_header(route, secret->name + 7, secret->value);
}

/* Those that are valid. */
static void
add_secrets(Batch *batch, Route *route, Lookup *secrets, const pg_uuid_t *application_id, const pg_uuid_t *owner)
{
	const Datum keys[] = {UUIDPGetDatum(application_id), UUIDPGetDatum(owner)};
	List	   *hmac_keys = NIL;
	ListCell   *cell;
	Row		   *row;

	lookup_find(secrets, keys, lengthof(keys));
	while (!batch->is_over && (row = lookup_next(secrets)) != NULL)
	{
		Secret	   *secret = read_secret(row);

		if (secret->expires_at <= GetCurrentStatementStartTimestamp())
			free_secret(secret);
		else if (is_hmac_key(secret))
			hmac_keys = keep_key(hmac_keys, secret);
		else
			add_secret(batch, route, secret);
	}
	foreach(cell, hmac_keys)
		add_secret(batch, route, (const Secret *) lfirst(cell));
}

/* ---- subscriptions ---- */

/* As read_subscription reads them. */
static const LookupSource subscription_source = {
	"subscription", "subscription_pkey", {"application_id", "id"}, 11, {
		"id", "url", "auth", "username", "token_url", "scope", "audience", "token_auth", "headers", "types", "enabled"
	}
};

static AuthKind
auth_kind(const char *code)
{
	if (strcmp(code, "BASIC") == 0)
		return AUTH_BASIC;
	if (strcmp(code, "OAUTH2") == 0)
		return AUTH_OAUTH2;
	return AUTH_NONE;
}

static bool
has_rules(const NotificationTypeInfo *type)
{
	return type->has_rules;
}

static bool
is_named(const NotificationTypeInfo *type)
{
	return type->audience == AUDIENCE_NAMED;
}

/* The types that a subscription names, without any those of rules; and whatever is sent to it by its name. */
static TypeSet
types_to_subscription(NullableDatum named)
{
	return types_where(is_named) | (named.isnull ? types_where(has_rules) : types_of_codes(named.value));
}

static RouteFacts *
read_subscription(Batch *batch, Row *row)
{
	RouteFacts *facts = (RouteFacts *) palloc0(sizeof(RouteFacts));

	facts->id = next_uuid(row);
	facts->is_verified = true;
	facts->route.kind = "WEBHOOK";
	facts->route.url = batch_text(batch, row);
	facts->route.auth = auth_kind(next_text(row));
	facts->route.username = batch_text(batch, row);
	facts->route.token_url = batch_text(batch, row);
	facts->route.token_scope = batch_text(batch, row);
	facts->route.token_audience = batch_text(batch, row);
	facts->route.client_in_body = strcmp(next_text(row), "BODY") == 0;
	facts->route.headers = configured_headers(batch_jsonb(batch, row));
	facts->types = types_to_subscription(next_value(row));
	facts->enabled = next_bool(row);
	return facts;
}

/* NULL: it is gone. */
static RouteFacts *
find_subscription(Batch *batch, const Tables *tables, const NotificationFacts *of)
{
	const Datum keys[] = {UUIDPGetDatum(&of->application_id), UUIDPGetDatum(of->subscription_id)};
	Row		   *row = lookup_row(tables->subscriptions, keys, lengthof(keys));
	RouteFacts *facts;

	if (row == NULL)
		return NULL;
	facts = read_subscription(batch, row);
	add_secrets(batch, &facts->route, tables->subscriptions_secrets, &of->application_id, &facts->id);
	batch->subscriptions = lappend(batch->subscriptions, facts);
	return facts;
}

static const RouteFacts *
loaded_subscription(const Batch *batch, const pg_uuid_t *id)
{
	ListCell   *cell;

	foreach(cell, batch->subscriptions)
	{
		const RouteFacts *route = (const RouteFacts *) lfirst(cell);

		if (memcmp(&route->id, id, UUID_LEN) == 0)
			return route;
	}
	return NULL;
}

static const RouteFacts *
subscription_of(Batch *batch, const Tables *tables, const NotificationFacts *facts)
{
	const RouteFacts *loaded;

	if (facts->subscription_id == NULL)
		return NULL;
	loaded = loaded_subscription(batch, facts->subscription_id);
	return loaded != NULL ? loaded : find_subscription(batch, tables, facts);
}

/* ---- providers ---- */

/* As read_provider reads them. */
static const LookupSource provider_source = {
	"provider", "provider_enabled", {"application_id", "channel"}, 9, {
		"application_id", "id", "channel", "kind", "url", "username", "sender", "settings", "verified_at"
	}
};

/* A provider with what it is looked for by. */
typedef struct ProviderFacts
{
	RouteFacts	facts;
	pg_uuid_t	application_id;
	ChannelCode channel;
} ProviderFacts;

static ProviderFacts *
read_provider(Batch *batch, Row *row)
{
	ProviderFacts *provider = (ProviderFacts *) palloc0(sizeof(ProviderFacts));
	Route	   *route = &provider->facts.route;
	char	   *channel;

	provider->application_id = next_uuid(row);
	provider->facts.id = next_uuid(row);
	channel = next_text(row);
	if (!channel_from_code(channel, &provider->channel))
		elog(ERROR, "provider has an unknown channel: %s", channel);
	provider->facts.enabled = true;
	provider->facts.types = ~UINT64CONST(0);
	route->kind = next_text(row);
	route->url = batch_text(batch, row);
	route->username = batch_text(batch, row);
	route->sender = batch_text(batch, row);
	route->settings = batch_jsonb(batch, row);
	route->headers = configured_headers(json_root_jsonb(route->settings, "headers"));
	provider->facts.is_verified = next_timestamp(row) != 0;
	return provider;
}

/* The one that is enabled; NULL: there is none. */
static RouteFacts *
find_provider(Batch *batch, const Tables *tables, const NotificationFacts *of)
{
	const Datum keys[] = {UUIDPGetDatum(&of->application_id), text_datum(channel_code(of->channel))};
	Row		   *row = lookup_row(tables->providers, keys, lengthof(keys));
	ProviderFacts *provider;

	if (row == NULL)
		return NULL;
	provider = read_provider(batch, row);
	add_secrets(batch, &provider->facts.route, tables->providers_secrets, &of->application_id, &provider->facts.id);
	batch->providers = lappend(batch->providers, provider);
	return &provider->facts;
}

static const RouteFacts *
loaded_provider(const Batch *batch, const NotificationFacts *of)
{
	ListCell   *cell;

	foreach(cell, batch->providers)
	{
		const ProviderFacts *provider = (const ProviderFacts *) lfirst(cell);

		if (provider->channel == of->channel &&
			memcmp(&provider->application_id, &of->application_id, UUID_LEN) == 0)
			return &provider->facts;
	}
	return NULL;
}

static const RouteFacts *
provider_of(Batch *batch, const Tables *tables, const NotificationFacts *facts)
{
	const RouteFacts *loaded = loaded_provider(batch, facts);

	return loaded != NULL ? loaded : find_provider(batch, tables, facts);
}

/* ---- all of it ---- */

static void
load_route(Batch *batch, const Tables *tables, NotificationFacts *facts)
{
	switch (channel_infos[facts->channel].route)
	{
		case ROUTE_SUBSCRIPTION:
			facts->route = subscription_of(batch, tables, facts);
			break;
		case ROUTE_PROVIDER:
			facts->route = provider_of(batch, tables, facts);
			break;
		case ROUTE_NONE:
			break;
	}
}

void
load_routes(Batch *batch)
{
	const Tables tables = {
		.subscriptions = lookup_open(&subscription_source, !batch->is_current),
		.providers = lookup_open(&provider_source, !batch->is_current),
		.subscriptions_secrets = lookup_open(&subscriptions_secrets, !batch->is_current),
		.providers_secrets = lookup_open(&providers_secrets, !batch->is_current)
	};
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		if (!batch->is_over)
			load_route(batch, &tables, (NotificationFacts *) lfirst(cell));
	}
	lookup_end(tables.providers_secrets);
	lookup_end(tables.subscriptions_secrets);
	lookup_end(tables.providers);
	lookup_end(tables.subscriptions);
}
