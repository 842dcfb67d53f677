/*
 * builtin_templates.c
 *		The templates of messages, so that an application works before anyone
 *		has written one.
 *
 * Their structure is in the files builtin_*_templates.inc, once for all languages; the words are those of
 * src/notify/words. words/templates.inc, which scripts/words.awk makes, includes the structure once for each language,
 * with its words as macros.
 *
 * They are constants and not rows, so that a dump does not restore old texts
 * over those of a newer version.
 */
#include "postgres.h"

#include "render/builtin_templates.h"
#include "render/page_words.h"
#include "render/template_parts.h"

#include "words/templates.inc"

static const BuiltinTemplate *
find_template(const BuiltinTemplate *table, const char *type, const char *channel)
{
	for (; table->type != NULL; table++)
		if (strcmp(table->type, type) == 0 && strcmp(table->channel, channel) == 0)
			return table;
	return NULL;
}

/* The text in the database's encoding, which may lack one of its characters. */
static bool
convert(const char **text)
{
	if (*text != NULL)
		*text = words_for_database(*text);
	return *text != NULL;
}

static bool
convert_all(BuiltinTemplate *template)
{
	return (template->subject == NULL || convert(&template->subject)) &&
		convert(&template->text_body) &&
		(template->html_body == NULL || convert(&template->html_body)) &&
		(template->heading == NULL || convert(&template->heading));
}

/* In the language of the locale, else in English. */
static const BuiltinTemplate *
find_in_language(int language, const char *type, const char *channel)
{
	return find_template(templates_of[Max(language, WORDS_ENGLISH)], type, channel);
}

bool
builtin_template(const char *type, const char *channel, const char *locale, BuiltinTemplate *found)
{
	const BuiltinTemplate *template = find_in_language(words_language(locale), type, channel);

	if (template == NULL)
		return false;
	*found = *template;
	if (!convert_all(found))
		*found = *find_in_language(WORDS_ENGLISH, type, channel);
	return true;
}

static void
cut_content(const BuiltinTemplate *template, BuiltinTemplate *found)
{
	*found = *template;
	if (template->html_body != NULL)
		found->html_body = pnstrdup(template->html_body + template->content_at, template->content_length);
	found->content_at = 0;
}

bool
builtin_content(const char *type, const char *channel, const char *locale, BuiltinTemplate *found)
{
	const BuiltinTemplate *template = find_in_language(words_language(locale), type, channel);

	if (template == NULL)
		return false;
	cut_content(template, found);
	if (!convert_all(found))
		cut_content(find_in_language(WORDS_ENGLISH, type, channel), found);
	return true;
}

const char *
builtin_template_locale(const char *locale)
{
	return words_language(locale) < 0 ? "en" : locale;
}
