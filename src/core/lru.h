/*
 * lru.h
 *		A cache of this process, which evicts the least recently used value.
 *
 * A cache is a file-level static of the file that knows how to make its values:
 *
 *		static LruCache zones = {.max_entries = 64, .make = open_zone, .destroy = close_zone};
 */
#ifndef APPT_LRU_H
#define APPT_LRU_H

#include "lib/ilist.h"

typedef struct LruCache
{
	int			max_entries;
	Size		max_bytes;		/* of all entries together; 0: no limit */
	Size		max_entry_bytes;	/* a larger one is not kept; 0: no limit */

	/*
	 * Makes the value of a key that is not in the cache, or returns NULL if
	 * there is none, which is not remembered. CurrentMemoryContext lives as
	 * long as the value; its parent is the context of lru_get()'s caller. An
	 * error may be raised while nothing but palloc'd memory is held. The key
	 * is the cache's copy and lives as long as the value, too.
	 */
	void	   *(*make) (const void *key, void *argument);

	/*
	 * Releases what the value holds besides palloc'd memory; NULL: nothing.
	 * Must not raise an error.
	 */
	void		(*destroy) (void *value);

	/* Private to lru.c; zero at first. */
	MemoryContext context;
	dlist_head	entries;		/* most recently used first */
	int			count;
	Size		bytes;
} LruCache;

/*
 * The value of the key, from the cache or made with the argument; NULL if there
 * is none. Keys are compared by their bytes, so a struct must not have
 * undefined padding. The value stays valid until max_entries others have been
 * asked for, or fewer if max_bytes is set; one that is too large to be kept is
 * valid as long as CurrentMemoryContext.
 */
extern void *lru_get(LruCache *cache, const void *key, Size key_size, void *argument);

#endif							/* APPT_LRU_H */
