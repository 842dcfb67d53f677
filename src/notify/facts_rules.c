/*
 * facts_rules.c
 *		Facts about the rules that planned the notifications.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "notify/facts_rules.h"

/* As find_rule reads them. */
static const LookupSource rule_source = {
	"rule", "rule_pkey", {"application_id", "id"}, 9, {
		"application_id", "id", "meeting_template_id", "enabled", "even_if_never_told", "ignores_opt_out", "buttons",
		"appearance", "reply_codes"
	}
};

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

/* NULL: it is gone. */
static RuleFacts *
find_rule(Batch *batch, Lookup *rules, const NotificationFacts *of)
{
	const Datum keys[] = {UUIDPGetDatum(&of->application_id), Int64GetDatum(of->rule_id)};
	Row		   *row = lookup_row(rules, keys, lengthof(keys));
	RuleFacts  *facts;

	if (row == NULL)
		return NULL;
	facts = (RuleFacts *) palloc0(sizeof(RuleFacts));
	facts->application_id = next_uuid(row);
	facts->id = next_int64(row);
	facts->meeting_template_id = next_uuid_or_null(row);
	facts->enabled = next_bool(row);
	facts->even_if_never_told = next_bool(row);
	facts->ignores_opt_out = next_bool_or_null(row);
	facts->buttons = next_buttons(row);
	facts->appearance = batch_jsonb(batch, row);
	facts->reply_codes = batch_jsonb(batch, row);
	return facts;
}

/* Of those that are loaded. Ids are unique within an application. */
static const RuleFacts *
loaded_rule(const Batch *batch, const NotificationFacts *of)
{
	ListCell   *cell;

	foreach(cell, batch->rules)
	{
		const RuleFacts *rule = (const RuleFacts *) lfirst(cell);

		if (rule->id == of->rule_id && memcmp(&rule->application_id, &of->application_id, UUID_LEN) == 0)
			return rule;
	}
	return NULL;
}

static const RuleFacts *
load_rule(Batch *batch, Lookup *rules, const NotificationFacts *of)
{
	const RuleFacts *loaded = loaded_rule(batch, of);
	RuleFacts  *found = loaded == NULL ? find_rule(batch, rules, of) : NULL;

	if (found != NULL)
		batch->rules = lappend(batch->rules, found);
	return loaded == NULL ? found : loaded;
}

void
load_rules(Batch *batch)
{
	Lookup	   *rules = lookup_open(&rule_source, !batch->is_current);
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (facts->rule_id != 0 && !batch->is_over)
			facts->rule = load_rule(batch, rules, facts);
	}
	lookup_end(rules);
}

#define RULE_COLUMNS 7, {"id", "type", "channel", "time_offset", "enabled", "sending", "ignores_opt_out"}

Lookup *
rules_begin(const pg_uuid_t *application_id, const pg_uuid_t *meeting_template_id, NotificationType type, bool as_seen)
{
	static const LookupSource of_application = {"rule", "rule_of_application", {"case", "type"}, RULE_COLUMNS};
	static const LookupSource of_template = {"rule", "rule_of_template", {"case", "meeting_template_id"}, RULE_COLUMNS};
	const Datum application = UUIDPGetDatum(application_id);

	if (meeting_template_id == NULL)
		return lookup_begin(&of_application, (Datum[]) {application, text_datum(notification_types[type].code)}, 2, as_seen);
	return lookup_begin(&of_template, (Datum[]) {application, UUIDPGetDatum(meeting_template_id)}, 2, as_seen);
}
