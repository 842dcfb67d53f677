/*
 * facts_routes.c
 *		Facts about subscriptions and providers, with their secrets.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/json.h"
#include "notify/facts_parts.h"

/* A provider as it is looked for: by application and channel. */
typedef struct ProviderFacts
{
	RouteFacts	facts;			/* first: it is found as a RouteFacts, too */
	pg_uuid_t	application_id;
	ChannelCode channel;
} ProviderFacts;

static AuthKind
auth_kind(const char *code)
{
	if (strcmp(code, "BASIC") == 0)
		return AUTH_BASIC;
	if (strcmp(code, "OAUTH2") == 0)
		return AUTH_OAUTH2;
	return AUTH_NONE;
}

/* What stands in the table for a secret one is not its value: that comes from appt.secret, or not at all. */
static Header *
make_header(char *name, char *value, bool is_secret)
{
	Header	   *header = (Header *) palloc(sizeof(Header));

	header->name = name;
	header->value = is_secret ? NULL : value;
	header->is_secret = is_secret;
	return header;
}

List *
facts_headers(Jsonb *jsonb)
{
	List	   *headers = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;
	char	   *text;
	char	   *type;

	if (jsonb == NULL || JB_ROOT_IS_SCALAR(jsonb))
		return NIL;
	iterator = JsonbIteratorInit(&jsonb->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = json_text(&value);
		else if (token == WJB_VALUE && (text = json_text(&value)) != NULL)
			headers = lappend(headers, make_header(name, text, false));
		else if (token == WJB_ELEM && value.type == jbvBinary &&
				 JsonContainerIsObject(value.val.binary.data))
		{
			name = json_member_text(value.val.binary.data, "name");
			text = json_member_text(value.val.binary.data, "value");
			type = json_member_text(value.val.binary.data, "type");
			if (name != NULL && text != NULL)
				headers = lappend(headers, make_header(name, text,
													   type != NULL && strcmp(type, "SECRET") == 0));
		}
	}
	return headers;
}

static const pg_uuid_t *
subscription_of(const NotificationFacts *facts)
{
	return facts->subscription_id;
}

static void
load_subscriptions(Batch *batch)
{
	static Statement find = {
		"SELECT s.id, s.enabled, s.url, s.auth, s.username, s.token_url, s.scope, s.audience,"
		" s.token_auth = 'BODY', s.headers"
		" FROM appt.subscription s WHERE s.id = ANY ($1) ORDER BY s.id",
		1, {UUIDARRAYOID}
	};
	Datum		ids;
	uint64		found;

	if (!batch_keys(batch, subscription_of, &ids))
		return;
	found = batch_read(batch, &find, ids);
	fact_index_create(&batch->subscriptions, found);
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
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
		facts->route.headers = facts_headers(batch_jsonb(batch, row));
		batch->subscriptions.keys[n] = facts->id;
		batch->subscriptions.facts[n] = facts;
	}
	statement_done();
}

static const pg_uuid_t *
application_with_provider(const NotificationFacts *facts)
{
	return facts->channel != CHANNEL_WEBHOOK ? &facts->application_id : NULL;
}

static void
load_providers(Batch *batch)
{
	static Statement find = {
		"SELECT p.id, p.application_id, p.channel, p.verified_at IS NOT NULL, p.kind, p.url,"
		" p.username, p.sender, p.settings"
		" FROM appt.provider p WHERE p.application_id = ANY ($1) AND p.enabled ORDER BY p.id",
		1, {UUIDARRAYOID}
	};
	Datum		ids;
	uint64		found;

	if (!batch_keys(batch, application_with_provider, &ids))
		return;
	found = batch_read(batch, &find, ids);
	fact_index_create(&batch->providers, found);
	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);
		ProviderFacts *provider = (ProviderFacts *) palloc0(sizeof(ProviderFacts));
		Route	   *route = &provider->facts.route;
		char	   *channel;

		provider->facts.id = next_uuid(row);
		provider->application_id = next_uuid(row);
		channel = next_text(row);
		if (!channel_from_code(channel, &provider->channel))
			elog(ERROR, "provider has an unknown channel: %s", channel);
		provider->facts.enabled = true;
		provider->facts.is_verified = next_bool(row);
		route->kind = next_text(row);
		route->url = batch_text(batch, row);
		route->username = batch_text(batch, row);
		route->sender = batch_text(batch, row);
		route->settings = batch_jsonb(batch, row);
		route->headers = facts_headers(json_root_jsonb(route->settings, "headers"));
		batch->providers.keys[n] = provider->facts.id;
		batch->providers.facts[n] = provider;
	}
	statement_done();
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
add_secret(Route *route, const char *name, char *value)
{
	if (strcmp(name, "PASSWORD") == 0)
		route->password = value;
	else if (strcmp(name, "HMAC_KEY") == 0)
		route->hmac_keys = lappend(route->hmac_keys, value);
	else if (strncmp(name, "HEADER:", 7) == 0)
		unmask_header(route, name + 7, value);
}

static RouteFacts *
find_route(const Batch *batch, const pg_uuid_t *id)
{
	RouteFacts *facts = (RouteFacts *) fact_find(&batch->subscriptions, id);

	return facts != NULL ? facts : (RouteFacts *) fact_find(&batch->providers, id);
}

/* Some rows of (owner, name, value). More keys than may be live were made by who needs no function for it. */
static void
take_secrets(uint64 rows, void *whereto)
{
	Batch	   *batch = (Batch *) whereto;
	MemoryContext previous = MemoryContextSwitchTo(batch->context);

	for (uint64 n = 0; n < rows && !batch->is_over; n++)
	{
		Row		   *row = ROW(n);
		pg_uuid_t	owner = next_uuid(row);
		RouteFacts *facts = find_route(batch, &owner);
		char	   *name = next_text(row);

		if (facts != NULL &&
			(strcmp(name, "HMAC_KEY") != 0 || list_length(facts->route.hmac_keys) < MAX_LIVE_KEYS))
			add_secret(&facts->route, name, batch_text(batch, row));
	}
	MemoryContextSwitchTo(previous);
}

static Datum
key_array(const FactIndex *index)
{
	Column	   *keys = column_create(UUIDOID, index->count);

	for (int i = 0; i < index->count; i++)
		column_add_uuid(keys, &index->keys[i]);
	return column_array(keys);
}

/*
 * The current key signs first, then those replaced, the latest before the others.
 * Of an application's secrets only those that are asked for are read.
 */
static void
load_secrets(Batch *batch)
{
	static Statement find = {
		"SELECT s.owner_id, s.name, s.value FROM ("
		"  SELECT o.id AS owner_id, s.name, s.value, s.expires_at, s.id"
		"  FROM (SELECT unnest($1) AS id) k JOIN appt.subscription o ON o.id = k.id"
		"  JOIN appt.secret s ON s.application_id = o.application_id AND s.subscription_id = o.id"
		" UNION ALL"
		"  SELECT o.id, s.name, s.value, s.expires_at, s.id"
		"  FROM (SELECT unnest($2) AS id) k JOIN appt.provider o ON o.id = k.id"
		"  JOIN appt.secret s ON s.application_id = o.application_id AND s.provider_id = o.id) s"
		" WHERE s.expires_at IS NULL OR s.expires_at > statement_timestamp()"
		" ORDER BY s.owner_id, s.name, s.expires_at DESC NULLS FIRST, s.id DESC",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};

	if (batch->subscriptions.count + batch->providers.count == 0)
		return;
	find.is_read_only = !batch->is_current;
	statement_each(&find, (NullableDatum[]) {
		SQL_VALUE(key_array(&batch->subscriptions)), SQL_VALUE(key_array(&batch->providers))
	}, take_secrets, batch);
}

static const RouteFacts *
find_provider(const Batch *batch, const NotificationFacts *facts)
{
	for (int i = 0; i < batch->providers.count; i++)
	{
		ProviderFacts *provider = (ProviderFacts *) batch->providers.facts[i];

		if (provider->channel == facts->channel &&
			uuid_compare(&provider->application_id, &facts->application_id) == 0)
			return &provider->facts;
	}
	return NULL;
}

void
load_routes(Batch *batch)
{
	ListCell   *cell;

	load_subscriptions(batch);
	load_providers(batch);
	if (batch->is_over)
		return;
	load_secrets(batch);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->channel == CHANNEL_WEBHOOK)
			facts->route = (const RouteFacts *) fact_find(&batch->subscriptions, facts->subscription_id);
		else
			facts->route = find_provider(batch, facts);
	}
}
