/*
 * builtin_report_templates.h
 *		The English templates of daily reports.
 */
#ifndef APPT_BUILTIN_REPORT_TEMPLATES_H
#define APPT_BUILTIN_REPORT_TEMPLATES_H

#include "render/builtin_template.h"

/* The last has no type. */
extern const BuiltinTemplate builtin_report_templates[];

#endif							/* APPT_BUILTIN_REPORT_TEMPLATES_H */
