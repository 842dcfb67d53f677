/*
 * facts_link_keys.c
 *		Facts about the keys of the tokens in links.
 *
 * Of an application only the key that signs is read. One that has none yet gets
 * it here: application_keys.c makes it without waiting for anybody. Nothing is
 * run for a batch without links. A preview has no key, so its links are masked.
 */
#include "postgres.h"

#include "notify/application_keys.h"
#include "notify/facts_link_keys.h"
#include "notify/links.h"

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->id != 0 && message_has_links(facts))
		column_add_uuid(keys[0], &facts->application_id);
}

static ApplicationFacts *
application_of(const Batch *batch, const pg_uuid_t *id)
{
	return (ApplicationFacts *) fact_by_uuid(batch->applications, id);
}

static void
take_key(Batch *batch, Row *row)
{
	pg_uuid_t	id = next_uuid(row);
	ApplicationFacts *facts = application_of(batch, &id);

	facts->link_key = application_key_read(next_text(row));
}

static FactLoader link_keys = {
	.find = {
		"SELECT k.id, s.value FROM (SELECT DISTINCT unnest($1) AS id) k"
		" CROSS JOIN LATERAL (SELECT s.value FROM appt.secret s WHERE s.application_id = k.id"
		"  AND s.name = 'TOKEN_KEY' AND (s.expires_at IS NULL OR s.expires_at > statement_timestamp())"
		"  ORDER BY " LATEST_KEY_FIRST("s") " LIMIT 1) s",
		1, {UUIDARRAYOID}
	},
	.add_keys = add_key,
	.take = take_key
};

static void
make_key(const Batch *batch, const NotificationFacts *facts)
{
	ApplicationFacts *application = application_of(batch, &facts->application_id);

	if (application->link_key != NULL)
		return;
	application->link_key = (ApplicationKey *) palloc(sizeof(ApplicationKey));
	*application->link_key = application_key(&application->id, TOKEN_KEY_NAME);
}

void
load_link_keys(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &link_keys);
	foreach(cell, batch->notifications)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);

		if (batch->is_current && facts->id != 0 && message_has_links(facts))
			make_key(batch, facts);
	}
}
