/*
 * page_values.h
 *		The values of a page while they are put together: one object, whose members
 *		the template names.
 */
#ifndef APPT_PAGE_VALUES_H
#define APPT_PAGE_VALUES_H

#include "pages/page_request.h"
#include "pages/page_texts.h"

typedef struct Page
{
	const PageRequest *request;
	const PageFacts *facts;		/* NULL: not found */
	PageTexts	texts;
	JsonbParseState *state;
	int			rows;			/* of details, so far */
} Page;

/* A member that is an object: what is pushed until its end belongs to it. */
extern void page_begin(Page *page, const char *name);
extern void page_end(Page *page);

/* The same of an array. Its elements are objects, between page_begin_element and page_end. */
extern void page_begin_array(Page *page, const char *name);
extern void page_begin_element(Page *page);
extern void page_end_array(Page *page);

/* A text (NULL: no member), a flag (false: no member), the words of this key. */
extern void page_push(Page *page, const char *name, const char *text);
extern void page_push_flag(Page *page, const char *name, bool is_set);
extern void page_push_word(Page *page, const char *name, const char *key);

/* {"name": value}, for words that name one value. */
extern Jsonb *one_value(const char *name, const char *value);

#endif							/* APPT_PAGE_VALUES_H */
