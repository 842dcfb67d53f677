/*
 * facts_rules.c
 *		Facts about the rules that planned the notifications.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "notify/facts_rules.h"

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (facts->rule_id != 0)
		column_add(keys[0], Int64GetDatum(facts->rule_id));
}

/* The bits of the buttons in the next column, an array of their codes. */
static int
next_buttons(Row *row)
{
	NullableDatum value = next_value(row);
	Datum	   *codes;
	int			count;
	int			buttons = 0;

	if (value.isnull)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(value.value), TEXTOID, -1, false, TYPALIGN_INT, &codes, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Button		button;

		if (button_from_code(TextDatumGetCString(codes[i]), &button))
			buttons |= BUTTON_BIT(button);
	}
	return buttons;
}

static void
take_rule(Batch *batch, Row *row)
{
	RuleFacts  *facts = (RuleFacts *) palloc0(sizeof(RuleFacts));

	facts->id = next_int64(row);
	facts->application_id = next_uuid(row);
	facts->enabled = next_bool(row);
	facts->even_if_never_told = next_bool(row);
	facts->ignores_opt_out = next_bool_or_null(row);
	facts->buttons = next_buttons(row);
	facts->appearance = batch_jsonb(batch, row);
	facts->reply_codes = batch_jsonb(batch, row);
	batch->rules = lappend(batch->rules, facts);
}

static FactLoader rules = {
	.find = {
		"SELECT r.id, r.application_id, r.enabled, r.even_if_never_told, r.ignores_opt_out, r.buttons,"
		" r.appearance, r.reply_codes"
		" FROM (SELECT DISTINCT unnest($1) AS id) k JOIN appt.rule r ON r.id = k.id",
		1, {INT8ARRAYOID}
	},
	.add_keys = add_key,
	.take = take_rule
};

/* Ids are unique within an application. */
static const RuleFacts *
find_rule(const Batch *batch, const NotificationFacts *facts)
{
	ListCell   *cell;

	foreach(cell, batch->rules)
	{
		const RuleFacts *rule = (const RuleFacts *) lfirst(cell);

		if (rule->id == facts->rule_id && memcmp(&rule->application_id, &facts->application_id, UUID_LEN) == 0)
			return rule;
	}
	return NULL;
}

void
load_rules(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &rules);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->rule_id != 0)
			facts->rule = find_rule(batch, facts);
	}
}
