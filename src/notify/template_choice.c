/*
 * template_choice.c
 *		Which template a message to a person is written from: the rule's, else
 *		the meeting template's, else the type's, in the first locale of the chain
 *		recipient -> appointment -> application that has one, else the built-in
 *		one in the first language of it that has words. A text without HTML, and a
 *		built-in one, stands within a layout (layout.h).
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/facts_templates.h"
#include "notify/locale_chain.h"
#include "notify/template_choice.h"
#include "render/builtin_templates.h"
#include "render/page_words.h"

/* Are these the same locale? Case does not count, and "en_GB" is "en-GB". */
static bool
same_locale(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
	{
		char		left = (*a == '_') ? '-' : *a;
		char		right = (*b == '_') ? '-' : *b;

		if (pg_tolower((unsigned char) left) != pg_tolower((unsigned char) right))
			return false;
	}
	return *a == *b;
}

/* How well a template of its type fits a notification: its rule's best, then its meeting template's, then its type's; 0: not. */
static int
fitness(const TemplateFacts *template, const NotificationFacts *facts)
{
	const pg_uuid_t *own = facts->appointment == NULL ? NULL : facts->appointment->meeting_template_id;

	if (template->rule_id != 0)
		return template->rule_id == facts->rule_id ? 3 : 0;
	if (template->meeting_template_id == NULL)
		return 1;
	return own != NULL && memcmp(own, template->meeting_template_id, UUID_LEN) == 0 ? 2 : 0;
}

/* The stored template of the list for this locale that fits best. */
static const TemplateFacts *
find_template(const List *templates, const NotificationFacts *facts, const char *locale)
{
	const TemplateFacts *found = NULL;
	int			best = 0;
	ListCell   *cell;

	foreach(cell, templates)
	{
		const TemplateFacts *template = (const TemplateFacts *) lfirst(cell);

		if (fitness(template, facts) <= best || !same_locale(template->locale, locale))
			continue;
		found = template;
		best = fitness(template, facts);
	}
	return found;
}

/* The texts in a test message's context replace those of a template. */
static void
use_context(TemplateTexts *texts, const NotificationFacts *facts)
{
	char	   *subject = json_root_text(facts->context, "subject");
	char	   *text_body = json_root_text(facts->context, "text_body");
	char	   *html_body = json_root_text(facts->context, "html_body");

	if (subject != NULL)
		texts->subject = subject;

	/*
	 * If the context has one body, the template's other body is not used
	 * either. The language is the requested one.
	 */
	if (text_body != NULL || html_body != NULL)
	{
		texts->locale = json_root_text(facts->context, "locale");
		if (texts->locale == NULL)
			texts->locale = message_locale(facts) ? message_locale(facts) : application_locale(facts);
		texts->text_body = text_body;
		texts->html_body = html_body;
		texts->has_own_bodies = true;
		texts->is_builtin = false;
	}
}

/* The stored template in the first locale of the chain that has one. */
static const TemplateFacts *
find_in_chain(const List *templates, const NotificationFacts *facts)
{
	char		chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH];
	int			count = templates == NIL ? 0 : locale_chain(facts, chain);
	const TemplateFacts *template = NULL;

	for (int i = 0; i < count && template == NULL; i++)
		template = find_template(templates, facts, chain[i]);
	return template;
}

static bool
same_language(const char *a, const char *b)
{
	size_t		length = strcspn(b, "-_");

	return a != NULL && strcspn(a, "-_") == length && pg_strncasecmp(a, b, length) == 0;
}

/* The locale of dates within a text of `locale`: for a reader of en-GB, a text of en has British dates. */
static const char *
date_locale(const NotificationFacts *facts, const char *locale)
{
	if (same_language(recipient_locale(facts), locale))
		return recipient_locale(facts);
	if (same_language(message_locale(facts), locale))
		return message_locale(facts);
	return locale;
}

/* The built-in template in the first language of the chain that has words, else in English. */
static void
use_builtin(TemplateTexts *texts, const NotificationFacts *facts)
{
	const char *const locales[] = {recipient_locale(facts), message_locale(facts), application_locale(facts)};
	const char *locale = NULL;
	BuiltinTemplate builtin;
	bool		is_found;

	for (int i = 0; i < lengthof(locales) && locale == NULL; i++)
		if (words_language(locales[i]) >= 0)
			locale = locales[i];
	texts->locale = builtin_template_locale(locale);
	if (texts->layout != NULL)
		is_found = builtin_content(template_type(facts), channel_code(facts->channel), locale, &builtin);
	else
		is_found = builtin_template(template_type(facts), channel_code(facts->channel), locale, &builtin);
	if (!is_found)
		return;
	texts->is_builtin = true;
	texts->heading = builtin.heading;
	texts->subject = builtin.subject;
	texts->text_body = builtin.text_body;
	texts->html_body = builtin.html_body;
}

bool
choose_texts(const NotificationFacts *facts, TemplateTexts *texts)
{
	const TemplateFacts *template = find_in_chain(facts->templates, facts);

	memset(texts, 0, sizeof(TemplateTexts));
	texts->layout = find_in_chain(facts->layouts, facts);
	if (template != NULL)
	{
		texts->written = template;
		texts->locale = date_locale(facts, template->locale);
	}
	else
		use_builtin(texts, facts);
	use_context(texts, facts);
	return texts->text_body != NULL || texts->html_body != NULL ||
		(texts->written != NULL && !texts->has_own_bodies);
}

/* What a call brings along is sent as it is, as is a template with HTML of its own. */
static bool
takes_layout(const TemplateTexts *texts, const NotificationFacts *facts)
{
	if (!channel_infos[facts->channel].has_html || texts->has_own_bodies)
		return false;
	return texts->is_builtin ? texts->layout != NULL : texts->html_body == NULL;
}

/* The application's layout may have no HTML: then its messages have none. */
static void
add_layout(TemplateTexts *texts, Unpacking *unpacking)
{
	BuiltinTemplate builtin;

	if (texts->layout != NULL)
	{
		texts->layout_text = unpack_text(unpacking, texts->layout->text_body);
		texts->layout_html = unpack_text(unpacking, texts->layout->html_body);
		if (texts->layout_html == NULL)
			texts->html_body = NULL;
	}
	else if (builtin_template(LAYOUT_TYPE, channel_code(CHANNEL_EMAIL), texts->locale, &builtin))
		texts->layout_html = builtin.html_body;
}

/* Texts that are not set yet come from the stored template; those that the channel has not are left out. */
void
complete_texts(TemplateTexts *texts, const NotificationFacts *facts, Unpacking *unpacking)
{
	const ChannelInfo *channel = &channel_infos[facts->channel];

	if (texts->written != NULL && texts->subject == NULL)
		texts->subject = unpack_text(unpacking, texts->written->subject);
	if (texts->written != NULL && !texts->has_own_bodies)
	{
		texts->text_body = unpack_text(unpacking, texts->written->text_body);
		texts->html_body = unpack_text(unpacking, texts->written->html_body);
	}
	if (!channel->has_subject)
		texts->subject = NULL;
	if (!channel->has_html)
		texts->html_body = NULL;
	if (takes_layout(texts, facts))
		add_layout(texts, unpacking);
	else
		texts->heading = NULL;
}

bool
has_template(const NotificationFacts *facts)
{
	TemplateTexts texts;

	return !channel_infos[facts->channel].has_template || facts->stored != NULL || choose_texts(facts, &texts);
}
