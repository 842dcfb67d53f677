/*
 * template_choice.h
 *		Which template a message to a person is written from.
 */
#ifndef APPT_TEMPLATE_CHOICE_H
#define APPT_TEMPLATE_CHOICE_H

#include "notify/facts.h"
#include "notify/unpacking.h"

/* The texts of a template; those that are NULL may still have to be unpacked from `written`. */
typedef struct TemplateTexts
{
	const char *subject;
	const char *text_body;
	const char *html_body;
	const char *heading;		/* within the layout; NULL: none */
	const char *layout_text;	/* around text and HTML; NULL: none */
	const char *layout_html;
	const char *locale;
	const TemplateFacts *written;
	const TemplateFacts *layout;	/* of the application; NULL: none */
	bool		has_own_bodies; /* not those of the written template */
	bool		is_builtin;
} TemplateTexts;

/* Choose the template; false if there is none. */
extern bool choose_texts(const NotificationFacts *facts, TemplateTexts *texts);

/* Unpack the texts that the channel uses from the stored template, if one was chosen, and the layout. */
extern void complete_texts(TemplateTexts *texts, const NotificationFacts *facts, Unpacking *unpacking);

/* Is there a template, written or built in, or is none needed? */
extern bool has_template(const NotificationFacts *facts);

#endif							/* APPT_TEMPLATE_CHOICE_H */
