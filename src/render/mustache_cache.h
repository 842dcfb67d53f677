/*
 * mustache_cache.h
 *		The templates that this process has parsed.
 */
#ifndef APPT_MUSTACHE_CACHE_H
#define APPT_MUSTACHE_CACHE_H

#include "render/mustache.h"

/*
 * As mustache_parse(), out of a cache of this process.  The result stays valid
 * until 16 other templates have been asked for (or, for one too large to be
 * kept, as long as CurrentMemoryContext).
 */
extern const Mustache *mustache_parse_cached(const char *text, char **error);

#endif							/* APPT_MUSTACHE_CACHE_H */
