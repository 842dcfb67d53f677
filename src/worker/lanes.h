/*
 * lanes.h
 *		What this worker knows of the queue: a small record per lane, so that a
 *		turn of the loop asks the database only about lanes that have something
 *		due and room for it.
 *
 * A lane is WAITING, ordered by next_due, or READY, in a ring that is served
 * round robin. `position` is where the next claim reads on; what lies before
 * it is settled, in flight, or was locked by somebody. `low_water` is where a
 * look for the head of the lane must start: nothing claimable lies before it.
 * Both only ever err towards looking at too much. Pure: no SPI, no clock.
 */
#ifndef APPT_LANES_H
#define APPT_LANES_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"

typedef struct Lane
{
	int64		id;
	TimestampTz next_due;		/* when to look; DT_NOEND: never by itself */
	TimestampTz low_water;
	TimestampTz position_due;
	int64		position_id;
	int			in_flight;
	bool		is_ready;
	bool		is_seen;		/* by the sweep under way */
	char	   *url;			/* where its last message went, or NULL */
	pairingheap_node heap_node; /* while waiting */
	dlist_node	ring_node;		/* while ready */
} Lane;

extern void lanes_create(MemoryContext context);

/* An entry (lane, due_at) stands in appt.due: look at it no later than then. */
extern void lane_expect(int64 lane_id, TimestampTz due_at);

/* The record of a lane, or NULL. */
extern Lane *lane_find(int64 lane_id);

/* The record of a lane, made if needed: nothing known of it. */
extern Lane *lane_get(int64 lane_id);

/* Move the waiting lanes whose time has come into the ring. */
extern void lanes_wake(TimestampTz now);

/* Next to serve, at the tail afterwards; NULL if none is ready. */
extern int	lanes_ready_count(void);
extern Lane *lanes_rotate(void);

/* It has nothing more until `next_due`, and nothing claimable before `low_water`. */
extern void lane_wait(Lane *lane, TimestampTz next_due);

/* When the first waiting lane is due; DT_NOEND if none. */
extern TimestampTz lanes_next_due(void);

/* Forget the lanes without anything to wait for or in flight that the sweep did not see. */
extern void lanes_forget_unseen(void);

/* All lanes there are, in an array in CurrentMemoryContext. */
extern Lane **lanes_all(int *count);

#endif							/* APPT_LANES_H */
