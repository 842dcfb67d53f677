/*
 * lanes.c
 *		The records of lanes: a hash table by id, a heap of the waiting ones,
 *		a ring of the ready ones.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/lanes.h"

static HTAB *lanes;
static pairingheap *waiting;
static dlist_head ready;
static int	ready_count;

/* The heap keeps the greatest on top; on top belongs the earliest. */
static int
compare_next_due(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz due_a = pairingheap_const_container(Lane, heap_node, a)->next_due;
	TimestampTz due_b = pairingheap_const_container(Lane, heap_node, b)->next_due;

	return due_a < due_b ? 1 : (due_a > due_b ? -1 : 0);
}

void
lanes_create(MemoryContext context)
{
	HASHCTL		control = {0};
	MemoryContext previous = MemoryContextSwitchTo(context);

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Lane);
	control.hcxt = context;
	lanes = hash_create("appt lanes", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	waiting = pairingheap_allocate(compare_next_due, NULL);
	dlist_init(&ready);
	ready_count = 0;
	MemoryContextSwitchTo(previous);
}

Lane *
lane_find(int64 lane_id)
{
	return (Lane *) hash_search(lanes, &lane_id, HASH_FIND, NULL);
}

Lane *
lane_get(int64 lane_id)
{
	bool		found;
	Lane	   *lane = (Lane *) hash_search(lanes, &lane_id, HASH_ENTER, &found);

	if (found)
		return lane;
	memset((char *) lane + sizeof(int64), 0, sizeof(Lane) - sizeof(int64));
	lane->next_due = DT_NOEND;
	lane->low_water = DT_NOBEGIN;
	lane->position_due = DT_NOBEGIN;
	pairingheap_add(waiting, &lane->heap_node);
	return lane;
}

void
lane_expect(int64 lane_id, TimestampTz due_at)
{
	Lane	   *lane = lane_get(lane_id);

	lane->low_water = Min(lane->low_water, due_at);
	if (due_at <= lane->position_due)
	{
		lane->position_due = due_at;
		lane->position_id = 0;
	}
	if (lane->is_ready || lane->next_due <= due_at)
		return;
	pairingheap_remove(waiting, &lane->heap_node);
	lane->next_due = due_at;
	pairingheap_add(waiting, &lane->heap_node);
}

void
lanes_wake(TimestampTz now)
{
	while (!pairingheap_is_empty(waiting))
	{
		Lane	   *lane = pairingheap_container(Lane, heap_node, pairingheap_first(waiting));

		if (lane->next_due > now)
			return;
		pairingheap_remove_first(waiting);
		lane->is_ready = true;
		dlist_push_tail(&ready, &lane->ring_node);
		ready_count++;
	}
}

int
lanes_ready_count(void)
{
	return ready_count;
}

Lane *
lanes_rotate(void)
{
	dlist_node *node;

	if (ready_count == 0)
		return NULL;
	node = dlist_pop_head_node(&ready);
	dlist_push_tail(&ready, node);
	return dlist_container(Lane, ring_node, node);
}

void
lane_wait(Lane *lane, TimestampTz next_due)
{
	if (lane->is_ready)
	{
		dlist_delete(&lane->ring_node);
		lane->is_ready = false;
		ready_count--;
	}
	else
		pairingheap_remove(waiting, &lane->heap_node);
	lane->next_due = next_due;
	pairingheap_add(waiting, &lane->heap_node);
}

TimestampTz
lanes_next_due(void)
{
	if (pairingheap_is_empty(waiting))
		return DT_NOEND;
	return pairingheap_container(Lane, heap_node, pairingheap_first(waiting))->next_due;
}

void
lanes_forget_unseen(void)
{
	HASH_SEQ_STATUS scan;
	Lane	   *lane;

	hash_seq_init(&scan, lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
	{
		bool		is_seen = lane->is_seen;

		lane->is_seen = false;
		if (is_seen || lane->is_ready || lane->in_flight > 0 || lane->next_due != DT_NOEND)
			continue;
		pairingheap_remove(waiting, &lane->heap_node);
		if (lane->url != NULL)
			pfree(lane->url);
		(void) hash_search(lanes, &lane->id, HASH_REMOVE, NULL);
	}
}

Lane **
lanes_all(int *count)
{
	HASH_SEQ_STATUS scan;
	Lane	  **all = (Lane **) palloc((hash_get_num_entries(lanes) + 1) * sizeof(Lane *));
	Lane	   *lane;

	*count = 0;
	hash_seq_init(&scan, lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
		all[(*count)++] = lane;
	return all;
}
