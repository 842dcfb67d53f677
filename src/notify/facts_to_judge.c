/*
 * facts_to_judge.c
 *		What judging needs to know of messages that are not planned yet.
 *
 * The loaders of facts_load.c read all that composing needs, too. Here a user waits,
 * so only what judging needs is read, without a statement.
 */
#include "postgres.h"

#include "core/lookup.h"
#include "notify/facts_applications.h"
#include "notify/facts_suppressions.h"
#include "notify/facts_to_judge.h"

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
	RouteFacts *routes[CHANNELS] = {NULL};
	Batch		batch = {
		.notifications = all_facts, .budget = FACTS_BUDGET, .context = CurrentMemoryContext, .is_current = true
	};
	ListCell   *cell;

	load_applications(&batch);
	load_providers(application_id, routes);
	foreach(cell, all_facts)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->route = routes[facts->channel];
	}
	load_suppressions(&batch);
}
