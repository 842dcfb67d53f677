/*
 * facts_alarms.c
 *		Facts about when rules remind those whom an email invites.
 */
#include "postgres.h"

#include "core/lookup.h"
#include "notify/facts_alarms.h"

/* A tenant may have any number of rules, but needs few: no more than these are read of an application, or a meeting template. */
#define MOST_RULES 1000

/* As read_reminder reads them. */
#define RULE_COLUMNS 4, {"type", "channel", "time_offset", "enabled"}

/* Keeps those that are nearest to the start, in their order. */
static void
add_alarm(Alarms *alarms, int64 before)
{
	int			at = 0;

	while (at < alarms->count && alarms->before[at] < before)
		at++;
	if (at == MAX_ALARMS || (at < alarms->count && alarms->before[at] == before))
		return;
	alarms->count = Min(alarms->count + 1, MAX_ALARMS);
	memmove(&alarms->before[at + 1], &alarms->before[at], (alarms->count - at - 1) * sizeof(int64));
	alarms->before[at] = before;
}

static void
read_reminder(Row *row, Alarms *alarms)
{
	NotificationType type;
	bool		is_reminder = notification_type_from_code(next_text(row), &type) && type == TYPE_REMINDER;
	bool		is_to_person = strcmp(next_text(row), "WEBHOOK") != 0;
	TimeOffset	before = next_elapsed(row);

	if (next_bool(row) && is_reminder && is_to_person)
		add_alarm(alarms, before / USECS_PER_SEC);
}

/* Rules for the same appointments. */
static Lookup *
begin_rules(const RuleFacts *rule, bool as_seen)
{
	static const LookupSource of_application = {"rule", "rule_of_application", {"case", "type"}, RULE_COLUMNS};
	static const LookupSource of_template = {"rule", "rule_of_template", {"case", "meeting_template_id"}, RULE_COLUMNS};
	const Datum application_id = UUIDPGetDatum(&rule->application_id);

	if (rule->meeting_template_id == NULL)
		return lookup_begin(&of_application, (Datum[]) {application_id, text_datum("REMINDER")}, 2, as_seen);
	return lookup_begin(&of_template, (Datum[]) {application_id, UUIDPGetDatum(rule->meeting_template_id)}, 2, as_seen);
}

static void
find_alarms(Batch *batch, RuleFacts *rule)
{
	Lookup	   *rules = begin_rules(rule, !batch->is_current);
	Row		   *row;

	for (int read = 0; read < MOST_RULES && batch_spend(batch, COST_OF_ROW) && (row = lookup_next(rules)) != NULL; read++)
		read_reminder(row, &rule->alarms);
	lookup_end(rules);
}

static bool
invites(const Batch *batch, const RuleFacts *rule)
{
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		const NotificationFacts *facts = (const NotificationFacts *) lfirst(cell);

		if (facts->rule == rule && facts->channel == CHANNEL_EMAIL &&
			notification_types[facts->type].invitation == INVITATION_REQUEST)
			return true;
	}
	return false;
}

void
load_alarms(Batch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->rules)
	{
		RuleFacts  *rule = (RuleFacts *) lfirst(cell);

		if (!batch->is_over && invites(batch, rule))
			find_alarms(batch, rule);
	}
}
