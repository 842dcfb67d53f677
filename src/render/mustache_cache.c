/*
 * mustache_cache.c
 *		The templates that this process has parsed.
 */
#include "postgres.h"

#include "core/lru.h"
#include "render/mustache_cache.h"
#include "render/mustache_parser.h"
#include "utils/memutils.h"

#define MAX_BYTES			(8 * 1024 * 1024)
#define MAX_BYTES_OF_ONE	(256 * 1024)

StaticAssertDecl((MUSTACHE_TEMPLATES_KEPT + 1) * MAX_BYTES_OF_ONE <= MAX_BYTES,
				 "the cache must hold as many templates as mustache_cache.h promises");

/* argument: where to put the caller's sentence if the template is not valid. */
static void *
parse(const void *text, void *argument)
{
	char	  **error = argument;
	char	   *problem = NULL;
	Mustache   *m = mustache_parse(text, &problem);

	if (m == NULL)
		*error = MemoryContextStrdup(MemoryContextGetParent(CurrentMemoryContext), problem);
	return m;
}

const Mustache *
mustache_parse_cached(const char *text, char **error)
{
	static LruCache templates = {
		.max_entries = 128, .max_bytes = MAX_BYTES, .max_entry_bytes = MAX_BYTES_OF_ONE, .make = parse
	};
	Size		length = strlen(text);

	if (length > MUSTACHE_MAX_TEMPLATE)
		return mustache_parse(text, error);
	return lru_get(&templates, text, length + 1, error);
}
