/*
 * template_argument.h
 *		Templates that calls bring with them.
 */
#ifndef APPT_TEMPLATE_ARGUMENT_H
#define APPT_TEMPLATE_ARGUMENT_H

#include "fmgr.h"

/*
 * The argument in CurrentMemoryContext; NULL if it is left out or empty. 22023: it
 * has more than MUSTACHE_MAX_TEMPLATE bytes, does not parse or, with
 * `names_are_closed`, mentions what no saved template may mention.
 */
extern char *template_argument(FunctionCallInfo fcinfo, int index, const char *name, bool names_are_closed);

#endif							/* APPT_TEMPLATE_ARGUMENT_H */
