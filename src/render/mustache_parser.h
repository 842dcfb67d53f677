/*
 * mustache_parser.h
 *		Parses templates: Mustache by its specification, without partials, set
 *		delimiters, inheritance and lambdas.
 */
#ifndef APPT_MUSTACHE_PARSER_H
#define APPT_MUSTACHE_PARSER_H

#include "render/mustache.h"

#define MUSTACHE_MAX_TEMPLATE	(256 * 1024)	/* bytes of a template */
#define MUSTACHE_MAX_NAME		256 /* bytes of a name */

/*
 * The parsed template, in CurrentMemoryContext.  It points into the text, which
 * must live as long.  If the template is not valid, NULL, and *error is set to a
 * palloc'd sentence.  The sentence may quote the template, so it belongs in
 * DETAIL, never in a primary message.
 */
extern Mustache *mustache_parse(const char *text, char **error);

#endif							/* APPT_MUSTACHE_PARSER_H */
