/*
 * mustache_cache.h
 *		The templates that this process has parsed.
 */
#ifndef APPT_MUSTACHE_CACHE_H
#define APPT_MUSTACHE_CACHE_H

#include "render/mustache.h"

#define MUSTACHE_TEMPLATES_KEPT	16

/*
 * As mustache_parse(), out of a cache of this process.  The result stays valid
 * until MUSTACHE_TEMPLATES_KEPT others have been asked for (or, if it is too
 * large to be kept, as long as CurrentMemoryContext).
 */
extern const Mustache *mustache_parse_cached(const char *text, char **error);

#endif							/* APPT_MUSTACHE_CACHE_H */
