/*
 * lru.c
 *		A cache of this process, which evicts the least recently used value.
 *
 * Each entry is a memory context that holds its key, its value and all that was
 * allocated to make it; destroy() is called when the context is deleted. The
 * context is a child of the caller's until the value is complete, so an error
 * before that frees everything.
 *
 * Entries are found by walking the list. The caches have some dozens of entries
 * and few of them are in use at a time, so the walk is short.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "core/lru.h"
#include "utils/memutils.h"

typedef struct LruEntry
{
	dlist_node	node;
	MemoryContext context;
	MemoryContextCallback on_delete;
	void		(*destroy) (void *value);
	void	   *value;
	Size		bytes;
	uint32		hash;
	Size		key_size;
	char		key[FLEXIBLE_ARRAY_MEMBER]; /* aligned as any struct may need
											 * it */
} LruEntry;

StaticAssertDecl(offsetof(LruEntry, key) % MAXIMUM_ALIGNOF == 0, "keys must be aligned");

static LruEntry *
find_entry(LruCache *cache, const void *key, Size key_size, uint32 hash)
{
	dlist_iter	iterator;

	dlist_foreach(iterator, &cache->entries)
	{
		LruEntry   *entry = dlist_container(LruEntry, node, iterator.cur);

		if (entry->hash == hash && entry->key_size == key_size &&
			memcmp(entry->key, key, key_size) == 0)
			return entry;
	}
	return NULL;
}

static void
destroy_value(void *argument)
{
	LruEntry   *entry = argument;

	entry->destroy(entry->value);
}

/* NULL if the key has no value. */
static LruEntry *
make_entry(const LruCache *cache, const void *key, Size key_size, uint32 hash, void *argument)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "appt cached value",
												  ALLOCSET_SMALL_SIZES);
	LruEntry   *entry = MemoryContextAlloc(context, offsetof(LruEntry, key) + key_size);

	entry->context = context;
	entry->hash = hash;
	entry->key_size = key_size;
	memcpy(entry->key, key, key_size);
	MemoryContextSwitchTo(context);
	entry->value = cache->make(entry->key, argument);
	MemoryContextSwitchTo(caller);
	if (entry->value == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	if (cache->destroy != NULL)
	{
		entry->destroy = cache->destroy;
		entry->on_delete.func = destroy_value;
		entry->on_delete.arg = entry;
		MemoryContextRegisterResetCallback(context, &entry->on_delete);
	}
	entry->bytes = MemoryContextMemAllocated(context, true);
	return entry;
}

static void
evict_last(LruCache *cache)
{
	LruEntry   *entry = dlist_tail_element(LruEntry, node, &cache->entries);

	dlist_delete(&entry->node);
	cache->count--;
	cache->bytes -= entry->bytes;
	MemoryContextDelete(entry->context);
}

static bool
has_room(const LruCache *cache, Size bytes)
{
	return cache->count < cache->max_entries &&
		(cache->max_bytes == 0 || cache->bytes + bytes <= cache->max_bytes);
}

static void
keep_entry(LruCache *cache, LruEntry *entry)
{
	if (cache->max_entry_bytes != 0 && entry->bytes > cache->max_entry_bytes)
		return;
	if (cache->context == NULL)
		cache->context = AllocSetContextCreate(TopMemoryContext, "appt cache",
											   ALLOCSET_SMALL_SIZES);
	while (cache->count > 0 && !has_room(cache, entry->bytes))
		evict_last(cache);
	MemoryContextSetParent(entry->context, cache->context);
	dlist_push_head(&cache->entries, &entry->node);
	cache->count++;
	cache->bytes += entry->bytes;
}

void *
lru_get(LruCache *cache, const void *key, Size key_size, void *argument)
{
	uint32		hash = hash_bytes(key, key_size);
	LruEntry   *entry = find_entry(cache, key, key_size, hash);

	if (entry != NULL)
		dlist_move_head(&cache->entries, &entry->node);
	else if ((entry = make_entry(cache, key, key_size, hash, argument)) != NULL)
		keep_entry(cache, entry);
	return entry == NULL ? NULL : entry->value;
}
