/*
 * mustache.h
 *		The template engine: Mustache, as its specification says, without
 *		partials, other delimiters and lambdas.
 *
 * Pure: no SPI, no clock, nothing raised for bad input.  A function that can
 * fail returns NULL and sets *error to a palloc'd sentence that may quote the
 * template (so it belongs into DETAIL, never into a primary message).
 *
 * Names resolve against data as Mustache says.  Falsey are false, null, what is
 * missing, an empty array and an empty string; 0 is a value.  A name absent
 * from data is a date pattern (date_pattern.h) if data has `start_at`, ISO 8601 text,
 * at its top level, and is empty otherwise.
 */
#ifndef APPT_MUSTACHE_H
#define APPT_MUSTACHE_H

#include "render/dates.h"
#include "utils/jsonb.h"

/*
 * What a hostile template may cost: some milliseconds, and memory that a worker
 * has for as many messages as it has in flight. No person is sent that much.
 */
#define MUSTACHE_MAX_TEMPLATE	(256 * 1024)	/* bytes of a template */
#define MUSTACHE_MAX_OUTPUT		(512 * 1024)	/* bytes of a result */
#define MUSTACHE_MAX_DEPTH		64	/* sections within each other */
#define MUSTACHE_MAX_NAME		256 /* bytes of a name */
#define MUSTACHE_MAX_STEPS		20000	/* tags and texts gone through, contexts searched */
#define MUSTACHE_STEPS_OF_DATE	400 /* what a date counts for: its format may have to be made */

/* A parsed template. */
typedef struct Mustache Mustache;

/* One name in a template. */
typedef struct MustacheName
{
	const char *name;			/* as written, without the padding */
	bool		is_section;		/* {{#name}} or {{^name}} */
	const char *section;		/* innermost {{#section}} around it, or NULL */
	bool		in_metadata;	/* is one around it metadata, or of it? */
	int			line;			/* from 1 */
} MustacheName;

/* Parse; the result lives in CurrentMemoryContext. NULL and *error if not. */
extern Mustache *mustache_parse(const char *text, char **error);

/*
 * The same out of a cache of this process, keyed by the text.  The result
 * stays valid until 16 other templates have been asked for (or, for one too
 * large to be kept, as long as CurrentMemoryContext).
 */
extern const Mustache *mustache_parse_cached(const char *text, char **error);

/* Is this name, or one below it ("metadata" of "metadata.id"), mentioned? */
extern bool mustache_uses(const Mustache *m, const char *name);

/* Every name in the template, in its order, repetitions included. */
extern int	mustache_name_count(const Mustache *m);
extern const MustacheName *mustache_name(const Mustache *m, int i);

/*
 * Render into a palloc'd string.  html escapes & < > " and ' in {{name}};
 * without it every value comes out raw.  dates may be NULL: no name is a date
 * pattern then; else its timezone and locale must be known, and a `start_at`
 * that isn't ISO 8601 text is an error, needed or not.
 */
extern char *mustache_render(const Mustache *m, Jsonb *data, bool html,
							 const DateFormat *dates, char **error);

#endif							/* APPT_MUSTACHE_H */
