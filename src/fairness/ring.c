/*
 * ring.c
 *		A list that is served in turn.
 */
#include "postgres.h"

#include "fairness/ring.h"

void
ring_init(Ring *ring)
{
	dlist_init(&ring->members);
	dlist_init(&ring->passed_over);
	ring->allotment = 0;
}

bool
ring_is_empty(Ring *ring)
{
	return dlist_is_empty(&ring->members) && dlist_is_empty(&ring->passed_over);
}

void
ring_add(Ring *ring, dlist_node *node)
{
	dlist_push_tail(&ring->members, node);
}

dlist_node *
ring_next(Ring *ring, uint64 allotment)
{
	if (ring->allotment != allotment)
	{
		while (!dlist_is_empty(&ring->passed_over))
			dlist_push_tail(&ring->members, dlist_pop_head_node(&ring->passed_over));
		ring->allotment = allotment;
	}
	return dlist_is_empty(&ring->members) ? NULL : dlist_head_node(&ring->members);
}

void
ring_rotate(Ring *ring, dlist_node *node)
{
	dlist_delete(node);
	dlist_push_tail(&ring->members, node);
}

void
ring_pass_over(Ring *ring, dlist_node *node)
{
	dlist_delete(node);
	dlist_push_tail(&ring->passed_over, node);
}
