/*
 * facts_applications.c
 *		Facts about applications and their organizations.
 *
 * A batch has few of them, and their rows are looked up without a statement.
 */
#include "postgres.h"

#include "lib/qunique.h"

#include "core/lookup.h"
#include "notify/application_keys.h"
#include "notify/facts_applications.h"

/* The tables, open for a batch. */
typedef struct Tables
{
	Lookup	   *applications;
	Lookup	   *organizations;
	Lookup	   *secrets;
} Tables;

/* As find_application reads them. */
static const LookupSource application_source = {
	"application", "application_pkey", {"id"}, 16, {
		"id", "organization_id", "name", "platform", "room_activates", "public_url", "locale", "timezone", "max_attempts", "retry_base",
		"retry_cap", "short_url", "contact", "branding", "one_click", "is_held"
	}
};

static const LookupSource organization_source = {
	"organization", "organization_pkey", {"id"}, 2, {"notifications_enabled", "require_verified_sender"}
};

static const LookupSource secret_source = {"secret", "secret_application", {"application_id", "name"}, 1, {"value"}};

static void
find_organization(Lookup *organizations, OrganizationFacts *facts)
{
	const Datum key = UUIDPGetDatum(&facts->id);
	Row		   *row = lookup_row(organizations, &key, 1);

	if (row == NULL)
		return;
	facts->notifications_enabled = next_bool(row);
	facts->require_verified_sender = next_bool(row);
}

/* All of them: one that is left out would let messages through. */
static List *
find_address_keys(Lookup *secrets, const pg_uuid_t *application_id)
{
	const Datum keys[] = {UUIDPGetDatum(application_id), text_datum(ADDRESS_KEY_NAME)};
	List	   *found = NIL;
	Row		   *row;

	lookup_find(secrets, keys, lengthof(keys));
	while ((row = lookup_next(secrets)) != NULL)
		found = lappend(found, application_key_read(next_text(row)));
	return found;
}

/* NULL: it is deleted. */
static ApplicationFacts *
find_application(Batch *batch, const Tables *tables, const pg_uuid_t *id)
{
	const Datum key = UUIDPGetDatum(id);
	Row		   *row = lookup_row(tables->applications, &key, 1);
	ApplicationFacts *facts;

	if (row == NULL)
		return NULL;
	facts = (ApplicationFacts *) palloc0(sizeof(ApplicationFacts));
	facts->id = next_uuid(row);
	facts->organization.id = next_uuid(row);
	facts->name = batch_text(batch, row);
	facts->platform = batch_text(batch, row);
	facts->room_activates = next_bool(row);
	facts->public_url = batch_text(batch, row);
	facts->locale = batch_text(batch, row);
	facts->timezone = batch_text(batch, row);
	facts->max_attempts = next_int32(row);
	facts->retry_base = next_elapsed(row);
	facts->retry_cap = next_elapsed(row);
	facts->short_url = batch_text(batch, row);
	facts->contact = batch_jsonb(batch, row);
	facts->branding = batch_jsonb(batch, row);
	facts->one_click = next_bool(row);
	facts->is_held = next_bool(row);
	find_organization(tables->organizations, &facts->organization);
	facts->address_keys = find_address_keys(tables->secrets, id);
	return facts;
}

static int
compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

/* Without duplicates, in their order; returns how many. */
static int
collect_ids(const Batch *batch, pg_uuid_t *ids)
{
	int			count = list_length(batch->notifications);
	ListCell   *cell;

	foreach(cell, batch->notifications)
		ids[foreach_current_index(cell)] = ((const NotificationFacts *) lfirst(cell))->application_id;
	qsort(ids, count, sizeof(pg_uuid_t), compare_uuids);
	return (int) qunique(ids, count, sizeof(pg_uuid_t), compare_uuids);
}

static void
find_all(Batch *batch, const pg_uuid_t *ids, int count)
{
	const Tables tables = {
		.applications = lookup_open(&application_source, !batch->is_current),
		.organizations = lookup_open(&organization_source, !batch->is_current),
		.secrets = lookup_open(&secret_source, !batch->is_current)
	};

	for (int i = 0; i < count && !batch->is_over; i++)
	{
		ApplicationFacts *facts = find_application(batch, &tables, &ids[i]);

		if (facts != NULL)
			batch->applications = lappend(batch->applications, facts);
	}
	lookup_end(tables.secrets);
	lookup_end(tables.organizations);
	lookup_end(tables.applications);
}

void
load_applications(Batch *batch)
{
	pg_uuid_t  *ids = (pg_uuid_t *) palloc(list_length(batch->notifications) * sizeof(pg_uuid_t));
	ListCell   *cell;

	find_all(batch, ids, collect_ids(batch, ids));
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->application = (const ApplicationFacts *)
			fact_by_uuid(batch->applications, &facts->application_id);
	}
}
