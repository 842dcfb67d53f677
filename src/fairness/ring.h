/*
 * ring.h
 *		A list that is served in turn from its head.
 *
 * What may not be served within the allotment of number `turn`, but perhaps in
 * the next, is passed over until then.
 */
#ifndef APPT_RING_H
#define APPT_RING_H

#include "lib/ilist.h"

typedef struct Ring
{
	dlist_head	members;
	dlist_head	passed_over;
	uint64		turn;
} Ring;

extern void ring_init(Ring *ring);

/* Without those that were passed over, too. */
extern bool ring_is_empty(Ring *ring);
extern void ring_add(Ring *ring, dlist_node *node);

/* Who is next in the allotment of this number; NULL if nobody is left in it. */
extern dlist_node *ring_next(Ring *ring, uint64 turn);

/* It was served: others go first. */
extern void ring_rotate(Ring *ring, dlist_node *node);
extern void ring_pass_over(Ring *ring, dlist_node *node);

#endif							/* APPT_RING_H */
