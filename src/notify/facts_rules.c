/*
 * facts_rules.c
 *		Facts about the rules that planned the notifications.
 */
#include "postgres.h"

#include "notify/facts_rules.h"

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->rule_id != 0)
		column_add(keys[0], Int64GetDatum(facts->rule_id));
}

static void
take_rule(Batch *batch, Row *row)
{
	int64		id = next_int64(row);
	pg_uuid_t	application_id = next_uuid(row);
	bool		enabled = next_bool(row);
	bool		even_if_never_told = next_bool(row);
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->rule_id != id || memcmp(&facts->application_id, &application_id, UUID_LEN) != 0)
			continue;
		facts->rule_exists = true;
		facts->rule_enabled = enabled;
		facts->even_if_never_told = even_if_never_told;
	}
}

static FactLoader rules = {
	.find = {
		"SELECT r.id, r.application_id, r.enabled, r.even_if_never_told"
		" FROM (SELECT DISTINCT unnest($1) AS id) k JOIN appt.rule r ON r.id = k.id",
		1, {INT8ARRAYOID}
	},
	.add_keys = add_key,
	.take = take_rule
};

void
load_rules(Batch *batch)
{
	batch_load(batch, &rules);
}
