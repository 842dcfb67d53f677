/*
 * facts_routes.c
 *		Facts about subscriptions and providers, with their secrets.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/configured_headers.h"
#include "notify/facts_routes.h"
#include "notify/type_sets.h"

static AuthKind
auth_kind(const char *code)
{
	if (strcmp(code, "BASIC") == 0)
		return AUTH_BASIC;
	if (strcmp(code, "OAUTH2") == 0)
		return AUTH_OAUTH2;
	return AUTH_NONE;
}

/* ---- subscriptions ---- */

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

static void
add_subscription(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->subscription_id != NULL)
		column_add_uuid(keys[0], facts->subscription_id);
}

static void
take_subscription(Batch *batch, Row *row)
{
	RouteFacts *facts = (RouteFacts *) palloc0(sizeof(RouteFacts));

	facts->id = next_uuid(row);
	facts->enabled = next_bool(row);
	facts->is_verified = true;
	facts->route.kind = "WEBHOOK";
	facts->route.url = batch_text(batch, row);
	facts->route.auth = auth_kind(next_text(row));
	facts->route.username = batch_text(batch, row);
	facts->route.token_url = batch_text(batch, row);
	facts->route.token_scope = batch_text(batch, row);
	facts->route.token_audience = batch_text(batch, row);
	facts->route.client_in_body = next_bool(row);
	facts->route.headers = configured_headers(batch_jsonb(batch, row));
	facts->types = types_to_subscription(next_value(row));
	batch->subscriptions = lappend(batch->subscriptions, facts);
}

static FactLoader subscriptions = {
	.find = {
		"SELECT s.id, s.enabled, s.url, s.auth, s.username, s.token_url, s.scope, s.audience,"
		" s.token_auth = 'BODY', s.headers, s.types"
		" FROM (SELECT DISTINCT unnest($1) AS id) k JOIN appt.subscription s ON s.id = k.id"
		" ORDER BY s.id",
		1, {UUIDARRAYOID}
	},
	.add_keys = add_subscription,
	.take = take_subscription
};

/* ---- providers ---- */

/* A provider with what it is looked for by. */
typedef struct ProviderFacts
{
	RouteFacts	facts;			/* first: the batch's list is of RouteFacts */
	pg_uuid_t	application_id;
	ChannelCode channel;
} ProviderFacts;

static void
add_provider(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (channel_infos[facts->channel].route == ROUTE_PROVIDER)
		column_add_uuid(keys[0], &facts->application_id);
}

static void
take_provider(Batch *batch, Row *row)
{
	ProviderFacts *provider = (ProviderFacts *) palloc0(sizeof(ProviderFacts));
	Route	   *route = &provider->facts.route;
	char	   *channel;

	provider->facts.id = next_uuid(row);
	provider->application_id = next_uuid(row);
	channel = next_text(row);
	if (!channel_from_code(channel, &provider->channel))
		elog(ERROR, "provider has an unknown channel: %s", channel);
	provider->facts.enabled = true;
	provider->facts.types = ~UINT64CONST(0);
	provider->facts.is_verified = next_bool(row);
	route->kind = next_text(row);
	route->url = batch_text(batch, row);
	route->username = batch_text(batch, row);
	route->sender = batch_text(batch, row);
	route->settings = batch_jsonb(batch, row);
	route->headers = configured_headers(json_root_jsonb(route->settings, "headers"));
	batch->providers = lappend(batch->providers, provider);
}

static FactLoader providers = {
	.find = {
		"SELECT p.id, p.application_id, p.channel, p.verified_at IS NOT NULL, p.kind, p.url,"
		" p.username, p.sender, p.settings"
		" FROM appt.provider p WHERE p.application_id = ANY ($1) AND p.enabled ORDER BY p.id",
		1, {UUIDARRAYOID}
	},
	.add_keys = add_provider,
	.take = take_provider
};

static const RouteFacts *
provider_of(const Batch *batch, const NotificationFacts *facts)
{
	ListCell   *cell;

	foreach(cell, batch->providers)
	{
		const ProviderFacts *provider = (const ProviderFacts *) lfirst(cell);

		if (provider->channel == facts->channel &&
			memcmp(&provider->application_id, &facts->application_id, UUID_LEN) == 0)
			return &provider->facts;
	}
	return NULL;
}

static void
assign_routes(Batch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION)
			facts->route = (const RouteFacts *) fact_by_uuid(batch->subscriptions, facts->subscription_id);
		else
			facts->route = provider_of(batch, facts);
	}
}

/* ---- secrets ---- */

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
add_secret(Route *route, const char *name, char *value)
{
	if (strcmp(name, "PASSWORD") == 0)
		route->password = value;
	else if (strcmp(name, "HMAC_KEY") == 0)
		route->hmac_keys = lappend(route->hmac_keys, value);
	else if (strncmp(name, "HEADER:", 7) == 0)
		unmask_header(route, name + 7, value);
}

static void
add_owner(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->route != NULL)
		column_add_uuid(keys[0], &facts->route->id);
}

static RouteFacts *
find_route(const Batch *batch, const pg_uuid_t *id)
{
	RouteFacts *facts = (RouteFacts *) fact_by_uuid(batch->subscriptions, id);

	return facts != NULL ? facts : (RouteFacts *) fact_by_uuid(batch->providers, id);
}

/* Somebody who writes to the table directly may make more keys than the functions allow; only this many are used. */
static void
take_secret(Batch *batch, Row *row)
{
	pg_uuid_t	owner = next_uuid(row);
	RouteFacts *facts = find_route(batch, &owner);
	char	   *name = next_text(row);

	if (facts != NULL &&
		(strcmp(name, "HMAC_KEY") != 0 || list_length(facts->route.hmac_keys) < MAX_LIVE_KEYS))
		add_secret(&facts->route, name, batch_text(batch, row));
}

/*
 * The current key signs first, then those replaced, the latest before the others.
 * Of an application's secrets only those of the routes in use are read.
 */
static FactLoader secrets = {
	.find = {
		"SELECT s.owner_id, s.name, s.value FROM ("
		"  SELECT o.id AS owner_id, s.name, s.value, s.expires_at, s.id"
		"  FROM (SELECT DISTINCT unnest($1) AS id) k JOIN appt.subscription o ON o.id = k.id"
		"  JOIN appt.secret s ON s.application_id = o.application_id AND s.subscription_id = o.id"
		" UNION ALL"
		"  SELECT o.id, s.name, s.value, s.expires_at, s.id"
		"  FROM (SELECT DISTINCT unnest($1) AS id) k JOIN appt.provider o ON o.id = k.id"
		"  JOIN appt.secret s ON s.application_id = o.application_id AND s.provider_id = o.id) s"
		" WHERE s.expires_at IS NULL OR s.expires_at > statement_timestamp()"
		" ORDER BY s.owner_id, s.name, s.expires_at DESC NULLS FIRST, s.id DESC",
		1, {UUIDARRAYOID}
	},
	.in_portions = true,
	.add_keys = add_owner,
	.take = take_secret
};

void
load_routes(Batch *batch)
{
	batch_load(batch, &subscriptions);
	batch_load(batch, &providers);
	assign_routes(batch);
	batch_load(batch, &secrets);
}
