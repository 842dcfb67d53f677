/*
 * page_texts.c
 *		The words of a page.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "core/json.h"
#include "core/text.h"
#include "pages/page_texts.h"
#include "render/mustache_cache.h"
#include "render/mustache_renderer.h"
#include "render/page_words.h"

PG_FUNCTION_INFO_V1(page_key_is_valid);

const char *
page_text(const PageTexts *texts, const char *key)
{
	char	   *own = json_root_text(texts->own, key);

	return own != NULL ? own : page_word(texts->locale, key);
}

/* An application's text that is no template is shown as it is. */
const char *
page_text_with(const PageTexts *texts, const char *key, Jsonb *values)
{
	const char *text = page_text(texts, key);
	char	   *error;
	const Mustache *parsed;
	char	   *rendered;

	if (strstr(text, "{{") == NULL)
		return text;
	parsed = mustache_parse_cached(text, &error);
	rendered = parsed == NULL ? NULL : mustache_render(parsed, values, false, NULL, &error);
	return rendered == NULL ? text : rendered;
}

const char *
page_text_of(const PageTexts *texts, const char *group, const char *name)
{
	return page_text(texts, psprintf(PAGE_KEY "%s.%s", group, name));
}

/* Pages have these words, and the labels of buttons. */
static bool
is_of_page(const char *key)
{
	return strncmp(key, PAGE_KEY, strlen(PAGE_KEY)) == 0 || strncmp(key, "button.", strlen("button.")) == 0;
}

static bool
is_known(const char *key)
{
	const char *known;

	if (!is_of_page(key))
		return false;
	for (int i = 0; (known = words_key(i)) != NULL; i++)
		if (strcmp(known, key) == 0)
			return true;
	return false;
}

/*
 * appt.page_key_is_valid(key text) -> boolean
 *
 * True, or raises 22023.
 */
Datum
page_key_is_valid(PG_FUNCTION_ARGS)
{
	char	   *key;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!is_known(key))
		report_invalid("unknown key of a page's words", "\"%s\" is not a key.", quotable_text(key));
	PG_RETURN_BOOL(true);
}
