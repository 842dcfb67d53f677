/*
 * mustache_renderer.h
 *		Renders parsed templates with data.
 *
 * Names resolve against data by Mustache's rules.  Falsey are false, null, a
 * missing name, an empty array and an empty string; 0 is a value.  A name absent
 * from data is a date pattern (date_pattern.h) if there is a date to write, and
 * is empty otherwise.
 */
#ifndef APPT_MUSTACHE_RENDERER_H
#define APPT_MUSTACHE_RENDERER_H

#include "render/dates.h"
#include "render/mustache.h"
#include "utils/jsonb.h"

/*
 * These bound what a hostile template costs: some milliseconds, and the memory
 * that a worker has for each message in flight.  No message to a person comes
 * near them.  A step is a node rendered or a context searched; a date counts for
 * many, because its formatter may have to be opened.
 */
#define MUSTACHE_MAX_OUTPUT		(512 * 1024)	/* bytes of a result */
#define MUSTACHE_MAX_STEPS		20000
#define MUSTACHE_STEPS_OF_DATE	400

/*
 * The rendered text, palloc'd.  html escapes & < > " and ' in {{name}}; without
 * it every value comes out raw.  If dates is NULL, no name is a date pattern;
 * otherwise its timezone and locale must be known.  On failure NULL, and *error
 * is set to a palloc'd sentence that may quote the template (so it belongs in
 * DETAIL, never in a primary message).
 */
extern char *mustache_render(const Mustache *m, Jsonb *data, bool html,
							 const DateFormat *dates, char **error);

#endif							/* APPT_MUSTACHE_RENDERER_H */
