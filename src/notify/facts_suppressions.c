/*
 * facts_suppressions.c
 *		Facts about the addresses that messages go to: may they be written to?
 *
 * An application that has suppressed no address has no key, and costs nothing
 * here: without such an address in the batch no statement is run.
 */
#include "postgres.h"

#include "notify/facts_suppressions.h"
#include "notify/recipient.h"

static void
add_keys(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	const char *recipient;
	ListCell   *cell;

	if (channel_infos[facts->channel].route != ROUTE_PROVIDER || facts->application == NULL ||
		facts->application->address_keys == NIL || (recipient = recipient_address(facts)) == NULL)
		return;
	foreach(cell, facts->application->address_keys)
	{
		const ApplicationKey *key = (const ApplicationKey *) lfirst(cell);

		column_add(keys[0], Int64GetDatum(facts->id));
		column_add_uuid(keys[1], &facts->application_id);
		column_add_text(keys[2], channel_code(facts->channel));
		column_add(keys[3], PointerGetDatum(address_key(key, facts->channel, recipient)));
	}
}

static void
take_suppression(Batch *batch, Row *row)
{
	NotificationFacts *facts = (NotificationFacts *) fact_by_number(batch->notifications, next_int64(row));
	Reason		reason;

	if (reason_from_code(next_text(row), &reason))
		facts->suppressions |= SUPPRESSION_BIT(reason);
}

static FactLoader suppressions = {
	.find = {
		"SELECT k.id, s.reason"
		" FROM (SELECT unnest($1) AS id, unnest($2) AS application_id, unnest($3) AS channel, unnest($4) AS address_key) k"
		" CROSS JOIN LATERAL (SELECT s.reason FROM appt.suppression s WHERE s.application_id = k.application_id"
		"  AND s.channel = k.channel AND s.address_key = k.address_key OFFSET 0) s",
		4, {INT8ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, BYTEAARRAYOID}
	},
	.add_keys = add_keys,
	.take = take_suppression
};

void
load_suppressions(Batch *batch)
{
	batch_load(batch, &suppressions);
}
