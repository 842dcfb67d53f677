/*
 * pending_hints.c
 *		The users that wait for a hint.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"

#include "worker/pending_hints.h"

typedef struct PendingHint
{
	pg_uuid_t	notify_key;		/* hash key */
	dlist_node	node;			/* in `order` */
} PendingHint;

struct PendingHints
{
	int			max;
	HTAB	   *by_key;			/* of PendingHint */
	dlist_head	order;			/* of PendingHint, the oldest first */
};

PendingHints *
pending_hints_create(int max)
{
	PendingHints *hints = (PendingHints *) palloc0(sizeof(PendingHints));
	HASHCTL		control = {
		.keysize = sizeof(pg_uuid_t),
		.entrysize = sizeof(PendingHint),
		.hcxt = CurrentMemoryContext
	};

	hints->max = max;
	hints->by_key = hash_create("appt hints", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&hints->order);
	return hints;
}

void
pending_hints_add(PendingHints *hints, const pg_uuid_t *notify_key)
{
	PendingHint *hint;

	if (hash_search(hints->by_key, notify_key, HASH_FIND, NULL) != NULL)
		return;
	if (pending_hints_count(hints) >= hints->max)
		pending_hints_drop(hints, 1);
	hint = (PendingHint *) hash_search(hints->by_key, notify_key, HASH_ENTER, NULL);
	dlist_push_tail(&hints->order, &hint->node);
}

int
pending_hints_count(const PendingHints *hints)
{
	return (int) hash_get_num_entries(hints->by_key);
}

int
pending_hints_oldest(PendingHints *hints, pg_uuid_t *notify_keys, int max)
{
	int			count = 0;
	dlist_iter	iterator;

	dlist_foreach(iterator, &hints->order)
	{
		if (count == max)
			break;
		notify_keys[count++] = dlist_container(PendingHint, node, iterator.cur)->notify_key;
	}
	return count;
}

void
pending_hints_drop(PendingHints *hints, int count)
{
	while (count-- > 0)
	{
		PendingHint *hint = dlist_container(PendingHint, node, dlist_pop_head_node(&hints->order));
		pg_uuid_t	notify_key = hint->notify_key;

		(void) hash_search(hints->by_key, &notify_key, HASH_REMOVE, NULL);
	}
}
