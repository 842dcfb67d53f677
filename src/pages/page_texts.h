/*
 * page_texts.h
 *		The words of a page: the application's own, or the built-in ones.
 */
#ifndef APPT_PAGE_TEXTS_H
#define APPT_PAGE_TEXTS_H

#include "utils/jsonb.h"

/* Keys of words that pages have begin with this. */
#define PAGE_KEY "page."

typedef struct PageTexts
{
	const char *locale;			/* one that has words */
	Jsonb	   *own;			/* {"key": "text"} of the application; NULL:
								 * none */
} PageTexts;

/* Plain text. */
extern const char *page_text(const PageTexts *texts, const char *key);

/* The same of a text that names values: an object, whose texts are put in as they are. */
extern const char *page_text_with(const PageTexts *texts, const char *key, Jsonb *values);

/* "page." and the two parts, with a dot between. */
extern const char *page_text_of(const PageTexts *texts, const char *group, const char *name);

#endif							/* APPT_PAGE_TEXTS_H */
