/*
 * settle.h
 *		Settles the notifications of finished transfers.
 */
#ifndef APPT_SETTLE_H
#define APPT_SETTLE_H

#include "worker/bounces.h"
#include "worker/delivery.h"
#include "worker/guard.h"
#include "worker/suspects.h"

typedef struct Settler
{
	Worker	   *worker;
	Scheduler  *scheduler;
	Suspects   *suspects;
	Bounces    *bounces;
	dlist_head	finished;		/* of Delivery; not settled yet, in the order
								 * in which they ended */
	int			finished_count;
	int64		sent;			/* settled as SENT since the worker started */
	int64		failed;			/* or as FAILED */
	bool		has_invited;	/* something that was sent makes its
								 * appointment INVITED: for the loop to reset */
} Settler;

/* In CurrentMemoryContext. */
extern Settler *settler_create(Worker *worker, Scheduler *scheduler, Suspects *suspects, Bounces *bounces);

/*
 * How many more finished deliveries it should get: none while many can't be settled
 * (a full disk, rows that callers have locked). It bounds the worker's memory.
 */
extern int	settler_room(const Settler *settler);

/*
 * Take over a finished delivery and tell the scheduler how it ended; the next
 * settling writes its outcome and frees it. For use outside of transactions: it
 * raises an error only if memory runs out.
 */
extern void settle_later(Settler *settler, Delivery *delivery, const Response *response);

/*
 * Settle what is finished in one transaction, or one by one if that fails over a
 * row. What a caller has locked is left for the next time. False if something
 * could not be written: it is left, too.
 */
extern bool settle_finished(Settler *settler);

/*
 * The same within the caller's transaction. First settling_of_finished, in
 * CurrentMemoryContext; NULL if nothing is finished. Within the transaction
 * settling_write, with SPI connected. After the commit settling_conclude, which
 * frees the deliveries; without a commit nothing, all is left.
 */
typedef struct Settling Settling;
extern Settling *settling_of_finished(Settler *settler);
extern void settling_write(void *settling);
extern void settling_conclude(Settling *settling);

#endif							/* APPT_SETTLE_H */
