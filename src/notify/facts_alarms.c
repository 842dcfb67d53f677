/*
 * facts_alarms.c
 *		Facts about when rules remind those whom an email invites.
 */
#include "postgres.h"

#include "notify/facts_alarms.h"
#include "notify/facts_rules.h"

/* A tenant may have any number of rules, but needs few: no more than these are read of an application, or a meeting template. */
#define MOST_RULES 1000

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
	bool		is_reminder;
	bool		is_to_person;
	TimeOffset	before;

	(void) next_int64(row);
	is_reminder = notification_type_from_code(next_text(row), &type) && type == TYPE_REMINDER;
	is_to_person = strcmp(next_text(row), "WEBHOOK") != 0;
	before = next_elapsed(row);
	if (next_bool(row) && is_reminder && is_to_person)
		add_alarm(alarms, before / USECS_PER_SEC);
}

/* Of the rules for the same appointments. */
static void
find_alarms(Batch *batch, RuleFacts *rule)
{
	Lookup	   *rules = rules_begin(&rule->application_id, rule->meeting_template_id, TYPE_REMINDER, !batch->is_current);
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
