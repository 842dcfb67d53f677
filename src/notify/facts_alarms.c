/*
 * facts_alarms.c
 *		Facts about when rules remind those whom an email invites.
 */
#include "postgres.h"

#include "utils/array.h"

#include "notify/facts_alarms.h"

static void
add_keys(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->rule == NULL || facts->channel != CHANNEL_EMAIL ||
		notification_types[facts->type].invitation != INVITATION_REQUEST)
		return;
	column_add_uuid(keys[0], &facts->application_id);
	column_add(keys[1], Int64GetDatum(facts->rule_id));
}

/* The next column, an array of seconds. */
static void
next_alarms(Row *row, Alarms *alarms)
{
	Datum	   *seconds;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(next_value(row).value), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &seconds, NULL, &count);
	alarms->count = Min(count, MAX_ALARMS);
	for (int i = 0; i < alarms->count; i++)
		alarms->before[i] = DatumGetInt64(seconds[i]);
}

static void
take_alarms(Batch *batch, Row *row)
{
	pg_uuid_t	application_id = next_uuid(row);
	int64		id = next_int64(row);
	ListCell   *cell;

	foreach(cell, batch->rules)
	{
		RuleFacts  *rule = (RuleFacts *) lfirst(cell);

		if (rule->id == id && memcmp(&rule->application_id, &application_id, UUID_LEN) == 0)
		{
			next_alarms(row, &rule->alarms);
			return;
		}
	}
}

/* The offsets, in seconds, of rules that remind customers of the same appointments as rule r; each way has an index. */
#define REMINDERS(same_template) \
	" SELECT extract(epoch FROM o.time_offset::interval)::bigint AS before FROM appt.rule o" \
	" WHERE o.application_id = r.application_id AND " same_template \
	"  AND o.type = 'REMINDER' AND o.channel <> 'WEBHOOK' AND o.enabled"

static FactLoader alarms = {
	.find = {
		"SELECT r.application_id, r.id, ARRAY(SELECT DISTINCT before FROM ("
		REMINDERS("o.meeting_template_id = r.meeting_template_id") " UNION ALL"
		REMINDERS("o.meeting_template_id IS NULL AND r.meeting_template_id IS NULL") ") o ORDER BY before LIMIT 4)"
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS id) k"
		" JOIN appt.rule r ON r.application_id = k.application_id AND r.id = k.id",
		2, {UUIDARRAYOID, INT8ARRAYOID}
	},
	.add_keys = add_keys,
	.take = take_alarms
};

void
load_alarms(Batch *batch)
{
	batch_load(batch, &alarms);
}
