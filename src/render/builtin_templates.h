/*
 * builtin_templates.h
 *		The English templates that an application has before anyone has
 *		written one, and what a template may mention.
 */
#ifndef APPT_BUILTIN_TEMPLATES_H
#define APPT_BUILTIN_TEMPLATES_H

#include "render/mustache.h"

/* The three texts of a message; an SMS has only text_body, the rest is NULL. */
typedef struct BuiltinTemplate
{
	const char *type;			/* CREATE, REMINDER, ... */
	const char *channel;		/* EMAIL or SMS */
	const char *subject;
	const char *text_body;
	const char *html_body;
} BuiltinTemplate;

/* NULL where a type has no message for people (UPDATE) or a channel no text. */
extern const BuiltinTemplate *builtin_template(const char *type,
											   const char *channel);

/*
 * The locale to write dates in within a built-in template: the given one if
 * its language is English, else "en", so that no sentence mixes languages.
 */
extern const char *builtin_template_locale(const char *locale);

/*
 * Does the template mention only what a saved one may: the names below, any
 * key of metadata and participant.metadata, and date patterns?  Else false,
 * and *error is a palloc'd sentence naming the first other one.
 *
 * firstName lastName fullName username title notes location organizer joinUrl
 * icalUrl googleCalendarUrl time24 time12 date zone duration applicationName
 * code
 */
extern bool template_names_are_known(const Mustache *m, char **error);

#endif							/* APPT_BUILTIN_TEMPLATES_H */
