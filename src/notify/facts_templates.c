/*
 * facts_templates.c
 *		Facts about templates: those that a message may be written from.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/json.h"
#include "notify/facts_parts.h"
#include "notify/locale_chain.h"

static TemplateFacts *
read_template(Batch *batch, Row *row)
{
	TemplateFacts *facts = (TemplateFacts *) palloc(sizeof(TemplateFacts));

	(void) batch_spend(batch, COST_OF_ROW);
	facts->rule_id = next_int64(row);
	facts->locale = batch_text(batch, row);
	facts->subject = batch_stored(batch, row);
	facts->text_body = batch_stored(batch, row);
	facts->html_body = batch_stored(batch, row);
	return facts;
}

const char *
facts_template_type(const NotificationFacts *facts)
{
	char	   *type = NULL;

	if (facts->type == TYPE_TEST)
		type = json_root_text(facts->context, "template_type");
	return type ? type : notification_types[facts->type].code;
}

/* What templates are looked for by: a column each. */
typedef struct TemplateKeys
{
	Column	   *applications;
	Column	   *types;
	Column	   *channels;
	Column	   *rules;
	Column	   *locales;
} TemplateKeys;

static void
add_template_key(TemplateKeys *keys, const NotificationFacts *facts, int64 rule_id, const char *locale)
{
	column_add_uuid(keys->applications, &facts->application_id);
	column_add_text(keys->types, facts_template_type(facts));
	column_add_text(keys->channels, channel_code(facts->channel));
	column_add(keys->rules, Int64GetDatum(rule_id));
	column_add_text(keys->locales, locale);
}

/* Its rule's own template and its type's, in each locale that it may be written in. */
static void
add_template_keys(TemplateKeys *keys, const NotificationFacts *facts)
{
	char		chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH];
	int			count = locale_chain(facts, chain);

	for (int i = 0; i < count; i++)
	{
		add_template_key(keys, facts, 0, chain[i]);
		if (facts->rule_id != 0)
			add_template_key(keys, facts, facts->rule_id, chain[i]);
	}
}

/* The rows are (application_id, type, channel, ...) of templates, which go to whom they may be for. */
static void
assign_templates(Batch *batch, uint64 rows)
{
	for (uint64 n = 0; n < rows && !batch->is_over; n++)
	{
		Row		   *row = ROW(n);
		pg_uuid_t	application_id = next_uuid(row);
		char	   *type = next_text(row);
		char	   *channel = next_text(row);
		TemplateFacts *template = read_template(batch, row);
		ListCell   *cell;

		foreach(cell, batch->notifications)
		{
			NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

			if (strcmp(channel_code(facts->channel), channel) == 0 &&
				strcmp(facts_template_type(facts), type) == 0 &&
				uuid_compare(&facts->application_id, &application_id) == 0)
				facts->templates = lappend(facts->templates, template);
		}
	}
}

void
load_templates(Batch *batch)
{
	static Statement find = {
		"SELECT t.application_id, t.type, t.channel, t.rule_id, t.locale, t.subject, t.text_body, t.html_body"
		" FROM appt.template t"
		" JOIN (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS type, unnest($3) AS channel,"
		"  unnest($4) AS rule_id, unnest($5) AS locale) k"
		"  ON t.application_id = k.application_id AND t.type = k.type AND t.channel = k.channel"
		"  AND coalesce(t.rule_id, 0) = k.rule_id"
		"  AND lower(translate(t.locale, '_', '-') COLLATE \"C\") = lower(k.locale COLLATE \"C\")"
		" ORDER BY t.application_id, t.type, t.channel, t.id",
		5, {UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID}
	};
	TemplateKeys keys = {
		column_create(UUIDOID, 8), column_create(TEXTOID, 8), column_create(TEXTOID, 8),
		column_create(INT8OID, 8), column_create(TEXTOID, 8)
	};
	ListCell   *cell;

	foreach(cell, batch->notifications)
		if (((NotificationFacts *) lfirst(cell))->channel != CHANNEL_WEBHOOK)
			add_template_keys(&keys, (NotificationFacts *) lfirst(cell));
	if (keys.applications->count == 0)
		return;
	find.is_read_only = !batch->is_current;
	assign_templates(batch, statement_run(&find, column_array(keys.applications), column_array(keys.types),
										  column_array(keys.channels), column_array(keys.rules),
										  column_array(keys.locales)));
	statement_done();
}
