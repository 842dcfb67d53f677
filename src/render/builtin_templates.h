/*
 * builtin_templates.h
 *		The English templates that an application has before anyone has
 *		written one.
 */
#ifndef APPT_BUILTIN_TEMPLATES_H
#define APPT_BUILTIN_TEMPLATES_H

#include "render/builtin_template.h"

/* NULL if the type has no message for people (UPDATE) or the channel no templates. */
extern const BuiltinTemplate *builtin_template(const char *type,
											   const char *channel);

/*
 * The locale of dates in a built-in template: the given one if its language is
 * English, else "en", so that no sentence mixes languages.
 */
extern const char *builtin_template_locale(const char *locale);

#endif							/* APPT_BUILTIN_TEMPLATES_H */
