/*
 * facts_applications.c
 *		Facts about applications and their organizations.
 */
#include "postgres.h"

#include "notify/facts_applications.h"

static void
add_keys(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	column_add_uuid(keys[0], &facts->application_id);
}

static void
take_application(Batch *batch, Row *row)
{
	ApplicationFacts *facts = (ApplicationFacts *) palloc0(sizeof(ApplicationFacts));

	facts->id = next_uuid(row);
	facts->organization.id = next_uuid(row);
	facts->organization.notifications_enabled = next_bool(row);
	facts->organization.require_verified_sender = next_bool(row);
	facts->name = batch_text(batch, row);
	facts->platform = batch_text(batch, row);
	facts->room_activates = next_bool(row);
	facts->public_url = batch_text(batch, row);
	facts->short_url = batch_text(batch, row);
	facts->one_click = next_bool(row);
	facts->contact = batch_jsonb(batch, row);
	facts->branding = batch_jsonb(batch, row);
	facts->address_keys = address_keys_read(batch_text(batch, row));
	facts->locale = batch_text(batch, row);
	facts->timezone = batch_text(batch, row);
	facts->max_attempts = next_int32(row);
	facts->retry_base = next_elapsed(row);
	facts->retry_cap = next_elapsed(row);
	facts->max_concurrency = next_int32(row);
	facts->max_per_second = next_double(row);
	batch->applications = lappend(batch->applications, facts);
}

static FactLoader applications = {
	.find = {
		"SELECT a.id, o.id, o.notifications_enabled, o.require_verified_sender, a.name, a.platform,"
		" a.room_activates, a.public_url, a.short_url, a.one_click, a.contact, a.branding, " ADDRESS_KEYS("a.id") ","
		" a.locale, a.timezone, a.max_attempts,"
		" a.retry_base::interval, a.retry_cap::interval, a.max_concurrency, a.max_per_second::float8"
		" FROM appt.application a JOIN appt.organization o ON o.id = a.organization_id"
		" WHERE a.id = ANY ($1) ORDER BY a.id",
		1, {UUIDARRAYOID}
	},
	.add_keys = add_keys,
	.take = take_application
};

void
load_applications(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &applications);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->application = (const ApplicationFacts *)
			fact_by_uuid(batch->applications, &facts->application_id);
	}
}
