/*
 * facts_templates.c
 *		Facts about templates: those that a message may be written from.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/facts_templates.h"
#include "notify/locale_chain.h"
#include "render/builtin_templates.h"

const char *
template_type(const NotificationFacts *facts)
{
	char	   *type = NULL;

	if (notification_types[facts->type].is_sample)
		type = json_root_text(facts->context, "template_type");
	return type ? type : notification_types[facts->type].code;
}

/* In place of the id of a meeting template, as in the index. */
static const pg_uuid_t no_id = {{0}};

static void
add_key(const NotificationFacts *facts, const char *type, int64 rule_id, const pg_uuid_t *meeting_template_id, const char *locale,
		Column **keys)
{
	column_add_uuid(keys[0], &facts->application_id);
	column_add_text(keys[1], type);
	column_add_text(keys[2], channel_code(facts->channel));
	column_add(keys[3], Int64GetDatum(rule_id));
	column_add_uuid(keys[4], meeting_template_id);
	column_add_text(keys[5], locale);
}

/* Its rule's own template, its meeting template's and its type's, and the layout, in each locale that it may be written in. */
static void
add_keys(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	char		chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH];
	int			count = !channel_infos[facts->channel].has_template ? 0 : locale_chain(facts, chain);
	const pg_uuid_t *meeting_template_id = facts->appointment == NULL ? NULL : facts->appointment->meeting_template_id;
	const char *type = template_type(facts);

	for (int i = 0; i < count; i++)
	{
		add_key(facts, type, 0, &no_id, chain[i], keys);
		if (meeting_template_id != NULL)
			add_key(facts, type, 0, meeting_template_id, chain[i], keys);
		if (facts->rule_id != 0)
			add_key(facts, type, facts->rule_id, &no_id, chain[i], keys);
		if (channel_infos[facts->channel].has_html)
			add_key(facts, LAYOUT_TYPE, 0, &no_id, chain[i], keys);
	}
}

static TemplateFacts *
read_template(Batch *batch, Row *row)
{
	TemplateFacts *facts = (TemplateFacts *) palloc(sizeof(TemplateFacts));

	(void) batch_spend(batch, COST_OF_ROW);
	facts->rule_id = next_int64(row);
	facts->meeting_template_id = next_uuid_or_null(row);
	facts->locale = batch_text(batch, row);
	facts->subject = batch_stored(batch, row);
	facts->text_body = batch_stored(batch, row);
	facts->html_body = batch_stored(batch, row);
	return facts;
}

/* A template goes to all notifications of its application, type and channel, a layout to those of any type. */
static void
take_template(Batch *batch, Row *row)
{
	pg_uuid_t	application_id = next_uuid(row);
	char	   *type = next_text(row);
	char	   *channel = next_text(row);
	TemplateFacts *template = read_template(batch, row);
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		if (strcmp(channel_code(facts->channel), channel) != 0 ||
			memcmp(&facts->application_id, &application_id, UUID_LEN) != 0)
			continue;
		if (strcmp(type, LAYOUT_TYPE) == 0)
			facts->layouts = lappend(facts->layouts, template);
		else if (strcmp(template_type(facts), type) == 0)
			facts->templates = lappend(facts->templates, template);
	}
}

static FactLoader templates = {
	.find = {
		"SELECT t.application_id, t.type, t.channel, t.rule_id, t.meeting_template_id, t.locale, t.subject, t.text_body, t.html_body"
		" FROM appt.template t"
		" JOIN (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS type, unnest($3) AS channel,"
		"  unnest($4) AS rule_id, unnest($5) AS meeting_template_id, unnest($6) AS locale) k"
		"  ON t.application_id = k.application_id AND t.type = k.type AND t.channel = k.channel"
		"  AND coalesce(t.rule_id, 0) = k.rule_id"
		"  AND coalesce(t.meeting_template_id, '00000000-0000-0000-0000-000000000000') = k.meeting_template_id"
		"  AND lower(translate(t.locale, '_', '-') COLLATE \"C\") = lower(k.locale COLLATE \"C\")"
		" ORDER BY t.application_id, t.type, t.channel, t.id",
		6, {UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, UUIDARRAYOID, TEXTARRAYOID}
	},
	.add_keys = add_keys,
	.take = take_template
};

void
load_templates(Batch *batch)
{
	batch_load(batch, &templates);
}
