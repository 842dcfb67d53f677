/*
 * page_values.c
 *		The values of a page while they are put together.
 */
#include "postgres.h"

#include "core/json.h"
#include "pages/page_values.h"

void
page_begin(Page *page, const char *name)
{
	json_push_text(&page->state, WJB_KEY, name);
	(void) pushJsonbValue(&page->state, WJB_BEGIN_OBJECT, NULL);
}

void
page_end(Page *page)
{
	(void) pushJsonbValue(&page->state, WJB_END_OBJECT, NULL);
}

void
page_begin_array(Page *page, const char *name)
{
	json_push_text(&page->state, WJB_KEY, name);
	(void) pushJsonbValue(&page->state, WJB_BEGIN_ARRAY, NULL);
}

void
page_begin_element(Page *page)
{
	(void) pushJsonbValue(&page->state, WJB_BEGIN_OBJECT, NULL);
}

void
page_end_array(Page *page)
{
	(void) pushJsonbValue(&page->state, WJB_END_ARRAY, NULL);
}

void
page_push(Page *page, const char *name, const char *text)
{
	json_push_if_given(&page->state, name, text);
}

void
page_push_flag(Page *page, const char *name, bool is_set)
{
	if (is_set)
		json_push_member(&page->state, name, "yes");
}

void
page_push_word(Page *page, const char *name, const char *key)
{
	json_push_member(&page->state, name, page_text(&page->texts, key));
}

Jsonb *
one_value(const char *name, const char *value)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, name, value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
