/*
 * mustache_cache.c
 *		The templates that this process has parsed.
 *
 * Every template has a memory context of its own, so that evicting one is a
 * single delete.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "render/mustache_cache.h"
#include "render/mustache_parser.h"
#include "utils/memutils.h"

/* The cache's bounds. */
#define CACHE_TEMPLATES			128
#define CACHE_TEMPLATES_KEPT	16	/* never evicted for the sake of bytes */
#define CACHE_BYTES				(8 * 1024 * 1024)
#define CACHE_BYTES_OF_ONE		(256 * 1024)

StaticAssertDecl(CACHE_TEMPLATES_KEPT * CACHE_BYTES_OF_ONE <= CACHE_BYTES,
				 "the templates always kept must fit into the cache");

typedef struct CachedTemplate
{
	uint64		hash;
	uint64		last_used;
	char	   *text;
	Mustache   *m;
	MemoryContext context;
	Size		bytes;
} CachedTemplate;

static MemoryContext cache_context = NULL;
static CachedTemplate cache[CACHE_TEMPLATES];
static int	cache_count = 0;
static Size cache_bytes = 0;
static uint64 cache_clock = 0;

static CachedTemplate *
cache_find(uint64 hash, const char *text)
{
	for (int i = 0; i < cache_count; i++)
	{
		if (cache[i].hash == hash && strcmp(cache[i].text, text) == 0)
			return &cache[i];
	}
	return NULL;
}

static void
cache_evict_oldest(void)
{
	int			oldest = 0;
	MemoryContext context;

	for (int i = 1; i < cache_count; i++)
	{
		if (cache[i].last_used < cache[oldest].last_used)
			oldest = i;
	}
	context = cache[oldest].context;
	cache_bytes -= cache[oldest].bytes;
	cache[oldest] = cache[--cache_count];
	MemoryContextDelete(context);
}

/* Keep a parsed template, if it isn't too large, and make room for it. */
static void
cache_keep(const CachedTemplate *template)
{
	if (template->bytes > CACHE_BYTES_OF_ONE)
		return;
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "appt templates",
											  ALLOCSET_SMALL_SIZES);
	while (cache_count == CACHE_TEMPLATES ||
		   (cache_count > CACHE_TEMPLATES_KEPT &&
			cache_bytes + template->bytes > CACHE_BYTES))
		cache_evict_oldest();
	MemoryContextSetParent(template->context, cache_context);
	cache[cache_count++] = *template;
	cache_bytes += template->bytes;
}

const Mustache *
mustache_parse_cached(const char *text, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	Size		length = strlen(text);
	CachedTemplate *found;
	CachedTemplate fresh;
	char	   *parse_error = NULL;

	fresh.hash = hash_bytes_extended((const unsigned char *) text, length, 0);
	fresh.last_used = ++cache_clock;
	found = cache_find(fresh.hash, text);
	if (found)
	{
		found->last_used = fresh.last_used;
		return found->m;
	}

	fresh.context = AllocSetContextCreate(caller, "appt template",
										  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(fresh.context);
	fresh.text = pnstrdup(text, length);
	fresh.m = mustache_parse(text, &parse_error);
	MemoryContextSwitchTo(caller);
	if (fresh.m == NULL)
	{
		*error = pstrdup(parse_error);
		MemoryContextDelete(fresh.context);
		return NULL;
	}
	fresh.bytes = MemoryContextMemAllocated(fresh.context, true);
	cache_keep(&fresh);
	return fresh.m;
}
