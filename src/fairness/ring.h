/*
 * ring.h
 *		A list of nodes that are served in turn.
 *
 * An allotment serves the node at the head and moves it to the tail. A node that
 * can't be served in this allotment, but perhaps in the next, is passed over: it
 * leaves the turns until then.
 */
#ifndef APPT_RING_H
#define APPT_RING_H

#include "lib/ilist.h"

typedef struct Ring
{
	dlist_head	members;
	dlist_head	passed_over;
	uint64		allotment;		/* number of the one that passed them over */
} Ring;

extern void ring_init(Ring *ring);

/* True if it has neither members nor nodes that were passed over. */
extern bool ring_is_empty(Ring *ring);
extern void ring_add(Ring *ring, dlist_node *node);

/* The node to serve next in the allotment of this number; NULL if there is none, or all were passed over in it. */
extern dlist_node *ring_next(Ring *ring, uint64 allotment);

/* Move a node that was served to the tail. */
extern void ring_rotate(Ring *ring, dlist_node *node);

/* Skip a node until the next allotment. */
extern void ring_pass_over(Ring *ring, dlist_node *node);

#endif							/* APPT_RING_H */
