/*
 * settle.h
 *		From finished transfers to settled notifications.
 */
#ifndef APPT_SETTLE_H
#define APPT_SETTLE_H

#include "worker/delivery.h"
#include "worker/guard.h"
#include "worker/suspects.h"

typedef struct Settler
{
	Worker	   *worker;
	Scheduler  *scheduler;
	Suspects   *suspects;
	dlist_head	finished;		/* of Delivery; not settled yet, in the order
								 * in which they ended */
	int			finished_count;
	int64		sent;			/* settled so since the worker started */
	int64		failed;
} Settler;

/* In CurrentMemoryContext. */
extern Settler *settler_create(Worker *worker, Scheduler *scheduler, Suspects *suspects);

/*
 * Take over a finished delivery; the next settling settles it. Outside of any
 * transaction; raises an error only for want of memory.
 */
extern void settle_later(Settler *settler, Delivery *delivery, const Response *response);

/*
 * Settle what is finished in one transaction. What a caller has locked is left
 * for the next time; false if the transaction failed, which leaves everything.
 */
extern bool settle_finished(Settler *settler);

/*
 * The same in somebody else's transaction: what is finished, in
 * CurrentMemoryContext, NULL if nothing is; to be written within the
 * transaction, and concluded once that has committed.
 */
typedef struct Settling Settling;
extern Settling *settling_of_finished(Settler *settler);
extern void settling_write(void *settling);
extern void settling_conclude(Settling *settling);

#endif							/* APPT_SETTLE_H */
