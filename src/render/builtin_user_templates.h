/*
 * builtin_user_templates.h
 *		The English templates of messages to users.
 */
#ifndef APPT_BUILTIN_USER_TEMPLATES_H
#define APPT_BUILTIN_USER_TEMPLATES_H

#include "render/builtin_template.h"

/* The last has no type. */
extern const BuiltinTemplate builtin_user_templates[];

#endif							/* APPT_BUILTIN_USER_TEMPLATES_H */
