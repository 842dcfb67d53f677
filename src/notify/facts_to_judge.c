/*
 * facts_to_judge.c
 *		What judging needs to know of messages that are not planned yet.
 *
 * The loaders of facts_load.c read all that composing needs, too, for many
 * messages of many applications at once. Here it is a row of each table, and a user
 * waits, so the rows are looked up without a statement.
 */
#include "postgres.h"

#include "core/lookup.h"
#include "notify/application_keys.h"
#include "notify/facts_batch.h"
#include "notify/facts_suppressions.h"
#include "notify/facts_to_judge.h"

/* ---- the application ---- */

static void
load_organization(OrganizationFacts *facts)
{
	static const LookupSource organizations = {
		"organization", "organization_pkey", {"id"}, 2, {"notifications_enabled", "require_verified_sender"}
	};
	const Datum key = UUIDPGetDatum(&facts->id);
	Lookup	   *lookup = lookup_begin(&organizations, &key, 1, false);
	Row		   *row = lookup_next(lookup);

	if (row != NULL)
	{
		facts->notifications_enabled = next_bool(row);
		facts->require_verified_sender = next_bool(row);
	}
	lookup_end(lookup);
}

/* All of them: one that is left out would let messages through. */
static List *
find_address_keys(const pg_uuid_t *application_id)
{
	static const LookupSource secrets = {"secret", "secret_application", {"application_id", "name"}, 1, {"value"}};
	const Datum keys[] = {UUIDPGetDatum(application_id), text_datum(ADDRESS_KEY_NAME)};
	Lookup	   *lookup = lookup_begin(&secrets, keys, lengthof(keys), false);
	List	   *found = NIL;
	Row		   *row;

	while ((row = lookup_next(lookup)) != NULL)
	{
		ApplicationKey *key = (ApplicationKey *) palloc(sizeof(ApplicationKey));

		*key = application_key_read(next_text(row));
		found = lappend(found, key);
	}
	lookup_end(lookup);
	return found;
}

/* NULL: there is none. */
static ApplicationFacts *
find_application(const pg_uuid_t *id)
{
	static const LookupSource applications = {
		"application", "application_pkey", {"id"}, 3, {"organization_id", "platform", "room_activates"}
	};
	const Datum key = UUIDPGetDatum(id);
	Lookup	   *lookup = lookup_begin(&applications, &key, 1, false);
	Row		   *row = lookup_next(lookup);
	ApplicationFacts *facts = NULL;

	if (row != NULL)
	{
		facts = (ApplicationFacts *) palloc0(sizeof(ApplicationFacts));
		facts->id = *id;
		facts->organization.id = next_uuid(row);
		facts->platform = next_text(row);
		facts->room_activates = next_bool(row);
	}
	lookup_end(lookup);
	return facts;
}

static ApplicationFacts *
load_application(const pg_uuid_t *id)
{
	ApplicationFacts *facts = find_application(id);

	if (facts != NULL)
	{
		load_organization(&facts->organization);
		facts->address_keys = find_address_keys(id);
	}
	return facts;
}

/* ---- the providers ---- */

/* The enabled provider of each channel; NULL: none. */
static void
load_providers(const pg_uuid_t *application_id, RouteFacts **routes)
{
	static const LookupSource providers = {
		"provider", "provider_enabled", {"application_id"}, 4, {"channel", "kind", "sender", "verified_at"}
	};
	const Datum key = UUIDPGetDatum(application_id);
	Lookup	   *lookup = lookup_begin(&providers, &key, 1, false);
	Row		   *row;

	while ((row = lookup_next(lookup)) != NULL)
	{
		RouteFacts *facts = (RouteFacts *) palloc0(sizeof(RouteFacts));
		ChannelCode channel;

		if (channel_from_code(next_text(row), &channel))
			routes[channel] = facts;
		facts->enabled = true;
		facts->types = ~UINT64CONST(0);
		facts->route.kind = next_text(row);
		facts->route.sender = next_text(row);
		facts->is_verified = next_timestamp(row) != 0;
	}
	lookup_end(lookup);
}

/* ---- all of it ---- */

void
facts_load_to_judge(List *all_facts)
{
	const pg_uuid_t *application_id = &((const NotificationFacts *) linitial(all_facts))->application_id;
	const ApplicationFacts *application = load_application(application_id);
	RouteFacts *routes[CHANNELS] = {NULL};
	Batch		batch = {.notifications = all_facts, .context = CurrentMemoryContext, .is_current = true};
	ListCell   *cell;

	load_providers(application_id, routes);
	foreach(cell, all_facts)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->application = application;
		facts->route = routes[facts->channel];
	}
	load_suppressions(&batch);
}
